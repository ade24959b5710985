"""Uniswap v3's swap in integers: amounts, single steps, and the walk over initialised ticks.

Uniswap v3-core SqrtPriceMath, SwapMath and UniswapV3Pool.swap, bit for bit, without fee growth and
oracle: those move no amount. Roundings go in the pool's favour. Amount 0 is the base token here, amount 1 the
quote; prices are square roots in Q64.96; fees are in millionths ("pips").

    pool = Pool(sqrt_price, tick, liquidity, TickMap(60, (-600, 600), (net, -net), known=(-1000, 1000)))
    done = swap(pool, sells=True, amount=10**18, fee=3000)   # exact input; a negative amount: exact output
    done.base_in, done.quote_in, done.pool                   # what the pool got (< 0: gave), its state after
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from trimtab.errors import PricingError
from trimtab.pricing.tick_math import MAX_SQRT, MAX_TICK, MIN_SQRT, MIN_TICK, Q96, sqrt_at_tick, tick_at_sqrt

PIPS = 1_000_000
_WORD = 256  # ticks of the grid per word of the pool's bitmap: a step never leaves its word


@dataclass(frozen=True, slots=True)
class TickMap:
    """The initialised ticks of a pool, rising, each with the liquidity that enters when the price rises
    through it. Ticks outside `known` were not looked at: nothing walks there."""

    spacing: int
    ticks: tuple[int, ...]
    nets: tuple[int, ...]
    known: tuple[int, int] = (MIN_TICK, MAX_TICK)

    def next_tick(self, tick: int, *, down: bool) -> tuple[int, int | None]:
        """Where a step from `tick` ends at the latest, and the index of the initialised tick there, None at
        the end of a word of the bitmap: TickBitmap.nextInitializedTickWithinOneWord."""
        compressed = tick // self.spacing
        if down:
            edge = (compressed - compressed % _WORD) * self.spacing
            found = bisect_right(self.ticks, compressed * self.spacing) - 1
            is_there = found >= 0 and self.ticks[found] >= edge
        else:
            first = compressed + 1
            edge = (first - first % _WORD + _WORD - 1) * self.spacing
            found = bisect_left(self.ticks, first * self.spacing)
            is_there = found < len(self.ticks) and self.ticks[found] <= edge
        if is_there:
            return self.ticks[found], found
        return max(MIN_TICK, min(MAX_TICK, edge)), None


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool between two swaps: slot0's price and tick, the liquidity in range, and the map of ticks."""

    sqrt_price: int
    tick: int
    liquidity: int
    map: TickMap


class Step(NamedTuple):
    """One step of a swap, at one liquidity."""

    sqrt_price: int
    amount_in: int
    amount_out: int
    fee: int


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap done: what the pool received (negative: gave), what of the amount was left when the price limit
    came, its state after, and the steps."""

    base_in: int
    quote_in: int
    left: int
    pool: Pool
    steps: tuple[Step, ...]


def base_between(low: int, high: int, liquidity: int, *, up: bool) -> int:
    """Base between two square-root prices, rounded up or down: SqrtPriceMath.getAmount0Delta."""
    if low > high:
        low, high = high, low
    numerator = (liquidity << 96) * (high - low)
    if up:
        rounded = -(-numerator // high)
        return -(-rounded // low)
    return numerator // high // low


def quote_between(low: int, high: int, liquidity: int, *, up: bool) -> int:
    """Quote between two square-root prices, rounded up or down: SqrtPriceMath.getAmount1Delta."""
    product = liquidity * abs(high - low)
    return -(-product // Q96) if up else product // Q96


def sqrt_after_input(sqrt_price: int, liquidity: int, amount: int, *, sells: bool) -> int:
    """The price after `amount` went in, rounded so that the pool does not lose by it. `PricingError` without
    liquidity."""
    _check_liquidity(liquidity)
    if sells:
        return _sqrt_after_base(sqrt_price, liquidity, amount)
    return sqrt_price + (amount << 96) // liquidity


def sqrt_after_output(sqrt_price: int, liquidity: int, amount: int, *, sells: bool) -> int:
    """The price after `amount` came out. `PricingError` when the liquidity does not hold so much."""
    _check_liquidity(liquidity)
    if sells:
        fall = -(-(amount << 96) // liquidity)
        if fall >= sqrt_price:
            raise PricingError(f"{amount} of quote is more than liquidity {liquidity} holds")
        return sqrt_price - fall
    return _sqrt_after_base(sqrt_price, liquidity, -amount)


def _sqrt_after_base(sqrt_price: int, liquidity: int, amount: int) -> int:
    """SqrtPriceMath.getNextSqrtPriceFromAmount0RoundingUp: L x p / (L + amount x p), rounded up. It counts
    less exactly where the product does not fit 256 bits."""
    if amount == 0:
        return sqrt_price
    scaled, product = liquidity << 96, abs(amount) * sqrt_price
    if amount > 0:
        if product < 2**256 and scaled + product < 2**256:
            return -(-scaled * sqrt_price // (scaled + product))
        return -(-scaled // (scaled // sqrt_price + amount))
    if product >= 2**256 or scaled <= product:
        raise PricingError(f"{-amount} of base is more than liquidity {liquidity} holds")
    return -(-scaled * sqrt_price // (scaled - product))


def _check_liquidity(liquidity: int) -> None:
    if liquidity <= 0:
        raise PricingError("there is no liquidity at this price")


def compute_step(sqrt_price: int, target: int, liquidity: int, amount: int, fee: int) -> Step:
    """One step towards `target` with what is left of the amount (negative: output): SwapMath."""
    sells = sqrt_price >= target
    between_in, between_out = (base_between, quote_between) if sells else (quote_between, base_between)
    if amount >= 0:
        usable = amount * (PIPS - fee) // PIPS
        full = between_in(target, sqrt_price, liquidity, up=True)
        reached = target if usable >= full else sqrt_after_input(sqrt_price, liquidity, usable, sells=sells)
    else:
        full = between_out(target, sqrt_price, liquidity, up=False)
        reached = (
            target if -amount >= full else sqrt_after_output(sqrt_price, liquidity, -amount, sells=sells)
        )
    is_whole = reached == target
    exact_in = amount >= 0
    came_in = full if is_whole and exact_in else between_in(reached, sqrt_price, liquidity, up=True)
    went_out = full if is_whole and not exact_in else between_out(reached, sqrt_price, liquidity, up=False)
    if not exact_in:
        went_out = min(went_out, -amount)
    if exact_in and not is_whole:
        return Step(reached, came_in, went_out, amount - came_in)
    return Step(reached, came_in, went_out, -(-came_in * fee // (PIPS - fee)))


def swap(pool: Pool, *, sells: bool, amount: int, fee: int, sqrt_limit: int | None = None) -> Swap:
    """Trade until the amount (positive: exact input, negative: exact output) is done or the price limit is
    reached. `PricingError` on a limit that is not ahead, and where the walk would leave the known ticks."""
    limit = _limit(pool, sqrt_limit, sells=sells)
    sqrt_price, tick, liquidity, left = pool.sqrt_price, pool.tick, pool.liquidity, amount
    steps: list[Step] = []
    came_in = went_out = 0
    while left != 0 and sqrt_price != limit:
        following, index = pool.map.next_tick(tick, down=sells)
        boundary = sqrt_at_tick(following)
        target = max(boundary, limit) if sells else min(boundary, limit)
        step = compute_step(sqrt_price, target, liquidity, left, fee)
        steps.append(step)
        left += step.amount_out if amount < 0 else -step.amount_in - step.fee
        came_in += step.amount_in + step.fee
        went_out += step.amount_out
        _check_known(pool.map, step.sqrt_price)
        if step.sqrt_price == boundary:
            if index is not None:
                liquidity += -pool.map.nets[index] if sells else pool.map.nets[index]
            tick = following - 1 if sells else following
        elif step.sqrt_price != sqrt_price:
            tick = tick_at_sqrt(step.sqrt_price)
        sqrt_price = step.sqrt_price
    after = Pool(sqrt_price, tick, liquidity, pool.map)
    base, quote = (came_in, -went_out) if sells else (-went_out, came_in)
    return Swap(base, quote, left, after, tuple(steps))


def _limit(pool: Pool, sqrt_limit: int | None, *, sells: bool) -> int:
    limit = sqrt_limit if sqrt_limit is not None else (MIN_SQRT + 1 if sells else MAX_SQRT - 1)
    is_ahead = MIN_SQRT < limit < pool.sqrt_price if sells else pool.sqrt_price < limit < MAX_SQRT
    if not is_ahead:
        raise PricingError(f"the price limit {limit} is not ahead of the price {pool.sqrt_price}")
    return limit


def _check_known(ticks: TickMap, sqrt_price: int) -> None:
    low, high = ticks.known
    if not sqrt_at_tick(low) <= sqrt_price <= sqrt_at_tick(high):
        raise PricingError(
            f"the swap leaves the ticks {low} to {high} that were read: read more of them, or trade less"
        )
