"""A pool is read whole, in one request, and trades in our integers as it does on the chain."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from tests.venues.perp_v2.stage import Stage

from trimtab.errors import MarketClosedError, UnknownMarketError
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


async def test_the_blocks_ticks_count_from_where_the_last_record_is(stage: Stage) -> None:
    """The venue records a tick at the first trade of fifteen seconds: a look says what a trade at its second
    will find."""
    pools = PoolReader(stage.client, stage.deployment)
    await stage.warp(20)
    before = await pools.read("vETH")
    await stage.trade(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(500)))
    recorded_at = (await stage.client.block()).at
    early = await pools.read("vETH", block="latest", at=recorded_at + 14)
    late = await pools.read("vETH", block="latest", at=recorded_at + 15)
    assert early.state.last_tick == before.state.pool.tick
    assert late.state.last_tick == late.state.pool.tick > before.state.pool.tick
    assert early.state.pool == late.state.pool


async def test_a_price_that_moved_far_is_found_again(stage: Stage) -> None:
    """All the ticks that its new limits reach are read, at the cost of a second request."""
    pools = PoolReader(stage.client, stage.deployment)
    await pools.read("vETH")
    await stage.trade(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(1000)))
    await stage.warp(20)
    trips = stage.client.stats.round_trips
    state = (await pools.read("vETH")).state
    low, high = state.pool.map.known
    assert low <= state.last_tick - state.max_ticks
    assert state.last_tick + state.max_ticks < high
    assert stage.client.stats.round_trips == trips + 2


async def test_a_market_without_trades_has_no_pool_to_look_at(stage: Stage) -> None:
    """Zero ticks per block is the venue's word for a pause; an unknown market is none."""
    pools = PoolReader(stage.client, stage.deployment)
    token = stage.deployment.markets["vETH"].base_token
    exchange = stage.deployment.contracts["Exchange"]
    await stage.as_owner(exchange, "setMaxTickCrossedWithinBlock", token, 0)
    with pytest.raises(MarketClosedError):
        await pools.read("vETH")
    with pytest.raises(UnknownMarketError):
        await pools.read("no such market")
