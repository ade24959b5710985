"""Faults of the chain itself, on a development node, at their time: reorgs, base-fee storms, lost pools."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Self

from trimtab.errors import ChainError, ConfigError, RpcError
from trimtab.runtime.tasks import open_tasks
from trimtab.world.faults import kinds
from trimtab.world.faults.kinds import Fault, kind_of
from trimtab.world.faults.plan import ChainRule, FaultPlan
from trimtab.world.faults.upstream import Upstream

_REFRESH_SECONDS = 0.05


class Drill:
    """Lets the chain faults of a plan happen while the body runs. Made by `Drill.open`."""

    def __init__(self, node: Upstream, seed: int | str) -> None:
        self.injected: Counter[str] = Counter()
        self._node = node
        self._rng = random.Random(f"{seed}/chain")

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, plan: FaultPlan | None = None, *, seed: int | str = 0
    ) -> AsyncIterator[Self]:
        """Against the node itself, not a proxy of it. The plan's seconds begin now; without one, `strike` is
        there. Raises `ConfigError` when the node is no development node, `ChainError` when there is none."""
        async with Upstream.open(url) as node, open_tasks() as tasks:
            if not await node.order("anvil_nodeInfo"):
                message = f"{node.name} is no anvil, and only that reorganises its chain at will"
                raise ConfigError(f"{message}: leave out [[chain]], or drill on a local node", key="chain")
            drill = cls(node, seed)
            rules = () if plan is None else plan.chain
            running = [tasks.create_task(drill._follow(rule)) for rule in rules]
            try:
                yield drill
            finally:
                for task in running:
                    task.cancel()

    async def strike(self, fault: Fault) -> None:
        """One fault, now; returns when it is over. Raises `RpcError` when the node refuses."""
        match fault:
            case kinds.Reorg(depth=depth):
                await self._order("anvil_reorg", depth, [])
                self.injected["reorg"] += 1
            case kinds.BaseFeeStorm(percent=percent, seconds=seconds):
                await self._storm(percent, seconds)
            case kinds.PoolDrop(percent=percent):
                await self._drop(percent)
            case _:
                message = f"{kind_of(fault)} happens between client and node; give it to a FaultProxy"
                raise ConfigError(message, key=kind_of(fault))

    async def _order(self, method: str, *params: Any) -> None:
        if not await self._node.order(method, params):
            raise RpcError(f"{self._node.name} refused {method}; is its chain long enough?", code=-32000)

    async def _follow(self, rule: ChainRule) -> None:
        started_at = asyncio.get_running_loop().time()
        for moment in rule.moments():
            await asyncio.sleep(started_at + moment - asyncio.get_running_loop().time())
            try:
                await self.strike(rule.fault)
            except RpcError:  # too early in the chain's life: the next time it may
                continue
            except ChainError:  # the node is gone, and the body will see it
                return

    async def _storm(self, percent: int, seconds: float) -> None:
        block = await self._node.ask("eth_getBlockByNumber", ["latest", False]) or {}
        base_fee = hex(int(block.get("baseFeePerGas", "0x0"), 16) * percent // 100)
        loop = asyncio.get_running_loop()
        over_at = loop.time() + seconds
        await self._order("anvil_setNextBlockBaseFeePerGas", base_fee)
        self.injected["base_fee_storm"] += 1
        while loop.time() < over_at:  # each block would let it fall by an eighth
            await asyncio.sleep(_REFRESH_SECONDS)
            await self._order("anvil_setNextBlockBaseFeePerGas", base_fee)

    async def _drop(self, percent: int) -> None:
        """Part of the pool, rounded up; an empty pool is no fault."""
        hashes = sorted(_hashes(await self._node.ask("txpool_content") or {}))
        for tx_hash in self._rng.sample(hashes, -(-len(hashes) * percent // 100)):
            await self._order("anvil_dropTransaction", tx_hash)
        if hashes:
            self.injected["pool_drop"] += 1


def _hashes(content: dict[str, Any]) -> Iterator[str]:
    for part in ("pending", "queued"):
        for by_nonce in content.get(part, {}).values():
            yield from (transaction["hash"] for transaction in by_nonce.values())
