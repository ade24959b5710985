"""Prices on the grid, and what a range holds."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trimtab.pricing.tick_math import Q96, sqrt_at_tick
from trimtab.venues.perp_v2.ticks import amounts_in_range, price_at_tick, price_of_sqrt, tick_at_price


@given(tick=st.integers(-200_000, 200_000), spacing=st.sampled_from([1, 10, 60, 200]))
def test_the_tick_of_a_price_is_the_highest_not_above_it(tick: int, spacing: int) -> None:
    """On the pool's grid."""
    price = price_at_tick(tick)
    found = tick_at_price(price, spacing)
    assert found % spacing == 0
    assert price_at_tick(found) <= price < price_at_tick(found + spacing)


@given(
    liquidity=st.integers(0, 2**100),
    low=st.integers(-1000, 1000),
    width=st.integers(1, 1000),
    at=st.integers(-3000, 3000),
)
def test_a_range_holds_one_asset_outside_it(liquidity: int, low: int, width: int, at: int) -> None:
    """Below the range all is base, above it all is quote."""
    ticks = (low, low + width)
    base, quote = amounts_in_range(liquidity, ticks, sqrt_at_tick(at))
    assert base >= 0
    assert quote >= 0
    if at <= low:
        assert quote == 0
    if at >= low + width:
        assert base == 0


def test_price_of_the_unit_square_root() -> None:
    """Q96 is a price of one."""
    assert price_of_sqrt(Q96) == 10**18
    assert price_at_tick(0) == Decimal(1)
