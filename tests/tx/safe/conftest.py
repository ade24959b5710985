"""Genuine Safes on a real node, a local transaction service, and three owners."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.tx.safe import SafeIntent, SafeOptions, SafeProposer, SafeService
from trimtab.tx.safe.book import Entry
from trimtab.tx.signers import LocalSigner, Signer
from trimtab.world.node import AnvilNode
from trimtab.world.safe import LocalSafe, deploy_safe, execute_safe_tx
from trimtab.world.safe_service import LocalSafeService

OWNERS = tuple(LocalSigner.from_key(bytes([number]) * 32) for number in (11, 12, 13))
DEPLOYER = Address("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")
SHOP = Address("0x" + "12" * 20)
REVERTER = Address("0x" + "ee" * 20)
ETHER = 10**18


def pay(key: str, *amounts: int, **options: Any) -> SafeIntent:
    """So many wei to the shop; several amounts are several calls."""
    return SafeIntent(key, tuple(Call(SHOP, b"", amount) for amount in amounts or (1,)), **options)


@dataclass
class SafeDesk:
    """One Safe of three owners, two of whom must sign. `proposer` opens a new life over the same journal."""

    client: Client
    safe: LocalSafe
    service: LocalSafeService
    path: Path
    options: dict[str, Any] = field(default_factory=dict)

    @asynccontextmanager
    async def proposer(self, signer: Signer = OWNERS[0], **options: Any) -> AsyncIterator[SafeProposer]:
        chosen: dict[str, Any] = {"multi_send": self.safe.multi_send, "pause": 0.01, "poll_interval": 0.02}
        chosen["limits"] = Limits.unrestricted()
        with Journal.open(self.path) as journal:
            async with (
                SafeService(self.service.url, timeout=30.0) as service,
                SafeProposer.open(
                    self.client,
                    signer,
                    journal,
                    self.safe.address,
                    service,
                    SafeOptions(**chosen | self.options | options),
                ) as opened,
            ):
                yield opened

    async def execute(self, entry: Entry) -> Receipt:
        """The owners sign and somebody executes it; a block on top makes it count."""
        receipt = await execute_safe_tx(self.client, DEPLOYER, self.safe.address, entry.tx, OWNERS[:2])
        await self.mine()
        return receipt

    async def mine(self, blocks: int = 1) -> None:
        await self.client.request("anvil_mine", [hex(blocks)])

    async def paid(self) -> int:
        return await self.client.balance(SHOP)


@pytest.fixture(params=["1.4.1", "1.3.0"])
async def safes(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SafeDesk]:
    """A desk for each version of the contracts."""
    async with open_desk(tmp_path, request.param) as opened:
        yield opened


@pytest.fixture
async def safe(tmp_path: Path) -> AsyncIterator[SafeDesk]:
    """A desk of the newer version."""
    async with open_desk(tmp_path, "1.4.1") as opened:
        yield opened


@asynccontextmanager
async def open_desk(folder: Path, version: str) -> AsyncIterator[SafeDesk]:
    async with AnvilNode.open() as node, Client.open(node.url) as client:
        made = await deploy_safe(client, DEPLOYER, [o.address for o in OWNERS], 2, version=version)
        await client.request("anvil_setBalance", [made.address, hex(ETHER)])
        await client.request("anvil_setCode", [REVERTER, "0x365f5f37365ffd"])
        async with LocalSafeService.open(client) as service:
            yield SafeDesk(client, made, service, folder / "journal.db")
