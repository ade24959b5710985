"""Uniswap's grid: known points and properties."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.venues.perp_v2.ticks import (
    MAX_TICK,
    Q96,
    amounts_in_range,
    price_at_tick,
    price_of_sqrt,
    sqrt_at_tick,
    tick_at_price,
)

TICKS = st.integers(-MAX_TICK, MAX_TICK)


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        (0, Q96),
        (-MAX_TICK, 4295128739),
        (MAX_TICK, 1461446703485210103287273052203988822378723970342),
        (1, 79232123823359799118286999568),
        (-1, 79224201403219477170569942574),
        (50, 79426470787362580746886972461),
    ],
)
def test_published_points(tick: int, expected: int) -> None:
    """The values that Uniswap publishes (TickMath's MIN and MAX_SQRT_RATIO, its own tests)."""
    assert sqrt_at_tick(tick) == expected


@given(tick=TICKS)
def test_a_tick_is_a_ten_thousandth(tick: int) -> None:
    """The price at a tick is 1.0001^tick, to Q96's precision."""
    with_float = 1.0001**tick
    assert (sqrt_at_tick(tick) / Q96) ** 2 == pytest.approx(with_float, rel=1e-8)


@given(tick=st.integers(-MAX_TICK, MAX_TICK - 1))
def test_prices_rise_with_ticks(tick: int) -> None:
    """Strictly."""
    assert sqrt_at_tick(tick) < sqrt_at_tick(tick + 1)


@given(tick=st.integers(-200_000, 200_000), spacing=st.sampled_from([1, 10, 60, 200]))
def test_the_tick_of_a_price_is_the_highest_not_above_it(tick: int, spacing: int) -> None:
    """On the pool's grid."""
    price = price_at_tick(tick)
    found = tick_at_price(price, spacing)
    assert found % spacing == 0
    assert price_at_tick(found) <= price < price_at_tick(found + spacing)


def test_a_tick_outside_is_refused() -> None:
    """The grid ends at 887272."""
    with pytest.raises(ValueError, match="outside"):
        sqrt_at_tick(MAX_TICK + 1)


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
