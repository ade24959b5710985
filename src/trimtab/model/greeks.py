"""Sensitivities of one instrument or of a book."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities for the signed amount held (long > 0), in quote currency unless said.

    delta: units of underlying. gamma: delta per 1 unit of underlying price. vega: per 1 volatility point
    (0.01). theta: per calendar day. rho: per 1 percentage point of rate. vanna: delta per 1 volatility point.
    volga: vega per 1 volatility point. charm: delta per calendar day.
    """

    delta: Decimal = _ZERO
    gamma: Decimal = _ZERO
    vega: Decimal = _ZERO
    theta: Decimal = _ZERO
    rho: Decimal = _ZERO
    vanna: Decimal = _ZERO
    volga: Decimal = _ZERO
    charm: Decimal = _ZERO

    def __add__(self, other: Greeks) -> Greeks:
        return Greeks(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __mul__(self, amount: Decimal) -> Greeks:
        return Greeks(*(getattr(self, f.name) * amount for f in fields(self)))
