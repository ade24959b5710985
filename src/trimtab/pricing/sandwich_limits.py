"""How to bring an order's worst sandwich down to a given gain: a tighter bound, or less of it at once.

    bound = tightest_bound(state, order, most)         # 0: the order needs none
    amount = largest_amount(state, order, most, bound_of)

`most` is what the attacker may earn before its gas (wad): what one allows it, and the gas that it pays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from trimtab.pricing.perp import PPM
from trimtab.pricing.perp_pool import PoolOrder, PoolState, Trade, trade
from trimtab.pricing.sandwich import attacks_on, best_attack, front_order

_SPARE = 2 * 10**12  # wad: the search leaves up to 1e-6 quote currency unseen
_PART = 20  # bits of an amount to which the largest one is found


def tightest_bound(state: PoolState, order: PoolOrder, most: int) -> int:
    """The loosest bound with which no sandwich of the order earns more than `most` before gas; the order's
    own where that suffices. At `most` 0 it is the fill alone: whoever trades in front then makes it fail. A
    close that fills in part even alone is bounded as finely as the house does, to a millionth of its size."""
    attack = best_attack(state, order)
    if attack.most <= most:
        return order.bound
    attacks = attacks_on(state, order)
    assert attacks is not None  # or there would be no attack
    size = math.floor(attacks.first_above(float(attack.size), float(most - _SPARE)))
    while size > 0:
        bound = _other_side(order, _fill_behind(state, order, size))
        if best_attack(state, replace(order, bound=bound)).most <= most:
            return bound
        size = size * 63 // 64
    return _other_side(order, trade(state, order))


def largest_amount(
    state: PoolState, order: PoolOrder, most: int, bound_of: Callable[[PoolOrder], int]
) -> int:
    """The largest part of the order's amount that no sandwich earns more than `most` from, before gas, when
    it goes with the bound that `bound_of` gives to it: the whole where that passes, else by halving, so that
    what is returned passes and a millionth more does not. 0 where nothing passes."""

    def passes(amount: int) -> bool:
        part = replace(order, amount=amount, bound=0)
        return best_attack(state, replace(part, bound=bound_of(part))).most <= most

    if passes(order.amount):
        return order.amount
    low, high = 0, order.amount
    while high - low > order.amount >> _PART and high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def _fill_behind(state: PoolState, order: PoolOrder, size: int) -> Trade:
    return trade(trade(state, front_order(state, order, size)).after, order)


def _other_side(order: PoolOrder, done: Trade) -> int:
    """What a bound would be compared with; of a close that filled in part, what the house, which scales the
    bound by millionths of the size, would then have to be given."""
    other = done.quote if order.is_in_base else done.base
    ratio = done.base * PPM // order.amount if order.closes else PPM
    if ratio in (0, PPM):
        return other
    return other * PPM // ratio if order.sells else -(-other * PPM // ratio)
