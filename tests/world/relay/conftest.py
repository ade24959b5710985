"""A relay before a node of its own, asked without a client in between."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak

from trimtab.chain.address import checksum
from trimtab.tx.opening import OpenedTx, open_signed
from trimtab.world.node import DEV_MNEMONIC, AnvilNode, NodeOptions
from trimtab.world.relay import Relay, RelayOptions

Account.enable_unaudited_hdwallet_features()
KEYS = [Account.from_mnemonic(DEV_MNEMONIC, account_path=f"m/44'/60'/0'/0/{i}") for i in range(6)]
PEOPLE = [key.address.lower() for key in KEYS]
SEARCHER, OTHER = KEYS[4], KEYS[5]
"""Keys that sign requests, not transactions."""
GWEI = 10**9
PAY_COINBASE = bytes.fromhex("5f5f5f5f34415af15000")
"""Creation code that passes its value on to the fee recipient."""
REVERT = bytes.fromhex("5f5ffd")
SWAP = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
LOG = bytes.fromhex("7f" + SWAP[2:] + "60205fa1")
"""Creation code that emits an event named like Uniswap's swap, with 32 bytes of data."""


def make_tx(
    who: int,
    nonce: int,
    *,
    tip: int = GWEI,
    cap: int = 100 * GWEI,
    to: str | None = PEOPLE[3],
    value: int = 0,
    data: bytes = b"",
    gas: int = 100_000,
) -> OpenedTx:
    """A signed transaction of one of the people; `to` None creates a contract."""
    fields: dict[str, Any] = {
        "type": 2, "chainId": 31337, "nonce": nonce, "value": value, "data": data, "gas": gas,
        "maxFeePerGas": cap, "maxPriorityFeePerGas": tip,
    }  # fmt: skip
    if to is not None:
        fields["to"] = checksum(to)
    return open_signed(bytes(KEYS[who].sign_transaction(fields).raw_transaction))


def raw(tx: OpenedTx) -> str:
    return "0x" + tx.raw.hex()


def sign_body(body: bytes, key: Any = SEARCHER) -> str:
    """The header, by another library than ours."""
    text = "0x" + keccak(body).hex()
    signature = key.sign_message(encode_defunct(text=text)).signature
    return f"{key.address}:0x{bytes(signature).hex()}"


@dataclass(frozen=True)
class Site:
    """A relay, its node, and a bare HTTP session."""

    node: AnvilNode
    relay: Relay
    session: aiohttp.ClientSession

    async def post(
        self, method: str, *params: Any, path: str = "/", key: Any = SEARCHER, to: Relay | None = None
    ) -> tuple[int, bytes]:
        """One signed POST to the relay: status and body."""
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}).encode()
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["X-Flashbots-Signature"] = sign_body(body, key)
        url = (to or self.relay).url + path
        async with self.session.post(url, data=body, headers=headers) as response:
            return response.status, await response.read()

    async def ask(self, method: str, *params: Any, **how: Any) -> Any:
        """A result of the relay."""
        answer = await self.answer(method, *params, **how)
        assert "error" not in answer, answer
        return answer["result"]

    async def answer(self, method: str, *params: Any, **how: Any) -> dict[str, Any]:
        """An answer of the relay, also a no."""
        status, body = await self.post(method, *params, **how)
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    async def public(self, method: str, *params: Any) -> Any:
        """A result of the public node, or the error's text."""
        return await self._rpc(self.relay.public_url, method, params)

    async def truth(self, method: str, *params: Any) -> Any:
        """A result of the bare node."""
        return await self._rpc(self.node.url, method, params)

    async def _rpc(self, url: str, method: str, params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        async with self.session.post(url, json=body) as response:
            answer = await response.json()
        return answer["error"]["message"] if "error" in answer else answer["result"]

    async def head(self) -> int:
        return int(await self.truth("eth_blockNumber"), 16)

    async def send_private(self, tx: OpenedTx, *, last: int = 1000, **how: Any) -> Any:
        """eth_sendPrivateTransaction until a far block."""
        return await self.ask(
            "eth_sendPrivateTransaction", {"tx": raw(tx), "maxBlockNumber": hex(last)}, **how
        )

    async def send_bundle(
        self, *txs: OpenedTx, block: int | None = None, to: Relay | None = None, **more: Any
    ) -> Any:
        """eth_sendBundle for the next block, or another one."""
        target = await self.head() + 1 if block is None else block
        given = {"txs": [raw(tx) for tx in txs], "blockNumber": hex(target)} | more
        return await self.ask("eth_sendBundle", given, to=to)

    async def status(self, tx: OpenedTx) -> Any:
        """What the status API says."""
        async with self.session.get(f"{self.relay.url}/tx/{tx.tx_hash}") as response:
            return await response.json()


def now() -> int:
    return int(time.time())


@pytest.fixture(scope="module")
async def fifo_node() -> AsyncIterator[AnvilNode]:
    """One node for all tests of a module; each begins on a snapshot of it."""
    async with AnvilNode.open(NodeOptions(order="fifo")) as node:
        yield node


@pytest.fixture
async def site(fifo_node: AnvilNode) -> AsyncIterator[Site]:
    """A relay without faults on an empty chain."""
    async with aiohttp.ClientSession() as session:
        async with Relay.open(fifo_node, RelayOptions(name="one", seed=7)) as relay:
            made = Site(fifo_node, relay, session)
            snapshot = await made.truth("evm_snapshot")
            yield made
            await made.truth("anvil_dropAllTransactions")  # before the node mines by itself again
        assert await made.truth("evm_revert", snapshot)
