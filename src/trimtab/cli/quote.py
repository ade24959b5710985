"""`trimtab quote`: a venue's exact terms for an order, without sending it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.exposure_view import exposure_facts
from trimtab.cli.failures import run
from trimtab.cli.options import AccountOption, ConfigOption, DebugOption, JsonOption, VenueOption
from trimtab.cli.output import DASH, moment, money, number, percent, print_facts, print_json, to_plain
from trimtab.model.market import OptionType
from trimtab.model.order import OptionAction, OptionIntent, PerpIntent, Side

if TYPE_CHECKING:
    from trimtab.cli.wiring import Session
    from trimtab.model.exposure_rule import ExposureVerdict
    from trimtab.model.order import OptionQuote, PerpQuote
    from trimtab.venues.base import OptionVenue, PerpVenue

# Negative numbers must reach our own check instead of being taken for options.
NUMBERS = {"ignore_unknown_options": True}

quote = typer.Typer(help="Get exact terms for an order. Nothing is sent.")

PerpMarketArgument = Annotated[str, typer.Argument(help="Perp market, for example vETH.")]
OptionMarketArgument = Annotated[str, typer.Argument(help="Option market, for example sETH.")]
SideArgument = Annotated[Side, typer.Argument(help="buy or sell.")]
SizeArgument = Annotated[str | None, typer.Argument(help="Units of underlying, above 0.")]
NotionalOption = Annotated[str | None, typer.Option("--notional", help="Quote currency instead of a size.")]
LimitOption = Annotated[
    str | None, typer.Option("--limit-price", help="Worst average price before fees, quote currency.")
]
ReduceOption = Annotated[bool, typer.Option("--reduce-only", help="May not open or flip a position.")]
CloseOption = Annotated[bool, typer.Option("--close", help="The whole position; leave the size out.")]
DeadlineOption = Annotated[int | None, typer.Option("--deadline", help="Unix second of the last block.")]
StrikeArgument = Annotated[int, typer.Argument(help="Strike id, from `trimtab chain`.")]
TypeArgument = Annotated[OptionType, typer.Argument(help="What is held: long_call, short_put_quote, ...")]
AmountArgument = Annotated[str, typer.Argument(help="Options, in units of underlying, above 0.")]
ActionOption = Annotated[OptionAction, typer.Option("--action", help="open, close or force_close.")]
PositionOption = Annotated[
    int | None, typer.Option("--position", help="Position id: to add to, or to close.")
]
CollateralOption = Annotated[
    str, typer.Option("--collateral", help="Collateral of a short position afterwards, in its currency.")
]
LimitCostOption = Annotated[
    str | None, typer.Option("--limit-cost", help="Most a payer pays, least a receiver gets, in all.")
]
IterationsOption = Annotated[int, typer.Option("--iterations", help="Split inside the venue.")]


@quote.command(context_settings=NUMBERS)
def perp(
    market: PerpMarketArgument,
    side: SideArgument,
    size: SizeArgument = None,
    notional: NotionalOption = None,
    limit_price: LimitOption = None,
    reduce_only: ReduceOption = False,
    close: CloseOption = False,
    venue: VenueOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Price, fee, impact, the account's margin and liquidation price after the fill.

    Also what a sandwich could earn on it, and what the rule of the settings would do about that.
    """

    async def job() -> None:
        from trimtab.cli.wiring import open_session

        intent = perp_intent(market, side, size, notional, limit_price, reduce_only, close)
        async with open_session(config) as session:
            source, found = await session.find_perp(market, venue)
            terms = await quote_perp(session, source, intent, account)
            verdict = await weigh_perp(session, source, terms, account)
        if json:
            print_json({**to_plain(terms), "verdict": verdict})
        else:
            print_facts(_title(found.venue, terms), {**perp_facts(terms), **exposure_facts(verdict)})

    run(job(), as_json=json, debug=debug)


@quote.command(context_settings=NUMBERS)
def option(
    market: OptionMarketArgument,
    strike: StrikeArgument,
    kind: TypeArgument,
    amount: AmountArgument,
    action: ActionOption = OptionAction.OPEN,
    position: PositionOption = None,
    collateral: CollateralOption = "0",
    limit_cost: LimitCostOption = None,
    iterations: IterationsOption = 1,
    venue: VenueOption = None,
    account: AccountOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Total cost with all fees, IV after the trade, Greeks and the least collateral."""

    async def job() -> None:
        from trimtab.cli.wiring import open_session

        async with open_session(config) as session:
            source, _ = await session.find_option(market, venue)
            intent = await option_intent(
                source, market, strike, kind, amount, action, position, collateral, limit_cost, iterations
            )
            terms = await source.read_option_quote(session.trader(account), intent)
        if json:
            print_json(terms)
        else:
            print_facts(_option_title(terms), option_facts(terms))

    run(job(), as_json=json, debug=debug)


def perp_intent(
    market: str,
    side: Side,
    size: str | None,
    notional: str | None,
    limit_price: str | None,
    reduce_only: bool,
    close: bool,
    deadline: int | None = None,
) -> PerpIntent:
    """The intent of a command line; raises `IntentError` on a bad number."""
    from trimtab.cli.wiring import parse_amount

    return PerpIntent(
        market,
        side,
        size=parse_amount(size, "size"),
        notional=parse_amount(notional, "notional"),
        acceptable_price=parse_amount(limit_price, "limit-price"),
        deadline=deadline,
        reduce_only=reduce_only,
        close=close,
    )


async def option_intent(
    source: OptionVenue,
    market: str,
    strike: int,
    kind: OptionType,
    amount: str,
    action: OptionAction,
    position: int | None,
    collateral: str,
    limit_cost: str | None,
    iterations: int,
) -> OptionIntent:
    """The intent of a command line, its series read from the venue."""
    from trimtab.cli.wiring import parse_amount
    from trimtab.model.units import to_decimal, to_positive

    checked = to_positive(amount, "amount")
    state = await source.read_series(market, strike)
    return OptionIntent(
        state.series,
        kind,
        action,
        checked,
        position_id=position,
        set_collateral_to=to_decimal(collateral, "collateral"),
        limit_cost=parse_amount(limit_cost, "limit-cost"),
        iterations=iterations,
    )


async def quote_perp(
    session: Session, source: PerpVenue, intent: PerpIntent, account: str | None
) -> PerpQuote:
    """The venue's terms after our own checks of the intent, as the executor would make them."""
    from trimtab.execution.checks import check_perp_intent

    head = await session.client.block("latest")
    check_perp_intent(intent, await source.read_markets(), now=head.at)
    return await source.read_quote(session.trader(account), intent)


async def weigh_perp(
    session: Session, source: PerpVenue, terms: PerpQuote, account: str | None
) -> ExposureVerdict | None:
    """What the order is exposed to with the limit that it would get, and what would be done about it."""
    from trimtab.cli.wiring import executor_options
    from trimtab.execution.executor import Executor

    looker = Executor(None, session.client, executor_options(session.config))
    return await looker.weigh_perp(source, session.trader(account), terms.intent, terms)


def perp_facts(terms: PerpQuote) -> Mapping[str, object]:
    """A quote as lines for a person."""
    return {
        "size (bought > 0)": number(terms.size, 6),
        "price": money(terms.price),
        "notional": money(terms.notional),
        "fee": money(terms.fee),
        "price impact": percent(terms.price_impact, 4),
        "mark price": money(terms.mark_price),
        "index price": money(terms.index_price),
        "equity after": money(terms.equity_after),
        "free collateral after": money(terms.free_collateral_after),
        "liquidation price after": money(terms.liquidation_price_after),
        "margin": "sufficient" if terms.is_margin_sufficient else "NOT SUFFICIENT",
        "block": f"{terms.block} ({moment(terms.at)} UTC)",
    }


def option_facts(terms: OptionQuote) -> Mapping[str, object]:
    """A quote as lines for a person."""
    greeks = terms.greeks
    return {
        "total cost, fees inside": money(terms.total_cost),
        "of it fees": money(terms.fee),
        "price per option": money(terms.price),
        "IV after": percent(terms.iv_after, 2),
        "delta": number(greeks.delta),
        "gamma": number(greeks.gamma, 6),
        "vega (per vol point)": number(greeks.vega),
        "theta (per day)": number(greeks.theta),
        "spot price": money(terms.spot_price),
        "least collateral": DASH if terms.min_collateral is None else number(terms.min_collateral),
        "block": f"{terms.block} ({moment(terms.at)} UTC)",
    }


def _title(venue: str, terms: PerpQuote) -> str:
    return f"{terms.intent.side.value} {terms.intent.market} at {venue}"


def _option_title(terms: OptionQuote) -> str:
    intent = terms.intent
    series = intent.series
    return (
        f"{intent.action.value} {number(intent.amount)} {intent.type.value} {series.market.name} "
        f"{number(series.strike, 2)} {moment(series.expiry)} at {series.market.venue}"
    )
