"""Log ranges that split themselves."""

from __future__ import annotations

import asyncio
import json
import random
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from tests.chain.conftest import Deployed, ScriptedNode, refusal, result, send

from trimtab.chain.client import Client
from trimtab.chain.logs import in_order, is_refusal, split_range, topic_filter
from trimtab.chain.options import ClientOptions
from trimtab.chain.receipt import Log
from trimtab.errors import ReorgError, RpcError
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.net import BackoffPolicy

TOKEN = Address("0x" + "ab" * 20)


def raw_log(block: int, index: int, block_hash: str = "") -> dict[str, Any]:
    return {
        "address": TOKEN, "topics": ["0x" + "11" * 32], "data": "0x", "blockNumber": hex(block),
        "blockHash": block_hash or f"0x{block:064x}", "transactionHash": "0x" + "cc" * 32,
        "logIndex": hex(index), "removed": False,
    }  # fmt: skip


class LogNode:
    """Holds logs and refuses queries by its rule: by results, by range, or by nothing."""

    def __init__(self, logs: list[dict[str, Any]], rule: Any) -> None:
        self.logs = logs
        self.rule = rule
        self.head = 10**6
        self.ranges: list[tuple[int, int]] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def answer(self, request: Any) -> Any:
        if isinstance(request, list):  # the last part of a range asks for the head too
            return web.json_response([json.loads((await self.answer(one)).text or "") for one in request])
        if request["method"] != "eth_getLogs":
            return result(request, hex(self.head))
        query = request["params"][0]
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0.001)
        self.in_flight -= 1
        found = [log for log in self.logs if first <= int(log["blockNumber"], 16) <= last]
        refused = self.rule(first, last, found)
        if refused:
            return refusal(request, *refused)
        self.ranges.append((first, last))
        return result(request, random.Random(first).sample(found, len(found)))


def by_results(first: int, last: int, found: list[Any]) -> Any:
    return (-32005, "query returned more than 10 results") if len(found) > 10 else None


def by_range(first: int, last: int, found: list[Any]) -> Any:
    return (-32602, "exceed maximum block range: 50") if last - first >= 50 else None


def by_suggestion(first: int, last: int, found: list[Any]) -> Any:
    """Infura's and Alchemy's manner: they say which range would do."""
    if last - first < 30:
        return None
    return (
        -32602,
        f"Log response size exceeded. this block range should work: [{hex(first)}, {hex(first + 29)}]",
    )


RULES = [by_results, by_range, by_suggestion, lambda *_: None]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(3))
async def test_no_gap_no_duplicate_in_order(scripted: ScriptedNode, rule: Any, seed: int) -> None:
    """Whatever the node refuses, all logs come once, in order, and no block is read twice or left out."""
    rng = random.Random(seed)
    blocks = [rng.randrange(0, 400) for _ in range(120)]
    logs = [raw_log(block, index) for index, block in enumerate(sorted(blocks))]
    node = LogNode(logs, rule)
    scripted.answer = node.answer
    options = ClientOptions(log_range=150, log_concurrency=3)
    async with Client.open(scripted.url, options) as client:
        got = await client.logs(TOKEN, [], 0, 399)
    assert [(log.block, log.log_index) for log in got] == [
        (int(x["blockNumber"], 16), i) for i, x in enumerate(logs)
    ]
    read = sorted(node.ranges)
    assert read[0][0] == 0
    assert read[-1][1] == 399
    assert all(b[0] == a[1] + 1 for a, b in pairwise(read))
    assert node.most_in_flight <= 3


async def test_the_range_that_works_is_remembered(scripted: ScriptedNode) -> None:
    """After one refusal the next query starts small, and grows again when all goes well."""
    node = LogNode([], by_range)
    scripted.answer = node.answer
    async with Client.open(scripted.url, ClientOptions(log_range=400)) as client:
        await client.logs(TOKEN, [], 0, 399)
        first = scripted.methods.count("eth_getLogs")
        await client.logs(TOKEN, [], 0, 399)
        assert scripted.methods.count("eth_getLogs") - first < first


async def test_a_slow_answer_splits_the_range(scripted: ScriptedNode) -> None:
    """A query that the node cannot finish in time is asked in halves."""
    node = LogNode([raw_log(block, 0) for block in range(20)], lambda *_: None)

    async def answer(request: Any) -> Any:
        params = (request[-1] if isinstance(request, list) else request)["params"]
        query = params[0] if params else {}
        if "fromBlock" in query and int(query["toBlock"], 16) - int(query["fromBlock"], 16) > 10:
            await asyncio.sleep(60)
        return await node.answer(request)

    scripted.answer = answer
    options = ClientOptions(timeout=1.0, backoff=BackoffPolicy(base=0.01))
    async with Client.open(scripted.url, options) as client:
        assert len(await client.logs(TOKEN, [], 0, 19)) == 20


async def test_one_block_that_is_refused_is_an_error(scripted: ScriptedNode) -> None:
    """There is nothing to split: the node's words are raised."""
    scripted.answer = LogNode([], lambda *_: (-32005, "query returned more than 10000 results")).answer
    async with Client.open(scripted.url) as client:
        with pytest.raises(RpcError, match="more than 10000"):
            await client.logs(TOKEN, [], 5, 5)


async def test_other_errors_are_not_split(scripted: ScriptedNode) -> None:
    """A bad query is refused once, not in a hundred parts."""
    scripted.answer = LogNode([], lambda *_: (-32602, "invalid argument 0: hex string")).answer
    async with Client.open(scripted.url) as client:
        with pytest.raises(RpcError, match="invalid argument"):
            await client.logs(TOKEN, [], 0, 1000)
        assert scripted.methods.count("eth_getLogs") == 1


async def test_a_reorg_while_reading_is_noticed(scripted: ScriptedNode) -> None:
    """Two logs of one height from two blocks never stand in one answer."""
    node = LogNode([raw_log(5, 0), raw_log(5, 1, "0x" + "ee" * 32)], lambda *_: None)
    scripted.answer = node.answer
    async with Client.open(scripted.url) as client:
        with pytest.raises(ReorgError, match="block 5 changed") as caught:
            await client.logs(TOKEN, [], 0, 9)
    assert caught.value.number == 5


@pytest.mark.node
@pytest.mark.parametrize("wire", ["http", "ws", "ipc"])
async def test_logs_of_a_genuine_token(node: Deployed, wire: str) -> None:
    """Filtered by address and topics, up to the latest block, as the contract emitted them."""
    event = node.token_abi.event("Transfer")
    you = Address("0x" + "77" * 20)
    async with Client.open(node.endpoint(wire), ClientOptions(log_range=2)) as client:
        start = await client.block_number()
        other = Address((await client.request("eth_accounts"))[1])
        await send(client, other, node.token, node.token_abi.function("mint(uint256)").encode(6))
        for value in (1, 2, 3):
            await send(client, other, node.token, node.token_abi.function("transfer").encode(you, value))
        to = bytes(12) + bytes.fromhex(you[2:])
        logs = await client.logs(node.token, [event.topic0, None, to], start + 1)
        assert [event.decode(log)["value"] for log in logs] == [1, 2, 3]
        assert logs == await client.logs([node.token, you], [[event.topic0, b"\0" * 32]], start + 2, "latest")
        assert await client.logs((), [b"\x01" * 32], 0) == []


REFUSALS = [
    (-32005, "query returned more than 10000 results"),  # geth, Infura
    (-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"),
    (-32614, "eth_getLogs is limited to a 10,000 range"),  # QuickNode
    (-32000, "exceed maximum block range: 5000"),  # BSC, Ankr
    (-32600, "block range is too wide"),
    (-32000, "query timeout exceeded"),
    (-32602, "query exceeds max block range 100000"),  # reth
    (-32000, "requested too many blocks from 0 to 100000, maximum is set to 2048"),  # Avalanche
    (-32603, "backend response too large"),  # proxyd
    (-32701, "Please specify an address in your request or, to remove restrictions: block range limit"),
]


@pytest.mark.parametrize(("code", "text"), REFUSALS, ids=[t[:30] for _, t in REFUSALS])
def test_every_provider_is_understood(code: int, text: str) -> None:
    """Each says "ask for less" in its own words."""
    assert is_refusal(RpcError(text, code=code))


@pytest.mark.parametrize(
    "text", ["invalid params", "block range extends beyond current head block", "invalid block range params"]
)
def test_what_no_smaller_range_mends_is_no_refusal(text: str) -> None:
    """These stay errors."""
    assert not is_refusal(RpcError(text, code=-32602))


@given(st.integers(0, 10**9), st.integers(1, 10**6), st.integers(0, 2**70), st.integers(0, 2**70))
def test_a_split_always_makes_two_parts(first: int, width: int, low: int, high: int) -> None:
    """Whatever a node suggests, both parts are smaller and none is empty."""
    error = RpcError(f"try [{hex(low)}, {hex(high)}]", code=-32005)
    assert first <= split_range(first, first + width, error) < first + width


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=40))
def test_what_a_node_adds_is_dropped(places: list[tuple[int, int]]) -> None:
    """Logs outside the asked range and repeated ones do not come through."""
    logs = [Log(TOKEN, (), b"", b, BlockHash(""), TxHash(""), i) for b, i in places]
    kept = [(log.block, log.log_index) for log in in_order(logs, 5, 15)]
    assert kept == sorted({(b, i) for b, i in places if 5 <= b <= 15})


def test_topics_as_bytes_text_choices_and_any() -> None:
    """All forms of a topic filter."""
    assert topic_filter([b"\x01", None, ["0x02", b"\x03"]]) == ["0x01", None, ["0x02", "0x03"]]


async def test_a_node_that_lags_behind_is_waited_for(scripted: ScriptedNode) -> None:
    """An answer from a node below the end of the range is not taken: its newest logs would be missing."""
    node = LogNode([raw_log(block, 0) for block in range(8)], lambda *_: None)
    node.head = 9
    complete, node.logs = node.logs, node.logs[:5]

    async def answer(request: Any) -> Any:
        answered = await node.answer(request)
        if len(node.ranges) == 2:  # the node catches up
            node.head, node.logs = 10, complete
        return answered

    scripted.answer = answer
    options = ClientOptions(timeout=2.0, backoff=BackoffPolicy(base=0.01))
    async with Client.open(scripted.url, options) as client:
        assert len(await client.logs(TOKEN, [], 0, 10)) == 8
        with pytest.raises(RpcError, match="head is 10, so logs up to 11 would be incomplete"):
            await client.logs(TOKEN, [], 0, 11)
