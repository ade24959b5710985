"""The worst sandwich of an order, beside trying sizes one by one in the same integers, and its own limit."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.harness import Result, compare, counted
from trimtab.model.units import WAD
from trimtab.pricing.perp_pool import PoolOrder, PoolState, trade
from trimtab.pricing.sandwich import best_attack, run_attack
from trimtab.pricing.tick_math import tick_at_sqrt
from trimtab.pricing.uniswap_v3 import Pool, TickMap

CASES = 200
SIZES = 100  # of the grid: a hundredth of the size is as fine as half a percent of the profit needs
LIMIT_MS = 5.0
SPACING = 60


def random_pool(draws: random.Random) -> Pool:
    """Up to twenty ranges around 2000, on a wide one."""
    sqrt_price = math.isqrt(2000 * 2**192)
    tick = tick_at_sqrt(sqrt_price)
    nets: Counter[int] = Counter()
    liquidity = 0
    wide = (tick // SPACING * SPACING - 6000, tick // SPACING * SPACING + 6000)
    for number in range(draws.randint(1, 20)):
        low = (tick + draws.randint(-1200, 900)) // SPACING * SPACING
        low, high = wide if number == 0 else (low, low + SPACING * draws.randint(1, 20))
        amount = int(10 ** draws.uniform(20, 22.5))
        nets[low] += amount
        nets[high] -= amount
        liquidity += amount if low <= tick < high else 0
    ticks = tuple(sorted(nets))
    return Pool(sqrt_price, tick, liquidity, TickMap(SPACING, ticks, tuple(nets[t] for t in ticks)))


def random_cases(draws: random.Random) -> Iterator[tuple[PoolState, PoolOrder]]:
    """Orders that fill alone, with an acceptable price half a percent to three percent away."""
    while True:
        pool = random_pool(draws)
        state = PoolState(
            pool=pool,
            pool_fee=3000,
            taker_fee=draws.choice([0, 500, 1000]),
            last_tick=pool.tick,
            max_ticks=1000,
            index_price=2000 * WAD,
            max_spread=100_000,
            mark_price=2000 * WAD,
            initial_margin=100_000,
            block=1,
            at=1,
        )
        sells, exact_in = draws.random() < 0.5, draws.random() < 0.5
        amount = int(10 ** draws.uniform(17, 20)) * (1 if sells == exact_in else 2000)
        order = PoolOrder(sells, exact_in, amount, fee=1000)
        alone = trade(state, order)
        if alone.refusal is None:
            other = alone.quote if order.is_in_base else alone.base
            slippage = draws.randint(5_000, 30_000)
            bound = other * (10**6 - slippage if exact_in else 10**6 + slippage) // 10**6
            yield state, replace(order, bound=bound)


def measure(cases: list[tuple[PoolState, PoolOrder]]) -> list[Result]:
    worst = [best_attack(state, order) for state, order in cases]
    paying = [(*case, attack.size) for case, attack in zip(cases, worst, strict=True) if attack.size]

    def ours() -> None:
        for state, order, _ in paying:
            best_attack(state, order)

    def grid() -> None:
        for state, order, size in paying[:5]:
            for i in range(1, SIZES + 1):
                run_attack(state, order, size * i // SIZES)

    slowest = max(min(_milliseconds(*case) for _ in range(5)) for case in cases)
    return [
        compare(
            "worst sandwich of an order", ours, grid, peer_name=f"a grid of {SIZES} sizes", unit="ms",
            per=len(paying), peer_per=5, promised=3,
        ),
        counted(
            f"worst sandwich, slowest of {len(cases)} pools", ours=slowest, peer=LIMIT_MS,
            peer_name="its limit", unit="ms", promised=1,
        ),
    ]  # fmt: skip


def _milliseconds(state: PoolState, order: PoolOrder) -> float:
    start = time.perf_counter()
    best_attack(state, order)
    return (time.perf_counter() - start) * 1e3


async def run() -> list[Result]:
    cases = random_cases(random.Random(4))
    return measure([next(cases) for _ in range(CASES)])
