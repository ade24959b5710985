"""What an order is exposed to while others can see it before it fills: the worst sandwich, and what ends it.

Not the market exposure of a book, which is `hedging/exposure.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trimtab.model.order import PerpIntent


class ExposureBound(StrEnum):
    """What keeps the worst attack from being larger: the order's acceptable price, the venue's own limits
    (of a block, of the distance from the index), the attacker's capital, or that a larger one earns less."""

    ACCEPTABLE_PRICE = "acceptable_price"
    VENUE_LIMITS = "venue_limits"
    CAPITAL = "capital"
    ATTACKER = "attacker"


@dataclass(frozen=True, slots=True)
class SandwichExposure:
    """The worst sandwich of an order at one block, in quote currency. `worst_profit` is what an attacker
    earns at most, after its fees and `gas_cost`, rounded up; 0 where no attack pays. `victim_loss` is how
    much worse the order then fills: not the profit, since fees and makers take a part of it, or give one.
    `attacker_size`, in units of underlying, needs `capital` as margin for the length of the block."""

    intent: PerpIntent
    worst_profit: Decimal
    victim_loss: Decimal
    attacker_size: Decimal
    attacker_fees: Decimal
    gas_cost: Decimal
    capital: Decimal
    bound: ExposureBound
    block: int
    at: int

    @property
    def is_price_limited(self) -> bool:
        """Whether the order names an acceptable price. Without one, only the pool and the venue's limits of a
        block bound what it can lose."""
        return self.intent.acceptable_price is not None


@dataclass(frozen=True, slots=True)
class Remedies:
    """What brings an order's worst sandwich down to a profit of `max_profit`: the acceptable price to tighten
    it to, or the amount that may go at once, in the intent's own unit (size or notional), each alone. Where
    nothing need be done they are the intent's own price, which may be None, and the whole. `amount` is 0
    where no part is small enough, None for a close, which the venue does not split."""

    acceptable_price: Decimal | None
    amount: Decimal | None
    max_profit: Decimal
    block: int
