"""web3.py over our transports."""

from __future__ import annotations

import builtins
import json
from typing import Any

import pytest
from tests.chain.conftest import ROOT, TOKEN, Deployed
from web3 import AsyncWeb3
from web3.exceptions import ContractLogicError, MethodUnavailable, Web3RPCError

from trimtab.chain.client import Client
from trimtab.errors import ConfigError

WIRES = ("http", "ws", "ipc")
pytestmark = pytest.mark.node


def contract(web3: AsyncWeb3[Any], node: Deployed) -> Any:
    abi = json.loads((ROOT / "node_modules" / TOKEN).read_text())["abi"]
    return web3.eth.contract(address=AsyncWeb3.to_checksum_address(node.token), abi=abi)


@pytest.mark.parametrize("wire", WIRES)
async def test_users_keep_their_contract_objects(node: Deployed, wire: str) -> None:
    """Reads, blocks and balances by web3's own objects, through the client's connection and its counters."""
    async with Client.open(node.endpoint(wire)) as client:
        web3 = client.web3()
        assert isinstance(web3, AsyncWeb3)
        assert await web3.is_connected()
        token = contract(web3, node)
        assert await token.functions.balanceOf(AsyncWeb3.to_checksum_address(node.owner)).call() == 1_000_000
        assert (await web3.eth.get_block("latest"))["number"] == await client.block_number()
        assert await web3.eth.chain_id == 31337
        assert client.stats.requests["eth_call"] == 1


async def test_a_revert_is_web3s_own_error(node: Deployed) -> None:
    """web3 sees the node's error as it came and decodes it itself."""
    async with Client.open(node.url) as client:
        token = contract(client.web3(), node)
        with pytest.raises(ContractLogicError, match="transfer from the zero address"):
            await token.functions.transfer(AsyncWeb3.to_checksum_address(node.token), 10**30).call()
        with pytest.raises((Web3RPCError, MethodUnavailable)):
            await client.web3().manager.coro_request("eth_nope", [])


async def test_web3_batches_go_through(node: Deployed) -> None:
    """web3's batch is one round trip."""
    async with Client.open(node.url) as client:
        web3 = client.web3()
        before = client.stats.round_trips
        async with web3.batch_requests() as batch:
            batch.add(web3.eth.get_balance(AsyncWeb3.to_checksum_address(node.owner)))
            batch.add(web3.eth.get_block("latest"))
            balance, block = await batch.async_execute()
        assert balance == await client.balance(node.owner)
        assert block["number"] > 0
        assert client.stats.round_trips == before + 2


async def test_without_web3_the_fix_is_named(node: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    """web3 is an extra: without it the error says what to install."""
    real = builtins.__import__

    def without_web3(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == "web3":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    async with Client.open(node.url) as client:
        monkeypatch.setattr(builtins, "__import__", without_web3)
        with pytest.raises(ConfigError, match=r"pip install 'trimtab\[web3\]'"):
            client.web3()
