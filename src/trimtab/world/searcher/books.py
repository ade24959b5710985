"""The searcher's books: what each attack brought, from the events of its transactions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from trimtab.chain.receipt import Receipt
from trimtab.model.ids import TxHash
from trimtab.model.order import Fill

_ZERO = Decimal(0)


class End(StrEnum):
    """How an attack ended. LANDED: all three in one block, in order. MISSED: the victim is in or gone, and
    our legs are not in. BROKEN: a leg is in, but not round the victim, or not with effect."""

    LANDED = "landed"
    MISSED = "missed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Entry:
    """One attack; `block` is the last that any of it is in. `profit` from its fills after the venue's `fees`,
    in quote currency, before gas. `open_size` is what it left open: the next attack's back leg closes it.
    `expected` is what was computed before, as `profit` is."""

    victim: TxHash
    block: int
    end: End
    profit: Decimal
    fees: Decimal
    gas_wei: int
    open_size: Decimal
    expected: Decimal


@dataclass(slots=True)
class Books:
    """All attacks so far."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def landed(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.end is End.LANDED]

    @property
    def failures(self) -> int:
        return len(self.entries) - len(self.landed)

    @property
    def profit(self) -> Decimal:
        """After the venue's fees, before gas, in quote currency."""
        return sum((entry.profit for entry in self.entries), _ZERO)

    @property
    def fees(self) -> Decimal:
        """What the venue took, in quote currency."""
        return sum((entry.fees for entry in self.entries), _ZERO)

    @property
    def gas_wei(self) -> int:
        return sum(entry.gas_wei for entry in self.entries)

    def of(self, victim: TxHash) -> Entry | None:
        """The last attack on this transaction."""
        return next((entry for entry in reversed(self.entries) if entry.victim == victim), None)


def make_entry(
    hunted: TxHash,
    victim: Receipt | None,
    legs: tuple[Receipt | None, Receipt | None],
    fills: Sequence[Fill],
    expected: Decimal,
) -> Entry:
    """What became of an attack on `hunted` whose `victim` is mined, or was replaced by another (None).
    `fills` are all of the searcher's in both legs."""
    mined = [receipt for receipt in (*legs, victim) if receipt is not None]
    return Entry(
        hunted,
        max((receipt.block for receipt in mined), default=0),
        _end_of(victim, legs),
        sum((fill.realized_pnl + fill.funding for fill in fills), _ZERO),
        sum((fill.fee for fill in fills), _ZERO),
        sum(leg.fee_wei for leg in legs if leg is not None),
        sum((fill.size for fill in fills), _ZERO),
        expected,
    )


def _end_of(victim: Receipt | None, legs: tuple[Receipt | None, Receipt | None]) -> End:
    front, back = legs
    if front is None and back is None:
        return End.MISSED
    if victim is None or front is None or back is None:
        return End.BROKEN
    if not (front.status and victim.status and back.status):
        return End.BROKEN
    is_round = front.block_hash == victim.block_hash == back.block_hash
    return End.LANDED if is_round and front.index < victim.index < back.index else End.BROKEN
