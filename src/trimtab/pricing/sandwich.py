"""The worst sandwich of an order on a Perp v2 pool, in the contracts' integers.

An attacker trades in front of the order in its direction, the order fills worse, the attacker closes behind
it, all in one block. What it earns bends only where a trade reaches another range of liquidity: between, the
slope is known at the ends. A search over these pieces in floats (`sandwich_curve.py`) finds the best size and
bounds what any other could earn beyond it; the contracts' own integers then say what that size earns.

    attack = best_attack(state, order)                 # PoolState, PoolOrder of `perp_pool.py`
    attack.size, attack.gain                           # base units to open in front and close behind; wad
    attack.front, attack.victim, attack.back           # the three trades as they will be done
    attack.limit                                       # what refuses a larger one; None: it would earn less

Not counted: liquidity that an attacker adds or removes in the block, several orders at once, other venues.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from trimtab.pricing.perp import PPM
from trimtab.pricing.perp_pool import PoolOrder, PoolState, Trade, TradeLimit, margin_for, own_limit, trade
from trimtab.pricing.pool_curve import Curve
from trimtab.pricing.sandwich_curve import Attacks

_MICRO = 10**12  # wad of 1e-6 quote currency: the Vault pays no less, and the search may leave it unseen
_COUNTED = 14  # bits of a gain that may be unseen where millionths of a close are counted, see `_Passes`
_ROUNDED, _INSIDE = 16, 20  # wei, bits: how far inside a millionth its end is tried; what fills is rounded
_FINE = 44  # bits of a size to which the largest passing attack is found


@dataclass(frozen=True, slots=True)
class Attack:
    """One sandwich of `size` base units. `gain` (wad) is what the attacker's round trip earns after both
    taker fees, gas apart; no other size earns more than `gain + unseen`. `victim_loss` is what the order pays
    more, or gets less, than alone for what it fills. Size 0: no attack earns a millionth of the currency."""

    size: int
    gain: int
    unseen: int
    victim_loss: int
    front: Trade
    victim: Trade
    back: Trade
    limit: TradeLimit | None

    @property
    def fees(self) -> int:
        """Taker fees of both of the attacker's trades (wad)."""
        return self.front.fee + self.back.fee

    @property
    def most(self) -> int:
        """What the worst attack earns at most, gas apart (wad)."""
        return self.gain + self.unseen


def best_attack(state: PoolState, order: PoolOrder, *, capital: int | None = None) -> Attack:
    """The attack that earns most before gas, and what keeps it from being larger. `capital` is the margin
    that the attacker has (wad), None: all that it needs. An order that does not fill even alone has none."""
    alone = trade(state, order)
    nothing = _no_attack(state, alone)
    attacks = attacks_on(state, order) if alone.refusal is None and alone.base else None
    if attacks is None:
        return nothing
    high, limit = _Passes(state, order, capital).largest(attacks)
    if high <= 0:
        return _no_attack(state, alone, limit)
    size, unseen = attacks.best(float(high), float(_MICRO))
    sizes = {min(high, math.floor(size)), high} - {0}
    found = [attack for s in sizes if (attack := run_attack(state, order, s, alone)).limit is None]
    best = max(found, key=lambda attack: attack.gain, default=nothing)
    if best.gain < _MICRO:
        return nothing
    is_counted = order.closes and order.bound and best.victim.base < order.amount
    unseen_gain = math.ceil(unseen) + _MICRO + (best.gain >> _COUNTED if is_counted else 0)
    return replace(best, unseen=unseen_gain, limit=limit if best.size == high else None)


def run_attack(state: PoolState, order: PoolOrder, size: int, alone: Trade | None = None) -> Attack:
    """The sandwich with this front size, whatever it earns. `limit` is the first refusal among its trades;
    the trades after that one did not happen."""
    alone = trade(state, order) if alone is None else alone
    front = trade(state, front_order(state, order, size))
    victim = trade(front.after, order)
    back = trade(victim.after, back_order(state, order, size))
    refusals = (front.refusal, victim.refusal, back.refusal)
    limit = next((r for r in refusals if r is not None), None)
    if limit is None and back.base < size:
        limit = TradeLimit.BLOCK_TICKS
    gain = front.quote - back.quote if order.sells else back.quote - front.quote
    return Attack(size, gain, 0, loss_of(order, alone, victim), front, victim, back, limit)


def loss_of(order: PoolOrder, alone: Trade, filled: Trade) -> int:
    """How much worse the order filled than alone, in quote (wad, fees inside), for the base that it filled;
    rounded up."""
    if alone.base == 0 or filled.base == 0:
        return 0
    fair = alone.quote * filled.base
    worse = filled.quote * alone.base
    return -(-(fair - worse if order.sells else worse - fair) // alone.base)


def front_order(state: PoolState, order: PoolOrder, size: int) -> PoolOrder:
    """The attacker's first trade, exact in base."""
    return PoolOrder(order.sells, exact_in=order.sells, amount=size, fee=state.taker_fee)


def back_order(state: PoolState, order: PoolOrder, size: int) -> PoolOrder:
    """The attacker's close."""
    sells = not order.sells
    return PoolOrder(sells, exact_in=sells, amount=size, fee=state.taker_fee, closes=True)


def _no_attack(state: PoolState, alone: Trade, limit: TradeLimit | None = None) -> Attack:
    none = Trade(0, 0, 0, state)
    return Attack(0, 0, 0, 0, none, alone, none, limit or alone.refusal)


def attacks_on(state: PoolState, order: PoolOrder) -> Attacks | None:
    """The curve from here to where a trade must end; None where there is nothing to trade."""
    edge = state.edges()[0 if order.sells else 1]
    if (edge >= state.pool.sqrt_price) if order.sells else (edge <= state.pool.sqrt_price):
        return None
    curve = Curve(state.pool, edge, sells=order.sells)
    stop = own_limit(state, order)
    if stop is not None and ((stop < edge) if order.sells else (stop > edge)):
        stop = None  # the edge refuses it before it would stop by itself
    return Attacks(curve, order, state.taker_fee, stop) if curve.base > 0 else None


@dataclass(frozen=True, slots=True)
class _Passes:
    """Which attacks pass. Whether one does is monotone in its size, but for two kinds of order. A close that
    fills in part is held to its bound by whole millionths of its size: there a size counts as covered where
    one of the same millionth passes. And of an order with both a bound and a limit where it stops, the sizes
    up to the first refusal count."""

    state: PoolState
    order: PoolOrder
    capital: int | None

    def largest(self, attacks: Attacks) -> tuple[int, TradeLimit | None]:
        """The largest attack that passes, to a part in 2^44, and what refuses the next one. The curve
        guesses, the integers enclose it."""
        high = low = max(0, math.floor(self._guess(attacks)))
        width = max(1, high >> _FINE)
        while (limit := self.cover(high)[1]) is None:
            low, high, width = high, high + width, 8 * width
        width = max(1, low >> _FINE)
        while low > 0 and (low == high or self.cover(low)[1] is not None):
            low, high, width = max(0, low - width), low, 8 * width
        while high - low > max(1, low >> _FINE):
            middle = (low + high) // 2
            refusal = self.cover(middle)[1]
            if refusal is None:
                low = middle
            else:
                high, limit = middle, refusal
        return self._last_in(self.cover(low)[0], low), limit

    def _guess(self, attacks: Attacks) -> float:
        size = attacks.largest()
        if self.order.bound:
            size = attacks.last(size, lambda s: attacks.is_within(self.order.bound, s))
        if self.capital is not None:
            margin, state, capital = attacks.margin, self.state, self.capital
            size = attacks.last(size, lambda s: margin(s, state.mark_price, state.initial_margin) <= capital)
        return size

    def cover(self, size: int) -> tuple[int, TradeLimit | None]:
        """A size that passes, this one or one of the same millionth, or what refuses it."""
        limit, filled = self.outcome(size)
        if limit is not TradeLimit.ACCEPTABLE_PRICE or not self.order.closes or not filled:
            return size, limit
        amount = self.order.amount
        counted = filled * PPM // amount
        inside = _ROUNDED + (amount // PPM >> _INSIDE)
        if self.order.sells:  # more of the order fills at the millionth's first size, for the same bound
            other = size - (((counted + 1) * amount - 1) // PPM - filled - inside)
        else:  # less does at its last
            other = size + filled + (-counted * amount // PPM) - inside
        if filled >= amount or other <= 0 or self.outcome(other)[0] is not None:
            return size, limit
        return other, None

    def _last_in(self, low: int, high: int) -> int:
        """The last size that passes, from one that does, up to one that is covered by it."""
        while high - low > max(1, low >> _FINE):
            middle = (low + high) // 2
            low, high = (middle, high) if self.outcome(middle)[0] is None else (low, middle)
        return low

    def outcome(self, size: int) -> tuple[TradeLimit | None, int]:
        """What refuses an attack of this size, in the order in which its trades come, and the base that the
        victim's order then fills."""
        if size == 0:
            return None, 0
        front = trade(self.state, front_order(self.state, self.order, size))
        if front.refusal is not None:
            return front.refusal, 0
        if self.capital is not None and margin_for(self.state, front, sells=self.order.sells) > self.capital:
            return TradeLimit.MARGIN, 0
        victim = trade(front.after, self.order)
        if victim.refusal is not None:
            return victim.refusal, victim.base
        back = trade(victim.after, back_order(self.state, self.order, size))
        is_part = back.refusal is None and back.base < size
        return TradeLimit.BLOCK_TICKS if is_part else back.refusal, victim.base
