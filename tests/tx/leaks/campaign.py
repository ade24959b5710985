"""Runs of one account each: lives that send in public and in private, killed one after the other, before
relays that fail, on a chain that has its own moods; until a last one may come to its end and the proof is
made."""

from __future__ import annotations

import random
import time
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self

from tests.tx.kills.boundaries import Hunt
from tests.tx.kills.hunter import Hunter, Place, Tally
from tests.tx.kills.life import Work
from tests.tx.kills.nursery import Nursery, Report
from tests.tx.leaks import proof
from tests.tx.leaks.life import Life, Way
from tests.tx.leaks.orders import CODES, Order, Role, make_orders
from tests.tx.leaks.sockets import raws_in
from tests.tx.leaks.weather import CALM_FEE, Weather, draw_plan

from trimtab.chain.client import Client
from trimtab.errors import ConfigError, HaltError
from trimtab.tx.signers import LocalSigner
from trimtab.world.control import NodeControl
from trimtab.world.faults.plan import FaultPlan
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.recorder import Recorder, Request
from trimtab.world.relay import Relay, RelayOptions

ETHER = 10**18
DEPTH = 5
"""Lives of one run that may be killed before the last."""
ALONE = ("private_tx", "protect", "mev_blocker")
KEEPER = "mev_blocker"
"""It is told no last block, and tries what it has for 25: what was dropped before may come after all."""
TOGETHER = ("bundle", "bundle", "mev_share")
"""Routes by what they take: transactions alone, and bundles too."""
PACE = 0.09
"""Seconds from a block to the next, at most."""
SETTLING, KEEPING = 12, 30
"""Blocks after a run's end: no window is open any more, and the one that is told none has let go."""


@dataclass
class LeakTally(Tally):
    """`private` bytes are attempts that relays got, `public` requests those that the recorders saw; `opened`
    ones went public by the journal's word, `spilled` were made public by a relay or an uncled block.
    `hints` are private orders that a public node was asked to simulate."""

    faults: Counter[str] = field(default_factory=Counter)
    moves: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    private: int = 0
    private_sends: int = 0
    public: int = 0
    opened: int = 0
    spilled: int = 0
    freed: int = 0
    reclaimed: int = 0
    bundles: int = 0
    halves: int = 0
    hints: int = 0
    leaks: int = 0


@dataclass
class Site:
    """A node that two relays build on, recorders before its public face, and a zygote."""

    node: AnvilNode
    client: Client
    relays: tuple[Relay, Relay]
    recorders: tuple[Recorder, Recorder]
    nursery: Nursery
    folder: Path
    watcher: list[Callable[[Request], None]] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        watcher: list[Callable[[Request], None]] = []

        def watch(request: Request) -> None:
            for listener in watcher:
                listener(request)

        async with AsyncExitStack() as stack:
            enter = stack.enter_async_context
            node = await enter(AnvilNode.open(NodeOptions(order="fifo")))
            client = await enter(Client.open(node.url))
            for address, code in CODES.items():
                await client.request("anvil_setCode", [address, code])
            one = await enter(Relay.open(node, RelayOptions(name="one", seed=1)))
            two = await enter(Relay.open(one.builder, RelayOptions(name="two", seed=2)))
            recorders = [await enter(Recorder.open(one.public_url, watch)) for _ in range(2)]
            nursery = await enter(Nursery.open(folder / "lives.log", "tests.tx.leaks.life:live"))
            yield cls(node, client, (one, two), (recorders[0], recorders[1]), nursery, folder, watcher)


class LeakCampaign:
    """So many `runs`, and then more until there were so many `kills` and somebody has died at every one of
    the places that it `must` reach, three times as many at most."""

    def __init__(
        self,
        site: Site,
        seed: int,
        runs: int,
        must: frozenset[Place] = frozenset(),
        pace: float = PACE,
        kills: int = 0,
    ) -> None:
        self.tally = LeakTally()
        self.pace = pace
        self.site = site
        self.seed = seed
        self.draw = random.Random(seed)
        self.hunter = Hunter(self.tally, self.draw, 0, must)
        self._runs = runs
        self._kills = kills

    async def run(self) -> LeakTally:
        start, tally, numbers = time.monotonic(), self.tally, count(1)
        await LeakRun(self, 0).through(depth=0)  # nobody is killed: what there is to meet
        self.hunter.usual = tally.met.total()
        while tally.runs < self._runs or (self._is_short and tally.runs < 3 * self._runs):
            await LeakRun(self, next(numbers)).through(DEPTH)
        tally.seconds = time.monotonic() - start
        tally.faults = sum((relay.injected for relay in self.site.relays), Counter())
        return tally

    @property
    def _is_short(self) -> bool:
        return bool(self.hunter.missing) or self.tally.kills < self._kills


class LeakRun:
    """One account, one journal, one set of orders; a life after the other. `roles` are those of its orders,
    drawn when not given; `broken` names a guard that its lives have not."""

    def __init__(
        self, campaign: LeakCampaign, number: int, roles: tuple[Role, ...] = (), *, broken: str = ""
    ) -> None:
        self._campaign = campaign
        self._site = campaign.site
        self._tally = campaign.tally
        self.number = campaign.seed * 100_000 + number
        self.draw = random.Random(self.number)
        self.key = f"{zlib.crc32(b'leak %d' % self.number) + 1:064x}"
        self.path = self._site.folder / f"{self.number}.db"
        self.account = LocalSigner.from_hex(self.key).address
        self.orders: tuple[Order, ...] = ()
        self.evidence = proof.Evidence()
        self.births: list[float] = []
        self.first = 0
        self._lasted = False
        self.compact_after = self.draw.choice((0, 0, 40))
        self.simulates = self.draw.random() < 0.2
        self.ways = self._draw_ways()
        self.broken = broken
        self._roles = roles
        self._journal = proof.Journals(self.path, self._site.client.chain_id, self.account)
        control = NodeControl(self._site.client)
        self.weather = Weather(self._site.relays, control, random.Random(self.number), campaign.pace)

    def __str__(self) -> str:
        return f"run {self.number % 100_000} of seed {self._campaign.seed}"

    async def through(self, depth: int) -> None:
        """Kill up to `depth` lives, let one come to its end, and prove. Raises `AssertionError`."""
        await self.prepare()
        try:
            for life in range(depth):
                report = await self._any_life(life)
                if not report.killed:
                    break
                await self._pass_time()
            await self.live(Hunt())
            await self.check(await self.settle())
        except AssertionError as error:
            raise AssertionError(f"{self}: {error}") from error
        finally:
            self._site.watcher.clear()

    async def prepare(self) -> None:
        """Money, quiet relays with nothing in them, and orders."""
        site = self._site
        for relay in site.relays:
            relay.faults = FaultPlan()
            await relay.reset()
            relay.log.clear()
            relay.public_log.clear()
        for recorder in site.recorders:
            recorder.requests.clear()
        site.watcher[:] = [self._watch]
        await self.weather.control.set_balance(self.account, ETHER)
        await self.weather.control.set_next_base_fee(CALM_FEE)
        for _ in range(3):  # as deep as no reorg goes
            await self.weather.build()
        block = await site.client.block()
        self.first = block.number + 1
        self.orders = make_orders(self.number, self.draw, block.at, self._roles)
        if self.simulates:
            self.orders = tuple(order for order in self.orders if order.role is not Role.BROKEN)
        leaks = self.draw.random() < 0.3
        for relay in site.relays:
            relay.faults = draw_plan(self.draw, leaks=leaks)

    async def live(self, hunt: Hunt, work: Work = Work.ALL, **options: Any) -> Report:
        """One life, in its weather. Raises `AssertionError` for one that broke a promise."""
        urls = [recorder.url for recorder in self._site.recorders][: self.draw.randint(1, 2)]
        life = Life(
            key=self.key,
            journal=str(self.path),
            urls=tuple(urls),
            ways=self.ways,
            orders=self.orders,
            hunt=hunt,
            seed=self.draw.randrange(1 << 32),
            work=work,
            simulates=self.simulates,
            broken=self.broken,
            compact_after=self.compact_after,
            **options,
        )
        self.births.append(time.time())
        async with self.weather.blowing():
            report = await self._site.nursery.live(life)
        assert not report.fault, report.fault
        self._campaign.hunter.note(report)
        with suppress(ConfigError, HaltError) if self._is_young(report) else nullcontext():
            proof.gather(self._journal.read(), self.evidence)
        return report

    def _is_young(self, report: Report) -> bool:
        """Whether all its lives were killed, perhaps before the journal's file was whole."""
        self._lasted = self._lasted or not report.killed
        return not self._lasted and not self.evidence.privates

    async def settle(self) -> Mapping[str, str]:
        """How everything ended once nothing is left anywhere that could still change it."""
        for relay in self._site.relays:
            relay.faults = FaultPlan()
        for _ in range(4):
            before = await self._site.client.nonce(self.account)
            await self.weather.control.set_next_base_fee(CALM_FEE)
            for _ in range(KEEPING if KEEPER in {way.kind for way in self.ways} else SETTLING):
                await self.weather.build()
            report = await self.live(Hunt(), Work.FINISH)
            if await self._site.client.nonce(self.account) == before:
                return report.ends
        raise AssertionError("it does not come to rest")

    async def check(self, ends: Mapping[str, str]) -> None:
        """All claims about the run, and its part of the tally."""
        site, tally, evidence = self._site, self._tally, self.evidence
        evidence.requests = sorted(
            (item for recorder in site.recorders for item in recorder.requests), key=lambda item: item.at
        )
        records = self._journal.read()
        proof.check_requests(evidence, self.weather)
        mempool = site.relays[0].builder.mempool
        spilled = [
            item
            for item in evidence.privates.values()
            if mempool.has_seen(item.tx_hash) and item.open_from is None
        ]
        leaked = {item.key for item in spilled} | proof.keys_of_archived(records, mempool.has_seen)
        if not self.compact_after:
            tally.private_sends += proof.check_windows(records, self.births)
            tally.freed += proof.check_released(records, self.weather)
            late = {order.key for order in self.orders if KEEPER in {way.kind for way in self.ways}}
            tally.reclaimed += proof.check_reclaimed(records, leaked | late)
        proof.check_blocks(self.orders, evidence.privates.values(), records, self.weather, leaked)
        counted = await proof.check_chain(
            site.client, self.account, self.first, self.orders, ends, self.path, leaked
        )
        tally.runs += 1
        tally.intents += len(self.orders)
        tally.executed += counted.executed
        tally.transactions += counted.transactions
        tally.bundles += counted.bundles
        tally.halves += counted.halves
        tally.public += len(evidence.requests)
        tally.private += len(self._seen_by_relays())
        tally.opened += sum(item.open_from is not None for item in evidence.privates.values())
        tally.spilled += len(spilled)
        tally.hints += proof.count_hints(self.orders, evidence)
        tally.ends.update(ends.values())
        tally.moves += self.weather.moves

    def _seen_by_relays(self) -> set[str]:
        """The private attempts that stood in requests to relays."""
        texts = (str(item.params).encode() for relay in self._site.relays for item in relay.log)
        return {tx_hash for text in texts for tx_hash in raws_in(text) if tx_hash in self.evidence.privates}

    def _draw_ways(self) -> tuple[Way, ...]:
        """One that takes bundles, and up to two others; each kind once for each relay."""
        draw, relays = self.draw, self._site.relays
        kinds = [draw.choice(TOGETHER), *draw.sample(ALONE + TOGETHER[1:], k=draw.randint(0, 2))]
        return tuple(dict.fromkeys(Way(kind, draw.choice(relays).url) for kind in kinds))

    def _watch(self, request: Request) -> None:
        """A public endpoint has it now, and the journal says what it says."""
        self._journal.judge(request, self.evidence)

    async def _pass_time(self) -> None:
        """Blocks come while nobody lives."""
        for _ in range(self.draw.choice((0, 0, 1, 3, 6))):
            await self.weather.step()

    async def _any_life(self, number: int) -> Report:
        """The first does all the work, later ones most of it; one in ten is killed by the clock, wherever it
        is then."""
        draw, hunt = self.draw, self._campaign.hunter.hunt(number)
        by_clock = draw.random() < 0.1
        return await self.live(
            Hunt() if by_clock else hunt,
            draw.choice((Work.ALL, Work.ALL, Work.ALL, Work.RECOVER)) if number else Work.ALL,
            leaves=draw.random() < 0.25 if number else any(kind.startswith("closing") for kind in hunt.prey),
            kill_after=draw.uniform(0.01, 1.0) if by_clock else 0.0,
        )
