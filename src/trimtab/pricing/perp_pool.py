"""How Perp v2 trades on its Uniswap v3 pool, in the contracts' integers: fees, limits of a block, bounds.

Rules and order of operations: Perpetual Protocol v2 ("Curie") Exchange._swap, OrderBook.replaySwap,
lib/SwapMath and ClearingHouse._checkSlippage. The house replaces the pool's fee by its own: it scales the
amounts so that the pool's fee has no effect, and charges `fee` millionths of the quote.

    state: PoolState                                  # of one block: venues/perp_v2/pool.py reads it
    done = trade(state, PoolOrder(sells=False, exact_in=False, amount=10**18, fee=1000))
    done.base, done.quote, done.refusal               # quote with the fee inside, as the fill will have it
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from trimtab.model.units import WAD
from trimtab.pricing.perp import PPM, div_trunc
from trimtab.pricing.tick_math import MAX_TICK, MIN_TICK, Q96, sqrt_at_tick
from trimtab.pricing.uniswap_v3 import Pool, Swap, swap

_DUST = 10  # UniswapV3Broker: what an exact output may miss


class TradeLimit(StrEnum):
    """What refuses a trade: the order's own bound, the ticks that one block may cross (also where liquidity
    ends before them), the band around the index price, or too little margin."""

    ACCEPTABLE_PRICE = "acceptable_price"
    BLOCK_TICKS = "block_ticks"
    PRICE_BAND = "price_band"
    MARGIN = "margin"


@dataclass(frozen=True, slots=True)
class PoolState:
    """One market at one block, as its next trade finds it. Fees in millionths: the pool's own, and the taker
    fee of an account without a discount. `last_tick` is the tick from which the block's `max_ticks` count;
    `index_price` (wad) and `max_spread` (millionths of it) are the price band. `mark_price` (wad) and
    `initial_margin` (millionths) tell the margin that a position needs."""

    pool: Pool
    pool_fee: int
    taker_fee: int
    last_tick: int
    max_ticks: int
    index_price: int
    max_spread: int
    mark_price: int
    initial_margin: int
    block: int
    at: int

    def edges(self) -> tuple[int, int]:
        """The lowest and the highest square-root price at which a trade from here may end."""
        low, high = self.tick_edges()
        band_low, band_high = self.band_edges()
        return max(low, band_low), min(high, band_high)

    def tick_edges(self) -> tuple[int, int]:
        """Exchange._isOverPriceLimitWithTick as square-root prices."""
        low = max(MIN_TICK, self.last_tick - self.max_ticks)
        high = min(MAX_TICK - 1, self.last_tick + self.max_ticks)
        return sqrt_at_tick(low), sqrt_at_tick(high + 1) - 1

    def band_edges(self) -> tuple[int, int]:
        """EX_OPB as square-root prices: a trade may not leave the band, nor widen a spread beyond it."""
        spread = self.spread()
        room = self.index_price * (max(spread, self.max_spread) + 1) - 1
        fall = self.index_price * (max(-spread, self.max_spread) + 1) - 1
        highest = self.index_price + room // PPM
        lowest = max(self.index_price - fall // PPM, 0)
        return _highest_sqrt(lowest - 1) + 1, _highest_sqrt(highest)

    def spread(self) -> int:
        """Market price over index price, in millionths, towards zero: Exchange._getPriceSpreadRatio."""
        price = self.pool.sqrt_price**2 // Q96 * WAD // Q96
        return div_trunc((price - self.index_price) * PPM, self.index_price)


def _highest_sqrt(price: int) -> int:
    """The highest square root whose price (wad, rounded down twice as PerpMath does) is at most this."""
    if price < 0:
        return 0
    squares = ((price + 1) * Q96 - 1) // WAD
    return math.isqrt((squares + 1) * Q96 - 1)


@dataclass(frozen=True, slots=True)
class PoolOrder:
    """An order as the house gets it. `amount` is base where a seller's input or a buyer's output is exact,
    else quote. `bound` is the worst other side, fee inside, 0 for none; `sqrt_limit` stops the fill
    without refusing it, 0 for none; a `closes` order stops at the block's limit by itself."""

    sells: bool
    exact_in: bool
    amount: int
    fee: int
    bound: int = 0
    sqrt_limit: int = 0
    closes: bool = False

    @property
    def is_in_base(self) -> bool:
        return self.sells is self.exact_in


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade as the house would do it: base and quote that change hands, the fee inside the quote (a buyer
    pays it on top, a seller gets less), the state after, and what refuses it, if anything does."""

    base: int
    quote: int
    fee: int
    after: PoolState
    refusal: TradeLimit | None = None


def trade(state: PoolState, order: PoolOrder) -> Trade:
    """The order at this state, to the wei. Margin is the account's business and not looked at."""
    low, high = state.edges()
    edge = low if order.sells else high
    own = own_limit(state, order)
    stop = edge if own is None else (max(own, edge) if order.sells else min(own, edge))
    if not _is_ahead(state.pool.sqrt_price, stop, sells=order.sells):
        return Trade(0, 0, 0, state, _edge_kind(state, edge, order))
    amount = _scaled_amount(order, state.pool_fee)
    done = swap(
        state.pool,
        sells=order.sells,
        amount=amount if order.exact_in else -amount,
        fee=state.pool_fee,
        sqrt_limit=stop,
    )
    after = replace(state, pool=done.pool)
    if done.left != 0 and stop != own and not _is_dust(done, own):
        return Trade(0, 0, 0, after, _edge_kind(state, edge, order))
    base, quote, fee = _exchanged(state, order, done, own, stop)
    filled = Trade(base, quote, fee, after)
    return replace(filled, refusal=_refusal(order, filled))


def margin_for(state: PoolState, done: Trade, *, sells: bool) -> int:
    """The collateral (wad) that an account without a position needs for this trade: the initial margin of its
    debt, and what the position is worth less at the mark than it cost. Vault.getFreeCollateralByRatio."""
    value = done.base * state.mark_price // WAD
    debt, loss = (value, value - done.quote) if sells else (done.quote, done.quote - value)
    return debt * state.initial_margin // PPM + max(0, loss) + 1


def own_limit(state: PoolState, order: PoolOrder) -> int | None:
    """Where the order itself wants to stop. A close counts from the block's tick limit."""
    if not order.closes:
        return order.sqrt_limit or None
    tick = state.last_tick - state.max_ticks if order.sells else state.last_tick + state.max_ticks
    limit = sqrt_at_tick(max(MIN_TICK + 1, min(MAX_TICK - 1, tick)))
    if not order.sqrt_limit:
        return limit
    return max(limit, order.sqrt_limit) if order.sells else min(limit, order.sqrt_limit)


def _is_ahead(sqrt_price: int, stop: int, *, sells: bool) -> bool:
    return stop < sqrt_price if sells else stop > sqrt_price


def _is_dust(done: Swap, own: int | None) -> bool:
    """An exact output without a limit of its own may miss a few wei (UB_UOA)."""
    return own is None and -_DUST < done.left < 0


def _edge_kind(state: PoolState, edge: int, order: PoolOrder) -> TradeLimit:
    if edge == state.tick_edges()[0 if order.sells else 1]:
        return TradeLimit.BLOCK_TICKS
    return TradeLimit.PRICE_BAND


def _scaled_amount(order: PoolOrder, pool_fee: int) -> int:
    """SwapMath.calcScaledAmountForSwaps: the amount for the pool."""
    if order.sells:
        scaled_by = pool_fee if order.exact_in else order.fee
        return -(-order.amount * PPM // (PPM - scaled_by))
    if order.exact_in:
        return -(-order.amount * (PPM - order.fee) // (PPM - pool_fee))
    return order.amount


def _exchanged(
    state: PoolState, order: PoolOrder, done: Swap, own: int | None, stop: int
) -> tuple[int, int, int]:
    """(base, quote with the fee, fee) of Exchange._swap, from the pool's swap. An exact output without a
    limit of its own counts as complete (UniswapV3Broker.swap)."""
    is_whole_output = not order.exact_in and own is None
    if order.sells:
        fee = sum(-(-step.amount_out * order.fee // PPM) for step in done.steps)
        received = _scaled_amount(order, state.pool_fee) if is_whole_output else -done.quote_in
        return done.base_in * (PPM - state.pool_fee) // PPM, received - fee, fee
    fee = _buying_fee(state, order, done, stop)
    if order.exact_in and done.left == 0:
        return -done.base_in, order.amount, fee
    notional = done.quote_in * (PPM - state.pool_fee) // PPM
    return order.amount if is_whole_output else -done.base_in, notional + fee, fee


def _buying_fee(state: PoolState, order: PoolOrder, done: Swap, stop: int) -> int:
    """The fee of a purchase, by OrderBook's replay at the house's fee. For an exact output it takes the same
    steps as the pool did; for an exact input it walks once more, with the amount before it was scaled."""
    if not order.exact_in:
        return sum(-(-step.amount_in * order.fee // (PPM - order.fee)) for step in done.steps)
    replayed = swap(state.pool, sells=False, amount=order.amount, fee=order.fee, sqrt_limit=stop)
    return sum(step.fee for step in replayed.steps)


def _refusal(order: PoolOrder, done: Trade) -> TradeLimit | None:
    """ClearingHouse._checkSlippage, then the tick limit, which a sale may touch exactly at its edge."""
    after = done.after
    if not -after.max_ticks <= after.pool.tick - after.last_tick <= after.max_ticks:
        return TradeLimit.BLOCK_TICKS
    if order.bound == 0:
        return None
    bound = order.bound
    if order.closes and done.base < order.amount:
        bound = bound * (done.base * PPM // order.amount) // PPM
    other = done.quote if order.is_in_base else done.base
    wants_much = order.exact_in
    return None if (other >= bound if wants_much else other <= bound) else TradeLimit.ACCEPTABLE_PRICE
