"""Bounds and amounts that keep a sandwich small: they do, and looser or larger ones do not."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pricing.pools import random_case

from trimtab.pricing.perp_pool import PoolOrder, PoolState, trade
from trimtab.pricing.sandwich import best_attack
from trimtab.pricing.sandwich_limits import largest_amount, tightest_bound

SEEDS = st.integers(0, 2**32)
SHARES = st.integers(0, 1100)  # of a thousand: what the attacker may earn, of what it could
MICRO = 10**12
FEW = settings(max_examples=40)  # each of them searches over bounds or amounts, each of which is a search


def slipping(state: PoolState, slippage: int) -> Callable[[PoolOrder], int]:
    """A bound `slippage` millionths worse than what a part gets alone."""

    def bound_of(part: PoolOrder) -> int:
        alone = trade(state, part)
        other = alone.quote if part.is_in_base else alone.base
        return other * (10**6 - slippage if part.exact_in else 10**6 + slippage) // 10**6

    return bound_of


@FEW
@given(seed=SEEDS, share=SHARES)
def test_a_tightened_bound_holds(seed: int, share: int) -> None:
    """No sandwich earns more than allowed, the order still fills alone, and the bound is not looser."""
    state, order = random_case(random.Random(seed))
    free = best_attack(state, order)
    most = free.gain * share // 1000
    bound = tightest_bound(state, order, most)
    tight = replace(order, bound=bound)
    assert trade(state, tight).refusal is None
    if not (order.closes and trade(state, order).base < order.amount):
        assert best_attack(state, tight).most <= max(most, 0)
    if order.bound:
        assert bound >= order.bound if order.exact_in else bound <= order.bound


@FEW
@given(seed=SEEDS, share=st.integers(100, 900))
def test_a_bound_is_not_tighter_than_need_be(seed: int, share: int) -> None:
    """With a thousandth of its slippage more, an attack would earn too much."""
    state, order = random_case(random.Random(seed))
    free = best_attack(state, order)
    most = free.gain * share // 1000
    if order.closes or most < 1000 * MICRO:
        return
    bound = tightest_bound(state, order, most)
    alone = trade(state, order)
    other = alone.quote if order.is_in_base else alone.base
    looser = bound + (bound - other) // 1000
    if order.bound and (looser <= order.bound if order.exact_in else looser >= order.bound):
        return
    assert best_attack(state, replace(order, bound=looser)).most > most - 3 * MICRO


@FEW
@given(seed=SEEDS, share=SHARES, slippage=st.sampled_from([500, 5000, 30_000]))
def test_the_largest_amount_holds(seed: int, share: int, slippage: int) -> None:
    """No sandwich of it earns more than allowed; it is the whole, or a little more would not pass."""
    state, order = random_case(random.Random(seed))
    order = replace(order, closes=False)
    bound_of = slipping(state, slippage)
    most = best_attack(state, replace(order, bound=bound_of(replace(order, bound=0)))).most * share // 1000

    def earns(amount: int) -> int:
        part = replace(order, amount=amount, bound=0)
        return best_attack(state, replace(part, bound=bound_of(part))).most

    amount = largest_amount(state, order, most, bound_of)
    assert 0 <= amount <= order.amount
    assert amount == 0 or earns(amount) <= most
    if amount < order.amount:
        assert earns(amount + order.amount // 2**19 + 1) > most
