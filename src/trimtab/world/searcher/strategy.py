"""Decides whether to sandwich, whom, and how large. Pure: a function of what is seen and what it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trimtab.errors import PricingError
from trimtab.model.units import WAD
from trimtab.pricing.perp import PPM
from trimtab.pricing.perp_pool import PoolOrder, PoolState
from trimtab.pricing.sandwich import Attack, best_attack, run_attack
from trimtab.venues.perp_v2.pool import PoolLook
from trimtab.world.searcher.sighting import PendingOrder, Sighting

_SPARE = 50  # of a thousand: what stays free of the margin, because the victim moves the price under it


@dataclass(frozen=True, slots=True)
class Costs:
    """What an attack costs beside the venue's fees. `base_fee` in wei per gas, `ether_price` and `margin`
    (free collateral) in wad of quote currency, `least_profit` after everything (wad) to attack at all. Gas is
    what the two legs are expected to use."""

    base_fee: int
    ether_price: int
    margin: int
    least_profit: int
    front_gas: int = 830_000
    back_gas: int = 480_000


@dataclass(frozen=True, slots=True)
class Bid:
    """What a leg pays per gas, wei."""

    tip: int
    fee_cap: int


@dataclass(frozen=True, slots=True)
class Sandwich:
    """An attack worth doing. `worth` (wad) is what is left after the venue's fees and gas."""

    victim: Sighting
    look: PoolLook
    attack: Attack
    front: Bid
    back: Bid
    worth: int

    @property
    def sells(self) -> bool:
        """The victim's side, which is the front leg's too."""
        return pool_order(self.victim.order, self.look).sells


@dataclass(frozen=True, slots=True)
class Prey:
    """A pending order, and the pool as its trader will find it."""

    victim: Sighting
    look: PoolLook


def choose(prey: Iterable[Prey], costs: Costs) -> Sandwich | None:
    """The sandwich that pays best; None when none pays. One in a block: a second would find another state."""
    found = [sandwich for one in prey if (sandwich := _judge(one, costs)) is not None]
    return max(found, key=lambda sandwich: sandwich.worth, default=None)


def bids(victim: Sighting) -> tuple[Bid, Bid]:
    """One wei more than the victim in front of it, one less behind, both in tip and in cap: whatever of them
    a builder sorts by, and whatever the base fee will be, this is the order."""
    front = Bid(victim.tip + 1, victim.fee_cap + 1)
    return front, Bid(victim.tip - 1, victim.fee_cap - 1)


def pool_order(order: PendingOrder, look: PoolLook) -> PoolOrder:
    """The order as the pool's maths takes it; a close trades the position that its trader holds."""
    sized = order.sized(look.taker_size)
    assert sized.amount is not None
    return PoolOrder(
        sized.is_base_to_quote,
        sized.is_exact_input,
        sized.amount,
        look.fee,
        sized.bound,
        sized.sqrt_limit,
        sized.closes,
    )


def _judge(prey: Prey, costs: Costs) -> Sandwich | None:
    victim, state = prey.victim, prey.look.state
    if victim.tip < 1 or victim.fee_cap <= costs.base_fee or victim.order.deadline < state.at:
        return None  # nothing fits behind it, or it will not be in the next block, or it will revert there
    order = pool_order(victim.order, prey.look)
    if order.amount == 0:
        return None
    try:
        attack = _within(best_attack(state, order), state, order, costs.margin)
    except PricingError:
        return None  # what cannot be computed is left alone
    front, back = bids(victim)
    worth = attack.gain - _gas_cost(front, back, costs)
    if attack.size == 0 or not _passes(attack) or worth < costs.least_profit:
        return None
    return Sandwich(victim, prey.look, attack, front, back, worth)


def _within(attack: Attack, state: PoolState, order: PoolOrder, margin: int) -> Attack:
    """The attack, or the largest that the margin carries."""
    room = margin * (1000 - _SPARE) // 1000 * PPM // state.initial_margin
    if attack.front.quote <= room:
        return attack
    return run_attack(state, order, attack.size * room // attack.front.quote)


def _passes(attack: Attack) -> bool:
    """Whether the venue takes all three trades."""
    return all(trade.refusal is None for trade in (attack.front, attack.victim, attack.back))


def _gas_cost(front: Bid, back: Bid, costs: Costs) -> int:
    """In wad of quote currency."""
    wei = costs.front_gas * _price(front, costs) + costs.back_gas * _price(back, costs)
    return wei * costs.ether_price // WAD


def _price(bid: Bid, costs: Costs) -> int:
    return min(bid.fee_cap, costs.base_fee + bid.tip)
