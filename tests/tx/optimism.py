"""The genuine fee contracts of the OP stack on a local node; their own setters set the numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.chain.chains.optimism import GAS_PRICE_ORACLE
from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.model.ids import Address
from trimtab.tx.rollup import L1Fee, oracle_requests, read_oracle
from trimtab.world.node import AnvilNode, NodeOptions

CONTRACTS = json.loads((Path(__file__).parents[1] / "data" / "optimism" / "contracts.json").read_text())
L1_BLOCK = Address("0x4200000000000000000000000000000000000015")
DEPOSITOR = Address("0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001")
"""The account that the chain itself sets these contracts with."""
CHAIN_ID = 10


@dataclass(frozen=True)
class Rollup:
    """A node that has the contracts at their places."""

    node: AnvilNode
    client: Client

    async def call(self, signature: str, *words: bytes) -> int:
        """A view of the oracle with one number as its result."""
        data = "0x" + (selector(signature) + b"".join(words)).hex()
        return int(
            await self.client.request("eth_call", [{"to": GAS_PRICE_ORACLE, "data": data}, "latest"]), 16
        )

    async def set_bedrock(self, base_fee: int, overhead: int, scalar: int) -> None:
        """As the first transaction of each block did before Ecotone."""
        types = "uint64,uint64,uint256,bytes32,uint64,bytes32,uint256,uint256"
        numbers = (1, 1, base_fee, 0, 0, 0, overhead, scalar)
        await self._set(L1_BLOCK, selector(f"setL1BlockValues({types})") + b"".join(map(word, numbers)))

    async def set_ecotone(self, fees: L1Fee) -> None:
        """As the first transaction of each block does since Ecotone: packed, without types."""
        await self._set(
            L1_BLOCK,
            selector("setL1BlockValuesEcotone()")
            + fees.base_fee_scalar.to_bytes(4, "big")
            + fees.blob_base_fee_scalar.to_bytes(4, "big")
            + bytes(24)
            + word(fees.l1_base_fee)
            + word(fees.blob_base_fee)
            + bytes(64),
        )

    async def upgrade(self, name: str) -> None:
        await self._set(GAS_PRICE_ORACLE, selector(f"set{name}()"))

    async def read(self, known: L1Fee | None = None) -> L1Fee | None:
        """As the sender reads it with a look at the chain."""
        requests = oracle_requests(GAS_PRICE_ORACLE, known)
        answers = await self.client.batch(list(requests.values()))
        return read_oracle(dict(zip(requests, answers, strict=True)), known)

    async def _set(self, target: Address, data: bytes) -> None:
        transaction = {"from": DEPOSITOR, "to": target, "data": "0x" + data.hex(), "gas": hex(10**6)}
        tx_hash = await self.client.request("eth_sendTransaction", [transaction])
        async with asyncio.timeout(60):
            while (receipt := await self.client.receipt(tx_hash)) is None:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
        assert receipt.status


@asynccontextmanager
async def open_rollup() -> AsyncIterator[Rollup]:
    async with (
        AnvilNode.open(NodeOptions(chain_id=CHAIN_ID)) as node,
        Client.open(node.url.replace("http", "ws")) as client,
    ):
        setup: list[tuple[str, list[Any]]] = [
            ("anvil_setCode", [GAS_PRICE_ORACLE, CONTRACTS["GasPriceOracle"]]),
            ("anvil_setCode", [L1_BLOCK, CONTRACTS["L1Block"]]),
            ("anvil_impersonateAccount", [DEPOSITOR]),
            ("anvil_setBalance", [DEPOSITOR, hex(10**20)]),
        ]
        for method, params in setup:
            await client.request(method, params)
        yield Rollup(node, client)


def selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")
