"""What a person asks of a running sender from another process: left in the journal, taken at its next look.

The writer of an account's transactions is one process; whoever else wants a transaction cancelled or bumped
leaves an ask in a stream beside them. Each ask is taken once, also across restarts, and answered.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from enum import StrEnum
from typing import TypeAlias

import msgspec

from trimtab.journal import Journal

SECONDS_BETWEEN_LOOKS = 0.25


class AskKind(StrEnum):
    CANCEL = "cancel"
    BUMP = "bump"
    RESUME = "resume"


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="ask", omit_defaults=True):
    """`key` names the transaction, empty for the whole account; `budget_wei` goes with a bump."""

    kind: AskKind
    key: str = ""
    budget_wei: int | None = None
    name: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer", omit_defaults=True):
    """The sender took the ask `name`; `error` says why nothing came of it, empty when all is well."""

    name: str
    error: str = ""


_Record: TypeAlias = Ask | Answer
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Record).decode


class AskBox:
    """The asks of one account. Both sides hold one: `leave` and `find_answer`, `pending` and `answer`."""

    def __init__(self, journal: Journal, stream: str) -> None:
        self._journal = journal
        self._stream = f"{stream}/asks"

    def leave(self, ask: Ask) -> None:
        """Durable when this returns; the sender sees it within a second."""
        self._journal.append(self._stream, _encode(ask))

    def pending(self) -> tuple[Ask, ...]:
        """Asks without an answer, oldest first."""
        asks: dict[str, Ask] = {}
        for record in self._records():
            if isinstance(record, Ask):
                asks[record.name] = record
            else:
                asks.pop(record.name, None)
        return tuple(asks.values())

    def answer(self, ask: Ask, error: str = "") -> None:
        self._journal.append(self._stream, _encode(Answer(name=ask.name, error=error)))

    def find_answer(self, ask: Ask) -> Answer | None:
        """The sender's answer, None while there is none."""
        answers = (item for item in self._records() if isinstance(item, Answer))
        return next((item for item in answers if item.name == ask.name), None)

    def _records(self) -> Iterator[_Record]:
        return (_decode(record.payload) for record in self._journal.replay(self._stream))
