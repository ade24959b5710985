"""How a transaction ended, as a closed union for `match`, and how sure the caller wants to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from trimtab.chain.receipt import Receipt
from trimtab.errors import RevertedError


class Finality(StrEnum):
    """INCLUDED: in a canonical block. CONFIRMED: under the policy's number of blocks. SAFE: in a block that
    the chain's own rules call safe, or as deep as it does not undo in practice. FINAL: cannot be reorganised
    any more."""

    INCLUDED = "included"
    CONFIRMED = "confirmed"
    SAFE = "safe"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Succeeded:
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Reverted:
    """Mined without effect. `error` has the decoded reason and the raw revert data."""

    receipt: Receipt
    error: RevertedError


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The cancellation was mined in its place; None for an intent that was withdrawn before it was sent."""

    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Expired:
    """Its deadline passed before any endpoint took it: nothing is on chain, nothing can be."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Relays had it, its private window is past, and its nonce, unused, was given back. Whoever kept the
    bytes might still have them mined, until `nonce` is final: under the same key it may be submitted again at
    that nonce, and is refused at another."""

    nonce: int
    reason: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """Somebody else used the nonce with the same key; the account is halted."""

    nonce: int


TxOutcome: TypeAlias = Succeeded | Reverted | Cancelled | Expired | Dropped | Superseded
