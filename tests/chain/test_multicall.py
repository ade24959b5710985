"""Many reads in one request, by each way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.chain.conftest import Deployed, ScriptedNode, refusal, result

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call, Read
from trimtab.chain.client import Client
from trimtab.chain.multicall import READER_CODE, WayClosedError, assemble, pack_calls, unpack_answers
from trimtab.chain.options import ClientOptions
from trimtab.errors import AbiError, CallRevertedError, RpcError
from trimtab.model.ids import Address

NOBODY = Address("0x" + "99" * 20)


def mixed_reads(node: Deployed) -> list[Read[Any]]:
    """Values of several types, a revert with a reason, one without data, and an address without code."""
    token = node.token_abi.function
    return [
        token("balanceOf").read(node.token, node.owner),
        token("name").read(node.token),
        node.multicall_abi.function("tryAggregate").read(node.multicall, True, [(node.multicall, b"")]),
        token("decimals").read(node.token),
        token("decimals").read(NOBODY),
        token("decimals").read(node.multicall),
        token("symbol").read(node.token),
    ]


def check_mixed(values: list[Any]) -> None:
    assert [values[i] for i in (0, 1, 3, 6)] == [1_000_000, "USD Coin", 6, "USDC"]
    reasons = [values[i].reason for i in (2, 4, 5)]
    assert reasons == ["Multicall2 aggregate: call failed", "no contract", "reverted without data"]


@pytest.mark.node
@pytest.mark.parametrize("wire", ["http", "ws", "ipc"])
async def test_500_reads_are_one_request(node: Deployed, wire: str) -> None:
    """By the override, nothing needs to be deployed, and one eth_call answers all."""
    read = node.token_abi.function("balanceOf").read
    accounts = [Address(f"0x{n:040x}") for n in range(499)]
    async with Client.open(node.endpoint(wire)) as client:
        values = await client.read_many([read(node.token, a) for a in [node.owner, *accounts]])
        assert values == [1_000_000] + [0] * 499
        assert client.stats.requests == {"eth_chainId": 1, "eth_call": 1}
        assert await client.read_many([]) == []
        assert client.stats.round_trips == 2


@pytest.mark.node
@pytest.mark.parametrize("way", ["override", "deployed", "batch"])
async def test_each_way_isolates_failures(node: Deployed, way: str) -> None:
    """A revert is a value in its place and the neighbours are not touched, whichever way is used."""
    async with Client.open(node.url, ClientOptions(multicall=node.multicall)) as client:
        client.aggregator.use(way)
        check_mixed(await client.read_many(mixed_reads(node)))
        assert client.aggregator.way == way


@pytest.mark.node
async def test_reads_of_one_call_see_one_block(node: Deployed) -> None:
    """The block parameter holds for every read."""
    async with Client.open(node.url) as client:
        read = node.token_abi.function("balanceOf").read(node.token, node.owner)
        assert await client.read_many([read, read], block="latest") == [1_000_000] * 2
        early = await client.read_many([read, read], block=1)
        assert early == [0, 0]


@pytest.mark.node
async def test_a_neighbour_that_burns_all_gas_spoils_nothing(node: Deployed) -> None:
    """INVALID burns nearly all gas of the call; what failed without data is asked again, alone."""
    burner = Abi.parse([{"type": "function", "name": "f", "inputs": [], "outputs": [{"type": "uint256"}]}])
    # A contract whose code is INVALID: init code that returns 0xfe.
    async with Client.open(node.url) as client:
        receipt = await client.request(
            "eth_sendTransactionSync", [{"from": node.owner, "data": "0x60fe60005360016000f3"}]
        )
        bad = burner.function("f").read(Address(receipt["contractAddress"]))
        good = node.token_abi.function("decimals").read(node.token)
        values = await client.read_many([bad, good, bad, good])
        assert [values[1], values[3]] == [6, 6]
        assert isinstance(values[0], CallRevertedError)
        assert isinstance(values[2], CallRevertedError)


@pytest.mark.node
async def test_large_lists_are_cut(node: Deployed) -> None:
    """More reads than one request may hold go in several, in order."""
    read = node.token_abi.function("balanceOf").read
    async with Client.open(node.url, ClientOptions(multicall_size=3)) as client:
        accounts = [NOBODY, NOBODY, NOBODY, node.owner, NOBODY]
        assert await client.read_many([read(node.token, a) for a in accounts]) == [0, 0, 0, 1_000_000, 0]
        assert client.stats.requests["eth_call"] == 2


@pytest.mark.node
async def test_values_that_do_not_decode_raise(node: Deployed) -> None:
    """Data that does not fit the ABI is our mistake, not a revert: it is not hidden in the list."""
    wrong = Abi.parse([{"type": "function", "name": "name", "inputs": [], "outputs": [{"type": "bool"}]}])
    async with Client.open(node.url) as client:
        with pytest.raises(AbiError, match="name"):
            await client.read_many([wrong.function("name").read(node.token)])


@pytest.mark.node
async def test_reads_with_value_go_by_batch(node: Deployed) -> None:
    """Value needs a transaction object of its own: it reaches the contract, which is not payable."""
    plain = node.token_abi.function("symbol").read(node.token)
    paying = Read(Call(plain.call.target, plain.call.data, value=1), plain.decode, plain.name)
    async with Client.open(node.url) as client:
        symbol, refused = await client.read_many([plain, paying])
        assert symbol == "USDC"
        assert isinstance(refused, CallRevertedError)


def reply_by(way: str) -> Any:
    """A node that takes only this way: it ignores or refuses overrides, and may have a Multicall."""

    def answer(request: Any) -> Any:
        from aiohttp import web

        if isinstance(request, list):
            word = "0x" + (6).to_bytes(32, "big").hex()
            return web.json_response([{"id": r["id"], "result": word} for r in request])
        if request["method"] != "eth_call":
            return result(request, "0x5")
        if len(request["params"]) == 3:
            return (
                result(request, "0x") if way == "ignored" else refusal(request, -32602, "too many arguments")
            )
        return result(request, "0x")

    return answer


@pytest.mark.parametrize("way", ["ignored", "refused"])
async def test_the_way_is_found_once_and_remembered(scripted: ScriptedNode, way: str) -> None:
    """No override, no Multicall: JSON-RPC batch, and the next call does not ask again."""
    scripted.answer = reply_by(way)
    read = Read(Call(NOBODY, b"\x01"), lambda data: int.from_bytes(data, "big"), "six")
    async with Client.open(scripted.url) as client:
        assert await client.read_many([read, read]) == [6, 6]
        assert client.aggregator.way == "batch"
        asked = len(scripted.requests)
        assert await client.read_many([read, read]) == [6, 6]
        assert scripted.methods[asked:] == ["eth_blockNumber", "eth_call", "eth_call"]  # the block is pinned


@pytest.mark.node
async def test_an_answer_that_is_too_much_is_asked_in_halves(node: Deployed) -> None:
    """When a node's gas cap stops the whole call, halves are asked until they pass."""
    from aiohttp import ClientSession
    from tests.chain.conftest import scripted_node

    read = node.token_abi.function("balanceOf").read(node.token, node.owner)
    async with scripted_node() as proxy, ClientSession() as session:

        async def forward(request: Any) -> Any:
            from aiohttp import web

            if request["method"] == "eth_call" and len(request["params"][0]["data"]) > 2 + 2 * 60 * 3:
                return refusal(request, -32000, "out of gas: gas required exceeds: 50000000")
            async with session.post(node.url, json=request) as response:
                return web.json_response(await response.json())

        proxy.answer = forward
        async with Client.open(proxy.url) as client:
            assert await client.read_many([read] * 10) == [1_000_000] * 10
            assert client.aggregator.way == "override"


targets = st.binary(min_size=20, max_size=20).map(lambda raw: Address("0x" + raw.hex()))
calls = st.lists(st.builds(Call, targets, st.binary(max_size=99)), max_size=6)
answer_lists = st.lists(st.tuples(st.booleans(), st.binary(max_size=70)), max_size=6)


@given(calls)
def test_packing_loses_nothing(many: list[Call]) -> None:
    """Target, size and data of each call stand one after the other."""
    packed = pack_calls(many)
    at = 0
    for call in many:
        assert "0x" + packed[at : at + 20].hex() == call.target
        size = int.from_bytes(packed[at + 20 : at + 24], "big")
        assert packed[at + 24 : at + 24 + size] == call.data
        at += 24 + size
    assert at == len(packed)


@given(answer_lists, st.binary(min_size=1, max_size=9))
def test_answers_are_taken_only_whole(answers: list[tuple[bool, bytes]], tail: bytes) -> None:
    """What the code returned is read back; a byte more or less means that it was not the code."""
    data = b"".join(bytes([ok]) + len(d).to_bytes(4, "big") + d for ok, d in answers)
    assert unpack_answers(data, len(answers)) == answers
    with pytest.raises(WayClosedError):
        unpack_answers(data + tail, len(answers))
    if data:
        with pytest.raises(WayClosedError):
            unpack_answers(data[:-1], len(answers))


def test_the_assembler_knows_labels_and_constants() -> None:
    """Labels become JUMPDESTs, jumps their places, constants pushes of their size."""
    assert assemble("a: 0x01ff @a JUMP # comment\nDUP3 SWAP2").hex() == "5b6101ff6000568291"
    assert len(READER_CODE) < 110


@pytest.mark.node
async def test_one_failed_block_does_not_cost_the_way(node: Deployed) -> None:
    """A block that the node does not have is an error, and the next call still goes by the override."""
    read = node.token_abi.function("decimals").read(node.token)
    async with Client.open(node.url) as client:
        for _ in range(2):
            with pytest.raises(RpcError):
                await client.read_many([read], block=10**9)
        assert await client.read_many([read]) == [6]
        assert client.aggregator.way == "override"


async def test_a_rate_limited_part_of_a_batch_is_asked_again(scripted: ScriptedNode) -> None:
    """One request of a batch was refused for speed: the batch of reads is repeated, not given half."""
    from aiohttp import web

    rounds = 0

    def answer(request: Any) -> Any:
        nonlocal rounds
        if not isinstance(request, list):
            return result(request, "0x1")
        rounds += 1
        limited = {"error": {"code": 429, "message": "slow down"}} if rounds == 1 else {"result": "0x06"}
        return web.json_response(
            [{"id": r["id"], **(limited if r is request[-1] else {"result": "0x06"})} for r in request]
        )

    scripted.answer = answer
    async with Client.open(scripted.url) as client:
        client.aggregator.use("batch")
        read = Read(Call(NOBODY, b"\x01"), lambda data: int.from_bytes(data, "big"), "six")
        assert await client.read_many([read, read]) == [6, 6]
        assert rounds == 2


@pytest.mark.node
async def test_a_bad_address_is_named_not_sent(node: Deployed) -> None:
    """A malformed target is our mistake: it is said before anything is asked."""
    async with Client.open(node.url) as client:
        with pytest.raises(AbiError, match="is not an address"):
            await client.read_many([Read(Call(Address("0x12"), b""), len, "bad")])
        assert client.stats.requests == {"eth_chainId": 1}
