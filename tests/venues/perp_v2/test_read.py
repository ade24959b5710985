"""Reads on the genuine contracts, where a view beside them or a payment after them is the oracle."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.venues.perp_v2.stage import Stage
from tests.venues.perp_v2.views import Views

from trimtab.errors import MarketClosedError, OrderRejectedError, StalePriceError, UnknownMarketError
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, Side
from trimtab.model.units import from_wad
from trimtab.venues.perp_v2.ticks import tick_at_price
from trimtab.world.world import World

pytestmark = pytest.mark.node

ALICE, BOB = Address("0x" + "a1" * 20), Address("0x" + "b2" * 20)


@pytest.fixture
async def stage(world: World) -> Stage:
    made = Stage(world)
    await made.prepare([ALICE, BOB])
    for account in (ALICE, BOB):
        await made.deposit(account, "USDC", Decimal(10_000))
    return made


async def test_reads_equal_the_protocols_views(stage: Stage) -> None:
    """Two markets, two collaterals, a position on each side and a maker's range: all to the wei."""
    await stage.deposit(ALICE, "WETH", Decimal("1.5"))
    await stage.trade(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(10)))
    await stage.trade(ALICE, PerpIntent("vBTC", Side.SELL, notional=Decimal(9_000)))
    spot = (await stage.venue.read_state("vETH")).spot_price
    tick = tick_at_price(spot, 60)
    plan = stage.venue.encode_add_liquidity(
        "vETH", base=Decimal(1), quote=spot.quantize(Decimal("1e-18")), ticks=(tick - 300, tick + 360)
    )
    await stage.send(BOB, plan)
    await stage.trade(BOB, PerpIntent("vETH", Side.SELL, size=Decimal(2)))
    await stage.world.set_price("ETH", Decimal(1900))
    views = Views(stage.venue)
    await views.check_all([ALICE, BOB])
    assert views.compared > 80


async def test_one_request_for_each_read(stage: Stage) -> None:
    """Block, time and every value come together."""
    stats = stage.client.stats
    for read in (
        stage.venue.read_state("vETH"),
        stage.venue.read_position(ALICE, "vETH"),
        stage.venue.read_positions(ALICE),
        stage.venue.read_margin(ALICE),
    ):
        before = stats.round_trips
        await read
        assert stats.round_trips == before + 1


async def test_the_funding_rate_is_what_a_position_pays(stage: Stage) -> None:
    """The rate equals the TWAPs that the contract reports, and a day's share of it is what is owed."""
    await stage.trade(BOB, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    await stage.world.warp(1200)
    index = (await stage.venue.read_state("vETH")).index_price
    await stage.post_oracle("vETH", index * Decimal("0.97"))
    await stage.world.warp(1000)
    quote = await stage.venue.read_quote(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(3)))
    receipt = await stage.send(ALICE, stage.venue.encode_order(ALICE, quote.intent, quote))
    (updated,) = [
        event.args
        for event in map(stage.venue.decode_log, receipt.logs)
        if event is not None and event.name == "FundingUpdated"
    ]
    rate = (await stage.venue.read_state("vETH", block=receipt.block)).funding_rate
    market, index_twap = from_wad(updated["marketTwap"]), from_wad(updated["indexTwap"])
    assert abs(rate - (market - index_twap) / index_twap) < Decimal("1e-17")
    assert rate > Decimal("0.02")
    await stage.world.warp(600)
    position = await stage.venue.read_position(ALICE, "vETH")
    daily = position.size * rate * index_twap
    assert position.pending_funding == pytest.approx(daily * 600 / 86_400, rel=Decimal("0.002"))


async def test_the_averaging_interval_is_followed(stage: Stage) -> None:
    """The owner shortens it: the next read notices, and reads again with the right one."""
    await stage.trade(BOB, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    await stage.world.warp(1200)
    price = (await stage.venue.read_state("vETH")).index_price
    await stage.post_oracle("vETH", price * Decimal("0.97"))
    await stage.world.warp(300)
    before = await stage.venue.read_state("vETH")
    await stage.as_owner(stage.deployment.contracts["ClearingHouseConfig"], "setTwapInterval", 300)
    after = await stage.venue.read_state("vETH")
    assert after.funding_rate > before.funding_rate * 2  # all of the last 300 s, a third of the last 900
    again = stage.client.stats.round_trips
    await stage.venue.read_state("vETH")
    assert stage.client.stats.round_trips == again + 1


async def test_a_paused_and_a_closed_market(stage: Stage) -> None:
    """Positions are valued at the index of the pause, then at the closing price, and leave as a fill."""
    await stage.trade(ALICE, PerpIntent("vBTC", Side.SELL, size=Decimal("0.5")))
    token = stage.deployment.markets["vBTC"].base_token
    await stage.as_owner(token, "pause")
    state = await stage.venue.read_state("vBTC")
    assert not state.is_open
    position = await stage.venue.read_position(ALICE, "vBTC")
    assert position.mark_price == state.index_price
    with pytest.raises(MarketClosedError):
        await stage.venue.read_quote(ALICE, PerpIntent("vBTC", Side.BUY, size=Decimal("0.1")))
    with pytest.raises(OrderRejectedError) as caught:
        await stage.send(BOB, stage.venue.encode_quit_market(ALICE, "vBTC"))
    assert caught.value.reason == "CH_MNC"
    await stage.as_owner(token, "close", 25_000 * 10**18)
    position = await stage.venue.read_position(ALICE, "vBTC")
    assert position.mark_price == 25_000
    assert (await stage.venue.read_margin(ALICE)).total_notional == 12_500
    receipt = await stage.send(BOB, stage.venue.encode_quit_market(ALICE, "vBTC"))
    (fill,) = stage.venue.decode_fills(receipt, ALICE)
    assert fill.size == Decimal("0.5")
    assert fill.price == 25_000
    assert not await stage.venue.read_positions(ALICE)


async def test_no_price_history_is_a_stale_price(stage: Stage) -> None:
    """The mark averages over more seconds than the pool remembers: typed, on every read that needs it."""
    config = stage.deployment.contracts["ClearingHouseConfig"]
    await stage.as_owner(config, "setMarkPriceMarketTwapInterval", 30 * 86_400)
    for read in (
        stage.venue.read_state("vETH"),
        stage.venue.read_margin(ALICE),
        stage.venue.read_position(ALICE, "vETH"),
    ):
        with pytest.raises(StalePriceError, match="history"):
            await read


async def test_open_interest_adds_up_every_taker(stage: Stage) -> None:
    """Longs and shorts from the events alone equal what the accounts hold, closed ones left out."""
    market = "vBTC"
    start = await stage.client.block_number()
    longs, shorts = await stage.venue.read_open_interest(market)
    await stage.trade(ALICE, PerpIntent(market, Side.BUY, size=Decimal("0.4")))
    await stage.trade(BOB, PerpIntent(market, Side.SELL, size=Decimal("0.3")))
    await stage.trade(ALICE, PerpIntent(market, Side.SELL, size=Decimal("0.1")))
    found = await stage.venue.read_open_interest(market)
    assert found == (longs + Decimal("0.3"), shorts + Decimal("0.3"))
    await stage.trade(BOB, PerpIntent(market, Side.BUY, close=True))
    assert await stage.venue.read_open_interest(market) == (longs + Decimal("0.3"), shorts)
    assert await stage.venue.read_open_interest(market, from_block=start + 1) == (Decimal("0.3"), Decimal(0))


async def test_a_past_block_is_read_as_it_was(stage: Stage) -> None:
    """A trade later does not change what an earlier block shows."""
    before = await stage.venue.read_margin(ALICE)
    await stage.trade(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    assert await stage.venue.read_margin(ALICE, block=before.block) == before


async def test_liquidity_of_an_unknown_market(stage: Stage) -> None:
    """Typed like everywhere else."""
    with pytest.raises(UnknownMarketError):
        await stage.venue.read_liquidity(ALICE, "vDOGE")
