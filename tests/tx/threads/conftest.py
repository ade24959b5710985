"""A desk whose wire can be bent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.tx.conftest import KEY, Desk
from tests.tx.threads.wire import Wire

from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.tx.signers import LocalSigner
from trimtab.world.node import AnvilNode


@dataclass
class BentDesk(Desk):
    """A desk, and the wire that all of its requests take."""

    wire: Wire

    async def until(self, condition: Callable[[], bool | Awaitable[bool]]) -> None:
        """Wait for what no event tells us. Fails after 60 s: the machine may be busy."""
        async with asyncio.timeout(60):
            while not (found if isinstance(found := condition(), bool) else await found):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def mine_until(self, condition: Callable[[], bool | Awaitable[bool]]) -> None:
        """Mine a block now and then until it is so."""

        async def mined() -> bool:
            await self.mine()
            found = condition()
            return found if isinstance(found, bool) else await found

        await self.until(mined)

    async def executed(self, count: int) -> None:
        """Mine until so many payments have arrived."""

        async def arrived() -> bool:
            return await self.executions() >= count

        await self.mine_until(arrived)


@pytest.fixture
async def bent(tmp_path: Path) -> AsyncIterator[BentDesk]:
    async with AnvilNode.open() as node:
        wire = Wire(node.url)
        options = ClientOptions(timeout=5.0, poll_interval=0.05)
        async with Client.open(wire, options) as client:
            yield BentDesk(client, tmp_path / "journal.db", LocalSigner.from_hex(KEY), node, wire)
