"""What happens to one transaction, as typed events: a pure projection of its records in the journal.

The same records tell the same events, in this life and in later ones. After a compaction what is final is
told in short: submitted, signed, included, final.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from trimtab.model.ids import BlockHash, TxHash
from trimtab.tx import records as r
from trimtab.tx.fees import Fees
from trimtab.tx.forecast import Forecast
from trimtab.tx.lanes import Lane
from trimtab.tx.states import Kind, Mined, Outcome, Refusal, Terminal


@dataclass(frozen=True, slots=True)
class Submitted:
    """It passed its checks and is durable. `at` is the chain's second."""

    at: int


@dataclass(frozen=True, slots=True)
class Signed:
    """An attempt: its bytes are durable, and nobody has them yet. A cancellation has `kind` CANCEL."""

    tx_hash: TxHash
    nonce: int
    fees: Fees
    kind: Kind


@dataclass(frozen=True, slots=True)
class Bumped:
    """The attempt just signed replaces a cheaper one."""

    old: Fees
    new: Fees


@dataclass(frozen=True, slots=True)
class Routed:
    """Its lane from here on. In a private one it may be included up to `last_block`; `reason` says why it
    changed, or why the window was opened anew."""

    lane: Lane
    last_block: int
    reason: str


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What its bytes were found to do, before they left."""

    forecast: Forecast


@dataclass(frozen=True, slots=True)
class Sent:
    """From here on the bytes may be anywhere in their lane; the same bytes may be sent again. `target` is the
    block that a private lane aims at, 0 in public."""

    tx_hash: TxHash
    endpoints: tuple[str, ...]
    target: int = 0


@dataclass(frozen=True, slots=True)
class Accepted:
    """An endpoint has the bytes."""

    tx_hash: TxHash
    endpoint: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A definite no of one endpoint; the others decide too. `send_class` is the refusal's meaning."""

    tx_hash: TxHash
    endpoint: str
    send_class: str
    message: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """An endpoint's answer, or its silence, does not say whether it has the bytes."""

    tx_hash: TxHash
    endpoint: str
    send_class: str
    message: str


@dataclass(frozen=True, slots=True)
class FeeCapped:
    """A dearer replacement is due, and a cap or limit forbids it: the same bytes go out again."""

    reason: str


@dataclass(frozen=True, slots=True)
class BudgetRaised:
    """It may cost more than it was submitted with (wei)."""

    budget_wei: int


@dataclass(frozen=True, slots=True)
class Cancelling:
    """It shall not happen any more; which hash is mined decides."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resolving:
    """Something contradicts what is known of its nonce: the chain is asked before anything is concluded."""

    reason: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The contradiction is gone: it is in flight as before."""


@dataclass(frozen=True, slots=True)
class Included:
    """In a canonical block. `is_success` False is a revert; a cancellation that was mined is a success. Gas
    and fee (wei) in all."""

    tx_hash: TxHash
    block: int
    block_hash: BlockHash
    is_success: bool
    gas_used: int
    fee_wei: int


@dataclass(frozen=True, slots=True)
class Reorged:
    """The block that held it is no longer canonical: it is in flight again."""

    tx_hash: TxHash
    block: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Under the policy's number of blocks."""

    block: int


@dataclass(frozen=True, slots=True)
class Safe:
    """In a block that the chain's own rules call safe."""

    block: int


@dataclass(frozen=True, slots=True)
class Final:
    """The end: it cannot be reorganised any more. SUPERSEDED: somebody else used the nonce."""

    outcome: Terminal


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """It had been dropped, and is mined after all: somebody had kept its bytes."""

    nonce: int


@dataclass(frozen=True, slots=True)
class NotSent:
    """The end: nothing of it is on chain, its key is free. After private bytes left, `Reclaimed` may follow
    until its nonce is final."""

    refusal: Refusal
    reason: str


TxProgress: TypeAlias = (
    Submitted
    | Signed
    | Bumped
    | Routed
    | Foreseen
    | Sent
    | Accepted
    | Refused
    | Ambiguous
    | FeeCapped
    | BudgetRaised
    | Cancelling
    | Resolving
    | Resolved
    | Included
    | Reorged
    | Confirmed
    | Safe
    | Final
    | NotSent
    | Reclaimed
)


class Teller:
    """Turns the records of one intent into events, one by one; `is_over` after the last."""

    def __init__(self) -> None:
        self.is_over = False
        self._fees: Fees | None = None
        self._block = 0

    def tell(self, record: r.Durable) -> Iterator[TxProgress]:  # noqa: C901  a table of cases
        """The events of the next record; none for what says nothing to a caller."""
        match record:
            case r.Submitted(at=at):
                yield Submitted(at)
            case r.Attempted():
                fees = Fees(record.tip, record.fee_cap)
                yield from self._signed(record.tx_hash, record.nonce, fees, record.kind)
            case r.SendBegun():
                yield Sent(record.tx_hash, record.endpoints, record.target)
            case r.Foreseen(forecast=forecast):
                yield Foreseen(forecast)
            case r.Routed(lane=lane, last_block=last_block, reason=reason):
                yield Routed(lane, last_block, reason)
            case r.Reclaimed(nonce=nonce):
                self.is_over = False
                yield Reclaimed(nonce)
            case r.SendResult():
                yield _answered(record)
            case r.Capped(reason=reason):
                yield FeeCapped(reason)
            case r.BudgetRaised(budget_wei=budget):
                yield BudgetRaised(budget)
            case r.Cancelling(reason=reason):
                yield Cancelling(reason)
            case r.Resolving(reason=reason):
                yield Resolving(reason)
            case r.Resolved():
                yield Resolved()
            case r.Seen():
                yield self._included(record)
            case r.Unseen(tx_hash=tx_hash):
                yield Reorged(tx_hash, self._block)
            case r.Confirmed():
                yield Confirmed(self._block)
            case r.Safe():
                yield Safe(self._block)
            case r.Final(outcome=outcome):
                yield self._end(Final(outcome))
            case r.Released() | r.Refused():
                yield self._end(NotSent(record.refusal, record.reason))
            case r.Archived():
                yield from self._in_short(record)

    def _signed(self, tx_hash: TxHash, nonce: int, fees: Fees, kind: Kind) -> Iterator[TxProgress]:
        yield Signed(tx_hash, nonce, fees, kind)
        if self._fees is not None:
            yield Bumped(self._fees, fees)
        self._fees = fees

    def _included(self, mined: r.Seen | Mined) -> Included:
        self._block = mined.block
        return Included(
            mined.tx_hash,
            mined.block,
            mined.block_hash,
            mined.is_success,
            mined.gas_used,
            mined.fee_wei,
        )

    def _in_short(self, record: r.Archived) -> Iterator[TxProgress]:
        intent, slot = record.intent, record.slot
        yield Submitted(intent.submitted_at)
        for attempt in slot.attempts:
            yield from self._signed(attempt.tx_hash, slot.nonce, attempt.fees, attempt.kind)
        if slot.mined is not None:
            yield self._included(slot.mined)
        yield self._end(Final(Terminal(intent.state.value)))

    def _end(self, event: TxProgress) -> TxProgress:
        self.is_over = True
        return event


def project(story: Iterable[r.Durable]) -> tuple[TxProgress, ...]:
    """The events of one intent's records."""
    teller = Teller()
    return tuple(event for record in story for event in teller.tell(record))


def _answered(record: r.SendResult) -> TxProgress:
    if record.outcome is Outcome.ACCEPTED:
        return Accepted(record.tx_hash, record.endpoint)
    told = Refused if record.outcome is Outcome.REJECTED else Ambiguous
    return told(record.tx_hash, record.endpoint, record.send_class, record.message)
