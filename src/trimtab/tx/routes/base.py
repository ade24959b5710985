"""The route role: a way for signed bytes to leave this machine."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, runtime_checkable

from trimtab.model.ids import TxHash
from trimtab.tx.lanes import Lane
from trimtab.tx.states import Outcome


@dataclass(frozen=True, slots=True)
class SendResult:
    """One endpoint's answer. `send_class` is its class in the table of node errors, empty for
    a plain yes."""

    endpoint: str
    outcome: Outcome
    send_class: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Signed transactions that travel together, lowest nonce first, with their hashes.

    In the private lanes `target` is the block aimed at now and `last_block` the last that may include it
    (both 0 in the public one). `name` is the parcel's identity on the account: sent again under the same one
    it takes the place of what was sent before. `deadline` is a unix second: not in a block after it, the
    earliest where each has its own (`deadlines`).
    """

    raws: tuple[bytes, ...]
    hashes: tuple[TxHash, ...]
    lane: Lane = Lane.PUBLIC
    target: int = 0
    last_block: int = 0
    name: str = ""
    deadline: int | None = None
    deadlines: tuple[int | None, ...] = ()

    def singles(self) -> list[Parcel]:
        """Each transaction as a parcel of its own, with its own deadline."""
        deadlines = self.deadlines or (self.deadline,) * len(self.raws)
        return [
            replace(self, raws=(raw,), hashes=(tx_hash,), deadline=deadline, deadlines=())
            for raw, tx_hash, deadline in zip(self.raws, self.hashes, deadlines, strict=True)
        ]


Sending: TypeAlias = Coroutine[Any, Any, Sequence[SendResult]]


@runtime_checkable
class Route(Protocol):
    """Sends each parcel once to each of its endpoints; it retries nothing, and never raises for an
    answer: unknown is `AMBIGUOUS`. `lanes` are those whose parcels it may be given, and no others."""

    name: str
    lanes: frozenset[Lane]

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints' names, each once."""
        ...

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        """One coroutine for each endpoint, in their order, to be run at the same time; each gives one answer
        per transaction. Transactions of rising nonces go together, and arrive in that order."""
        ...


@runtime_checkable
class WithdrawingRoute(Route, Protocol):
    """One that can be asked to forget what it has. A promise, no proof: what it says changes nothing."""

    async def withdraw(self, parcel: Parcel) -> None:
        """Ask every endpoint to drop the parcel of this name and its hashes. Never raises for an answer."""
        ...


@runtime_checkable
class LingeringRoute(Route, Protocol):
    """One whose endpoints may include what they have in other blocks than the one that it aims at: that is
    how long it may still come. `lingers`: for so many blocks from when they got it, whatever they were told;
    0 for any block up to its last; None for a route that does not."""

    lingers: int | None


class RelayState(StrEnum):
    """Where a relay says that a transaction stands."""

    PENDING = "pending"
    INCLUDED = "included"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """What one relay says of one hash: coverage, never truth. `reason` is its own text for a failure."""

    endpoint: str
    state: RelayState
    reason: str = ""


@runtime_checkable
class TellingRoute(Route, Protocol):
    """One that tells what became of a transaction."""

    async def read_status(self, tx_hash: TxHash) -> Sequence[RelayStatus]:
        """One answer per endpoint; UNKNOWN where it cannot be asked. Never raises for an answer."""
        ...
