"""One of the two runs: a world of its own with a builder, a searcher, and the trader's engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Self

from trimtab.chain.client import Client
from trimtab.demo.mev.options import MARKET
from trimtab.demo.mev.run import Hunt, Leg
from trimtab.errors import HaltError
from trimtab.execution.checks import QuoteRules
from trimtab.execution.executor import Executor
from trimtab.execution.protect import protect_perp
from trimtab.journal import Journal
from trimtab.model.exposure import SandwichExposure
from trimtab.model.limits import Limits
from trimtab.model.order import ExecutionReport, Fill, OrderStatus, PerpIntent, PerpQuote
from trimtab.model.units import WAD, from_wad
from trimtab.runtime import open_tasks
from trimtab.tx import RoutePolicy, Sender, SenderOptions
from trimtab.tx.records import Attempted, decode_record, stream_name
from trimtab.tx.routes import PublicRoute
from trimtab.tx.routes.private_tx import PrivateTxRoute
from trimtab.tx.signers import LocalSigner
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.recorder import Recorder
from trimtab.world.relay import Relay
from trimtab.world.searcher import Searcher
from trimtab.world.world import World

_FEES_PER_DAY = WAD
_WEI = Decimal("1e-18")  # of a quote currency with 18 decimals: below it is the rounding of a price
_LOOK_SECONDS = 0.05
_OUT_SECONDS = 60.0
_BLOCK_SECONDS = 10.0  # more than the engine needs to find its transaction in a block, if it is there


@dataclass(slots=True)
class Track:
    """Made by `Track.open`. Everything that the trader's engine sends in public, and all that it reads, goes
    through the recorder."""

    policy: RoutePolicy
    relay: Relay
    recorder: Recorder
    searcher: Searcher
    venue: PerpV2
    sender: Sender
    executor: Executor
    journal: Journal

    @classmethod
    @asynccontextmanager
    async def open(cls, world: World, policy: RoutePolicy, journal: Path) -> AsyncIterator[Self]:
        """On a world where trader and searcher have margin; every order takes the route of `policy`."""
        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            relay = await enter(Relay.open(world))
            recorder = await enter(Recorder.open(relay.public_url))
            client = await enter(Client.open(recorder.url))
            account = world.accounts["searcher"]
            searcher = await enter(Searcher.open(relay.public_url, world.perp, account))
            venue = PerpV2(client, world.perp)
            books = stack.enter_context(Journal.open(journal))
            private = await enter(PrivateTxRoute([relay.url]))
            limits = Limits.of(venue, max_fees_per_day_wei=_FEES_PER_DAY).only("openPosition")
            sender = await enter(
                Sender.open(
                    client,
                    LocalSigner.from_key(world.accounts["trader"].key),
                    books,
                    SenderOptions(limits=limits, poll_interval=_LOOK_SECONDS),
                    [PublicRoute(client), private],
                )
            )
            executor = Executor(sender, client)
            yield cls(policy, relay, recorder, searcher, venue, sender, executor, books)

    async def show(self, intent: PerpIntent) -> tuple[PerpQuote, SandwichExposure]:
        """The quote with the price limit that the executor gives it, and what the executor finds the order to
        be exposed to in public. `HaltError` where that cannot be computed."""
        trader = self.sender.address
        quote = protect_perp(await self.venue.read_quote(trader, intent), QuoteRules())
        verdict = await self.executor.weigh_perp(self.venue, trader, intent, quote)
        if verdict is None or verdict.exposure is None:
            raise HaltError(f"no exposure for {intent}: {verdict and verdict.reason}")
        return quote, verdict.exposure

    async def hedge(self, quote: PerpQuote, *, key: str) -> Leg:
        """Send the order of a quote, let the searcher look at the mempool, and make a block of it all."""
        async with open_tasks() as tasks:
            sending = tasks.create_task(
                self.executor.execute_perp(
                    self.venue, self.sender.address, quote.intent, key=key, route=self.policy
                )
            )
            await self._until_out(sending)
            while not sending.done():
                await self.searcher.look()
                await self.relay.build()
                await asyncio.wait([sending], timeout=_BLOCK_SECONDS)
        report = sending.result()
        await self.searcher.settle()
        fill = _only_fill(report)
        loss = _cost(fill) - _cost_quoted(quote)
        attack = self.searcher.books.of(fill.tx_hash)
        return Leg(fill.price, loss.quantize(_WEI), fill.tx_hash, fill.block, attack)

    async def read_hunt(self) -> Hunt:
        """The searcher's books."""
        books = self.searcher.books
        ether = (await self.venue.read_state(MARKET)).index_price
        return Hunt(
            len(books.entries), len(books.landed), books.profit, books.fees, from_wad(books.gas_wei) * ether
        )

    def count(self) -> tuple[int, int]:
        """Transactions that the journal holds, and those of them that the recorder saw."""
        signed = self.signed()
        return len(signed), sum(map(self.recorder.has_seen, signed))

    def signed(self) -> list[bytes]:
        """Every transaction that the journal holds."""
        stream = stream_name(self.venue.chain_id, self.sender.address)
        records = (decode_record(record.payload) for record in self.journal.replay(stream))
        return [record.raw for record in records if isinstance(record, Attempted)]

    async def _until_out(self, sending: asyncio.Task[ExecutionReport]) -> None:
        """Until the order waits in the public mempool or at the relay; or ended before."""
        async with asyncio.timeout(_OUT_SECONDS):
            while not sending.done() and not self._is_out():  # noqa: ASYNC110 - what is out tells nobody
                await asyncio.sleep(_LOOK_SECONDS / 10)

    def _is_out(self) -> bool:
        hashes = [record.tx_hash for record in self.sender.snapshot().in_flight if record.tx_hash]
        mempool = self.relay.builder.mempool
        return any(mempool.knows(tx_hash) or self.relay.story(tx_hash) is not None for tx_hash in hashes)


def _only_fill(report: ExecutionReport) -> Fill:
    if report.status is not OrderStatus.FILLED or len(report.fills) != 1:
        raise HaltError(f"the hedge {report.key} ended {report.status}: {report.reason or 'no fill'}")
    return report.fills[0]


def _cost(fill: Fill) -> Decimal:
    """Quote currency paid, the fee inside; received is below zero."""
    return fill.size * fill.price + fill.fee


def _cost_quoted(quote: PerpQuote) -> Decimal:
    return quote.intent.side.sign * quote.notional + quote.fee
