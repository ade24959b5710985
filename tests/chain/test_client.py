"""The client on a real node, over every wire."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest
from tests.chain.conftest import Deployed, ScriptedNode, refusal, result, send

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.errors import (
    AbiError,
    CallRevertedError,
    ConfigError,
    ConnectionLostError,
    RpcError,
    RpcTimeoutError,
    TransportError,
    WrongChainError,
)
from trimtab.model.ids import Address
from trimtab.net import BackoffPolicy

WIRES = ("http", "ws", "ipc")
NOBODY = Address("0x" + "99" * 20)
QUICK = ClientOptions(timeout=0.8, backoff=BackoffPolicy(base=0.01))

pytestmark = pytest.mark.node


@pytest.mark.parametrize("wire", WIRES)
async def test_one_request_per_read(node: Deployed, wire: str) -> None:
    """Chain id once at the start; then each typed read, nonce, balance, code, block: exactly one request."""
    async with Client.open(node.endpoint(wire)) as client:
        assert client.stats.requests == Counter(eth_chainId=1)
        assert client.chain_id == 31337
        read = node.token_abi.function("balanceOf").read(node.token, node.owner)
        assert await client.call(read) == 1_000_000
        assert await client.call(node.token_abi.function("name").read(node.token)) == "USD Coin"
        assert await client.balance(node.owner) > 10**21
        assert await client.nonce(node.owner) == await client.nonce(node.owner, "pending")
        assert len(await client.code(node.token)) > 1000
        assert await client.code(NOBODY) == b""
        latest = await client.block()
        assert latest == await client.block(latest.number) == await client.block(latest.hash)
        assert await client.block_number() == latest.number
        assert client.stats.requests == Counter(
            eth_chainId=1, eth_call=2, eth_getBalance=1, eth_getTransactionCount=2, eth_getCode=2,
            eth_getBlockByNumber=2, eth_getBlockByHash=1, eth_blockNumber=1,
        )  # fmt: skip
        assert client.stats.round_trips == client.stats.requests.total()
        assert client.stats.retries == client.stats.failures == 0


@pytest.mark.parametrize("wire", WIRES)
async def test_many_in_flight_find_their_own_answers(node: Deployed, wire: str) -> None:
    """200 different calls at once over one client: each gets its own value."""
    accounts = [Address(f"0x{n:040x}") for n in range(1, 201)]
    overrides = {a: {"balance": hex(1000 + i)} for i, a in enumerate(accounts)}
    # BALANCE of the address in calldata: PUSH1 0 CALLDATALOAD BALANCE PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN
    code = {NOBODY: {"code": "0x6000353160005260206000f3"}}
    async with Client.open(node.endpoint(wire)) as client:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(
                    client.call_raw(
                        Call(NOBODY, bytes(12) + bytes.fromhex(account[2:])), overrides={**overrides, **code}
                    )
                )
                for account in accounts
            ]
        assert [int.from_bytes(t.result(), "big") for t in tasks] == [1000 + i for i in range(200)]


@pytest.mark.parametrize("wire", WIRES)
async def test_batches_return_errors_in_place(node: Deployed, wire: str) -> None:
    """One round trip; what the node refused is an RpcError value among the results."""
    async with Client.open(node.endpoint(wire)) as client:
        before = client.stats.round_trips
        good, bad, also = await client.batch([("eth_chainId", []), ("eth_nope", []), ("eth_chainId", [])])
        assert (good, also) == ("0x7a69", "0x7a69")
        assert isinstance(bad, RpcError)
        assert bad.code in (-32601, -32602)  # anvil says it differently over a stream
        assert client.stats.round_trips == before + 1
        assert await client.batch([]) == []


async def test_a_revert_is_decoded(node: Deployed) -> None:
    """A read that reverts raises with the contract's own words, the address and the name of the read."""
    async with Client.open(node.url) as client:
        transfer = node.token_abi.function("transfer").read(node.token, NOBODY, 10**30)
        with pytest.raises(CallRevertedError, match=r"transfer\(address,uint256\) at 0x.* exceeds") as caught:
            await client.call(transfer, sender=node.owner)
        assert caught.value.reason == "ERC20: transfer amount exceeds balance"
        assert caught.value.data[:4].hex() == "08c379a0"


async def test_custom_errors_of_the_options_are_named(node: Deployed) -> None:
    """A custom error is looked up in the ABIs that the options give."""
    abi = Abi.parse([{"type": "error", "name": "TooSmall", "inputs": [{"type": "uint256", "name": "size"}]}])
    data = abi.error("TooSmall").encode(7)
    # PUSH32 word PUSH1 0 MSTORE PUSH32 word PUSH1 32 MSTORE PUSH1 36 PUSH1 0 REVERT
    words = data.ljust(64, b"\0")
    code = "7f" + words[:32].hex() + "600052" + "7f" + words[32:].hex() + "602052" + "60246000fd"
    async with Client.open(node.url, ClientOptions(error_abis=(abi,))) as client:
        with pytest.raises(CallRevertedError, match=r"TooSmall\(size=7\)") as caught:
            await client.call_raw(Call(NOBODY, b""), overrides={NOBODY: {"code": "0x" + code}})
        assert (caught.value.reason, caught.value.args_by_name) == ("TooSmall", {"size": 7})


async def test_no_code_at_the_address_is_said(node: Deployed) -> None:
    """A read of an empty address asks whether there is a contract at all."""
    async with Client.open(node.url) as client:
        with pytest.raises(AbiError, match="is there a contract at that address"):
            await client.call(node.token_abi.function("decimals").read(NOBODY))


async def test_another_chain_is_refused(node: Deployed) -> None:
    """The chain id is checked before anything else is asked."""
    with pytest.raises(WrongChainError, match="serves chain 31337, expected 10") as caught:
        async with Client.open(node.url, ClientOptions(chain_id=10)):
            pass
    assert (caught.value.expected, caught.value.actual) == (10, 31337)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "ws://127.0.0.1:1", "nowhere/node.ipc"])
async def test_a_node_that_is_down_is_said_inside_the_deadline(url: str) -> None:
    """Connection refused on every wire is ConnectionLostError with the question whether the node is up."""
    start = time.monotonic()
    with pytest.raises(ConnectionLostError, match=r"(is the node up|is it up)\?"):
        async with Client.open(url, QUICK):
            pass
    assert time.monotonic() - start < 5


async def test_a_node_that_is_slow_is_said_inside_the_deadline(scripted: ScriptedNode) -> None:
    """No answer in time is RpcTimeoutError, after the options' timeout and not after all retries' sum."""
    async with Client.open(scripted.url, QUICK) as client:

        async def sleep(request: dict[str, object]) -> object:
            await asyncio.sleep(60)
            return result(request, "0x1")

        scripted.answer = sleep  # type: ignore[assignment]
        start = time.monotonic()
        with pytest.raises(RpcTimeoutError, match="did not answer within"):
            await client.block_number()
        assert 0.7 < time.monotonic() - start < 5


@pytest.mark.parametrize("url", ["ftp://host/SECRET", "", "http://", "ws://bad host/SECRET"])
async def test_a_url_that_is_none_is_refused(url: str) -> None:
    """A scheme that is not ours, or no host: an error that shows no secret."""
    with pytest.raises((ConfigError, TransportError)) as caught:
        async with Client.open(url, QUICK):
            pass
    assert "SECRET" not in str(caught.value)


async def test_no_secret_is_ever_shown(scripted: ScriptedNode) -> None:
    """A URL's path, query and user come up in no repr and no error, however it fails."""
    url = scripted.url.replace("http://", "http://user:SECRET@") + "/SECRET?key=SECRET"
    texts = []
    async with Client.open(url, QUICK) as client:
        texts += [repr(client), repr(client.endpoints), repr(client.stats)]
        for answer in (lambda r: refusal(r, -32000, "no"), lambda r: refusal(r, 429, "slow")):
            scripted.answer = answer
            with pytest.raises((RpcError, TransportError)) as caught:
                await client.block_number()
            texts += [str(caught.value), repr(caught.value), repr(vars(caught.value))]
    for down in ("http://u:SECRET@127.0.0.1:1/SECRET", "ws://u:SECRET@127.0.0.1:1/SECRET"):
        with pytest.raises(TransportError) as lost:
            async with Client.open(down, QUICK):
                pass
        texts += [str(lost.value), repr(lost.value), str(lost.value.__cause__), repr(vars(lost.value))]
    assert not [text for text in texts if "SECRET" in text]


async def test_a_receipt_is_read_and_checked(node: Deployed, scripted: ScriptedNode) -> None:
    """A mined transaction's receipt with its logs; None for an unknown hash; another's receipt is refused."""
    async with Client.open(node.url) as client:
        transfer = node.token_abi.function("transfer").encode(NOBODY, 0)
        mined = await send(client, node.owner, node.token, transfer)
        receipt = await client.receipt(mined["transactionHash"])
        assert receipt is not None
        assert receipt.status
        assert receipt.sender == node.owner
        assert receipt.to == node.token
        assert receipt.fee_wei == receipt.gas_used * receipt.effective_gas_price > 0
        event = node.token_abi.event("Transfer").decode(receipt.logs[0])
        assert event == {"from": node.owner, "to": NOBODY, "value": 0}
        assert await client.receipt("0x" + "00" * 32) is None
        scripted.answer = lambda request: (
            result(request, mined) if request["method"] != "eth_chainId" else result(request, "0x1")
        )
    async with Client.open(scripted.url) as liar:
        with pytest.raises(RpcError, match="do not trust it"):
            await liar.receipt("0x" + "ab" * 32)


async def test_a_block_that_is_not_there_is_said(node: Deployed) -> None:
    """A future block is an error by `block`, None by `find_block`."""
    async with Client.open(node.url) as client:
        assert await client.find_block(10**6) is None
        with pytest.raises(RpcError, match="has no block 1000000"):
            await client.block(10**6)


async def test_sender_value_gas_and_block_reach_the_call(node: Deployed) -> None:
    """CALLER, CALLVALUE, GAS and NUMBER are what the arguments say."""
    # CALLER 0 MSTORE, CALLVALUE 32 MSTORE, NUMBER 64 MSTORE, GAS 96 MSTORE, RETURN(0, 128)
    code = "3360005234602052436040525a60605260806000f3"
    async with Client.open(node.url) as client:
        data = await client.call_raw(
            Call(NOBODY, b"", value=5),
            sender=node.owner,
            gas=100_000,
            block=1,
            overrides={NOBODY: {"code": "0x" + code}},
        )
        caller, value, number, gas = (int.from_bytes(data[i : i + 32], "big") for i in range(0, 128, 32))
        assert caller == int(node.owner, 16)
        assert (value, number) == (5, 1)
        assert 70_000 < gas < 100_000
