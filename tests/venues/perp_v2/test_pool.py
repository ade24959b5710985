"""A pool is read whole, in one request, and trades in our integers as it does on the chain."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from tests.venues.perp_v2.stage import Stage

from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, Side
from trimtab.model.units import from_wad
from trimtab.pricing.perp_pool import trade
from trimtab.venues.perp_v2.pool import PoolReader, order_of_quote
from trimtab.venues.perp_v2.ticks import tick_at_price
from trimtab.world.world import World

pytestmark = pytest.mark.node

MAKER, ALICE = Address("0x" + "a1" * 20), Address("0x" + "a2" * 20)


@pytest.fixture
async def stage(world: World) -> Stage:
    """Two accounts with margin, and ranges of the maker's in the pool of vETH."""
    stage = Stage(world)
    await stage.prepare([MAKER, ALICE], usdc=10_000_000)
    for account in (MAKER, ALICE):
        await stage.deposit(account, "USDC", Decimal(9_000_000))
    await add_ranges(stage, random.Random(7), 5)
    return stage


async def add_ranges(stage: Stage, draws: random.Random, count: int) -> None:
    """Ranges of the maker's around the price, narrow and wide, some on one side of it."""
    spot = (await stage.venue.read_state("vETH")).spot_price
    center = tick_at_price(spot, 60)
    for _ in range(count):
        low = center + 60 * draws.randint(-14, 6)
        ticks = (low, low + 60 * draws.randint(1, 12))
        base = Decimal(draws.randint(1, 400)) / 10
        plan = stage.venue.encode_add_liquidity("vETH", base=base, quote=base * 2000, ticks=ticks)
        await stage.send(MAKER, plan)


async def test_one_request_once_the_market_is_known(stage: Stage) -> None:
    """The first look asks where the price is, the next ones know; a look of a block that is gone by works."""
    pools = PoolReader(stage.client, stage.deployment)
    first = await pools.read("vETH", block="latest")
    trips = stage.client.stats.round_trips
    again = await pools.read("vETH", block=first.state.block)
    assert stage.client.stats.round_trips == trips + 1
    assert again == first
    low, high = first.state.pool.map.known
    assert low <= first.state.last_tick - 1000
    assert first.state.last_tick + 1000 < high


@pytest.mark.parametrize("seed", range(6))
async def test_a_trade_is_the_fill_to_the_wei(stage: Stage, seed: int) -> None:
    """Size, notional, fee and the price after, of buys and sales, exact in base and in quote, over ticks."""
    draws = random.Random(seed)
    pools = PoolReader(stage.client, stage.deployment)
    side = draws.choice(list(Side))
    size = Decimal(draws.randint(1, 60_000)) / 1000
    exact = draws.choice([{"size": size}, {"notional": size * 2000}])
    intent = PerpIntent("vETH", side, **exact)  # type: ignore[arg-type]
    look = await pools.read("vETH", account=ALICE)
    quote, fill = await stage.trade(ALICE, intent)
    assert look.state.block == quote.block
    done = trade(look.state, order_of_quote(quote, look))
    assert done.refusal is None
    assert from_wad(done.base) == abs(fill.size)
    assert from_wad(done.fee) == fill.fee
    assert from_wad(done.quote) == quote.notional + side.sign * quote.fee
    after = await pools.read("vETH", block=quote.block)
    assert done.after.pool == after.state.pool
