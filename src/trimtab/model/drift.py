"""What was foreseen of a transaction beside what it did: simulation against inclusion."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from trimtab.model.ids import Address, TxHash

N = TypeVar("N", int, Decimal)


@dataclass(frozen=True, slots=True)
class Gap(Generic[N]):
    """One number, twice. None is what was not known."""

    foreseen: N | None
    actual: N | None

    @property
    def difference(self) -> N | None:
        """Actual less foreseen."""
        if self.foreseen is None or self.actual is None:
            return None
        return self.actual - self.foreseen


@dataclass(frozen=True, slots=True)
class TokenDrift:
    """The sender's own gain in a token (base units; given < 0)."""

    token: Address
    units: Gap[int]


@dataclass(frozen=True, slots=True)
class FillDrift:
    """One fill of a market, in the units of `Fill`. A fill that came or stayed away is 0 on the other side,
    its price unknown there. `price_bps` > 0 is worse than foreseen."""

    market: str
    size: Gap[Decimal]
    price: Gap[Decimal]
    fee: Gap[Decimal]
    price_bps: Decimal | None


@dataclass(frozen=True, slots=True)
class Drift:
    """One transaction between its rehearsal and its block. `block` is foreseen as the next one. Fees in wei:
    a rollup's L1 part is in the actual ones only. `native` is the sender's own gain in wei, its fee in it.
    `fills` is None where the rehearsal told no logs; `price_bps` sums them up by size, > 0 is worse than
    foreseen. `is_complete`: it was rehearsed behind all that came before it."""

    tx_hash: TxHash
    method: str
    is_complete: bool
    was_ok: bool
    is_ok: bool
    block: Gap[int]
    gas_used: Gap[int]
    gas_price: Gap[int]
    fee_wei: Gap[int]
    native: Gap[int]
    tokens: tuple[TokenDrift, ...] | None
    fills: tuple[FillDrift, ...] | None = None
    price_bps: Decimal | None = None

    @property
    def blocks_late(self) -> int:
        """Blocks between the one that was rehearsed and the one that has it."""
        return self.block.difference or 0

    @property
    def is_exact(self) -> bool:
        """Whether nothing that is known of both differs, its block and what the market asks for gas aside."""
        gaps = [self.gas_used, *(drift.units for drift in self.tokens or ())]
        sizes = [gap for fill in self.fills or () for gap in (fill.size, fill.price, fill.fee)]
        same = not any(gap.difference for gap in gaps) and not any(gap.difference for gap in sizes)
        return same and self.was_ok == self.is_ok
