"""The pool's grid in the venue's numbers: prices at ticks, ticks at prices, what a range holds. Pure."""

from __future__ import annotations

from decimal import Decimal

from trimtab.model.units import from_wad
from trimtab.pricing.tick_math import MAX_TICK, Q96, sqrt_at_tick


def price_of_sqrt(sqrt_x96: int) -> int:
    """The price (18 decimals) of a square-root price, rounded as PerpMath does."""
    return price_x96_of_sqrt(sqrt_x96) * 10**18 // Q96


def price_x96_of_sqrt(sqrt_x96: int) -> int:
    """The price as a Q160.96 integer."""
    return sqrt_x96 * sqrt_x96 // Q96


def price_at_tick(tick: int) -> Decimal:
    """The price at a tick, in quote currency."""
    return from_wad(price_of_sqrt(sqrt_at_tick(tick)))


def tick_at_price(price: Decimal, spacing: int) -> int:
    """The highest tick on the pool's grid whose price is not above `price`."""
    low, high = -MAX_TICK // spacing + 1, MAX_TICK // spacing
    while low < high:
        middle = (low + high + 1) // 2
        if price_at_tick(middle * spacing) <= price:
            low = middle
        else:
            high = middle - 1
    return low * spacing


def amounts_in_range(liquidity: int, ticks: tuple[int, int], sqrt_x96: int) -> tuple[int, int]:
    """Base and quote that the range holds at a price, rounded down as LiquidityAmounts."""
    low, high = sqrt_at_tick(ticks[0]), sqrt_at_tick(ticks[1])
    at = min(max(sqrt_x96, low), high)
    base = (liquidity << 96) * (high - at) // high // at
    return base, liquidity * (at - low) // Q96
