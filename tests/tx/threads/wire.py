"""A wire to a real node that bends what passes: the circumstances in which other tools failed."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from trimtab.chain.messages import Reply
from trimtab.chain.transports.http import HttpTransport
from trimtab.tx.fees import Fees

SEND = "eth_sendRawTransaction"
Bend: TypeAlias = Callable[[str, list[Any]], "Reply | Awaitable[Reply | None] | None"]
"""What is answered instead of the node; None lets the request pass. It may raise a `TransportError`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What signed bytes say."""

    nonce: int
    fees: Fees
    gas_limit: int
    value: int
    to: str
    raw: str


def read_sent(raw: str) -> Sent:
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return Sent(
        int(fields["nonce"]),
        Fees(int(fields["maxPriorityFeePerGas"]), int(fields["maxFeePerGas"])),
        int(fields["gas"]),
        int(fields["value"]),
        "0x" + bytes(fields["to"]).hex(),
        raw,
    )


class Wire:
    """Each request of a batch passes on its own, so that a bend sees it. `requests` remembers all."""

    def __init__(self, url: str, *bends: Bend, name: str = "") -> None:
        self.name = name or url
        self.bends = list(bends)
        self.requests: list[tuple[str, list[Any]]] = []
        self._inner = HttpTransport(url)

    @property
    def sent(self) -> list[Sent]:
        """Every broadcast, repetitions too, in order."""
        return [read_sent(params[0]) for method, params in self.requests if method == SEND]

    @property
    def attempts(self) -> list[Sent]:
        """Each different transaction once, in the order of its first broadcast."""
        return list({item.raw: item for item in self.sent}.values())

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        values = msgspec.json.decode(params)
        self.requests.append((method, values))
        for bend in tuple(self.bends):
            found = bend(method, values)
            answer = await found if inspect.isawaitable(found) else found
            if answer is not None:
                return answer
        return await self._inner.send(method, params, timeout)

    async def send_batch(self, requests: Sequence[tuple[str, bytes]], timeout: float) -> list[Reply]:
        return [await self.send(method, params, timeout) for method, params in requests]

    async def ask(self, method: str, params: list[Any]) -> Any:
        """The node's own result, past all bends."""
        reply = await self._inner.send(method, msgspec.json.encode(params), 5.0)
        return msgspec.json.decode(reply.result)

    async def close(self) -> None:
        await self._inner.close()


def says(text: str, code: int = -32000) -> Reply:
    """A node's no."""
    return Reply(error=msgspec.Raw(msgspec.json.encode({"code": code, "message": text})))


def gives(result: object) -> Reply:
    return Reply(result=msgspec.Raw(msgspec.json.encode(result)))


def refuse(text: str, times: int = 1, *, nonce: int | None = None, attempt: int | None = None) -> Bend:
    """The first `times` broadcasts, of this nonce or this attempt (from 0) only, get this answer and do not
    reach the node."""
    left = [times]
    seen: list[str] = []

    def bend(method: str, params: list[Any]) -> Reply | None:
        if method != SEND or not left[0]:
            return None
        item = read_sent(params[0])
        if nonce is not None and item.nonce != nonce:
            return None
        if item.raw not in seen:
            seen.append(item.raw)
        if attempt is not None and seen.index(item.raw) != attempt:
            return None
        left[0] -= 1
        return says(text)

    return bend


def fail(error: Exception, times: int = 1, *, nonce: int | None = None, method: str = SEND) -> Bend:
    """The first `times` requests end in `error`, and do not reach the node."""
    left = [times]

    def bend(asked: str, params: list[Any]) -> Reply | None:
        if asked != method or not left[0]:
            return None
        if nonce is not None and read_sent(params[0]).nonce != nonce:
            return None
        left[0] -= 1
        raise error

    return bend


def answer(method: str, result: Callable[[list[Any]], object]) -> Bend:
    """Every request of a method is answered with this, until the bend is taken off the wire."""

    def bend(asked: str, params: list[Any]) -> Reply | None:
        return gives(result(params)) if asked == method else None

    return bend
