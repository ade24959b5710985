"""Several nodes as one: reads move on, writes are sent once, whatever happens."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from tests.chain.conftest import ScriptedNode, refusal, result, scripted_node

from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.chain.transports.failover import READ_METHODS, Failover
from trimtab.errors import (
    ConnectionLostError,
    RateLimitedError,
    RpcError,
    RpcTimeoutError,
    TransportError,
    WrongChainError,
)
from trimtab.net import BackoffPolicy, BreakerPolicy, BreakerState, Lane

OPTIONS = ClientOptions(
    timeout=6.0, attempt_timeout=0.6, backoff=BackoffPolicy(base=0.01, cap=0.05),
    breaker=BreakerPolicy(threshold=3, cooldown=0.6),
)  # fmt: skip

WRITES = [
    "eth_sendRawTransaction", "eth_sendRawTransactionSync", "eth_sendRawTransactionConditional",
    "eth_sendTransaction", "eth_sendBundle", "eth_sendPrivateTransaction", "mev_sendBundle", "evm_mine",
    "anvil_setBalance", "personal_sign", "something_unheard_of",
]  # fmt: skip


@pytest.fixture
async def three() -> AsyncIterator[list[ScriptedNode]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(scripted_node()) for _ in range(3)]


def status(code: int, **headers: str) -> Any:
    return lambda _: web.Response(status=code, headers=headers)


async def stall(request: Any) -> web.Response:
    await asyncio.sleep(60)
    return result(request, "0x1")


def cut(request: Any) -> web.Response:
    raise ConnectionResetError


QUICK_FAILURES = [status(500), status(200), lambda r: refusal(r, 429, "slow down")]
FAILURES = [*QUICK_FAILURES, stall]


@pytest.mark.parametrize(
    ("method", "failure", "timeout"),
    [(method, failure, 10.0) for method in WRITES for failure in QUICK_FAILURES]
    + [(method, stall, 1.0) for method in (WRITES[0], WRITES[-1])],
)
async def test_a_write_is_never_sent_twice(
    three: list[ScriptedNode], method: str, failure: Any, timeout: float
) -> None:
    """However it fails, with two other nodes free, the bytes went to one node, once."""
    options = ClientOptions(timeout=timeout, backoff=BackoffPolicy(base=0.001))
    async with Client.open([node.url for node in three], options) as client:
        for node in three:
            node.requests.clear()
            node.answer = lambda r: result(r, "0x1") if r["method"] == "eth_chainId" else failure(r)
        with pytest.raises(TransportError):
            await client.request(method, ["0x02"])
        sent = [name for node in three for name in node.methods if name != "eth_chainId"]
        assert sent == [method]


async def test_a_batch_with_a_write_is_never_sent_twice(scripted: ScriptedNode) -> None:
    """One write among reads makes the whole batch a write."""
    async with Client.open(scripted.url, OPTIONS) as client:
        scripted.requests.clear()
        scripted.answer = status(500)
        with pytest.raises(ConnectionLostError):
            await client.batch([("eth_blockNumber", []), ("eth_sendRawTransaction", ["0x"])])
        assert len(scripted.requests) == 2


def test_no_method_that_changes_anything_counts_as_a_read() -> None:
    """The list of what may be repeated holds no sending, signing, mining or setting."""
    changing = ("send", "sign", "mine", "set", "submit", "new", "uninstall", "revert", "import", "subscribe")
    assert [m for m in READ_METHODS if any(w in m.split("_", 1)[1].lower() for w in changing)] == []


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_read_moves_on_to_another_node(three: list[ScriptedNode], failure: Any) -> None:
    """One failing node costs no more than its attempt; the answer comes from the next."""
    async with Client.open([node.url for node in three], OPTIONS) as client:
        three[0].answer = failure
        start = time.monotonic()
        assert await client.block_number() == 1
        assert time.monotonic() - start < OPTIONS.timeout
        assert client.stats.retries <= 1


async def test_after_failing_often_a_node_rests_and_is_tried_again(three: list[ScriptedNode]) -> None:
    """The breaker keeps reads away from a dead node, and lets one probe find out that it is back."""
    async with Client.open([node.url for node in three[:2]], OPTIONS) as client:
        first, second = client.endpoints
        second.latency = 10.0  # the first is preferred as long as it works
        three[0].answer = status(503)
        for _ in range(4):
            second.latency = 10.0
            await client.block_number()
        assert not first.breaker.allows()
        asked = len(three[0].requests)
        await client.block_number()
        assert len(three[0].requests) == asked
        three[0].answer = lambda r: result(r, "0x9")
        await asyncio.sleep(0.65)
        second.latency = 10.0
        assert await client.block_number() == 9
        assert first.breaker.state is BreakerState.CLOSED


async def test_all_nodes_down_is_one_clear_error_inside_the_deadline(three: list[ScriptedNode]) -> None:
    """The last typed error is raised once the tries or the time are spent."""
    async with Client.open([node.url for node in three], OPTIONS) as client:
        for node in three:
            node.answer = status(503)
        start = time.monotonic()
        with pytest.raises(ConnectionLostError):
            await client.block_number()
        assert time.monotonic() - start < OPTIONS.timeout + 1


async def test_all_nodes_slow_is_a_timeout_inside_the_deadline(three: list[ScriptedNode]) -> None:
    """Attempts are shorter than the whole, so that every node gets its chance in time."""
    options = replace(OPTIONS, timeout=2.5)
    async with Client.open([node.url for node in three], options) as client:
        for node in three:
            node.answer = stall
            node.requests.clear()
        start = time.monotonic()
        with pytest.raises(RpcTimeoutError):
            await client.block_number()
        assert time.monotonic() - start < options.timeout + 1
        assert all(node.requests for node in three)


async def test_retry_after_beyond_the_deadline_is_raised_at_once(scripted: ScriptedNode) -> None:
    """Waiting longer than the caller would is no use; the error says how long."""
    async with Client.open(scripted.url, OPTIONS) as client:
        scripted.answer = status(429, **{"Retry-After": "60"})
        start = time.monotonic()
        with pytest.raises(RateLimitedError) as caught:
            await client.block_number()
        assert time.monotonic() - start < OPTIONS.timeout
        assert caught.value.retry_after == 60.0


async def test_retry_after_within_the_deadline_is_kept(scripted: ScriptedNode) -> None:
    """The next try comes no earlier than the server asked."""
    async with Client.open(scripted.url, OPTIONS) as client:
        times: list[float] = []

        def once_limited(request: Any) -> web.Response:
            times.append(time.monotonic())
            if len(times) == 1:
                return web.Response(status=429, headers={"Retry-After": "0.2"})
            return result(request, "0x5")

        scripted.answer = once_limited
        assert await client.block_number() == 5
        assert times[1] - times[0] >= 0.19


async def test_a_refusal_is_an_answer(three: list[ScriptedNode]) -> None:
    """What the node says no to is not asked again elsewhere."""
    async with Client.open([node.url for node in three], OPTIONS) as client:
        for node in three:
            node.answer = lambda r: refusal(r, -32602, "invalid params")
            node.requests.clear()
        with pytest.raises(RpcError, match="invalid params"):
            await client.request("eth_getBalance", ["0x"])
        assert sum(len(node.requests) for node in three) <= 2  # one may have its chain id to check first


async def test_a_node_that_lags_behind_is_passed_over(three: list[ScriptedNode]) -> None:
    """ "header not found" from one node is asked of the next; from the last it is raised."""
    async with Client.open([node.url for node in three[:2]], OPTIONS) as client:
        three[0].answer = lambda r: refusal(r, -32000, "header not found")
        client.endpoints[1].latency = 10.0
        assert await client.balance(client_address()) == 1
        three[1].answer = three[0].answer
        with pytest.raises(RpcError, match="header not found"):
            await client.balance(client_address())


def client_address() -> Any:
    return "0x" + "11" * 20


async def test_a_node_of_another_chain_among_several_is_refused(three: list[ScriptedNode]) -> None:
    """Each endpoint proves its chain before it is used for the first time."""
    three[1].answer = lambda r: result(r, "0x2")
    async with Client.open([three[0].url, three[1].url], OPTIONS) as client:
        three[0].answer = status(503)
        with pytest.raises(WrongChainError, match="serves chain 2, expected 1"):
            await client.block_number()


async def test_a_broadcast_does_not_go_to_another_chain(three: list[ScriptedNode]) -> None:
    """With no chain id configured the first node's holds for all: one of another chain gets no bytes."""
    three[1].answer = lambda r: result(r, "0x2")
    async with Client.open([three[0].url, three[1].url]) as client:
        assert await client.endpoints[0].request("eth_sendRawTransaction", ["0x02"]) == "0x1"
        with pytest.raises(WrongChainError):
            await client.endpoints[1].request("eth_sendRawTransaction", ["0x02"])
        assert three[1].methods == ["eth_chainId"]
        assert three[0].methods == ["eth_chainId", "eth_sendRawTransaction"]


async def test_a_single_node_is_never_given_up(scripted: ScriptedNode) -> None:
    """With one endpoint the breaker keeps nobody away: the first read after its return is answered."""
    async with Client.open(scripted.url, OPTIONS) as client:
        scripted.answer = status(503)
        for _ in range(3):
            with pytest.raises(ConnectionLostError):
                await client.block_number()
        assert not client.endpoints[0].breaker.allows()
        scripted.answer = lambda r: result(r, "0x9")
        assert await client.block_number() == 9


async def test_a_node_that_asked_for_time_is_left_alone(three: list[ScriptedNode]) -> None:
    """While one node rests on its Retry-After, reads go to the others, also when those fail at times."""
    async with Client.open([node.url for node in three[:2]], OPTIONS) as client:
        client.endpoints[1].latency = 10.0
        three[0].answer = status(429, **{"Retry-After": "1"})
        await client.block_number()
        asked = len(three[0].requests)
        answers = iter([status(503), status(503)])
        three[1].answer = lambda r: next(answers, lambda r: result(r, "0x7"))(r)
        assert await client.block_number() == 7
        assert len(three[0].requests) == asked


async def test_alone_a_node_is_waited_for_as_long_as_it_asked(scripted: ScriptedNode) -> None:
    """Other reads do not knock before the time that one was told; whoever has less is told at once."""
    async with Client.open(scripted.url, replace(OPTIONS, timeout=20.0)) as client:
        scripted.answer = status(429, **{"Retry-After": "1"})
        first = asyncio.create_task(client.block_number())
        async with asyncio.timeout(30):
            while not client.endpoints[0].is_resting:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        asked, start = len(scripted.requests), time.monotonic()
        scripted.answer = lambda r: result(r, "0x7")
        hurried = Failover(client.endpoints, replace(OPTIONS, timeout=0.3), client.stats)
        with pytest.raises(RateLimitedError, match="may be asked again in"):
            await hurried.send("eth_blockNumber", b"[]")
        assert len(scripted.requests) == asked
        assert (await first, await client.block_number()) == (7, 7)
        assert time.monotonic() - start > 0.5


async def test_one_of_several_on_another_chain_is_passed_by(three: list[ScriptedNode]) -> None:
    """Reads go to the right ones; the stray is asked for its chain again after a while, and comes back."""
    three[0].answer = lambda r: result(r, "0x2")
    options = replace(OPTIONS, chain_id=1, breaker=BreakerPolicy(threshold=3, cooldown=0.2, cap=0.4))
    async with Client.open([node.url for node in three[:2]], options) as client:
        assert client.chain_id == 1
        asked = len(three[0].requests)
        assert await client.block_number() == 1
        assert len(three[0].requests) == asked
        three[0].answer = lambda r: result(r, "0x1" if r["method"] == "eth_chainId" else "0x9")
        async with asyncio.timeout(30):
            client.endpoints[1].latency = 1e9
            while await client.block_number() != 9:  # noqa: ASYNC110 - it is the read that heals it
                await asyncio.sleep(0.05)


async def test_a_batch_that_is_refused_as_a_whole_is_asked_one_by_one(scripted: ScriptedNode) -> None:
    """A node without batches still serves reads; a batch with a write in it is sent once all the same."""
    async with Client.open(scripted.url, OPTIONS) as client:

        def alone(r: Any) -> web.Response:
            if isinstance(r, list):
                return web.json_response({"id": None, "error": {"code": -32600, "message": "no batches"}})
            return refusal(r, 3, "execution reverted") if r["method"] == "eth_call" else result(r, "0x5")

        scripted.answer = alone
        first, second, third = await client.batch(
            [("eth_blockNumber", []), ("eth_call", [{}]), ("eth_gasPrice", [])]
        )
        assert (first, third) == ("0x5", "0x5")
        assert isinstance(second, RpcError)
        scripted.requests.clear()
        ends = await client.batch([("eth_blockNumber", []), ("eth_sendRawTransaction", ["0x"])])
        assert all(isinstance(end, RpcError) for end in ends)
        assert len(scripted.requests) == 2


async def test_the_lane_decides_also_for_batches(scripted: ScriptedNode) -> None:
    """Where the rate is limited an urgent batch passes reads of the other lanes that wait already."""
    options = replace(OPTIONS, requests_per_second=20.0, burst=2.0, timeout=30.0)
    async with Client.open(scripted.url, options) as client:

        def answer(r: Any) -> web.Response:
            if isinstance(r, list):
                return web.json_response([{"id": item["id"], "result": "0x1"} for item in r])
            return result(r, "0x1")

        scripted.answer = answer
        await client.batch([("eth_gasPrice", [])] * 4)  # nothing is left in the bucket
        scripted.requests.clear()
        slow, urgent = client.in_lane(Lane.BACKGROUND), client.in_lane(Lane.URGENT)
        async with asyncio.TaskGroup() as group:
            group.create_task(slow.batch([("eth_getCode", []), ("eth_getCode", [])]))
            group.create_task(slow.request("eth_getProof"))
            group.create_task(client.request("eth_gasPrice"))
            group.create_task(urgent.batch([("eth_getBalance", []), ("eth_getBalance", [])]))
            group.create_task(client.batch([("eth_blockNumber", []), ("anvil_setBalance", [])]))
        order = [method.split("_")[1] for method in dict.fromkeys(scripted.methods)]
        assert order == ["getBalance", "blockNumber", "setBalance", "gasPrice", "getCode", "getProof"]


@pytest.mark.parametrize("method", ["eth_getBalance", "eth_blockNumber", "eth_getLogs"])
async def test_null_for_what_always_has_a_value_moves_on(three: list[ScriptedNode], method: str) -> None:
    """A node that answers a balance with null is not well: the next one is asked."""
    async with Client.open([node.url for node in three[:2]], OPTIONS) as client:
        client.endpoints[1].latency = 10.0
        three[0].answer = lambda r: result(r, None)
        assert await client.request(method) == "0x1"


async def test_null_for_a_send_is_no_yes(scripted: ScriptedNode) -> None:
    """It raises as a lost answer does, so that nobody takes it for accepted; it was sent once."""
    async with Client.open(scripted.url, OPTIONS) as client:
        scripted.answer = lambda r: result(r, None)
        with pytest.raises(ConnectionLostError, match="with null, which is no answer"):
            await client.request("eth_sendRawTransaction", ["0x02"])
        assert scripted.methods.count("eth_sendRawTransaction") == 1


async def test_a_closed_client_opens_nothing(scripted: ScriptedNode) -> None:
    """A read that comes too late fails, instead of leaving a session open that nobody closes."""
    async with Client.open(scripted.url, replace(OPTIONS, max_attempts=1)) as client:
        pass
    with pytest.raises(ConnectionLostError, match="is closed"):
        await client.block_number()


async def test_a_node_that_fails_often_is_asked_less_than_a_slower_good_one(
    three: list[ScriptedNode],
) -> None:
    """Failing every second time trips no breaker, and yet most reads go where they are answered."""
    async with Client.open([node.url for node in three[:2]], OPTIONS) as client:
        turns = itertools.count()

        async def slowly(request: Any) -> web.Response:
            await asyncio.sleep(0.02)
            return result(request, "0x1")

        three[0].answer = lambda r: status(503)(r) if next(turns) % 2 else result(r, "0x1")
        three[1].answer = slowly
        for node in three:
            node.requests.clear()
        for _ in range(40):
            assert await client.block_number() == 1
        assert len(three[0].requests) < 20 < len(three[1].requests)
