"""What a person asks of a running sender from another process: left in the journal, taken at its next look.

The writer of an account's transactions is one process; whoever else wants one of them cancelled or bumped
leaves an ask in a stream beside them. An ask is obeyed, then answered: one that a crash leaves in between is
obeyed again, which changes nothing for a cancellation, and for a bump is one more replacement under the same
caps.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from enum import StrEnum
from typing import TypeAlias

import msgspec

from trimtab.errors import TrimtabError
from trimtab.journal import Journal

SECONDS_BETWEEN_LOOKS = 0.25


class AskKind(StrEnum):
    CANCEL = "cancel"
    BUMP = "bump"
    RESUME = "resume"
    PAUSE = "pause"
    UNPAUSE = "unpause"


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="ask", omit_defaults=True):
    """`key` names the transaction, empty for the whole account; `budget_wei` goes with a bump, `reason` with
    a pause."""

    kind: AskKind
    key: str = ""
    budget_wei: int | None = None
    reason: str = ""
    name: str = msgspec.field(default_factory=lambda: uuid.uuid4().hex)


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer", omit_defaults=True):
    """The sender took the ask `name`; `error` says why nothing came of it, empty when all is well."""

    name: str
    error: str = ""


_Record: TypeAlias = Ask | Answer
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Record).decode


class AskBox:
    """The asks of one account. Who asks uses `leave`, `find_answer` and `withdraw`, the sender `follow`."""

    def __init__(self, journal: Journal, stream: str) -> None:
        self._journal = journal
        self._stream = f"{stream}/asks"

    async def follow(self, obey: Callable[[Ask], Awaitable[None]]) -> None:
        """Obey and answer asks as they come, for ever. What `obey` raises is the answer."""
        version = -1
        while True:
            if version != (version := self._journal.foreign_version()):
                for ask in self.pending():
                    try:
                        await obey(ask)
                    except TrimtabError as error:
                        self._answer(ask, str(error))
                    else:
                        self._answer(ask)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

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

    def withdraw(self, ask: Ask) -> None:
        """Nobody took it: a sender that starts later shall not."""
        if self.find_answer(ask) is None:
            self._answer(ask, "withdrawn")

    def find_answer(self, ask: Ask) -> Answer | None:
        """The sender's answer, None while there is none."""
        answers = (item for item in self._records() if isinstance(item, Answer))
        return next((item for item in answers if item.name == ask.name), None)

    def _answer(self, ask: Ask, error: str = "") -> None:
        self._journal.append(self._stream, _encode(Answer(name=ask.name, error=error)))

    def _records(self) -> Iterator[_Record]:
        """What a newer trimtab asks in words of its own is left alone: it must not stop the sender."""
        for record in self._journal.replay(self._stream):
            with suppress(msgspec.ValidationError):
                yield _decode(record.payload)
