"""What a builder is offered: bundles, private transactions, and the public mempool's. Frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trimtab.model.ids import Address
from trimtab.tx.opening import OpenedTx


class Kind(StrEnum):
    """Where an offer came from, in the order of their turn in a block."""

    BUNDLE = "bundle"
    PRIVATE = "private"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of an offer. `may_revert`: it may fail in the block; `may_drop`: it may be missing."""

    tx: OpenedTx
    may_revert: bool = False
    may_drop: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """Transactions that go into a block together and in this order, or not at all.

    `turn` is its place in the order of arrival. The blocks and unix times are those that may include it, both
    ends included. `needs_tip`: not without a tip. `known_accounts`: storage that must be so (ERC-7796).
    """

    name: str
    kind: Kind
    steps: tuple[Step, ...]
    turn: int
    first_block: int = 0
    last_block: int | None = None
    min_time: int = 0
    max_time: int | None = None
    needs_tip: bool = False
    known_accounts: Mapping[str, object] = field(default_factory=dict, hash=False)
    signer: Address | None = None
    replacement: str = ""
    relay: str = ""

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(step.tx.tx_hash for step in self.steps)

    def is_expired(self, number: int) -> bool:
        """Whether no block from this number on may include it."""
        return self.last_block is not None and self.last_block < number

    def is_open(self, number: int, at: int) -> bool:
        """Whether the block of this number and unix time may include it."""
        begun = self.first_block <= number and self.min_time <= at
        return begun and not self.is_expired(number) and (self.max_time is None or at <= self.max_time)
