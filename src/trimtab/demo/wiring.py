"""The hedger of the demo, put together from a start message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from trimtab.chain.client import Client
from trimtab.demo.protocol import Start
from trimtab.errors import ConfigError
from trimtab.execution.executor import Executor, ExecutorOptions
from trimtab.hedging.book import Book, OptionLeg, PerpLeg
from trimtab.hedging.decisions import DecisionLog
from trimtab.hedging.hedger import Hedger
from trimtab.journal import Journal
from trimtab.model.limits import Limits
from trimtab.model.units import WAD
from trimtab.tx import Sender, SenderOptions
from trimtab.tx.routes import PublicRoute, Route
from trimtab.tx.signers import LocalSigner
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.faults import CrashAfterBroadcast

FEES_PER_DAY = 10 * WAD
"""Of the demo's key, in wei: what it may burn though everything went wrong."""


def make_book(client: Client, start: Start) -> Book:
    """The account's options and perp on the demo's underlying."""
    option = OptionLeg(Lyra(client, start.lyra), start.option_market, start.account, start.underlying)
    perp = PerpLeg(PerpV2(client, start.perp), start.perp_market, start.account, start.underlying)
    return Book((option,), (perp,))


def opening_limits(book: Book) -> Limits:
    """What opening the book takes: approvals, the options, margin at the perp venue."""
    options, perps = ([leg.venue for leg in legs] for legs in (book.options, book.perps))
    return Limits.of(*options, *perps, max_fees_per_day_wei=FEES_PER_DAY).only(
        "approve", "openPosition", "deposit"
    )


def hedging_limits(book: Book, underlying: str) -> Limits:
    """What the running hedger's key may do: trade the perp, and nothing else."""
    venue = book.hedge_leg(underlying).venue
    return Limits.of(venue, max_fees_per_day_wei=FEES_PER_DAY).only("openPosition", "closePosition")


@asynccontextmanager
async def open_hedger(client: Client, start: Start) -> AsyncIterator[Hedger]:
    """A hedger on its own journal and sender, as in production; only the route may carry a fault. Raises
    `ConfigError` when the key is not the account's."""
    signer = LocalSigner.from_hex(start.key)
    if signer.address != start.account:
        raise ConfigError(f"the key is of {signer.address}, the book of {start.account}: one is wrong")
    route: Route = PublicRoute(client)
    if start.crash_at is not None:
        route = CrashAfterBroadcast(route, sends=start.crash_at)
    book = make_book(client, start)
    limits = hedging_limits(book, start.underlying)
    if start.door is not None:
        limits = start.door.allow(limits, start.account)
    may = SenderOptions(limits=limits)
    with Journal.open(Path(start.journal)) as journal:
        async with Sender.open(client, signer, journal, may, [route]) as sender:
            log = DecisionLog(journal, start.chain_id, start.underlying, start.account)
            try:
                yield Hedger(
                    book,
                    Executor(sender, client, ExecutorOptions(door=start.door)),
                    start.policy,
                    start.limits,
                    underlying=start.underlying,
                    client=client,
                    log=log,
                )
            finally:
                log.close()
