"""A node behind a proxy, asked without a client in between: what a fault looks like on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from eth_account import Account

from trimtab.world.faults import FaultPlan, FaultProxy, Rule
from trimtab.world.faults.kinds import Fault
from trimtab.world.node import DEV_MNEMONIC, AnvilNode

Account.enable_unaudited_hdwallet_features()
KEY = Account.from_mnemonic(DEV_MNEMONIC)
SENDER = KEY.address.lower()
BUSY = "0x" + "77" * 20


def signed(nonce: int, *, tip_wei: int = 10**9) -> str:
    """A transfer of 1 wei by the first development key, ready to be sent."""
    fields = {
        "type": 2, "chainId": 31337, "nonce": nonce, "to": BUSY, "value": 1, "gas": 21_000,
        "maxFeePerGas": 10**11, "maxPriorityFeePerGas": tip_wei,
    }  # fmt: skip
    return "0x" + bytes(KEY.sign_transaction(fields).raw_transaction).hex()


def request(method: str, *params: Any, number: int = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


@dataclass(frozen=True)
class Wires:
    """The node, a proxy of it, and a bare HTTP session."""

    node: AnvilNode
    proxy: FaultProxy
    session: aiohttp.ClientSession

    def inject(self, fault: Fault, **how: Any) -> None:
        """From now on only this fault; always, unless told otherwise."""
        self.proxy.plan = FaultPlan((Rule(fault, **how),))

    async def post(self, body: Any) -> tuple[int, bytes]:
        """One POST to the proxy: status and body."""
        async with self.session.post(self.proxy.url, json=body) as response:
            return response.status, await response.read()

    async def ask(self, method: str, *params: Any) -> dict[str, Any]:
        """One request to the proxy; its answer."""
        status, body = await self.post(request(method, *params))
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        assert found["id"] == 1
        return found

    async def ask_all(self, requests: Sequence[dict[str, Any]]) -> Any:
        """One batch to the proxy."""
        status, body = await self.post(list(requests))
        assert status == 200, body
        return json.loads(body)

    async def truth(self, method: str, *params: Any) -> Any:
        """The node's own word."""
        async with self.session.post(self.node.url, json=request(method, *params)) as response:
            return (await response.json())["result"]

    async def mine(self, blocks: int = 1) -> None:
        await self.truth("anvil_mine", hex(blocks))

    async def send(self, nonce: int) -> str:
        """A transfer straight to the node, mined; its hash."""
        receipt = await self.truth("eth_sendRawTransactionSync", signed(nonce))
        return str(receipt["transactionHash"])

    async def sees_mined(self, count: int) -> bool:
        """Wait until so many transfers are mined; exactly so many."""
        async with asyncio.timeout(30):
            while True:
                mined = int(await self.truth("eth_getTransactionCount", SENDER, "latest"), 16)
                if mined >= count:
                    return mined == count
                await asyncio.sleep(0.02)


async def until(holds: Callable[[], object], timeout: float = 30.0) -> None:
    """Wait until something holds that tells nobody."""
    async with asyncio.timeout(timeout):
        while not holds():  # noqa: ASYNC110 - that is what it is for
            await asyncio.sleep(0.01)


@pytest.fixture
async def wires(anvil: AnvilNode) -> AsyncIterator[Wires]:
    """A proxy without faults before a node of the test's own."""
    async with FaultProxy.open(anvil.url, seed=7) as proxy, aiohttp.ClientSession() as session:
        yield Wires(anvil, proxy, session)
