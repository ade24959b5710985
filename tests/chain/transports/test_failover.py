"""Several nodes as one: reads move on, writes are sent once, whatever happens."""

from __future__ import annotations

import asyncio
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
from trimtab.chain.transports.failover import READ_METHODS
from trimtab.errors import (
    ConnectionLostError,
    RateLimitedError,
    RpcError,
    RpcTimeoutError,
    TransportError,
    WrongChainError,
)
from trimtab.net import BackoffPolicy, BreakerPolicy, BreakerState

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
