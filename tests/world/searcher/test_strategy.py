"""The decision: what pays, where the legs stand, what margin carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.ids import ZERO_ADDRESS, TxHash
from trimtab.model.units import WAD
from trimtab.pricing.perp_pool import PoolState
from trimtab.pricing.tick_math import Q96, tick_at_sqrt
from trimtab.pricing.uniswap_v3 import Pool, TickMap
from trimtab.venues.perp_v2.pool import PoolLook
from trimtab.world.searcher.sighting import PendingOrder, Sighting
from trimtab.world.searcher.strategy import Costs, Prey, bids, choose

GWEI = 10**9
SQRT = 45 * Q96  # a price of 2025
TICK = tick_at_sqrt(SQRT)
POOL = Pool(SQRT, TICK, 2_250_000 * WAD, TickMap(60, (), (), known=(TICK - 2000, TICK + 2000)))
STATE = PoolState(POOL, 3000, 1000, TICK, 1000, 2025 * WAD, 100_000, 2025 * WAD, 100_000, block=1, at=1000)
LOOK = PoolLook("vETH", STATE, 1000, 0)
COSTS = Costs(base_fee=GWEI, ether_price=2025 * WAD, margin=10**6 * WAD, least_profit=WAD)


def prey(size: int = 200, *, percent: int = 101, nonce: int = 0, **changes: Any) -> Prey:
    """A buyer of so many ETH who pays up to `percent` of the price."""
    bound = size * 2025 * percent // 100 * WAD
    order = PendingOrder(ZERO_ADDRESS, "vETH", size * WAD, False, False, bound, 0, 2**63)
    victim = Sighting(TxHash(f"0x{size:064x}"), ZERO_ADDRESS, nonce, 2 * GWEI, 5 * GWEI, order)
    return Prey(replace(victim, **changes), LOOK)


@given(st.integers(1, 10**12), st.integers(0, 10**13), st.integers(0, 10**13))
def test_the_victim_stands_between_the_legs(tip: int, room: int, base_fee: int) -> None:
    """By tip, by cap, and by what a builder gets at any base fee that lets all three in, the front leg is
    before the victim and the back leg behind."""
    victim = replace(prey().victim, tip=tip, fee_cap=tip + room)
    front, back = bids(victim)
    assert front.tip > victim.tip > back.tip >= 0
    assert front.fee_cap > victim.fee_cap > back.fee_cap
    paid = [min(one.tip, one.fee_cap - base_fee) for one in (front, victim, back)]
    if paid[-1] >= 0:
        assert paid[0] > paid[1] > paid[2]


def test_what_pays_is_taken_and_what_does_not_is_left() -> None:
    """A large order with room below its limit pays; a small one, one without room and one that costs more gas
    than it brings do not."""
    sandwich = choose([prey()], COSTS)
    assert sandwich is not None
    assert sandwich.worth > COSTS.least_profit
    assert sandwich.worth < sandwich.attack.gain
    assert not sandwich.sells
    assert choose([prey(10)], COSTS) is None
    assert choose([prey(percent=100)], COSTS) is None
    assert choose([prey()], replace(COSTS, base_fee=4 * GWEI, ether_price=10**9 * WAD)) is None
    assert choose([prey()], replace(COSTS, least_profit=sandwich.worth + 1)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"tip": 0},
        {"fee_cap": GWEI},
        {"order": replace(prey().victim.order, deadline=999)},
        {"order": replace(prey().victim.order, amount=None, closes=True)},
    ],
)
def test_what_cannot_be_done_is_not_tried(changes: dict[str, Any]) -> None:
    """Nothing fits behind a tip of nothing; who cannot pay the base fee, is too late, or closes a position
    that he does not have, will not trade."""
    assert choose([prey(**changes)], COSTS) is None


def test_the_best_of_several_is_taken() -> None:
    """Whoever leaves most after gas; nobody when there is nobody."""
    several = [prey(100), prey(200), prey(150)]
    alone = [choose([one], COSTS) for one in several]
    sandwich = choose(several, COSTS)
    assert sandwich is not None
    assert sandwich.worth == max(one.worth for one in alone if one is not None)
    assert sandwich.victim == several[1].victim
    assert choose([], COSTS) is None


def test_margin_bounds_the_attack() -> None:
    """With little margin the attack is smaller and earns less; its front leg needs no more than there is."""
    rich, poor = (choose([prey()], replace(COSTS, margin=m * WAD)) for m in (10**6, 20_000))
    assert rich is not None
    assert poor is not None
    assert poor.attack.size < rich.attack.size
    assert poor.worth < rich.worth
    assert poor.attack.front.quote * STATE.initial_margin <= 20_000 * WAD * 10**6
