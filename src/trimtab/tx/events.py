"""What happens to an account's transactions from outside, and what the reducer asks to be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from trimtab.model.ids import BlockHash, TxHash
from trimtab.tx.envelope import AccessList
from trimtab.tx.fees import Fees
from trimtab.tx.forecast import Forecast
from trimtab.tx.lanes import Lane, Ways
from trimtab.tx.records import Submitted
from trimtab.tx.states import Kind, Mined, Outcome, Refusal


@dataclass(frozen=True, slots=True)
class Submit:
    """A caller wants an intent; `intent.gas_limit` may still be open (0)."""

    intent: Submitted


@dataclass(frozen=True, slots=True)
class SubmitBatch:
    """A caller wants all of these, in this order; they were checked together, and have their gas limits."""

    intents: tuple[Submitted, ...]


@dataclass(frozen=True, slots=True)
class CheckPassed:
    """`access_list` was found to save gas; empty keeps the intent's own."""

    key: str
    gas_limit: int
    at: int
    access_list: AccessList = ()


@dataclass(frozen=True, slots=True)
class CheckFailed:
    key: str


@dataclass(frozen=True, slots=True)
class Signed:
    """The signer answered question `ask`, and the signature was verified. `ways` are the endpoints that there
    are."""

    nonce: int
    kind: Kind
    tx_hash: TxHash
    raw: bytes
    fees: Fees
    gas_limit: int
    worst_cost: int
    ways: Ways
    at: int
    ask: int
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class SignFailed:
    """No bytes came to be: a cap, the balance or the signer said no."""

    nonce: int
    refusal: Refusal
    reason: str
    at: int
    ask: int


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """Signed bytes were run before they leave (question `ask`). `reason` says why they would do no good, and
    is empty when they would, or when nobody could tell. `forecasts`: what they do, for those that are known.
    """

    nonce: int
    reason: str
    ways: Ways
    at: int
    ask: int
    forecasts: tuple[Forecast, ...] = ()


@dataclass(frozen=True, slots=True)
class SendAnswered:
    nonce: int
    tx_hash: TxHash
    endpoint: str
    outcome: Outcome
    send_class: str
    message: str
    at: int


@dataclass(frozen=True, slots=True)
class Observed:
    """One pass over the chain. What could not be read is absent or None: nothing follows from it.

    `mined` are the receipts of our hashes, `absent` the hashes that the node positively does not know as
    mined. `canonical` are block hashes by number. `account_nonce` is the chain's count at the head,
    `final_nonce` at finality. Where there are several nodes (`readers`) and something is in doubt, each was
    asked: `witnesses` counts those that do not know a hash and have its nonce as used at finality, `dissent`
    those that show another block at a height than the one that holds ours, `assent` those that show ours.
    """

    head: int
    at: int
    safe: int | None = None
    finalized: int | None = None
    account_nonce: int | None = None
    final_nonce: int | None = None
    mined: Mapping[TxHash, Mined] = field(default_factory=dict)
    absent: frozenset[TxHash] = frozenset()
    canonical: Mapping[int, BlockHash] = field(default_factory=dict)
    market: Fees | None = None
    base_fee: int = 0
    ways: Ways = field(default_factory=Ways)
    readers: int = 1
    witnesses: Mapping[TxHash, int] = field(default_factory=dict)
    dissent: Mapping[int, int] = field(default_factory=dict)
    assent: Mapping[int, int] = field(default_factory=dict)
    is_delegated: bool | None = None


@dataclass(frozen=True, slots=True)
class HeadSeen:
    """A new head, before anything was looked at on it: what leaves now aims at the block after it."""

    head: int
    at: int


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time passed without news from the chain."""

    at: int
    ways: Ways


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """The caller wants an intent not to happen; which of the two is mined decides."""

    key: str


@dataclass(frozen=True, slots=True)
class BumpAsked:
    """A person wants an intent replaced at a higher price now, with a higher budget (wei) if one is given."""

    key: str
    budget_wei: int | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """A new life begins, with the journal replayed. `account_nonce` counts the node's pending pool too;
    `genesis` is None when the node does not show its first block."""

    account_nonce: int
    head: int
    at: int
    ways: Ways
    genesis: BlockHash | None = None


@dataclass(frozen=True, slots=True)
class ResumeAsked:
    """A person lets a halted account go on from the chain's nonce."""

    account_nonce: int


@dataclass(frozen=True, slots=True)
class PauseAsked:
    """A person wants nothing new to be signed; None: wants it again."""

    reason: str | None


Event: TypeAlias = (
    Submit
    | SubmitBatch
    | CheckPassed
    | CheckFailed
    | Signed
    | SignFailed
    | Rehearsed
    | SendAnswered
    | Observed
    | HeadSeen
    | Ticked
    | CancelAsked
    | BumpAsked
    | Recovered
    | ResumeAsked
    | PauseAsked
)


@dataclass(frozen=True, slots=True)
class Check:
    """Simulate an intent and find its gas limit."""

    key: str


@dataclass(frozen=True, slots=True)
class Sign:
    """Price and sign; `above` are the dearest fees ever signed for the nonce, None for a first attempt. `ask`
    numbers the question: an answer to another one is not used."""

    nonce: int
    kind: Kind
    above: Fees | None
    ask: int


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Run signed bytes in the next block, behind those `ahead` of them; lowest nonce first. Everything about
    them is durable, and nothing of them has left."""

    nonce: int
    raws: tuple[bytes, ...]
    ahead: tuple[bytes, ...]
    ask: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes to every endpoint of the lane. Everything about them is durable. In the private lanes
    `target` is the block aimed at, `last_block` the last that may include them, `name` the intent's key and
    `deadline` its unix second."""

    nonce: int
    tx_hash: TxHash
    raw: bytes
    lane: Lane = Lane.PUBLIC
    target: int = 0
    last_block: int = 0
    name: str = ""
    deadline: int | None = None


@dataclass(frozen=True, slots=True)
class SendBundle:
    """The transactions of a bundle, which leave together or not at all; rising nonces."""

    sends: tuple[Send, ...]
    name: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Ask the private endpoints to forget what they have of this name."""

    name: str
    lane: Lane
    raws: tuple[bytes, ...]
    hashes: tuple[TxHash, ...]


@dataclass(frozen=True, slots=True)
class Observe:
    """Look at the chain now, not at the next head."""


@dataclass(frozen=True, slots=True)
class Changed:
    """An intent moved: wake whoever waits for it."""

    key: str


Action: TypeAlias = Check | Sign | Rehearse | Send | SendBundle | Withdraw | Observe | Changed
