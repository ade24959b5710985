"""Kills, and what became of them: runs of one account each, whose lives are ended one after the other at
boundaries that no life was ended at yet, until a last one may come to its end and the chain is read."""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

from tests.tx.kills.boundaries import Hunt
from tests.tx.kills.hunter import Hunter, Place, Tally
from tests.tx.kills.life import CALM_FEE, Life, Work
from tests.tx.kills.nursery import Nursery, Report
from tests.tx.kills.orders import Order, make_orders
from tests.tx.kills.proof import attempts_of, check_run

from trimtab.chain.client import Client
from trimtab.tx.signers import LocalSigner
from trimtab.world.node import AnvilNode, NodeOptions

ETHER = 10**18
DEPTH = 6
"""Lives of one run that may be killed before the last."""
DEADLINE_AFTER = 600
"""Seconds of the chain, from a run's begin: they pass by a jump."""


@dataclass
class Site:
    """A node and a zygote, shared by the runs of one campaign."""

    node: AnvilNode
    client: Client
    nursery: Nursery
    folder: Path

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Self]:
        ipc = folder / "node.ipc"
        async with (
            AnvilNode.open(NodeOptions(ipc_path=ipc)) as node,
            Client.open(str(ipc)) as client,
            Nursery.open(folder / "lives.log") as nursery,
        ):
            yield cls(node, client, nursery, folder)

    @property
    def control(self) -> str:
        return str(self.folder / "node.ipc")

    def urls(self, draw: random.Random) -> tuple[str, ...]:
        """One or two endpoints on either wire."""
        return tuple(draw.choice((self.control, self.node.ws_url)) for _ in range(draw.randint(1, 2)))


class Campaign:
    """`kills` of them, and then more until somebody has died at every one of the places that it `must` reach,
    three times as many at most: what comes when hangs on the machine too."""

    def __init__(self, site: Site, seed: int, kills: int, must: frozenset[Place] = frozenset()) -> None:
        self.tally = Tally()
        self.site = site
        self.draw = random.Random(seed)
        self.seed = seed
        self.hunter = Hunter(self.tally, self.draw, kills, must)
        self._kills = kills

    async def run(self) -> Tally:
        start, tally, numbers = time.monotonic(), self.tally, count(1)
        await Run(self, 0).through(depth=0)  # nobody is killed: what there is to meet
        self.hunter.usual = tally.met.total()
        while tally.kills < self._kills or (self.hunter.missing and tally.kills < 3 * self._kills):
            await Run(self, next(numbers)).through(DEPTH)
        self.tally.seconds = time.monotonic() - start
        return self.tally


class Run:
    """One account, one journal, one set of orders; a life after the other."""

    def __init__(self, campaign: Campaign, number: int) -> None:
        self._campaign = campaign
        self._site = campaign.site
        self._tally = campaign.tally
        self._draw = campaign.draw
        self.number = campaign.seed * 100_000 + number
        self.key = f"{zlib.crc32(b'%d' % self.number) + 1:064x}"
        self.path = self._site.folder / f"{self.number}.db"
        self.account = LocalSigner.from_hex(self.key).address
        self.orders: tuple[Order, ...] = ()
        self.first = 0

    async def through(self, depth: int) -> None:
        """Kill up to `depth` lives, let one come to its end, and count on the chain."""
        await self.prepare()
        chained = 0
        for life in range(depth):
            report = await self._any_life(life)
            if not report.killed:
                break
            chained = chained + 1 if life and report.killed.startswith(("opening", "recovery")) else 0
            self._tally.deepest = max(self._tally.deepest, chained)
            if self._draw.random() < 0.25:
                await self._check_rest()
                chained = 0
        report = await self.live(Hunt())
        await self._check_rest()
        await self.check(report.ends)

    async def prepare(self) -> None:
        """Money, a calm node, and orders."""
        request = self._site.client.request
        await request("evm_setAutomine", [True])
        await request("anvil_setBalance", [self.account, hex(ETHER)])
        await request("anvil_setNextBlockBaseFeePerGas", [hex(CALM_FEE)])
        await request("evm_mine")
        block = await self._site.client.block()
        self.first = block.number + 1
        self.orders = make_orders(self.number, self.number, block.at + DEADLINE_AFTER)

    async def live(self, hunt: Hunt, work: Work = Work.ALL, **options: Any) -> Report:
        """One life. Raises `AssertionError` for one that broke a promise."""
        life = Life(
            key=self.key,
            journal=str(self.path),
            urls=self._site.urls(self._draw),
            control=self._site.control,
            orders=self.orders,
            hunt=hunt,
            work=work,
            **options,
        )
        report = await self._site.nursery.live(life)
        assert not report.fault, f"run {self.number} of seed {self._campaign.seed}: {report.fault}"
        self._campaign.hunter.note(report)
        return report

    async def check(self, ends: Mapping[str, str]) -> None:
        """Count on the chain, and add to the tally."""
        client, tally = self._site.client, self._tally
        counted = await check_run(client, self.account, self.first, self.orders, ends, self.path)
        tally.runs += 1
        tally.intents += len(self.orders)
        tally.executed += sum(counted.executed.values())
        tally.cancels += counted.cancels
        tally.replaced += counted.replaced
        tally.transactions += counted.transactions

    async def _any_life(self, number: int) -> Report:
        """The first does all the work, later ones most of it; one in ten is killed by the clock, wherever it
        is then."""
        draw, hunt = self._draw, self._campaign.hunter.hunt(number)
        by_clock = draw.random() < 0.1
        return await self.live(
            Hunt() if by_clock else hunt,
            draw.choice((Work.ALL, Work.ALL, Work.ALL, Work.RECOVER)) if number else Work.ALL,
            leaves=draw.random() < 0.25 if number else any(kind.startswith("closing") for kind in hunt.prey),
            slow=draw.choice((0.0, 0.0, 0.02)),
            kill_after=draw.uniform(0.001, 0.4) if by_clock else 0.0,
        )

    async def _check_rest(self) -> None:
        """Two recoveries in a row: the second sends what was in the journal before it, or at most a dearer
        attempt of a nonce that was out."""
        await self.live(Hunt(), Work.RECOVER)
        before = attempts_of(self.path, self._site.client.chain_id, self.account)
        report = await self.live(Hunt(), Work.RECOVER)
        new = attempts_of(self.path, self._site.client.chain_id, self.account)
        for tx_hash in set(report.sent) - before.keys():
            assert new[tx_hash] in before.values(), f"a second recovery sent {tx_hash}"
