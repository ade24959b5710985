"""Uniswap's grid: published points and properties; against its own contracts in test_uniswap_v3.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import PricingError
from trimtab.pricing.tick_math import MAX_SQRT, MAX_TICK, MIN_SQRT, Q96, sqrt_at_tick, tick_at_sqrt

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


def test_a_tick_outside_is_refused() -> None:
    """The grid ends at 887272."""
    with pytest.raises(ValueError, match="outside"):
        sqrt_at_tick(MAX_TICK + 1)


@given(sqrt=st.integers(MIN_SQRT, MAX_SQRT - 1) | TICKS.map(sqrt_at_tick).filter(lambda s: s < MAX_SQRT))
def test_the_tick_of_a_square_root_is_the_highest_not_above_it(sqrt: int) -> None:
    """Also exactly at a tick, where one unit less belongs to the tick below."""
    tick = tick_at_sqrt(sqrt)
    assert sqrt_at_tick(tick) <= sqrt < sqrt_at_tick(tick + 1)


@given(tick=st.integers(-MAX_TICK + 1, MAX_TICK - 1))
def test_a_tick_begins_at_its_square_root(tick: int) -> None:
    """The inverse is exact."""
    assert tick_at_sqrt(sqrt_at_tick(tick)) == tick
    assert tick_at_sqrt(sqrt_at_tick(tick) - 1) == tick - 1


@pytest.mark.parametrize("sqrt", [0, MIN_SQRT - 1, MAX_SQRT])
def test_a_square_root_outside_is_refused(sqrt: int) -> None:
    """The grid's last square root belongs to no tick, as in TickMath."""
    with pytest.raises(PricingError):
        tick_at_sqrt(sqrt)
