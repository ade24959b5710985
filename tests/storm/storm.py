"""One storm from its first block to its count: the parent owns the node, the lying endpoints and the weather;
the engine is a child that is killed now and then and comes back."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec
from tests.storm.count import TERMINAL, Count, count_mined, read_mined
from tests.storm.engine import Job
from tests.storm.weather import REORG_DEPTH, Weather
from tests.storm.wishes import make_wishes
from tests.zygote import Zygote

from trimtab.chain.client import Client
from trimtab.model.ids import Address
from trimtab.tx.fees import CANCEL_GAS, DEFAULT_FEE_CAP
from trimtab.tx.signers import LocalSigner
from trimtab.world.faults import FaultPlan, FaultProxy, Rule
from trimtab.world.faults.drill import Drill
from trimtab.world.faults.kinds import OtherNode
from trimtab.world.node import AnvilNode, NodeOptions

KEY = "0x" + "5e" * 32
ACCOUNT: Address = LocalSigner.from_hex(KEY).address
ETHER = 10**18
GENESIS_AT = 1_700_000_000
ENDPOINTS = 3
CRASHES = 10
"""Lives that may end by themselves, before all is done, until the storm is given up."""
LATEST = 0.7
"""The share of wishes mined at which the last thing happens: not all of them come so far."""
_WATCH_SECONDS = 0.05


@dataclass(frozen=True)
class StormOptions:
    """Everything that happens is drawn from `seed`, except the machine's own timing."""

    seed: int = 1
    transactions: int = 2_000
    senders: int = 16
    reorgs: int = 2
    kills: int = 12
    pool_drops: int = 4
    block_seconds: float = 0.2
    patience: float = 900.0


@dataclass
class StormResult:
    options: StormOptions
    count: Count = field(default_factory=Count)
    ends: dict[str, str] = field(default_factory=dict)
    injected: Counter[str] = field(default_factory=Counter)
    reorgs: int = 0
    undone: int = 0
    kills: int = 0
    crashes: list[str] = field(default_factory=list)
    halted: str | None = None
    troubles: Counter[str] = field(default_factory=Counter)
    blocks: int = 0
    seconds: float = 0.0

    @property
    def terminal(self) -> int:
        return sum(end in TERMINAL for end in self.ends.values())

    @property
    def is_survived(self) -> bool:
        """All wishes ended as the chain says, and nobody had to help."""
        return (
            self.count.is_clean
            and not self.crashes
            and self.halted is None
            and self.terminal == self.options.transactions
        )

    def record(self) -> dict[str, Any]:
        """As `out/storm.json` has it."""
        count = self.count
        return {
            "submitted": self.options.transactions,
            "terminal": self.terminal,
            "executed_on_chain": count.executed,
            "duplicates": len(count.duplicates),
            "lost": len(count.lost) + len(count.unsaid),
            "over_budget": len(count.over_budget),
            "reorgs": self.reorgs,
            "kills": self.kills,
            "faults_injected": self.injected.total(),
            "seconds": round(self.seconds, 1),
            "seed": self.options.seed,
            "senders": self.options.senders,
            "reorg_depth": REORG_DEPTH,
            "undone_by_reorgs": self.undone,
            "ends": dict(Counter(self.ends.values())),
            "cancellations_on_chain": count.cancels,
            "transactions_on_chain": count.transactions,
            "nonces_contiguous": count.is_contiguous,
            "strays": len(count.strays),
            "spent_wei": count.spent_wei,
            "blocks": self.blocks,
            "crashes": self.crashes,
            "halted": self.halted,
            "faults_by_kind": dict(sorted(self.injected.items())),
            "troubles": dict(self.troubles),
        }


class Storm:
    """Made by `Storm.open`; `run` lasts until all has ended, and tells the share done, from 0 to 1."""

    def __init__(
        self,
        options: StormOptions,
        client: Client,
        drill: Drill,
        proxies: Sequence[FaultProxy],
        zygote: Zygote,
        folder: Path,
    ) -> None:
        self.result = StormResult(options)
        self._options = options
        self._client = client
        self._drill = drill
        self._weather = Weather(client, drill, ACCOUNT, options.seed, options.block_seconds)
        self._proxies = proxies
        self._zygote = zygote
        self._folder = folder
        self._draw = random.Random(f"{options.seed}/storm")
        self._child: int | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, options: StormOptions, folder: Path) -> AsyncIterator[Self]:
        """A node, another that disagrees, three endpoints that lie, and a process to kill."""
        genesis = NodeOptions(timestamp=GENESIS_AT)
        async with AsyncExitStack() as stack:
            node = await stack.enter_async_context(AnvilNode.open(genesis))
            other = await stack.enter_async_context(AnvilNode.open(genesis))
            client = await stack.enter_async_context(Client.open(node.ws_url))
            drill = await stack.enter_async_context(Drill.open(node.url, seed=options.seed))
            zygote = await stack.enter_async_context(
                Zygote.open("tests.storm.engine:live", folder / "engine.log")
            )
            plan = FaultPlan((Rule(OtherNode(other.url), probability=0.005), *FaultPlan.storm().rules))
            proxies = [
                await stack.enter_async_context(
                    FaultProxy.open(node.url, plan, seed=f"{options.seed}/{number}")
                )
                for number in range(ENDPOINTS)
            ]
            yield cls(options, client, drill, proxies, zygote, folder)

    async def run(self, tell: Callable[[float], None] = lambda share: None) -> StormResult:
        """Until every wish has ended, or the options' patience."""
        start = time.monotonic()
        await self._client.request("anvil_setBalance", [ACCOUNT, hex(1_000 * ETHER)])
        await self._weather.prepare()
        first = await self._client.block_number() + 1
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(self._weather.blow()),
                tasks.create_task(self._follow_schedule(tell)),
            ]
            try:
                async with asyncio.timeout(self._options.patience):
                    await self._live_on()
            except TimeoutError:
                self.result.crashes.append(f"not done after {self._options.patience} s")
            for task in beside:
                task.cancel()
        self.result.seconds = time.monotonic() - start
        await self._count(first)
        return self.result

    async def _live_on(self) -> None:
        """One life after the other, until one says how all ended."""
        result = self.result
        for life in range(10_000):
            job = Job(
                key=KEY,
                journal=str(self._folder / "storm.db"),
                urls=self._urls(),
                transactions=self._options.transactions,
                senders=self._options.senders,
                seed=self._options.seed,
                life=life,
            )
            code = 0
            async for line in self._zygote.live(msgspec.json.encode(job)):
                self._child = line.get("born", self._child)
                result.ends = line.get("ends", result.ends)
                result.halted = line.get("halted", result.halted)
                result.troubles.update(line.get("troubles", {}))
                code = line.get("exit", code)
            self._child = None
            if result.ends:
                return
            if code != -signal.SIGKILL:
                result.crashes.append(f"life {life} ended by itself with {code}")
                if len(result.crashes) >= CRASHES:
                    return

    def _urls(self) -> tuple[str, ...]:
        """Two endpoints by WebSocket, one by HTTP."""
        return tuple(
            proxy.url if number == ENDPOINTS - 1 else proxy.ws_url
            for number, proxy in enumerate(self._proxies)
        )

    async def _follow_schedule(self, tell: Callable[[float], None]) -> None:
        """What happens at which share of the work: kills, reorgs, lost pools, and the tripled base fee."""
        options, done = self._options, 0.0
        events: list[tuple[float, Callable[[], Any]]] = [
            *((share, self._kill) for share in self._spread(options.kills)),
            *((share, self._weather.reorg) for share in self._spread(options.reorgs)),
            *((share, self._weather.drop) for share in self._spread(options.pool_drops)),
            (self._draw.uniform(0.2, 0.5), self._weather.raise_fee),
        ]
        events.sort(key=lambda event: event[0])
        while True:
            mined = await self._client.nonce(ACCOUNT)
            done = max(done, mined / options.transactions)
            tell(min(done, 1.0))
            while events and events[0][0] <= done:
                await events.pop(0)[1]()
            await asyncio.sleep(_WATCH_SECONDS)

    def _spread(self, times: int) -> list[float]:
        """One moment in each of `times` equal parts of the work, up to `LATEST`."""
        return [(number + self._draw.uniform(0.1, 0.9)) / times * LATEST for number in range(times)]

    async def _kill(self) -> None:
        """SIGKILL, wherever the engine is; a moment later when it is just not there."""
        while self._child is None:  # noqa: ASYNC110 - between two lives
            await asyncio.sleep(_WATCH_SECONDS)
        with suppress(ProcessLookupError):  # it ended this very moment
            os.kill(self._child, signal.SIGKILL)
            self.result.kills += 1
        self._child = None

    async def _count(self, first: int) -> None:
        result = self.result
        wishes = make_wishes(self._options.transactions, self._options.seed)
        mined = await read_mined(self._client, ACCOUNT, first)
        result.count = count_mined(ACCOUNT, wishes, mined, result.ends, CANCEL_GAS * DEFAULT_FEE_CAP)
        result.blocks = await self._client.block_number() - first + 1
        result.reorgs, result.undone = self._weather.reorgs, self._weather.undone
        for proxy in self._proxies:
            result.injected.update(proxy.injected)
        result.injected.update(self._drill.injected)
        result.injected["base_fee_storm"] += self._weather.storms
