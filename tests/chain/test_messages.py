"""JSON-RPC bytes and errors."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.messages import (
    decode_batch,
    decode_reply,
    encode,
    encode_batch,
    encode_request,
    result_of,
    rpc_error,
)
from trimtab.errors import ConnectionLostError, RateLimitedError, RpcError


@given(st.integers(0, 2**53), st.lists(st.one_of(st.text(), st.integers(-(2**60), 2**60), st.none())))
def test_requests_are_json_rpc(number: int, params: list[object]) -> None:
    """What is sent parses to a JSON-RPC 2.0 request with the same id and parameters."""
    sent = json.loads(encode_request(number, "eth_call", encode(params)))
    assert sent == {"jsonrpc": "2.0", "id": number, "method": "eth_call", "params": params}


@given(st.integers(1, 20), st.randoms())
def test_batches_come_back_in_order(count: int, random: object) -> None:
    """However the node orders its replies, they are given in the order of the requests."""
    sent = json.loads(encode_batch(7, [("m", b"[]")] * count))
    replies = [{"jsonrpc": "2.0", "id": request["id"], "result": request["id"]} for request in sent]
    random.shuffle(replies)  # type: ignore[attr-defined]
    ordered = decode_batch(json.dumps(replies).encode(), 7, count, "node")
    assert [int(bytes(reply.result)) for reply in ordered] == list(range(7, 7 + count))


def test_a_missing_reply_of_a_batch_is_an_error() -> None:
    """A node that drops one reply does not shift the others."""
    with pytest.raises(ConnectionLostError, match="1 of 2"):
        decode_batch(b'[{"id":1,"result":1}]', 1, 2, "node")


def test_a_lone_error_answers_the_whole_batch() -> None:
    """A node that refuses the batch as a whole refused every request of it."""
    replies = decode_batch(b'{"id":null,"error":{"code":-32600,"message":"batch too large"}}', 1, 3, "node")
    assert len(replies) == 3
    with pytest.raises(RpcError, match="batch too large"):
        result_of(replies[2], "eth_call", "node")


@pytest.mark.parametrize("payload", [b"<html>502</html>", b"", b"[", b'{"id":', b"\xff\xfe", b'"text"'])
def test_what_is_not_json_rpc_is_a_lost_answer(payload: bytes) -> None:
    """A proxy's page or half a message is no answer: retryable for a read, unknown for a write."""
    with pytest.raises(ConnectionLostError, match="not JSON-RPC"):
        decode_reply(payload, "node")


def test_null_is_a_result_and_nothing_is_not() -> None:
    """A null result is an answer, but not where there is always a value; a reply without both is none."""
    with pytest.raises(ConnectionLostError, match="eth_getBalance with null"):
        result_of(decode_reply(b'{"id":1,"result":null}', "n"), "eth_getBalance", "n")
    assert bytes(result_of(decode_reply(b'{"id":1,"result":null}', "n"), "m", "n")) == b"null"
    both = b'{"id":1,"result":"0x1","error":null}'
    assert bytes(result_of(decode_reply(both, "n"), "m", "n")) == b'"0x1"'
    with pytest.raises(ConnectionLostError, match="without a result"):
        result_of(decode_reply(b'{"id":1}', "n"), "m", "n")


@pytest.mark.parametrize(
    ("error", "retry_after"),
    [
        ({"code": 429, "message": "slow"}, None),
        ({"code": -32005, "message": "daily request count exceeded, request rate limited"}, None),
        ({"code": -32005, "message": "x", "data": {"rate": {"backoff_seconds": 30}}}, 30.0),
        ({"code": -32000, "message": "Too Many Requests"}, None),
        ({"code": 1, "message": "exceeded its compute units per second capacity"}, None),
    ],
)
def test_slow_down_is_heard_in_every_dialect(error: dict[str, object], retry_after: float | None) -> None:
    """Providers say it by code or by words, some with the seconds to wait."""
    found = rpc_error(json.dumps(error).encode(), "m", "node")
    assert isinstance(found, RateLimitedError)
    assert found.retry_after == retry_after
    assert found.endpoint == "node"


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        ({"code": -32005, "message": "query returned more than 10000 results"}, -32005, "query returned"),
        (
            {"code": -32005, "message": "Transaction gas limit exceeds block gas limit"},
            -32005,
            "Transaction gas",
        ),
        ({"code": -32005, "message": "conditional cost, 2000, exceeded max: 1000"}, -32005, "conditional"),
        ({"code": 3, "message": "execution reverted: rate limit", "data": "0x"}, 3, "execution reverted"),
        ({"code": "x", "message": "odd"}, -32603, "odd"),
        ("just text", -32603, "just text"),
        ({}, -32603, ""),
    ],
)
def test_other_errors_are_answers(error: object, code: int, text: str) -> None:
    """A refusal keeps code, words and data, also from nodes that bend the standard."""
    found = rpc_error(json.dumps(error).encode(), "eth_call", "node")
    assert isinstance(found, RpcError)
    assert (found.code, found.method) == (code, "eth_call")
    assert found.text.startswith(text)
