"""One node as the client sees it: rates, breaker, chain id, counters."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
import pytest

from trimtab.chain.messages import Reply
from trimtab.chain.options import ClientOptions
from trimtab.chain.transports.base import Request
from trimtab.chain.transports.endpoint import Endpoint, Stats
from trimtab.errors import ConnectionLostError, RateLimitedError, RpcError, RpcTimeoutError, WrongChainError
from trimtab.net import BreakerState


class Scripted:
    """A transport that gives prepared replies or errors, in order, then 0x1."""

    name = "scripted"

    def __init__(self, *replies: Reply | Exception) -> None:
        self.replies = list(replies)

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        reply = self.replies.pop(0) if self.replies else good()
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]:
        return [await self.send(method, params, timeout) for method, params in requests]

    async def close(self) -> None:
        self.replies = []


def good(value: str = "0x1") -> Reply:
    return Reply(id=1, result=msgspec.Raw(msgspec.json.encode(value)))


def bad(code: int, message: str) -> Reply:
    return Reply(id=1, error=msgspec.Raw(msgspec.json.encode({"code": code, "message": message})))


def endpoint(*replies: Reply | Exception, options: ClientOptions | None = None) -> Endpoint:
    return Endpoint(Scripted(*replies), options or ClientOptions(), Stats())


async def test_the_breaker_counts_silence_not_refusals() -> None:
    """A node that answers "no" is alive; only unanswered requests open the breaker."""
    silent = endpoint(*[ConnectionLostError("x")] * 5)
    for _ in range(5):
        with pytest.raises(ConnectionLostError):
            await silent.send("m", b"[]", 1.0)
    assert silent.breaker.state is BreakerState.OPEN
    refusing = endpoint(*[bad(-32601, "no")] * 9, *[RateLimitedError("slow")] * 9)
    for error in [RpcError] * 9 + [RateLimitedError] * 9:
        with pytest.raises(error):
            await refusing.send("m", b"[]", 1.0)
    assert refusing.breaker.state is BreakerState.CLOSED


async def test_a_slow_node_looks_slower() -> None:
    """A time-out weighs on the latency by which nodes are chosen."""
    late = endpoint(RpcTimeoutError("x"))
    with pytest.raises(RpcTimeoutError):
        await late.send("m", b"[]", 1.0)
    assert late.latency >= 1.0
    await late.send("m", b"[]", 1.0)
    assert late.latency < 1.0


async def test_our_own_rate_holds() -> None:
    """Requests wait for the bucket, and past the deadline they fail without being sent."""
    options = ClientOptions(requests_per_second=50.0, burst=2.0)
    limited = endpoint(options=options)
    start = time.monotonic()
    for _ in range(5):
        await limited.send("m", b"[]", 1.0)
    assert time.monotonic() - start >= 0.055
    sent = limited._stats.requests["m"]
    with pytest.raises(RateLimitedError, match="our own limit"):
        await limited.send_batch([("m", b"[]")] * 2, 0.001)
    assert limited._stats.requests["m"] == sent


async def test_a_nodes_retry_after_pauses_the_endpoint() -> None:
    """After "slow down for 0.1 s" the next request waits that long by itself."""
    options = ClientOptions(requests_per_second=1000.0)
    limited = endpoint(RateLimitedError("slow", retry_after=0.1), options=options)
    with pytest.raises(RateLimitedError):
        await limited.send("m", b"[]", 1.0)
    start = time.monotonic()
    await limited.send("m", b"[]", 1.0)
    assert time.monotonic() - start >= 0.09


@pytest.mark.parametrize("answer", [b"null", b'{"unexpected":1}', b'"soon"', b"31337"])
async def test_a_chain_id_that_is_no_number_is_no_answer(answer: bytes) -> None:
    """Whatever stands before a node may answer anything: another endpoint is asked, nothing breaks."""
    odd = endpoint(Reply(id=1, result=msgspec.Raw(answer)))
    with pytest.raises(ConnectionLostError, match="is it a node"):
        await odd.check_chain(None, 1.0)
    assert odd.chain_id is None


async def test_the_chain_is_checked_before_the_first_request() -> None:
    """A broadcast through an endpoint that serves another chain sends nothing but eth_chainId."""
    other = endpoint(good("0xa"), options=ClientOptions(chain_id=1))
    with pytest.raises(WrongChainError, match="serves chain 10, expected 1"):
        await other.request("eth_sendRawTransaction", ["0x"])
    assert other._stats.requests == {"eth_chainId": 1}
    right = endpoint(good("0x1"), good("0xabc"), options=ClientOptions(chain_id=1))
    assert await right.request("eth_sendRawTransaction", ["0x"]) == "0xabc"
    assert right._stats.requests == {"eth_chainId": 1, "eth_sendRawTransaction": 1}


async def test_batches_settle_each_request() -> None:
    """Errors in place, one round trip, each method counted."""
    mixed = endpoint(good(), bad(-32601, "no"), bad(429, "slow"))
    first, second, third = await mixed.send_batch([("a", b"[]"), ("b", b"[]"), ("a", b"[]")], 1.0)
    assert bytes(first) == b'"0x1"'  # type: ignore[arg-type]
    assert isinstance(second, RpcError)
    assert isinstance(third, RateLimitedError)
    assert (mixed._stats.round_trips, mixed._stats.requests) == (1, {"a": 2, "b": 1})
    (missing,) = await endpoint(Reply(id=1)).send_batch([("a", b"[]")], 1.0)
    assert isinstance(missing, ConnectionLostError)
    assert "without a result" in str(missing)


async def test_null_in_a_batch_is_an_error_in_its_place() -> None:
    """A null balance is no answer, a null receipt is one; of sends the others keep their answers."""
    null = Reply(id=1, result=msgspec.Raw(b"null"))
    lying = endpoint(null, null, good())
    asked = [
        ("eth_getBalance", b"[]"),
        ("eth_getTransactionReceipt", b"[]"),
        ("eth_sendRawTransaction", b"[]"),
    ]
    first, second, third = await lying.send_batch(asked, 1.0)
    assert isinstance(first, ConnectionLostError)
    assert bytes(second) == b"null"  # type: ignore[arg-type]
    assert bytes(third) == b'"0x1"'  # type: ignore[arg-type]


async def test_a_node_is_left_alone_as_long_as_it_asked() -> None:
    """Retry-After is remembered by the endpoint, up to a minute."""
    now = [100.0]
    limited = Endpoint(
        Scripted(RateLimitedError("slow", retry_after=5.0), RateLimitedError("slow", retry_after=3600.0)),
        ClientOptions(), Stats(), lambda: now[0],
    )  # fmt: skip
    assert not limited.is_resting
    with pytest.raises(RateLimitedError):
        await limited.send("m", b"[]", 1.0)
    assert (limited.is_resting, limited.limited_for) == (True, 5.0)
    now[0] += 5.0
    assert not limited.is_resting
    with pytest.raises(RateLimitedError):
        await limited.send("m", b"[]", 1.0)
    assert limited.limited_for == 60.0


async def test_a_node_that_was_unwell_is_soon_as_good_as_new() -> None:
    """What was forgotten does not come back with the first good answer."""
    now = [100.0]
    scripted = Scripted(RpcTimeoutError("x"), ConnectionLostError("x"), good())
    node = Endpoint(scripted, ClientOptions(), Stats(), lambda: now[0])
    with pytest.raises(RpcTimeoutError):
        await node.send("m", b"[]", 1.0)
    with pytest.raises(ConnectionLostError):
        await node.send("m", b"[]", 1.0)
    assert node.score == pytest.approx(1.1)
    now[0] += 300.0
    await node.send("m", b"[]", 1.0)
    assert node.score < 0.01


async def test_a_slow_moment_is_forgotten() -> None:
    """The score by which nodes are chosen halves every thirty seconds without use."""
    now = [100.0]
    late = Endpoint(Scripted(RpcTimeoutError("x")), ClientOptions(), Stats(), lambda: now[0])
    with pytest.raises(RpcTimeoutError):
        await late.send("m", b"[]", 1.0)
    assert late.score == late.latency == 1.0
    now[0] += 30.0
    assert late.score == pytest.approx(0.5)
    now[0] += 300.0
    assert late.score < 0.001
