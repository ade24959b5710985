"""The facts about an account's transactions, as the journal keeps them. State is what they fold to.

Records with `durable` False are facts of this life only (a head, an open question to the signer): they are
never written, and a restart begins without them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar, TypeAlias

import msgspec

from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.model.trade import TradeFacts
from trimtab.tx.envelope import AccessList, Authorization
from trimtab.tx.forecast import Forecast
from trimtab.tx.lanes import Lane, RoutePolicy
from trimtab.tx.states import Intent, Kind, Outcome, Refusal, Slot, Terminal


class _Durable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """`is_eager`: durable before anything else happens."""

    durable: ClassVar[bool] = True
    is_eager: ClassVar[bool] = True


class _Passing(msgspec.Struct, frozen=True, kw_only=True):
    durable: ClassVar[bool] = False
    is_eager: ClassVar[bool] = False


class Submitted(_Durable, frozen=True, kw_only=True, tag="intent"):
    """An intent passed its checks. Prices in wei, `at` and `deadline` in unix seconds of the chain. The
    access list is the caller's, or one that was found to save gas. `is_delegation`: it gives the account
    itself code (EIP-7702). `route` None is public; `bundle` is the number of steps of its batch when they
    travel as one bundle, else 0."""

    key: str
    digest: str
    target: Address
    data: bytes
    value: int
    gas_limit: int
    deadline: int | None = None
    budget_wei: int | None = None
    label: str = ""
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
    at: int


class BudgetRaised(_Durable, frozen=True, kw_only=True, tag="budget"):
    """A person lets an intent cost more than it was submitted with (wei)."""

    key: str
    budget_wei: int


class Refused(_Durable, frozen=True, kw_only=True, tag="refused"):
    """An intent ended before any of its bytes existed."""

    key: str
    refusal: Refusal
    reason: str


class Reserved(_Durable, frozen=True, kw_only=True, tag="reserved"):
    nonce: int
    key: str


class Released(_Durable, frozen=True, kw_only=True, tag="released"):
    """A nonce is free again: never exposed, or refused for certain by every endpoint."""

    nonce: int
    refusal: Refusal
    reason: str


class Reclaimed(_Durable, frozen=True, kw_only=True, tag="reclaimed"):
    """Bytes that had been given up are mined after all: their intent has the nonce again."""

    nonce: int
    key: str


class Attempted(_Durable, frozen=True, kw_only=True, tag="attempt"):
    """Signed bytes for a nonce, durable before the first of them leaves."""

    nonce: int
    kind: Kind
    tx_hash: TxHash
    raw: bytes
    tip: int
    fee_cap: int
    gas_limit: int
    worst_cost: int
    reserve: int = 0


class Routed(_Durable, frozen=True, kw_only=True, tag="route"):
    """The lane of a nonce's bytes from here on, before any of them moves in it: what was private goes public
    only after this record. `last_block` is the last that may include them in a private lane."""

    nonce: int
    lane: Lane
    last_block: int = 0
    reason: str = ""


class Foreseen(_Durable, frozen=True, kw_only=True, tag="foreseen"):
    """What signed bytes were found to do before they left."""

    is_eager: ClassVar[bool] = False
    nonce: int
    forecast: Forecast


class SendBegun(_Durable, frozen=True, kw_only=True, tag="send_begin"):
    """From here on the bytes may be anywhere in their lane, whatever the endpoints answer. `target` is the
    block that a private lane aims at, 0 in the public one; `until` the last in which one of the endpoints may
    include them all the same, 0 where none does."""

    nonce: int
    tx_hash: TxHash
    endpoints: tuple[str, ...]
    at: int
    block: int
    target: int = 0
    until: int = 0


class SendResult(_Durable, frozen=True, kw_only=True, tag="send_result"):
    """An endpoint's answer. It may wait for the next commit: what follows from it is written after it, and
    one that a crash loses is ambiguous, for which the same bytes are sent again."""

    is_eager: ClassVar[bool] = False
    nonce: int
    tx_hash: TxHash
    endpoint: str
    outcome: Outcome
    send_class: str
    message: str = ""


class Seen(_Durable, frozen=True, kw_only=True, tag="seen"):
    """One of a nonce's attempts is in a canonical block. `at` is the chain's second of the look."""

    nonce: int
    tx_hash: TxHash
    block: int
    block_hash: BlockHash
    is_success: bool
    gas_used: int
    fee_wei: int
    at: int = 0


class Unseen(_Durable, frozen=True, kw_only=True, tag="unseen"):
    """The block that held it is no longer canonical."""

    nonce: int
    tx_hash: TxHash


class Confirmed(_Durable, frozen=True, kw_only=True, tag="confirmed"):
    nonce: int
    tx_hash: TxHash


class Safe(_Durable, frozen=True, kw_only=True, tag="safe"):
    """Its block is one that the chain's own rules call safe."""

    nonce: int
    tx_hash: TxHash


class Cancelling(_Durable, frozen=True, kw_only=True, tag="cancelling"):
    nonce: int
    reason: str


class Resolving(_Durable, frozen=True, kw_only=True, tag="resolving"):
    """Something contradicts what we know of a nonce: no conclusion before the chain says."""

    nonce: int
    reason: str


class Resolved(_Durable, frozen=True, kw_only=True, tag="resolved"):
    """The contradiction is gone: the nonce is unused and an attempt is out."""

    nonce: int


class Final(_Durable, frozen=True, kw_only=True, tag="final"):
    nonce: int
    outcome: Terminal


class Capped(_Durable, frozen=True, kw_only=True, tag="capped"):
    """A replacement was due, and the caps forbid its price: identical bytes go out again."""

    nonce: int
    block: int
    reason: str


class NonceRaised(_Durable, frozen=True, kw_only=True, tag="nonce"):
    """The chain has used every nonce below this one, by transactions that are not in this journal, or by an
    authorisation in one that is (EIP-7702)."""

    nonce: int


class GapFound(_Durable, frozen=True, kw_only=True, tag="gap"):
    """The chain waits for this nonce, and no transaction holds it: what another holder of the key had sent
    was dropped or reorganised out."""

    nonce: int


class ChainNamed(_Durable, frozen=True, kw_only=True, tag="chain"):
    """The genesis block of the chain that this stream is about: a local chain that was started anew has the
    same chain id, and is another."""

    genesis: BlockHash


class Halted(_Durable, frozen=True, kw_only=True, tag="halted"):
    reason: str


class Resumed(_Durable, frozen=True, kw_only=True, tag="resumed"):
    """A person looked, and let the account go on."""


class Paused(_Durable, frozen=True, kw_only=True, tag="paused"):
    """Nothing new is signed from here on but cancellations, in later lives too."""

    reason: str


class Unpaused(_Durable, frozen=True, kw_only=True, tag="unpaused"):
    """Signing goes on."""


class Archived(_Durable, frozen=True, kw_only=True, tag="archived"):
    """All that a compaction keeps of an intent that is final: what the state keeps of it."""

    intent: Intent
    slot: Slot


class Forgone(_Durable, frozen=True, kw_only=True, tag="forgone"):
    """Bytes that every endpoint refused for certain, of a nonce that is not final: kept by compactions."""

    nonce: int
    tx_hash: TxHash


class GivenUp(_Durable, frozen=True, kw_only=True, tag="given_up"):
    """An intent whose bytes somebody has, and whose nonce was given back: kept by compactions until the
    nonce is final. `head` is how far the chain had come by then."""

    intent: Intent
    slot: Slot
    head: int = 0


class NoncesNoted(_Durable, frozen=True, kw_only=True, tag="nonces"):
    """Where a compaction found the nonces: `next` was never held, the `free` below it were given back."""

    next: int
    free: tuple[int, ...] = ()


class Queued(_Passing, frozen=True, kw_only=True):
    intent: Submitted


class Dropped(_Passing, frozen=True, kw_only=True):
    """A queued intent failed its checks: nothing of it was written or exposed."""

    key: str


class HeadMoved(_Passing, frozen=True, kw_only=True):
    block: int
    at: int


class HeadSetBack(_Passing, frozen=True, kw_only=True):
    """The chain has gone back to `block`: a development chain, or the only node was replaced by one that is
    far behind."""

    block: int


class CodeSeen(_Passing, frozen=True, kw_only=True):
    """Whether there is code at the account itself, by a delegation (EIP-7702)."""

    is_delegated: bool


class SignAsked(_Passing, frozen=True, kw_only=True):
    """A question to the signer, numbered: a nonce may be given back and held again before it is answered."""

    nonce: int
    ask: int


class AskEnded(_Passing, frozen=True, kw_only=True):
    """A question about a nonce was answered, and left nothing behind."""

    nonce: int


class Missed(_Passing, frozen=True, kw_only=True):
    """`count` passes in a row found the nonce used at finality, and none of our hashes anywhere."""

    nonce: int
    count: int


class Doubted(_Passing, frozen=True, kw_only=True):
    """`count` looks in a row found a nonce used that this journal does not hold, and none of the bytes that
    were given up at it anywhere."""

    count: int


Durable: TypeAlias = (
    Submitted
    | BudgetRaised
    | Refused
    | Reserved
    | Released
    | Reclaimed
    | Attempted
    | Routed
    | Foreseen
    | SendBegun
    | SendResult
    | Seen
    | Unseen
    | Confirmed
    | Safe
    | Cancelling
    | Resolving
    | Resolved
    | Final
    | Capped
    | NonceRaised
    | GapFound
    | ChainNamed
    | Halted
    | Resumed
    | Paused
    | Unpaused
    | Archived
    | Forgone
    | GivenUp
    | NoncesNoted
)
Passing: TypeAlias = (
    Queued | Dropped | HeadMoved | HeadSetBack | CodeSeen | SignAsked | AskEnded | Missed | Doubted
)
TxFact: TypeAlias = Durable | Passing


def stream_name(chain_id: int, account: Address) -> str:
    """The journal stream of an account's transactions; its writer lock has the same name."""
    return f"tx/{chain_id}/{account}"


encode_record = msgspec.json.Encoder().encode
decode_record = msgspec.json.Decoder(Durable).decode
