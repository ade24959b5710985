"""The route role: a way for signed bytes to leave this machine."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from trimtab.tx.states import Outcome


@dataclass(frozen=True, slots=True)
class SendResult:
    """One endpoint's answer. `send_class` is its class in the table of node errors, empty for
    a plain yes."""

    endpoint: str
    outcome: Outcome
    send_class: str
    message: str = ""


@runtime_checkable
class Route(Protocol):
    """Sends each transaction once to each of its endpoints; it retries nothing, and never raises for an
    answer: unknown is `AMBIGUOUS`."""

    name: str

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints' names, each once."""
        ...

    def send(self, raws: Sequence[bytes]) -> Sequence[Coroutine[Any, Any, Sequence[SendResult]]]:
        """One coroutine for each endpoint, in their order, to be run at the same time; each gives one answer
        per transaction. Transactions of rising nonces go together, and arrive in that order."""
        ...
