"""Open the short-volatility book: write options on Lyra, post margin at Perp v2, all through the executor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from trimtab.errors import HaltError
from trimtab.execution.executor import Executor
from trimtab.hedging.book import OptionLeg, PerpLeg
from trimtab.model.market import OptionBoard, OptionChain, OptionSeries, OptionSeriesState, OptionType
from trimtab.model.order import ExecutionReport, OptionAction, OptionIntent, OrderStatus, TxRecord

CALL, PUT = OptionType.SHORT_CALL_QUOTE, OptionType.SHORT_PUT_QUOTE


@dataclass(frozen=True, slots=True)
class BookOptions:
    """What is written, in options, and posted. More calls than puts: a desk that sold what its clients wanted
    is short the market too, which is what makes hedging matter from the first minute.

    `collateral_factor` times the venue's minimum is posted per option; `margin` is deposited at the perp
    venue in its settlement currency. `min_days` keeps away from the trading cutoff; `iterations` slices each
    sale, which gets a better price.
    """

    calls: Decimal = Decimal(30)
    puts: Decimal = Decimal(15)
    collateral_factor: Decimal = Decimal(2)
    margin: Decimal = Decimal(7_500)
    min_days: int = 14
    iterations: int = 5


@dataclass(frozen=True, slots=True)
class Opening:
    """The reports of everything that opened the book."""

    reports: tuple[ExecutionReport, ...]

    @property
    def option_fees(self) -> Decimal:
        """The fee part of the premiums, quote currency."""
        return sum((fill.fee for report in self.reports for fill in report.fills), Decimal(0))

    @property
    def gas_wei(self) -> int:
        return sum(tx.fee_wei for tx in self.transactions)

    @property
    def transactions(self) -> tuple[TxRecord, ...]:
        """Each once, though several reports tell it."""
        return tuple(dict.fromkeys(tx for report in self.reports for tx in report.transactions))


async def open_book(
    executor: Executor, option: OptionLeg, perp: PerpLeg, options: BookOptions, *, settlement: str
) -> Opening:
    """Approve, write calls at the money and puts below it, deposit margin. `HaltError` when a step fails."""
    approvals = await option.venue.encode_approvals(option.account, option.market)
    reports = [await executor.execute_plan(option.venue, option.account, approvals, key="open/approve")]
    for name, intent in zip(("call", "put"), await choose_options(option, options), strict=True):
        reports.append(
            await executor.execute_option(option.venue, option.account, intent, key=f"open/{name}")
        )
    deposit = await perp.venue.encode_deposit(perp.account, settlement, options.margin)
    reports.append(await executor.execute_plan(perp.venue, perp.account, deposit, key="open/margin"))
    check_filled(reports)
    return Opening(tuple(reports))


async def choose_options(option: OptionLeg, options: BookOptions) -> tuple[OptionIntent, OptionIntent]:
    """The calls and the puts to write, by the chain as it is."""
    chain = await option.venue.read_chain(option.market)
    board = choose_board(chain, options.min_days)
    call, put = (choose_strike(board, chain.spot_price, above=above) for above in (True, False))
    return (
        await _write(option, call, CALL, options.calls, options),
        await _write(option, put, PUT, options.puts, options),
    )


def check_filled(reports: Iterable[ExecutionReport]) -> None:
    """Raise `HaltError` for the first that is not done."""
    for report in reports:
        if report.status is not OrderStatus.FILLED:
            raise HaltError(f"opening the book failed at {report.key}: {report.status}, {report.reason}")


def choose_board(chain: OptionChain, min_days: int) -> OptionBoard:
    """The first board that trades and lives at least so long. `HaltError` when there is none."""
    lasting = [b for b in chain.boards if b.expiry - chain.at >= min_days * 86_400 and not b.is_frozen]
    if not lasting:
        raise HaltError(f"{chain.market.name} has no open board of {min_days} days or more")
    return min(lasting, key=lambda board: board.expiry)


def choose_strike(board: OptionBoard, spot: Decimal, *, above: bool) -> OptionSeries:
    """The strike nearest to the spot, at or above it for calls, at or below it for puts."""
    sided = [s for s in board.strikes if (s.series.strike >= spot) == above or s.series.strike == spot]

    def distance(state: OptionSeriesState) -> Decimal:
        return abs(state.series.strike - spot)

    return min(sided or board.strikes, key=distance).series


async def _write(
    option: OptionLeg, series: OptionSeries, kind: OptionType, amount: Decimal, options: BookOptions
) -> OptionIntent:
    minimum = await option.venue.read_min_collateral(series, kind, amount)
    collateral = (minimum * options.collateral_factor).to_integral_value(ROUND_CEILING)
    return OptionIntent(
        series,
        kind,
        OptionAction.OPEN,
        amount,
        set_collateral_to=collateral,
        iterations=options.iterations,
    )
