"""A trade on the venue's pool: the genuine contracts' answer or refusal, and the edges of what they let."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pricing.pools import random_case, random_state
from tests.venues.perp_v2.arena import ATTACKER, MARKET, VICTIM, Arena

from trimtab.errors import CallRevertedError
from trimtab.model.order import PerpIntent, Side
from trimtab.model.units import WAD, from_wad
from trimtab.pricing.perp import PPM
from trimtab.pricing.perp_pool import PoolOrder, PoolState, TradeLimit, margin_for, trade
from trimtab.pricing.tick_math import tick_at_sqrt
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE
from trimtab.venues.perp_v2.pool import PoolReader
from trimtab.world.world import World

SEEDS = st.integers(0, 2**32)
CODES = {
    TradeLimit.ACCEPTABLE_PRICE: {"CH_TLRS", "CH_TMRS", "CH_TLRL", "CH_TMRL"},
    TradeLimit.BLOCK_TICKS: {"EX_OPLAS", "EX_OPB", "UB_UOA"},
    TradeLimit.PRICE_BAND: {"EX_OPB", "EX_OPLAS", "UB_UOA"},
}
_BEHIND = "SPL"  # the pool's word for a limit that the price has passed


def random_call(draws: random.Random, state: PoolState) -> PoolOrder:
    """Any order that openPosition takes, with or without a bound and a limit, near what the pool gives."""
    sells, exact_in = draws.random() < 0.5, draws.random() < 0.5
    amount = int(10 ** draws.uniform(12, 21.5)) * (1 if sells == exact_in else 2000)
    order = PoolOrder(sells, exact_in, amount, state.taker_fee)
    if draws.random() < 0.3:
        factor = draws.uniform(0.97, 1.01) if sells else draws.uniform(0.99, 1.03)
        order = replace(order, sqrt_limit=int(state.pool.sqrt_price * factor))
    done = trade(state, order)
    other = done.quote if order.is_in_base else done.base
    if draws.random() < 0.5 and other:
        order = replace(order, bound=other * draws.choice([PPM - 1000, PPM, PPM + 1000]) // PPM)
    return order


@pytest.mark.node
@pytest.mark.parametrize("seed", range(2))
async def test_the_contracts_say_the_same(world: World, seed: int) -> None:
    """The amounts to the wei where the order fills, the same refusal where it does not."""
    draws = random.Random(seed)
    arena = Arena(world)
    await arena.open()
    await arena.shape(draws)
    look = await PoolReader(world.client, world.perp).read(MARKET, account=VICTIM)
    refused = 0
    for _ in range(60):
        order = random_call(draws, look.state)
        params = {
            "baseToken": world.perp.markets[MARKET].base_token,
            "isBaseToQuote": order.sells,
            "isExactInput": order.exact_in,
            "amount": order.amount,
            "oppositeAmountBound": order.bound,
            "deadline": 2**255,
            "sqrtPriceLimitX96": order.sqrt_limit,
            "referralCode": bytes(32),
        }
        read = CLEARING_HOUSE.function("openPosition").read(world.perp.contracts["ClearingHouse"], params)
        done = trade(look.state, order)
        if done.refusal is None:
            found = await world.client.call(read, sender=VICTIM, block="pending")
            assert tuple(found) == (done.base, done.quote), order
            continue
        with pytest.raises(CallRevertedError) as caught:
            await world.client.call(read, sender=VICTIM, block="pending")
        assert caught.value.reason in CODES[done.refusal] | {_BEHIND}, order
        refused += 1
    assert 5 <= refused <= 55


@pytest.mark.node
async def test_the_margin_is_what_the_house_asks(world: World) -> None:
    """An account with the margin trades, with a thousandth less it does not; long and short."""
    draws = random.Random(5)
    arena = Arena(world)
    await arena.open()
    await arena.shape(draws)
    look = await PoolReader(world.client, world.perp).read(MARKET, account=ATTACKER)
    for side in Side:
        order = PoolOrder(side is Side.SELL, side is Side.SELL, 10**18, look.fee)
        margin = margin_for(look.state, trade(look.state, order), sells=order.sells)
        intent = PerpIntent(MARKET, side, size=from_wad(10**18))
        quote = await arena.venue.read_quote(ATTACKER, intent)
        held = await arena.venue.read_margin(ATTACKER)
        spent = held.free_collateral - quote.free_collateral_after
        assert abs(spent - from_wad(margin)) <= from_wad(margin) / 1000, side


@given(seed=SEEDS)
def test_edges_are_the_last_prices_that_pass(seed: int) -> None:
    """One unit of the square root further is over a limit: of the block's ticks, or of the band."""
    draws = random.Random(seed)
    state = replace(
        random_state(draws),
        index_price=draws.randint(1500, 2500) * WAD + draws.randint(0, WAD),
        max_spread=draws.choice([10_000, 100_000, 200_000]),
    )
    before = state.spread()
    low, high = state.tick_edges()
    assert tick_at_sqrt(low) == state.last_tick - 1000
    assert tick_at_sqrt(low - 1) < state.last_tick - 1000
    assert tick_at_sqrt(high) == state.last_tick + 1000
    assert tick_at_sqrt(high + 1) > state.last_tick + 1000
    low, high = state.band_edges()
    for sqrt_price, passes in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
        moved = replace(state, pool=replace(state.pool, sqrt_price=sqrt_price)).spread()
        is_in = min(before, -state.max_spread) <= moved <= max(before, state.max_spread)
        assert is_in is passes


@given(seed=SEEDS, part=st.integers(1, 999))
def test_fees_and_sides(seed: int, part: int) -> None:
    """A buyer pays the fee on top, a seller gets less by it; a smaller order fills at no worse a price."""
    state, order = random_case(random.Random(seed))
    order = replace(order, bound=0, closes=False)
    whole, some = (
        trade(state, order),
        trade(state, replace(order, amount=max(1, order.amount * part // 1000))),
    )
    if whole.refusal or some.refusal:  # where liquidity ends, a close would have filled a part
        return
    for done in (whole, some):
        notional = done.quote + (done.fee if order.sells else -done.fee)
        share = order.fee if order.sells else order.fee * PPM // (PPM - order.fee)
        assert abs(done.fee * PPM - notional * share) <= notional + PPM * 50
    spare = 10**6 * (some.base + some.quote + whole.base + whole.quote)
    if order.sells:
        assert some.quote * whole.base + spare >= whole.quote * some.base
    else:
        assert some.quote * whole.base <= whole.quote * some.base + spare
