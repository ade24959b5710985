"""Exposures made of values, for the pure parts; a hedger on a world, for the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from trimtab.execution.executor import ExecutorOptions
from trimtab.hedging.book import Book, OptionLeg, PerpLeg
from trimtab.hedging.decisions import DecisionLog
from trimtab.hedging.exposure import UnderlyingExposure, read_exposure
from trimtab.hedging.hedger import Hedger
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand
from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.limits import Limits
from trimtab.model.market import OptionMarket, OptionSeries, OptionType
from trimtab.model.order import OptionAction, OptionIntent
from trimtab.model.position import OptionPosition, PerpPosition
from trimtab.tx.routes import Route

MakeExposure = Callable[..., UnderlyingExposure]
_SERIES = OptionSeries(OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS), 1, 1, Decimal(2000), 10**10)


def _build(
    option_delta: Decimal | str = "0",
    perp_size: Decimal | str = "0",
    *,
    gamma: Decimal | str = "0.02",
    spot: Decimal | str | None = "2000",
    at: int = 1_000_000,
) -> UnderlyingExposure:
    """A book of one written call and one perp whose net delta is the sum of the two numbers."""
    zero, price = Decimal(0), Decimal(spot) if spot is not None else None
    greeks = Greeks(delta=Decimal(option_delta), gamma=-Decimal(gamma))
    option = OptionPosition(
        "lyra", ZERO_ADDRESS, 1, _SERIES, OptionType.SHORT_CALL_QUOTE, Decimal(20), zero, None, zero,
        Decimal("0.7"), Greeks(delta=Decimal(option_delta) / 2), greeks, "active", 7,
    )  # fmt: skip
    shown = price if price is not None else zero
    perp = PerpPosition(
        "perp_v2", "vETH", ZERO_ADDRESS, Decimal(perp_size), zero, None, shown, shown, zero, zero, None, 7
    )
    return UnderlyingExposure("ETH", 7, at, price, price, (option,), (perp,))


@pytest.fixture(scope="session")
def make_exposure() -> MakeExposure:
    return _build


OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]


@dataclass(frozen=True)
class Hedging:
    """A hedger with all that it stands on; made anew it is a restart."""

    desk: Any
    log: DecisionLog
    hedger: Hedger
    book: Book

    async def delta(self) -> Decimal:
        return (await read_exposure(self.book, self.desk.world.client)).of("ETH").delta


@pytest.fixture
def open_hedging(open_desk: OpenDesk) -> Callable[..., AbstractAsyncContextManager[Hedging]]:
    """Opens a hedger on Alice's desk."""

    @asynccontextmanager
    async def opened(
        *,
        limits: HedgeLimits | None = None,
        options: ExecutorOptions | None = None,
        fault: Callable[[Route], Route] | None = None,
        dry_run: bool = False,
        key_limits: Limits | None = None,
    ) -> AsyncIterator[Hedging]:
        async with open_desk(options=options, fault=fault, limits=key_limits) as desk:
            book = Book(
                (OptionLeg(desk.lyra, "sETH", desk.account, "ETH"),),
                (PerpLeg(desk.perp, "vETH", desk.account, "ETH"),),
            )
            log = DecisionLog(desk.journal, desk.world.client.chain_id, "ETH", desk.account)
            hedger = Hedger(
                book,
                desk.executor,
                FixedBand(Decimal("0.1")),
                limits or HedgeLimits(),
                underlying="ETH",
                client=desk.world.client,
                log=log,
                dry_run=dry_run,
            )
            try:
                yield Hedging(desk, log, hedger, book)
            finally:
                log.close()

    return opened


async def _sell_calls(desk: Any, amount: int = 5) -> None:
    """Make the desk short calls at the money, with margin at the perp venue to hedge them."""
    await desk.deposit()
    approvals = await desk.lyra.encode_approvals(desk.account, "sETH")
    await desk.executor.execute_plan(desk.lyra, desk.account, approvals, key="approve")
    chain = await desk.lyra.read_chain("sETH")
    series = next(s.series for s in chain.boards[0].strikes if s.series.strike == Decimal(2000))
    intent = OptionIntent(
        series,
        OptionType.SHORT_CALL_QUOTE,
        OptionAction.OPEN,
        Decimal(amount),
        set_collateral_to=Decimal(1_500 * amount),
    )
    await desk.executor.execute_option(desk.lyra, desk.account, intent, key="write")


@pytest.fixture
def write_calls() -> Callable[..., Any]:
    """`await write_calls(desk)`: the desk is short five calls at the money."""
    return _sell_calls
