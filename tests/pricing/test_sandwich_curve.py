"""The search over attack sizes on the curve: what it says no size beats, none of a fine grid does."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pricing.pools import random_case

from trimtab.pricing.perp_pool import PoolOrder, PoolState, margin_for, own_limit, trade
from trimtab.pricing.sandwich import attacks_on, front_order, run_attack
from trimtab.pricing.sandwich_curve import Attacks

SEEDS = st.integers(0, 2**32)
PARTS = st.floats(0.01, 0.9)
TOLERANCE = 1e12
GRID = 300


def case(seed: int) -> tuple[Attacks, PoolState, PoolOrder]:
    state, order = random_case(random.Random(seed))
    attacks = attacks_on(state, order)
    assert attacks is not None
    return attacks, state, order


@given(seed=SEEDS)
def test_no_size_beats_the_best_by_more_than_it_says(seed: int) -> None:
    """Over a grid of sizes up to the largest, with jumps, bends and orders that stop."""
    attacks, _, _ = case(seed)
    high = attacks.largest()
    size, unseen = attacks.best(high, TOLERANCE)
    assert 0 <= size <= high
    assert unseen <= TOLERANCE
    noise = 1e-12 * attacks.curve.quote_at(high)
    best = max(attacks.gain(high * i / GRID) for i in range(GRID + 1))
    assert best <= attacks.gain(size) + unseen + noise


@given(seed=SEEDS, part=PARTS)
def test_gains_are_those_of_the_integers(seed: int, part: float) -> None:
    """To a part in a billion of what is traded."""
    attacks, state, order = case(seed)
    size = int(attacks.largest() * part)
    done = run_attack(state, order, size)
    assert done.gain == pytest.approx(attacks.gain(size), abs=1e4 + 1e-9 * attacks.curve.quote)
    front = trade(state, front_order(state, order, size))
    needed = margin_for(state, front, sells=order.sells)
    assert attacks.margin(size, state.mark_price, state.initial_margin) == pytest.approx(
        needed, rel=1e-6, abs=1e6
    )


@given(seed=SEEDS, part=st.floats(0.0, 1.0))
def test_the_first_size_above_a_gain(seed: int, part: float) -> None:
    """Nothing up to it earns more; where it is not the end, what comes close behind does, or jumps."""
    attacks, _, _ = case(seed)
    high = attacks.largest()
    target = attacks.gain(attacks.best(high, TOLERANCE)[0]) * part
    found = attacks.first_above(high, target)
    noise = 1e-12 * attacks.curve.quote_at(high)
    assert all(attacks.gain(found * i / GRID) <= target + noise for i in range(GRID + 1))
    if found < high * 0.999 and found > high * 1e-3:
        behind = (found + (high - found) * 2.0**-i for i in range(40))
        assert any(attacks.gain(size) >= target - noise for size in behind)


@given(seed=SEEDS)
def test_the_last_size_that_meets_a_bound(seed: int) -> None:
    """It is met before, and no more a little behind."""
    attacks, state, order = case(seed)
    if not order.bound or own_limit(state, order) is not None:
        return
    high = attacks.largest()
    found = attacks.last(high, lambda size: attacks.is_within(order.bound, size))
    assert attacks.is_within(order.bound, found * 0.999)
    if found < high * 0.99:
        assert not attacks.is_within(order.bound, found * 1.001 + 1e6)
