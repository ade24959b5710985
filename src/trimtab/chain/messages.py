"""JSON-RPC at the edge: requests to bytes, bytes to replies, error objects to typed errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.errors import ConnectionLostError, RateLimitedError, RpcError

# Codes and words by which nodes and providers say "slow down" in a JSON-RPC error.
_LIMIT_CODES = frozenset({429, -32005, -32029, -32097})
_LIMIT_WORDS = ("rate limit", "too many requests", "request limit", "compute units", "throughput")
_ANSWERS = ("result", "gas limit", "conditional cost")
# -32005 also means "more than 10000 results" (the caller splits its range), Besu's "exceeds block gas limit"
# and op-geth's "conditional cost exceeded": those are answers.


# What always has a value: null for one of these is a node that is not well, and no answer.
_VALUED = frozenset(
    [
        *("eth_accounts", "eth_blobBaseFee", "eth_blockNumber", "eth_call", "eth_chainId", "eth_feeHistory"),
        *("eth_createAccessList", "eth_estimateGas", "eth_gasPrice", "eth_getBalance", "eth_getCode"),
        *("eth_getLogs", "eth_getProof", "eth_getStorageAt", "eth_getTransactionCount"),
        *("eth_maxPriorityFeePerGas", "eth_simulateV1", "eth_subscribe", "net_version", "web3_sha3"),
        *("eth_sendRawTransaction", "eth_sendTransaction", "web3_clientVersion"),
    ]
)


class Reply(msgspec.Struct, gc=False):
    """An answer, or (with `method`) a notification. `result` and `error` stay JSON until asked for."""

    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")
    method: str = ""
    params: msgspec.Raw = msgspec.Raw(b"")


class Notification(msgspec.Struct, gc=False):
    """The `params` of eth_subscription."""

    subscription: str
    result: msgspec.Raw


encode = msgspec.json.encode
_decode_reply = msgspec.json.Decoder(Reply).decode
_decode_replies = msgspec.json.Decoder(list[Reply]).decode
decode_notification = msgspec.json.Decoder(Notification).decode


def encode_request(number: int, method: str, params: bytes) -> bytes:
    """One request; `params` is a JSON array already."""
    return b'{"jsonrpc":"2.0","id":%d,"method":"%s","params":%s}' % (number, method.encode(), params)


def encode_batch(first: int, requests: Sequence[tuple[str, bytes]]) -> bytes:
    """A batch whose ids count up from `first`."""
    return b"[" + b",".join(encode_request(first + i, m, p) for i, (m, p) in enumerate(requests)) + b"]"


def decode_reply(payload: bytes, endpoint: str) -> Reply:
    """One reply. Raises `ConnectionLostError` when the bytes are not JSON-RPC."""
    try:
        return _decode_reply(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(payload, endpoint) from error


def decode_batch(payload: bytes, first: int, count: int, endpoint: str) -> list[Reply]:
    """The replies of a batch in the order of its requests; a lone error object answers them all."""
    if payload.lstrip()[:1] == b"{":
        return [decode_reply(payload, endpoint)] * count
    return order_batch(decode_replies(payload, endpoint), first, count, endpoint)


def decode_replies(payload: bytes, endpoint: str) -> list[Reply]:
    """The replies of a batch as they came. Raises `ConnectionLostError` when they are not JSON-RPC."""
    try:
        return _decode_replies(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(payload, endpoint) from error


def order_batch(replies: Sequence[Reply], first: int, count: int, endpoint: str) -> list[Reply]:
    """Replies by id. Raises `ConnectionLostError` when one is missing."""
    by_id = {reply.id: reply for reply in replies}
    try:
        return [by_id[first + i] for i in range(count)]
    except KeyError as error:
        message = f"{endpoint} answered {len(by_id)} of {count} requests of a batch; send smaller batches"
        raise ConnectionLostError(message, endpoint=endpoint) from error


def not_json(payload: bytes, endpoint: str) -> ConnectionLostError:
    """The error for an answer that is not JSON-RPC, like a proxy's HTML page."""
    start = payload[:60].decode(errors="replace")
    return ConnectionLostError(
        f"{endpoint} answered something that is not JSON-RPC: {start!r}; check the URL", endpoint=endpoint
    )


def is_error(reply: Reply) -> bool:
    """True when the reply is an error; some nodes send `"error": null` beside a result."""
    return len(reply.error) > 0 and bytes(reply.error) != b"null"


def result_of(reply: Reply, method: str, endpoint: str) -> msgspec.Raw:
    """The result as JSON. Raises `RpcError`, or `RateLimitedError` when the node asks to slow down, or
    `ConnectionLostError` for no result and for a null where there is always a value."""
    if is_error(reply):
        raise rpc_error(reply.error, method, endpoint)
    if not reply.result:
        raise ConnectionLostError(f"{endpoint} answered {method} without a result", endpoint=endpoint)
    if method in _VALUED and bytes(reply.result) == b"null":
        message = f"{endpoint} answered {method} with null, which is no answer; is it a node?"
        raise ConnectionLostError(message, endpoint=endpoint)
    return reply.result


def rpc_error(error: bytes, method: str, endpoint: str) -> RpcError | RateLimitedError:
    """The typed error for a JSON-RPC error object, tolerant of nodes that send a bare string."""
    body: Any = msgspec.json.decode(error)
    if not isinstance(body, dict):
        body = {"message": str(body)}
    code, message, data = body.get("code"), str(body.get("message", "")), body.get("data")
    number = code if isinstance(code, int) else -32603
    words = message.lower()
    is_answer = any(word in words for word in _ANSWERS)
    limited = (number in _LIMIT_CODES and not is_answer) or any(word in words for word in _LIMIT_WORDS)
    if limited and number != 3 and "revert" not in words:
        return RateLimitedError(
            f"{endpoint} asks to slow down ({method}): {message}",
            endpoint=endpoint,
            retry_after=_retry_after(data),
        )
    text = f"{endpoint} refused {method}: {message} (code {number})"
    return RpcError(text, code=number, data=data, method=method, text=message)


def _retry_after(data: object) -> float | None:
    """Infura's `data.rate.backoff_seconds` and its kin."""
    if isinstance(data, dict):
        rate = data.get("rate")
        found = rate.get("backoff_seconds") if isinstance(rate, dict) else data.get("retry_after")
        return float(found) if isinstance(found, (int, float)) else None
    return None
