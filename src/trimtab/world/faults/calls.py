"""JSON-RPC in a proxy's eyes: requests and answers whose parts stay the bytes that they were. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from trimtab.chain.messages import encode


class Call(msgspec.Struct, frozen=True, gc=False):
    """One request; `id` and `params` as the caller wrote them."""

    method: str
    id: msgspec.Raw = msgspec.Raw(b"null")
    params: msgspec.Raw = msgspec.Raw(b"[]")

    def encode(self) -> bytes:
        """The request as JSON."""
        method = self.method.encode()
        return b'{"jsonrpc":"2.0","id":%b,"method":"%b","params":%b}' % (self.id, method, self.params)


class Answer(msgspec.Struct, frozen=True, gc=False):
    """One answer: a result or an error, as JSON."""

    id: msgspec.Raw = msgspec.Raw(b"null")
    result: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")

    @property
    def has_value(self) -> bool:
        """Whether it is a result other than null."""
        return bool(self.result) and bytes(self.result) != b"null"

    def encode(self) -> bytes:
        """The answer as JSON."""
        if self.error and bytes(self.error) != b"null":
            return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (self.id, self.error)
        return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (self.id, self.result or b"null")


@dataclass(frozen=True, slots=True)
class Message:
    """What came in one piece: one call, or a batch of them."""

    calls: tuple[Call, ...]
    is_batch: bool

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(call.method for call in self.calls)

    def encode(self) -> bytes:
        """The message as JSON."""
        return encode_all([call.encode() for call in self.calls], is_batch=self.is_batch)


_decode_calls = msgspec.json.Decoder(Call | list[Call]).decode
_decode_answers = msgspec.json.Decoder(Answer | list[Answer]).decode


def decode_message(payload: bytes | str) -> Message | None:
    """The calls of a message; None for what is not JSON-RPC (the node says so itself)."""
    try:
        decoded = _decode_calls(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if isinstance(decoded, list):
        return Message(tuple(decoded), is_batch=True) if decoded else None
    return Message((decoded,), is_batch=False)


def decode_answers(payload: bytes, calls: Sequence[Call]) -> list[Answer] | None:
    """The node's answers in the order of the calls; None when they are not one for each."""
    try:
        decoded = _decode_answers(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(decoded, list):
        return [Answer(call.id, decoded.result, decoded.error) for call in calls]
    by_id = {bytes(answer.id): answer for answer in decoded}
    if len(by_id) < len(decoded):  # whoever asked used an id twice, and has only the order to go by
        return decoded if len(decoded) == len(calls) else None
    found = [by_id.get(bytes(call.id)) for call in calls]
    return [answer for answer in found if answer is not None] if None not in found else None


def encode_all(parts: Sequence[bytes], *, is_batch: bool) -> bytes:
    """Calls or answers as one message."""
    return b"[" + b",".join(parts) + b"]" if is_batch else parts[0]


def result(call: Call, value: object) -> Answer:
    """A result for a call."""
    return Answer(call.id, msgspec.Raw(encode(value)))


def refusal(call: Call, code: int, message: str, data: object = None) -> Answer:
    """A JSON-RPC error for a call."""
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return Answer(call.id, error=msgspec.Raw(encode(error)))


def shuffle(parts: Sequence[bytes], salt: int) -> list[bytes]:
    """The parts in another order, if there is one."""
    mixed = list(parts)
    random.Random(salt).shuffle(mixed)
    return mixed if mixed != list(parts) else mixed[1:] + mixed[:1]


def leave_out(parts: Sequence[bytes], missing: int, salt: int) -> list[bytes]:
    """All parts but so many."""
    gone = set(random.Random(salt).sample(range(len(parts)), min(missing, len(parts))))
    return [part for number, part in enumerate(parts) if number not in gone]


def repeat_first(body: bytes) -> bytes:
    """A batch's answers with the first one twice."""
    try:
        parts = [bytes(part) for part in msgspec.json.decode(body, type=list[msgspec.Raw])]
    except msgspec.DecodeError:
        return body
    return encode_all([*parts, *parts[:1]], is_batch=True)
