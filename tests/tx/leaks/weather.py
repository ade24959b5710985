"""What the world does meanwhile: blocks, reorgs, uncled blocks, base fees, pools that forget; and relays that
fail by plan. All of it is kept: when a block could first be seen, and what was in it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from trimtab.world.control import NodeControl
from trimtab.world.faults import kinds
from trimtab.world.faults.kinds import Fault, kind_of
from trimtab.world.faults.plan import FaultPlan, Rule
from trimtab.world.relay import Built, Ignored, Leaked, Refused, Relay, Unanswered, Uncle

GWEI = 10**9
CALM_FEE, HIGH_FEE = GWEI, 4 * GWEI
WORDS = (
    "internal error",
    "insufficient funds for gas * price + value",
    "nonce too low",
    "already known",
    "replacement transaction underpriced",
    "max fee per gas less than block base fee",
    "unable to decode txs",
    "rate limit exceeded",
    "unauthorized",
)
"""What a relay says when it refuses, sure and unsure."""
BRIEF = 0.15
"""Seconds for which what is slow is slow."""
FAULTS: tuple[Fault, ...] = (
    *(Refused(message=words) for words in WORDS),
    Refused(forwarded=True),
    Ignored(),
    Unanswered(seconds=BRIEF),
    Unanswered(seconds=BRIEF, forwarded=True),
    kinds.RateLimited(),
    kinds.RateLimited(retry_after=0.3),
    kinds.ServerError(status=500),
    kinds.ServerError(status=503, forwarded=True),
    kinds.HtmlBody(),
    kinds.HtmlBody(forwarded=True),
    kinds.GarbageJson(),
    kinds.LostAnswer(seconds=BRIEF),
    kinds.LostAnswer(seconds=1.5),
    kinds.Disconnect(),
    kinds.Disconnect(forwarded=True),
    kinds.SlowAnswer(seconds=BRIEF),
)
LEAKS: tuple[Fault, ...] = (Leaked(), Uncle())
"""By these the world makes private bytes public, and not the engine."""
ALL_KINDS = frozenset(kind_of(fault) for fault in (*FAULTS, *LEAKS))


def draw_plan(draw: random.Random, *, leaks: bool) -> FaultPlan:
    """Up to three ways to fail, some of them for good."""
    faults = draw.sample(FAULTS, k=draw.choice((0, 1, 1, 2, 3)))
    rules = [Rule(fault, probability=draw.choice((0.2, 0.5, 0.5, 1.0))) for fault in faults]
    if leaks:
        rules.insert(0, Rule(draw.choice(LEAKS), probability=draw.choice((0.2, 0.5))))
    return FaultPlan(tuple(rules))


@dataclass(frozen=True)
class Moment:
    """A block that came to stand at `number` not before the unix second `began`, and what was in it."""

    began: float
    number: int
    hashes: tuple[str, ...] = ()


@dataclass
class Weather:
    """One chain, with all that was ever on it. A block comes after `pace` seconds at most; `moves` counts
    what happened beside blocks."""

    relays: Sequence[Relay]
    control: NodeControl
    draw: random.Random
    pace: float = 0.09
    log: list[Moment] = field(default_factory=list)
    moves: Counter[str] = field(default_factory=Counter)

    @property
    def head(self) -> int:
        return self.log[-1].number if self.log else 0

    @asynccontextmanager
    async def blowing(self) -> AsyncIterator[None]:
        """Blocks and worse, as long as this lasts; each step is done whole."""
        over = asyncio.Event()

        async def blow() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), self.draw.uniform(0.0, self.pace))
                await self.step()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(blow())
            try:
                yield
            finally:
                over.set()

    async def step(self) -> None:
        """A block, and what comes with it."""
        chance = self.draw.random()
        if chance < 0.06:
            self.moves["dear block"] += 1
            await self.control.set_next_base_fee(HIGH_FEE)
        elif chance < 0.12:
            await self.control.set_next_base_fee(CALM_FEE)
        elif chance < 0.15:
            await self.drop_pool()
        elif chance < 0.19:
            await self.reorg(self.draw.randint(1, 2))
        await self.build()

    async def build(self) -> None:
        began = time.time()
        self._note(began, await self.relays[0].build())

    async def reorg(self, depth: int) -> None:
        """The last blocks are replaced by empty ones, and their transactions are nowhere."""
        began, head = time.time(), self.head
        if head <= depth:
            return
        async with self.relays[0].paused():
            await self.control.reorg(depth)
        self.moves[f"reorg of {depth}"] += 1
        self.log += [Moment(began, number) for number in range(head - depth + 1, head + 1)]

    async def drop_pool(self) -> None:
        """The public mempool forgets all that it has."""
        async with self.relays[0].paused():
            self.relays[0].builder.mempool.keep_only(())
        self.moves["pool forgotten"] += 1

    def canonical(self, at: float) -> Mapping[int, Moment]:
        """The chain as it was, or was about to be, at that second."""
        return canonical([moment for moment in self.log if moment.began <= at])

    def _note(self, began: float, built: Built) -> None:
        if built.instead_of is not None:
            self.moves["uncled block"] += 1
        self.log.append(Moment(began, built.number, built.tx_hashes))


def canonical(log: Sequence[Moment]) -> dict[int, Moment]:
    """A block takes the place of all at its height and above."""
    chain: dict[int, Moment] = {}
    for moment in log:
        for number in [number for number in chain if number >= moment.number]:
            del chain[number]
        chain[moment.number] = moment
    return chain
