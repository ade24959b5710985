"""The worst sandwich of an order: ours, and the best that an attacker finds by trying on the node."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venues.perp_v2.arena import Arena
from tests.venues.perp_v2.conftest import quote_for

from trimtab.model.exposure import ExposureBound
from trimtab.model.order import PerpIntent, PerpQuote, Side
from trimtab.model.units import from_wad, to_wad_exact
from trimtab.pricing.perp_pool import trade
from trimtab.pricing.sandwich import best_attack
from trimtab.venues.perp_v2.encode import opposite_bound
from trimtab.venues.perp_v2.exposure import (
    BACK_GAS,
    FRONT_GAS,
    exposure_of,
    gas_cost,
    price_of,
    remedies_of,
)
from trimtab.venues.perp_v2.pool import PoolLook, order_of_quote
from trimtab.world.world import World

pytestmark = pytest.mark.node

CASES = 200
TOLERANCE = Decimal("0.005")
MICRO = Decimal("1e-6")


@pytest.fixture
async def arena(world: World) -> Arena:
    arena = Arena(world)
    await arena.open()
    return arena


async def deviation(arena: Arena, seed: int) -> tuple[Decimal, Decimal]:
    """(worst profit, how far the node's best is from it) of one random pool and order. What is found must not
    be beaten on the node, and must itself be earned there to the wei."""
    draws = random.Random(seed)
    quote, look = await arena.case(draws)
    exposure = exposure_of(quote, look, gas=0)
    order = order_of_quote(quote, look)
    attack = best_attack(look.state, order)
    assert trade(look.state, order).refusal is None
    if attack.size:
        done = await arena.attack(quote, look, attack.size)
        assert done is not None
        assert done.profit == attack.gain
        assert to_wad_exact(abs(done.victim.size)) == attack.victim.base
        assert to_wad_exact(done.victim.fee) == attack.victim.fee
    found = from_wad(await arena.brute_force(quote, look))
    assert found <= exposure.worst_profit
    short = exposure.worst_profit - found
    assert short <= max(exposure.worst_profit * TOLERANCE, 2 * MICRO), (seed, exposure, found)
    return exposure.worst_profit, short


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_worst_profit_is_the_best_of_all_sizes_on_the_node(arena: Arena, seed: int) -> None:
    """Within half a percent, from above, for a random pool, order and acceptable price."""
    await deviation(arena, seed)


@given(
    side=st.sampled_from(list(Side)),
    in_size=st.booleans(),
    size=st.decimals("0.001", "1000", places=6),
    price=st.decimals("100", "5000", places=9),
    slippage=st.decimals("0", "0.2", places=9),
)
def test_a_bound_becomes_the_price_that_encodes_it(
    side: Side, size: Decimal, price: Decimal, slippage: Decimal, *, in_size: bool
) -> None:
    """At least as tight, and by no more than roundings."""
    notional = (size * price).quantize(Decimal("1e-15"))
    fee = (notional / 1000).quantize(Decimal("1e-15"))
    paid = notional + side.sign * fee
    intent = PerpIntent("vETH", side, size=size) if in_size else PerpIntent("vETH", side, notional=paid)
    quote = quote_for(intent, size=side.sign * size, notional=notional, fee=fee, price=notional / size)
    limit = quote.price * (1 + side.sign * slippage)
    bound = opposite_bound(replace(intent, acceptable_price=limit), quote)
    found = price_of(quote, bound)
    assert abs(found / limit - 1) < Decimal("1e-12")
    again = opposite_bound(replace(intent, acceptable_price=found), quote)
    wants_much = (side is Side.SELL) is in_size
    rounding = 10 if found == quote.price else 0
    assert again >= bound - rounding if wants_much else again <= bound + rounding


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_two_hundred_pools_and_orders(arena: Arena, capsys: pytest.CaptureFixture[str]) -> None:
    """The worst deviation over all of them, printed; none is beyond half a percent."""
    worst, paid = Decimal(0), 0
    for seed in range(CASES):
        snapshot = await arena.world.snapshot()
        profit, short = await deviation(arena, seed)
        await arena.world.restore(snapshot)
        if profit > 100 * MICRO:
            worst, paid = max(worst, short / profit), paid + 1
    with capsys.disabled():
        print(
            f"\n{CASES} pools and orders, {paid} of which pay, {arena.attempts} sandwiches on the node: "
            f"the worst profit is at most {worst:.5%} above the best found"
        )
    assert paid >= CASES // 4
    assert worst <= TOLERANCE


async def exposed_case(arena: Arena, seed: int) -> tuple[PerpQuote, PoolLook]:
    """The first case from a seed on whose sandwich pays."""
    draws = random.Random(seed)
    while True:
        snapshot = await arena.world.snapshot()
        quote, look = await arena.case(draws)
        if exposure_of(quote, look, gas=0).worst_profit > 1:
            return quote, look
        await arena.world.restore(snapshot)


async def test_gas_is_what_two_real_transactions_use(arena: Arena) -> None:
    """Not more than the node counts, or the exposure would be too small; and not less than two thirds."""
    quote, look = await exposed_case(arena, 11)
    size = to_wad_exact(exposure_of(quote, look, gas=0).attacker_size)
    done = await arena.attack(quote, look, size)
    assert done is not None
    front, _, back = (receipt.gas_used for receipt in done.receipts)
    assert 2 * (front + back) <= 3 * (FRONT_GAS + BACK_GAS)
    assert front >= FRONT_GAS
    assert back >= BACK_GAS


async def test_capital_is_the_margin_that_the_attacker_needs(arena: Arena) -> None:
    """With it the attack passes; with a hundredth less the venue refuses its first trade."""
    quote, look = await exposed_case(arena, 12)
    found = exposure_of(quote, look, gas=0)
    size = to_wad_exact(found.attacker_size)
    for share, passes in ((Decimal("1.00001"), True), (Decimal("0.99"), False)):
        snapshot = await arena.world.snapshot()
        await arena.keep_margin((found.capital * share).quantize(MICRO))
        look_now = replace(look, state=replace(look.state, at=look.state.at + 1))
        assert (await arena.attack(quote, look_now, size) is not None) is passes
        await arena.world.restore(snapshot)


async def test_less_capital_earns_less(arena: Arena) -> None:
    """And says that it is what binds."""
    quote, look = await exposed_case(arena, 12)
    free = exposure_of(quote, look, gas=0)
    held = exposure_of(quote, look, 0, free.capital / 2)
    assert 0 < held.worst_profit <= free.worst_profit
    assert held.bound is ExposureBound.CAPITAL
    assert held.capital <= free.capital / 2 + MICRO


async def test_a_tightened_price_holds_on_the_node(arena: Arena) -> None:
    """The order is sent with it, and no size earns the attacker more than was asked for."""
    quote, look = await exposed_case(arena, 21)
    most = exposure_of(quote, look, gas=0).worst_profit / 3
    remedies = remedies_of(quote, look, 0, most, None)
    tight = replace(quote, intent=replace(quote.intent, acceptable_price=remedies.acceptable_price))
    found = from_wad(await arena.brute_force(tight, look))
    assert found <= most
    assert found >= most * Decimal("0.99") - 3 * MICRO


async def test_without_an_acceptable_price_only_the_venue_bounds(arena: Arena) -> None:
    """Nothing of the order does; it says so, and what it could lose is at least as much."""
    quote, look = await exposed_case(arena, 13)
    bare = replace(quote, intent=replace(quote.intent, acceptable_price=None))
    found = exposure_of(bare, look, gas=0)
    assert not found.is_price_limited
    assert found.bound in (ExposureBound.VENUE_LIMITS, ExposureBound.ATTACKER)
    assert found.worst_profit >= exposure_of(quote, look, gas=0).worst_profit


async def test_gas_that_costs_more_than_it_earns_ends_it(arena: Arena) -> None:
    """No profit, no size, no loss."""
    quote, look = await exposed_case(arena, 14)
    free = exposure_of(quote, look, gas=0)
    cost = gas_cost(10**12, Decimal(10**6))
    found = exposure_of(quote, look, cost)
    assert from_wad(cost) == (FRONT_GAS + BACK_GAS) * Decimal(10**12) / 10**18 * 10**6 > free.worst_profit
    assert not any((found.worst_profit, found.victim_loss, found.attacker_size, found.capital))
