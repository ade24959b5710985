"""The smooth curve of a pool: the integers' numbers but for roundings, also over ticks and gaps."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pricing.pools import pool_of, random_state

from trimtab.pricing.pool_curve import Curve
from trimtab.pricing.tick_math import Q96, sqrt_at_tick
from trimtab.pricing.uniswap_v3 import swap

SEEDS = st.integers(0, 2**32)
PARTS = st.floats(0.001, 0.999)


def random_curve(seed: int) -> tuple[Curve, random.Random]:
    draws = random.Random(seed)
    state = random_state(draws)
    sells = draws.random() < 0.5
    return Curve(state.pool, state.tick_edges()[0 if sells else 1], sells=sells), draws


@given(seed=SEEDS, part=PARTS)
def test_the_curve_is_the_pool(seed: int, part: float) -> None:
    """Quote and price of a base amount, to a part in a billion."""
    draws = random.Random(seed)
    state, sells = random_state(draws), draws.random() < 0.5
    curve = Curve(state.pool, state.tick_edges()[0 if sells else 1], sells=sells)
    base = int(curve.base * part)
    done = swap(state.pool, sells=sells, amount=base if sells else -base, fee=0)
    assert curve.quote_at(base) == pytest.approx(abs(done.quote_in), rel=1e-9, abs=1e3)
    assert curve.root(base, before=True) == pytest.approx(done.pool.sqrt_price / Q96, rel=1e-9)


@given(seed=SEEDS, part=PARTS, other=PARTS)
def test_its_ways_agree(seed: int, part: float, other: float) -> None:
    """Base of quote is the inverse of quote of base; differences are sums of parts; a price leads back."""
    curve, _ = random_curve(seed)
    low, high = sorted((part * curve.base, other * curve.base))
    assert curve.base_at(curve.quote_at(low)) == pytest.approx(low, rel=1e-9)
    between = curve.quote_between(low, high)
    assert between == pytest.approx(curve.quote_at(high) - curve.quote_at(low), rel=1e-6, abs=1e9)
    assert curve.base_at_root(curve.root(low)) == pytest.approx(low, rel=1e-6, abs=curve.base * 1e-12)
    falls = curve.root(low) >= curve.root(high)
    assert falls if curve.sells else curve.root(low) <= curve.root(high)


def test_the_price_jumps_where_liquidity_is_missing() -> None:
    """At the same base, before and after the gap."""
    pool = pool_of(Q96, [(-600, 120, 10**21), (360, 600, 10**21)])
    curve = Curve(pool, sqrt_at_tick(600), sells=False)
    (gap,) = curve.breaks
    assert curve.root(gap, before=True) == pytest.approx(sqrt_at_tick(120) / Q96)
    assert curve.root(gap) == pytest.approx(sqrt_at_tick(360) / Q96)


def test_nothing_to_trade() -> None:
    """Without liquidity up to the edge the curve is empty."""
    pool = pool_of(Q96, [(-600, -300, 10**21)])
    assert Curve(pool, sqrt_at_tick(600), sells=False).base == 0
