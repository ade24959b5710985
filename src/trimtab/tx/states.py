"""What is known of an account's transactions: intents, the slots (nonces) they hold, and signed attempts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum

import msgspec

from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.model.trade import TradeFacts
from trimtab.tx.envelope import AccessList, Authorization
from trimtab.tx.fees import Fees
from trimtab.tx.lanes import Lane, RoutePolicy
from trimtab.tx.nonces import Nonces
from trimtab.tx.spend_log import SpendLog

change = msgspec.structs.replace
"""A copy with some fields changed: values are structs, because a recovery makes hundreds of thousands. They
hold no cycles, so the garbage collector need not walk them."""


class IntentState(StrEnum):
    """Where an intent stands. The last seven are terminal; a reorg may still move the ones before them.
    DROPPED: the private window is past, the nonce unused and given back."""

    QUEUED = "queued"
    CHECKED = "checked"
    ASSIGNED = "assigned"
    LIVE = "live"
    CANCELLING = "cancelling"
    RESOLVING = "resolving"
    INCLUDED = "included"
    CONFIRMED = "confirmed"
    SAFE = "safe"
    SUCCEEDED = "succeeded"
    REVERTED = "reverted"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    DROPPED = "dropped"
    SUPERSEDED = "superseded"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL

    @property
    def is_mined(self) -> bool:
        return self in _MINED


_MINED = frozenset(
    {
        IntentState.INCLUDED,
        IntentState.CONFIRMED,
        IntentState.SAFE,
        IntentState.SUCCEEDED,
        IntentState.REVERTED,
        IntentState.CANCELLED,
    }
)
_TERMINAL = frozenset(
    {
        IntentState.SUCCEEDED,
        IntentState.REVERTED,
        IntentState.CANCELLED,
        IntentState.REJECTED,
        IntentState.EXPIRED,
        IntentState.DROPPED,
        IntentState.SUPERSEDED,
    }
)


class Terminal(StrEnum):
    """How a slot ended, at finality."""

    SUCCEEDED = "succeeded"
    REVERTED = "reverted"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class SlotState(StrEnum):
    """RESERVED: nothing left this machine. PROVISIONAL: sent, no answer but refusals. COMMITTED: an endpoint
    took it or may have: irrevocable. CONSUMED: mined."""

    RESERVED = "reserved"
    PROVISIONAL = "provisional"
    COMMITTED = "committed"
    CONSUMED = "consumed"


class Kind(StrEnum):
    NORMAL = "normal"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """What one endpoint's answer means for the bytes sent to it."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    AMBIGUOUS = "ambiguous"


class Refusal(StrEnum):
    """Why an intent ended with nothing on chain, in so far as a caller acts differently on it."""

    ROUTE = "route"
    FUNDS = "funds"
    FEE_CAP = "fee_cap"
    SIGNER = "signer"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    INTERRUPTED = "interrupted"
    HALTED = "halted"
    LIMIT = "limit"
    BATCH = "batch"
    DROPPED = "dropped"
    OVERTAKEN = "overtaken"
    HELD = "held"
    REHEARSAL = "rehearsal"


class Intent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What is wanted. `nonce` is set once a slot is held, and stays as a memory after it was released."""

    key: str
    digest: str
    target: Address
    data: bytes
    value: int
    gas_limit: int
    deadline: int | None
    budget_wei: int | None
    label: str
    submitted_at: int
    state: IntentState = IntentState.QUEUED
    nonce: int | None = None
    refusal: Refusal | None = None
    reason: str = ""
    cause: str = ""
    notional: Decimal | None = None
    access_list: AccessList = ()
    authorizations: tuple[Authorization, ...] = ()
    delegate_to: Address | None = None
    is_delegation: bool = False
    batch: str = ""
    step: int = 0
    route: RoutePolicy | None = None
    bundle: int = 0
    trade: TradeFacts | None = None

    @property
    def lane(self) -> Lane:
        """The one that it begins in."""
        if self.bundle:
            return Lane.BUNDLE
        return Lane.PRIVATE if self.route is not None and self.route.is_private else Lane.PUBLIC

    @property
    def window(self) -> int:
        """Blocks for which a private lane may include it."""
        return self.route.window if self.route is not None else 0

    def is_late(self, at: int) -> bool:
        return self.deadline is not None and at >= self.deadline


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Signed bytes. `results` hold the last answer by endpoint, `pending` the endpoints yet to answer;
    `block` and `sent_at` (a second of the chain) say when they left first."""

    kind: Kind
    tx_hash: TxHash
    raw: bytes
    fees: Fees
    gas_limit: int
    worst_cost: int
    block: int = 0
    sent_at: int = 0
    reserve: int = 0
    results: Mapping[str, tuple[Outcome, str]] = msgspec.field(default_factory=dict)
    pending: frozenset[str] = frozenset()

    @property
    def is_begun(self) -> bool:
        return bool(self.results or self.pending)

    @property
    def is_refused(self) -> bool:
        """Every endpoint answered with a definite no."""
        return (
            bool(self.results)
            and not self.pending
            and all(outcome is Outcome.REJECTED for outcome, _ in self.results.values())
        )

    @property
    def classes(self) -> frozenset[str]:
        return frozenset(send_class for _, send_class in self.results.values())


class Mined(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where an attempt was included, and what it did; `fee_wei` in all. `at` is the chain's second at which
    it was seen there, 0 where that was not kept."""

    tx_hash: TxHash
    block: int
    block_hash: BlockHash
    is_success: bool
    gas_used: int
    fee_wei: int
    at: int = 0


class Slot(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One nonce, held for one intent. `sent_at` is the chain's second of the last broadcast; `asked` is the
    number of the question that the signer has not answered yet, 0 for none. In a private lane `last_block` is
    the window's end, 0 before it was opened, `target` the block aimed at last, and `until` the last in
    which an endpoint may include it though it aimed at an earlier one, 0 where none does."""

    nonce: int
    key: str
    state: SlotState = SlotState.RESERVED
    attempts: tuple[Attempt, ...] = ()
    mined: Mined | None = None
    sent_at: int = 0
    capped_block: int = -1
    asked: int = 0
    is_cancelling: bool = False
    misses: int = 0
    lane: Lane = Lane.PUBLIC
    last_block: int = 0
    target: int = 0
    until: int = 0

    @property
    def last(self) -> Attempt:
        """The dearest attempt: each is dearer than the one before."""
        return self.attempts[-1]

    @property
    def is_filler(self) -> bool:
        """It holds nothing that a caller wants: it only closes a gap below what one does."""
        return bool(self.attempts) and all(item.kind is Kind.CANCEL for item in self.attempts)

    @property
    def is_signing(self) -> bool:
        return self.asked != 0

    @property
    def is_free(self) -> bool:
        """Nothing of it can be mined: never sent, or every endpoint refused every attempt for certain."""
        if self.state is SlotState.RESERVED:
            return True
        return self.state is SlotState.PROVISIONAL and all(item.is_refused for item in self.attempts)

    @property
    def may_be_out(self) -> bool:
        """An endpoint has one of its attempts, or may have."""
        outcomes = (outcome for item in self.attempts for outcome, _ in item.results.values())
        return any(outcome is not Outcome.REJECTED for outcome in outcomes)

    @property
    def is_exposed(self) -> bool:
        """Somebody has bytes of it, or may have: a refusal of what an endpoint took before proves nothing."""
        begun = [item for item in self.attempts if item.is_begun]
        if self.state is SlotState.COMMITTED:
            return bool(begun)
        return not all(item.is_refused for item in begun)

    @property
    def waits_again(self) -> bool:
        """All that is out of it had been given up before it was wanted again."""
        return self.lane.is_private and not self.last_block

    @property
    def is_capped(self) -> bool:
        """F3: since its last attempt was made, a dearer one was forbidden."""
        return bool(self.attempts) and self.capped_block >= self.last.block

    @property
    def flies_private(self) -> bool:
        """What is out of it is for private endpoints only; a cancellation is for everybody."""
        return self.lane.is_private and bool(self.attempts) and self.last.kind is Kind.NORMAL

    @property
    def worst_cost(self) -> int:
        return max((attempt.worst_cost for attempt in self.attempts), default=0)

    def attempt(self, tx_hash: str) -> Attempt | None:
        for item in self.attempts:
            if item.tx_hash == tx_hash:
                return item
        return None

    def is_cancelled_by(self, tx_hash: str) -> bool:
        """Whether this hash of it is a cancellation."""
        attempt = self.attempt(tx_hash)
        return attempt is not None and attempt.kind is Kind.CANCEL

    def with_attempt(self, attempt: Attempt) -> Slot:
        kept = tuple(attempt if item.tx_hash == attempt.tx_hash else item for item in self.attempts)
        return change(self, attempts=kept)


@dataclass(slots=True)
class State:
    """Everything known of one account on one chain. `slots` are not final yet, `finished` are. `forgone` are
    hashes that every endpoint refused, with their nonces, until those are final; `given_up` are slots whose
    nonce was given back although somebody has their bytes, by intent, and `past` those intents as they were
    while their keys are queued again. `doubts` are looks in a row at a nonce that nobody of ours used.
    `is_delegated`: there is code at the account (EIP-7702): pools take one transaction of it at a time."""

    intents: dict[str, Intent] = field(default_factory=dict)
    slots: dict[int, Slot] = field(default_factory=dict)
    finished: dict[int, Slot] = field(default_factory=dict)
    forgone: dict[TxHash, int] = field(default_factory=dict)
    given_up: dict[str, Slot] = field(default_factory=dict)
    past: dict[str, Intent] = field(default_factory=dict)
    queue: dict[str, None] = field(default_factory=dict)  # an ordered set of keys
    nonces: Nonces = field(default_factory=Nonces)
    halted: str | None = None
    paused: str | None = None
    spent: SpendLog = field(default_factory=SpendLog)  # by `finished`
    is_delegated: bool = False
    genesis: BlockHash | None = None
    asks: int = 0  # put to the signer in this life
    doubts: int = 0
    head: int = 0
    behind_since: int = 0  # the second since which every look showed a lower head, 0 for none
    at: int = 0

    def copy(self) -> State:
        """An independent state: the values inside are immutable, the containers are copied."""
        return replace(
            self,
            intents=dict(self.intents),
            slots=dict(self.slots),
            finished=dict(self.finished),
            forgone=dict(self.forgone),
            given_up=dict(self.given_up),
            past=dict(self.past),
            queue=dict(self.queue),
            spent=self.spent.copy(),
        )

    def slot_of(self, key: str) -> Slot | None:
        """The slot that an intent holds or held."""
        intent = self.intents.get(key)
        if intent is None or intent.nonce is None:
            return None
        slot = self.slots.get(intent.nonce) or self.finished.get(intent.nonce)
        return slot if slot is not None and slot.key == key else None

    @property
    def most_used(self) -> int:
        """How far the chain's count of the account can have come by our own transactions: one that delegates
        the account itself uses the nonce after its own too, unless its cancellation is mined instead."""
        flying = (self.intents[slot.key] for slot in self.slots.values() if slot.mined is None)
        return self.nonces.next + any(intent.is_delegation for intent in flying)

    @property
    def unmined(self) -> list[Slot]:
        """Slots in flight, lowest nonce first."""
        return sorted((s for s in self.slots.values() if s.mined is None), key=lambda slot: slot.nonce)

    @property
    def committed_cost(self) -> int:
        """The most that the transactions in flight can still take, in wei."""
        return sum(slot.worst_cost for slot in self.slots.values() if slot.mined is None)
