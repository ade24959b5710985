"""Random pools and orders for the pure tests: overlapping ranges around 2000, some gaps, and a wide one."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace

from trimtab.model.units import WAD
from trimtab.pricing.perp_pool import PoolOrder, PoolState, trade
from trimtab.pricing.tick_math import tick_at_sqrt
from trimtab.pricing.uniswap_v3 import Pool, TickMap

SPACING = 60
PRICE = 2000


def random_state(draws: random.Random, *, has_floor: bool = True) -> PoolState:
    """A market whose price is near its index. Without a floor, liquidity may end within reach."""
    sqrt_price = math.isqrt(int(PRICE * draws.uniform(0.99, 1.01) * 2**192))
    tick = tick_at_sqrt(sqrt_price)
    ranges = [_random_range(draws, tick) for _ in range(draws.randint(1, 12))]
    if has_floor:
        ranges.append(((tick - 9000) // 60 * 60, (tick + 9000) // 60 * 60, int(10 ** draws.uniform(20, 22))))
    return PoolState(
        pool=pool_of(sqrt_price, ranges),
        pool_fee=3000,
        taker_fee=draws.choice([0, 100, 500, 1000]),
        last_tick=tick + draws.randint(-60, 60),
        max_ticks=1000,
        index_price=PRICE * WAD,
        max_spread=100_000,
        mark_price=PRICE * WAD,
        initial_margin=100_000,
        block=1,
        at=1,
    )


def _random_range(draws: random.Random, tick: int) -> tuple[int, int, int]:
    low = (tick + draws.randint(-1500, 900)) // SPACING * SPACING
    return low, low + SPACING * draws.randint(1, 30), int(10 ** draws.uniform(19.5, 22.5))


def pool_of(sqrt_price: int, ranges: list[tuple[int, int, int]]) -> Pool:
    """The pool of makers' (low tick, high tick, liquidity)."""
    tick = tick_at_sqrt(sqrt_price)
    nets: Counter[int] = Counter()
    for low, high, liquidity in ranges:
        nets[low] += liquidity
        nets[high] -= liquidity
    ticks = sorted({t for low, high, _ in ranges for t in (low, high)})
    in_range = sum(liquidity for low, high, liquidity in ranges if low <= tick < high)
    return Pool(sqrt_price, tick, in_range, TickMap(SPACING, tuple(ticks), tuple(nets[t] for t in ticks)))


def random_case(draws: random.Random) -> tuple[PoolState, PoolOrder]:
    """A market, and an order that fills there alone, within its bound."""
    while True:
        state = random_state(draws, has_floor=draws.random() < 0.7)
        order = _random_order(draws)
        alone = trade(state, order)
        if alone.refusal is None and alone.base:
            other = alone.quote if order.is_in_base else alone.base
            if order.closes:  # the house compares a part of the bound where it closes a part
                other = other * order.amount // alone.base
            order = bounded(draws, order, other)
            if trade(state, order).refusal is None:
                return state, order


def _random_order(draws: random.Random) -> PoolOrder:
    sells, exact_in = draws.random() < 0.5, draws.random() < 0.5
    is_in_base = sells == exact_in
    amount = int(10 ** draws.uniform(16, 20.3)) * (1 if is_in_base else PRICE)
    closes = is_in_base and draws.random() < 0.2
    return PoolOrder(sells, exact_in, amount, fee=draws.choice([0, 1000]), closes=closes)


def bounded(draws: random.Random, order: PoolOrder, alone: int) -> PoolOrder:
    """With a bound around what the order gets alone, four times out of five."""
    if draws.random() < 0.2:
        return order
    slippage = int(10 ** draws.uniform(1.5, 4.7))
    bound = alone * (10**6 - slippage if order.exact_in else 10**6 + slippage) // 10**6
    return replace(order, bound=bound)
