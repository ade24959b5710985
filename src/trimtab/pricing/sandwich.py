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
from dataclasses import dataclass

from trimtab.pricing.perp_pool import PoolOrder, PoolState, Trade, TradeLimit, own_limit, trade
from trimtab.pricing.pool_curve import Curve
from trimtab.pricing.sandwich_curve import Attacks

_MICRO = 10**12  # wad of 1e-6 quote currency: what the search may leave unseen, and the Vault cannot pay
_FINE = 44  # bits of a size to which the largest passing attack is found


@dataclass(frozen=True, slots=True)
class Attack:
    """One sandwich of `size` base units. `gain` (wad) is what the attacker's round trip earns after both
    taker fees, gas apart; no other size earns more than `gain + unseen`. `victim_loss` is what the order pays
    more, or gets less, than alone for what it fills. Size 0: no attack earns anything."""

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


def best_attack(state: PoolState, order: PoolOrder) -> Attack:
    """The attack that earns most before gas, and what keeps it from being larger. An order that does not
    fill even alone has none."""
    alone = trade(state, order)
    nothing = _no_attack(state, alone)
    if alone.refusal is not None:
        return nothing
    attacks = _attacks(state, order)
    if attacks is None:
        return nothing
    high, limit = _largest(state, order, attacks)
    if high <= 0:
        return _no_attack(state, alone, limit)
    size, unseen = attacks.best(float(high), float(_MICRO))
    sizes = {min(high, math.floor(size)), high}
    found = [run_attack(state, order, s, alone) for s in sizes if s > 0]
    best = max((a for a in found if a.limit is None), key=lambda a: a.gain, default=nothing)
    if best.gain <= 0:
        return nothing
    return _with(best, math.ceil(unseen) + _MICRO, limit if best.size == high else None)


def run_attack(state: PoolState, order: PoolOrder, size: int, alone: Trade | None = None) -> Attack:
    """The sandwich with this front size, whatever it earns. `limit` is the first refusal among its trades;
    the trades after that one did not happen."""
    alone = trade(state, order) if alone is None else alone
    front = trade(state, _front(state, order, size))
    victim = trade(front.after, order)
    back = trade(victim.after, _back(state, order, size))
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


def _front(state: PoolState, order: PoolOrder, size: int) -> PoolOrder:
    return PoolOrder(order.sells, exact_in=order.sells, amount=size, fee=state.taker_fee)


def _back(state: PoolState, order: PoolOrder, size: int) -> PoolOrder:
    sells = not order.sells
    return PoolOrder(sells, exact_in=sells, amount=size, fee=state.taker_fee, closes=True)


def _no_attack(state: PoolState, alone: Trade, limit: TradeLimit | None = None) -> Attack:
    none = Trade(0, 0, 0, state)
    return Attack(0, 0, 0, 0, none, alone, none, limit or alone.refusal)


def _with(attack: Attack, unseen: int, limit: TradeLimit | None) -> Attack:
    return Attack(
        attack.size, attack.gain, unseen, attack.victim_loss, attack.front, attack.victim, attack.back, limit
    )


def _attacks(state: PoolState, order: PoolOrder) -> Attacks | None:
    """The curve from here to where a trade must end; None where there is nothing to trade."""
    edge = state.edges()[0 if order.sells else 1]
    if (edge >= state.pool.sqrt_price) if order.sells else (edge <= state.pool.sqrt_price):
        return None
    curve = Curve(state.pool, edge, sells=order.sells)
    own = own_limit(state, order)
    if own is not None:
        own = max(own, edge) if order.sells else min(own, edge)
    return Attacks(curve, order, state.taker_fee, own) if curve.base > 0 else None


def _largest(state: PoolState, order: PoolOrder, attacks: Attacks) -> tuple[int, TradeLimit | None]:
    """The largest attack whose trades all pass, and what refuses a larger one. Whether one passes is monotone
    in its size; the curve guesses, the integers enclose it."""
    guess = attacks.largest()
    if order.bound:
        guess = attacks.largest_within(order.bound, guess)
    low = high = max(0, math.floor(guess))
    width = max(1, high >> _FINE)
    limit: TradeLimit | None = None
    while (refusal := _refusal(state, order, high)) is None:
        low, high, width = high, high + width, 8 * width
    limit = refusal
    width = max(1, low >> _FINE)
    while low > 0 and (low == high or _refusal(state, order, low) is not None):
        high, low, width = low, max(0, low - width), 8 * width
    while high - low > max(1, low >> _FINE):
        middle = (low + high) // 2
        refusal = _refusal(state, order, middle)
        if refusal is None:
            low = middle
        else:
            high, limit = middle, refusal
    return low, limit


def _refusal(state: PoolState, order: PoolOrder, size: int) -> TradeLimit | None:
    if size == 0:
        return None
    front = trade(state, _front(state, order, size))
    if front.refusal is not None:
        return front.refusal
    victim = trade(front.after, order)
    if victim.refusal is not None:
        return victim.refusal
    back = trade(victim.after, _back(state, order, size))
    return TradeLimit.BLOCK_TICKS if back.refusal is None and back.base < size else back.refusal
