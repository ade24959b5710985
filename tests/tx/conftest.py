"""A real node and an account for each test of the sender."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.tx import Sender, SenderOptions, TxIntent, TxPolicy
from trimtab.tx.routes import Route
from trimtab.tx.signers import LocalSigner, Signer
from trimtab.world.node import AnvilNode

KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
SHOP = Address("0x" + "12" * 20)
"""Gets 1 wei for each executed intent: its balance counts executions on chain."""
REVERTER = Address("0x" + "ee" * 20)
REVERTER_CODE = "0x365f5f37365ffd"
"""Reverts with its own calldata: calldatacopy(0, 0, calldatasize) revert(0, calldatasize)."""
GAS = 21_000
GWEI = 10**9

QUICK = TxPolicy(
    confirmations=2, finality_depth=6, bump_after_blocks=2, rebroadcast_after=1, clean_passes=2, requotes=2
)


@dataclass
class Desk:
    """One account on one node; `sender` opens a new life over the same journal."""

    client: Client
    path: Path
    signer: LocalSigner
    node: AnvilNode

    @asynccontextmanager
    async def sender(
        self,
        routes: list[Route] | None = None,
        *,
        policy: TxPolicy = QUICK,
        signer: Signer | None = None,
        **options: Any,
    ) -> AsyncIterator[Sender]:
        chosen = SenderOptions(**{"policy": policy, "limits": Limits.unrestricted(), **options})
        with Journal.open(self.path) as journal:
            async with Sender.open(self.client, signer or self.signer, journal, chosen, routes) as sender:
                yield sender

    async def executions(self) -> int:
        return await self.client.balance(SHOP)

    async def mine(self, blocks: int = 1) -> None:
        await self.client.request("anvil_mine", [hex(blocks)])

    async def set_automine(self, is_on: bool) -> None:
        await self.client.request("evm_setAutomine", [is_on])

    async def pool_size(self) -> int:
        status = await self.client.request("txpool_status")
        return int(status["pending"], 16) + int(status["queued"], 16)

    async def quiet(self) -> None:
        """Wait until the sender's own looks at the chain have stopped."""
        before = -1
        while before != self.client.stats.round_trips:
            before = self.client.stats.round_trips
            await asyncio.sleep(0.1)

    async def until(self, condition: Callable[[], bool | Awaitable[bool]]) -> None:
        """Wait for what no event tells us: the node's pool, or a look of the sender. Fails after 10 s."""
        async with asyncio.timeout(10):
            while not (  # noqa: ASYNC110 - nothing tells
                found if isinstance(found := condition(), bool) else await found
            ):
                await asyncio.sleep(0.02)

    async def pool_has(self, count: int) -> None:
        """Wait until so many transactions are in the node's pool."""

        async def has() -> bool:
            return await self.pool_size() >= count

        await self.until(has)

    async def sent_nonce(self) -> int:
        return await self.client.nonce(self.signer.address)


def pay(key: str, **options: Any) -> TxIntent:
    """1 wei to the shop, with the gas it needs."""
    return TxIntent(key, Call(SHOP, b"", 1), gas_limit=GAS, **options)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with (
        AnvilNode.open() as node,
        Client.open(node.url.replace("http", "ws"), ClientOptions(timeout=5.0)) as client,
    ):
        yield Desk(client, tmp_path / "journal.db", LocalSigner.from_hex(KEY), node)
