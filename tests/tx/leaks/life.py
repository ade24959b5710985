"""One life of a process that sends in public and in private: it opens, wants everything of its run done, and
is killed or comes to the end. Blocks come from outside."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from urllib.parse import urlsplit

import msgspec
from tests.tx.kills.boundaries import Boundaries, Hunt, WatchedJournal, watch_sqlite
from tests.tx.kills.life import PATIENCE, Work
from tests.tx.leaks.breaks import break_guard, open_route
from tests.tx.leaks.orders import Order, Role, groups_of
from tests.tx.leaks.sockets import watch_sockets

from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.errors import IntentError, NotSentError, OutcomeUnknownError
from trimtab.model.limits import Limits
from trimtab.net import BreakerPolicy
from trimtab.tx import (
    Cancelled,
    Dropped,
    Expired,
    Finality,
    Reverted,
    Sender,
    SenderOptions,
    Succeeded,
    TxHandle,
    TxPolicy,
)
from trimtab.tx.routes import Route
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.registry import ROUTES
from trimtab.tx.routes.relay import RelayOptions
from trimtab.tx.signers import LocalSigner

POLICY = TxPolicy(
    confirmations=2,
    finality_depth=4,
    bump_after_blocks=2,
    rebroadcast_after=1,
    clean_passes=2,
    requotes=2,
    drop_margin=2,
)
IDENTITY = "5e" * 32
"""Relays know every life of it by this key."""
TRIES = 12
TIMEOUT = 1.0
"""Seconds for a relay's answer."""


class Way(msgspec.Struct, frozen=True):
    """A route over a relay: its kind in the registry, and the relay's URL."""

    kind: str
    url: str


class Life(msgspec.Struct, frozen=True):
    """What a process is told. `urls` are public endpoints. `compact_after` records the journal is told anew,
    0 for never. A life with `leaves` ends while its transactions are in flight; `broken` names a
    guard that it has not. It is killed from outside
    after `kill_after` seconds, 0 for never."""

    key: str
    journal: str
    urls: tuple[str, ...]
    ways: tuple[Way, ...]
    orders: tuple[Order, ...]
    hunt: Hunt
    seed: int
    work: Work = Work.ALL
    leaves: bool = False
    simulates: bool = False
    broken: str = ""
    compact_after: int = 0
    kill_after: float = 0.0


def live(order: bytes, report: int) -> None:
    """Run a life in this process, which has no event loop yet. What became of its orders goes to `report`."""
    life = msgspec.json.decode(order, type=Life)
    boundaries = Boundaries(life.hunt, report)
    watch_sqlite(boundaries)
    break_guard(life.broken)
    ports = {urlsplit(way.url).port or 0 for way in life.ways}
    watch_sockets(boundaries, life.journal, ports)
    try:
        ends = asyncio.run(asyncio.wait_for(_live(life, boundaries), PATIENCE))
    except BaseException as error:  # noqa: BLE001  whatever it is, the watcher is told
        traceback.print_exc()
        boundaries.fault(f"{type(error).__name__}: {error}")
    boundaries.tell({"ends": ends})


async def _live(life: Life, boundaries: Boundaries) -> dict[str, str]:
    async with (
        Client.open(list(life.urls), ClientOptions(timeout=5.0, poll_interval=0.03)) as client,
        _routes(client, life) as routes,
        WatchedJournal.open(life.journal) as journal,
        Sender.open(client, LocalSigner.from_hex(life.key), journal, _options(life), routes) as sender,
    ):
        boundaries.phase = "recovery"
        await _rest(boundaries)
        boundaries.phase = "work"
        ends = await Day(sender, life).work()
        boundaries.phase = "closing"
    boundaries.phase = "closed"
    return ends


def _options(life: Life) -> SenderOptions:
    return SenderOptions(
        policy=POLICY,
        limits=Limits.unrestricted(),
        simulate=life.simulates,
        poll_interval=0.05,
        submit_timeout=20.0,
        send_timeout=2.0,
        close_timeout=1.0,
        compact_after=life.compact_after or None,
    )


@asynccontextmanager
async def _routes(client: Client, life: Life) -> AsyncIterator[list[Route]]:
    identity = RelayIdentity.from_hex(IDENTITY)
    relay = RelayOptions(timeout=TIMEOUT, breaker=BreakerPolicy(threshold=4, cooldown=0.1, cap=0.3))
    async with AsyncExitStack() as stack:
        routes: list[Route] = [open_route(client, life.broken)]
        for way in life.ways:
            route = ROUTES[way.kind].open([way.url], identity=identity, relay=relay)
            routes.append(await stack.enter_async_context(route))
        yield routes


async def _rest(boundaries: Boundaries) -> None:
    """Until what recovery sent is answered, or a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(TIMEOUT):
            await asyncio.sleep(0)
            while boundaries.unanswered:  # noqa: ASYNC110 - sockets have no event for it
                await asyncio.sleep(0.001)


class Day:
    """Every order of a run. What an earlier life did already is found by its key."""

    def __init__(self, sender: Sender, life: Life) -> None:
        self._sender = sender
        self._life = life
        self._draw = random.Random(life.seed)
        self._why: dict[str, str] = {}

    async def work(self) -> dict[str, str]:
        """How each order ended, by its key; nothing for a life that does not wait for that."""
        if self._life.work is Work.RECOVER:
            return {}
        work = [asyncio.ensure_future(self._see_through(group)) for group in groups_of(self._life.orders)]
        if self._life.leaves:
            await asyncio.wait(work, timeout=self._draw.uniform(0.0, 0.5))
            for task in work:
                task.cancel()
            await asyncio.wait(work)
            return {}
        await asyncio.gather(*work)
        while self._sender._driver.state.slots:  # noqa: ASYNC110 - fillers have nobody who waits for them
            await asyncio.sleep(0.02)
        return {order.key: await self._end(order.key) for order in self._life.orders}

    async def _see_through(self, group: tuple[Order, ...]) -> None:
        """Submit it, meddle, and wait; again where an application would."""
        role, delay = group[0].role, self._draw.uniform(0.0, 0.4)
        pauses = [self._draw.uniform(0.0, 0.2) for _ in range(TRIES)]
        await asyncio.sleep(self._draw.uniform(0.0, 0.2))
        for tries, pause in enumerate(pauses, 1):
            if self._life.work is Work.ALL and (tries > 1 or self._is_open(group)):
                await self._submit(group)
            meddling = asyncio.ensure_future(self._meddle(group[0], delay))
            ends = {await self._end(order.key) for order in group}
            meddling.cancel()
            if self._life.work is Work.FINISH or not _wants_again(role, ends, tries):
                return
            await asyncio.sleep(pause)
        is_held = "is not final: submit it later" in self._why.get(group[0].key, "")
        if role.is_sure and not is_held:  # nobody uses the nonces below its own
            raise AssertionError(f"{group[0].key} ended as {ends} {TRIES} times: {self._why}")

    def _is_open(self, group: tuple[Order, ...]) -> bool:
        """Whether nobody has decided yet: it was never submitted, or refused, or is still under way."""
        handle = self._find(group[0].key)
        return handle is None or handle.state != "dropped" or group[0].role in (Role.SWITCHED, Role.WANTED)

    async def _submit(self, group: tuple[Order, ...]) -> None:
        try:  # what is refused shows in how it ends
            if group[0].role.is_bundle:
                steps = [order.intent() for order in group]
                await self._sender.submit_bundle(steps, window=group[0].window)
            else:
                await self._sender.submit(group[0].intent())
        except (NotSentError, IntentError) as error:
            self._why[group[0].key] = f"{type(error).__name__}: {error}"

    async def _meddle(self, order: Order, delay: float) -> None:
        await asyncio.sleep(delay)
        handle = self._find(order.key)
        if handle is None:
            return
        if order.role in (Role.WITHDRAWN, Role.STOPPED):
            handle.cancel()
        elif order.role is Role.BUMPED:
            handle.bump()

    def _find(self, key: str) -> TxHandle | None:
        try:
            return self._sender.handle(key)
        except IntentError:
            return None

    async def _end(self, key: str) -> str:
        while True:
            try:
                outcome = await self._sender.handle(key).outcome(at=Finality.FINAL)
                break
            except (NotSentError, IntentError):
                return "refused"
            except OutcomeUnknownError:  # a reorg took its receipt away this very moment
                await asyncio.sleep(0.01)
        match outcome:
            case Succeeded():
                return "succeeded"
            case Cancelled():
                return "cancelled"
            case Expired():
                return "expired"
            case Dropped():
                return "dropped"
            case Reverted():
                return "reverted"
        return type(outcome).__name__.lower()


def _wants_again(role: Role, ends: set[str], tries: int) -> bool:
    if role.is_sure:
        return ends != {"succeeded"}
    return role is Role.WANTED and ends == {"dropped"} and tries < 2
