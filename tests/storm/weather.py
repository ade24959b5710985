"""The chain's side of a storm: blocks, a base fee that wanders and triples, reorgs, lost pools."""

from __future__ import annotations

import asyncio
import random

from trimtab.chain.client import Client
from trimtab.model.ids import Address
from trimtab.world.faults.drill import Drill
from trimtab.world.faults.kinds import PoolDrop, Reorg

GWEI = 10**9
CALM_FEE = 1 * GWEI
TRIPLE = 3
REORG_DEPTH = 3
DEAR_BLOCKS = 40


class Weather:
    """Mines a block every `block_seconds`, none by itself; the base fee is set for each."""

    def __init__(
        self, client: Client, drill: Drill, account: Address, seed: int, block_seconds: float
    ) -> None:
        self.storms = 0
        self.undone = 0
        self._account = account
        self._nonce = client.nonce
        self._request = client.request
        self._drill = drill
        self._draw = random.Random(f"{seed}/weather")
        self._block_seconds = block_seconds
        self._level = CALM_FEE
        self._dear_blocks = 0
        self._is_drop_due = False
        self._turn = asyncio.Lock()  # a block and a reorg come one after the other

    @property
    def reorgs(self) -> int:
        return self._drill.injected["reorg"]

    async def prepare(self) -> None:
        await self._request("evm_setAutomine", [False])
        for _ in range(REORG_DEPTH * 2):
            await self._mine()

    async def blow(self) -> None:
        """Until it is cancelled."""
        while True:
            async with self._turn:
                await self._mine()
            await asyncio.sleep(self._block_seconds)

    async def reorg(self) -> None:
        """The last three blocks are replaced by empty ones, and nobody keeps their transactions; `undone`
        counts ours."""
        async with self._turn:
            before = await self._nonce(self._account)
            await self._drill.strike(Reorg(depth=REORG_DEPTH))
            self.undone += before - await self._nonce(self._account)

    async def drop(self) -> None:
        """Half of what is in the node's pool at the next block is forgotten."""
        self._is_drop_due = True

    async def raise_fee(self) -> None:
        """Three times the calm base fee, for a while."""
        self._dear_blocks = DEAR_BLOCKS
        self.storms += 1

    async def _mine(self) -> None:
        self._level = max(self._level * self._draw.randint(95, 105) // 100, CALM_FEE // 2)
        self._level = min(self._level, CALM_FEE * 3 // 2)
        fee = self._level
        if self._dear_blocks:
            self._dear_blocks -= 1
            fee *= TRIPLE
        await self._request("anvil_setNextBlockBaseFeePerGas", [hex(fee)])
        if self._is_drop_due:
            lost = self._drill.injected["pool_drop"]
            await self._drill.strike(PoolDrop(percent=50))
            self._is_drop_due = self._drill.injected["pool_drop"] == lost  # an empty pool: the next one
        await self._request("evm_mine")
