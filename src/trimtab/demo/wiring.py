"""The hedger of the demo, put together from a start message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from trimtab.chain.client import Client
from trimtab.demo.protocol import Start
from trimtab.errors import ConfigError
from trimtab.execution.executor import Executor
from trimtab.hedging.book import Book, OptionLeg, PerpLeg
from trimtab.hedging.decisions import DecisionLog
from trimtab.hedging.hedger import Hedger
from trimtab.journal import Journal
from trimtab.tx import Sender
from trimtab.tx.routes import PublicRoute, Route
from trimtab.tx.signers import LocalSigner
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.faults import CrashAfterBroadcast


def make_book(client: Client, start: Start) -> Book:
    """The account's options and perp on the demo's underlying."""
    option = OptionLeg(Lyra(client, start.lyra), start.option_market, start.account, start.underlying)
    perp = PerpLeg(PerpV2(client, start.perp), start.perp_market, start.account, start.underlying)
    return Book((option,), (perp,))


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
    with Journal.open(Path(start.journal)) as journal:
        async with Sender.open(client, signer, journal, routes=[route]) as sender:
            log = DecisionLog(journal, start.chain_id, start.underlying, start.account)
            try:
                yield Hedger(
                    book,
                    Executor(sender, client),
                    start.policy,
                    start.limits,
                    underlying=start.underlying,
                    client=client,
                    log=log,
                )
            finally:
                log.close()
