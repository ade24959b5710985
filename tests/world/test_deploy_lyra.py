"""Lyra as deployed: wired, registered, with boards, and trading at once."""

from __future__ import annotations

import pytest
from tests.world.views import read

from trimtab.model.ids import Address
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.deploy_lyra import key_of
from trimtab.world.plan import DAY
from trimtab.world.world import World

pytestmark = pytest.mark.node

MARKETS = ["sETH", "sBTC"]


def test_a_currency_key_is_padded_right() -> None:
    """Synthetix keys are the name and zeros."""
    assert key_of("sUSD") == b"sUSD" + bytes(28)


async def test_the_viewer_lists_both_markets(world: World) -> None:
    """OptionMarketViewer and LyraRegistry know each market by the addresses that the deployment names."""
    viewer, registry = (world.lyra.contracts[n] for n in ("OptionMarketViewer", "LyraRegistry"))
    for name, market in world.lyra.markets.items():
        option_market = market.contracts["OptionMarket"]
        seen = await read(world, "OptionMarketViewer", viewer, "marketAddresses", option_market)
        registered = await read(world, "LyraRegistry", registry, "getMarketAddresses", option_market)
        for told in (seen, registered):
            assert told.optionToken == market.contracts["OptionToken"], name
            assert told.greekCache == market.contracts["OptionGreekCache"]
            assert told.liquidityPool == market.contracts["LiquidityPool"]
            assert told.poolHedger == market.contracts["PoolHedger"]
            assert (told.baseAsset, told.quoteAsset) == (market.base_asset, market.quote_asset)
        assert registered.gwavOracle == market.contracts["GWAVOracle"]
        assert market.base_asset == world.addresses.tokens[name]
        assert market.quote_asset == world.addresses.tokens["sUSD"]


@pytest.mark.parametrize("name", MARKETS)
async def test_boards_are_those_of_the_plan(world: World, name: str) -> None:
    """Each board has the expiry, base volatility, strikes and skews that were planned, and none is frozen."""
    option_market = world.lyra.markets[name].contracts["OptionMarket"]
    plan = next(u for u in world.options.plan.underlyings if u.option_market == name)
    now = await world.now()
    ids = await read(world, "OptionMarket", option_market, "getLiveBoards")
    assert len(ids) == len(plan.boards)
    for board_id, board in zip(ids, plan.boards, strict=True):
        seen = await read(world, "OptionMarket", option_market, "getOptionBoard", board_id)
        assert (seen.expiry, seen.frozen) == (now + board.days * DAY, False)
        assert seen.iv == board.base_iv * 10**18
        strikes = [await read(world, "OptionMarket", option_market, "getStrike", i) for i in seen.strikeIds]
        assert {s.strikePrice: s.skew for s in strikes} == {
            k * 10**18: v * 10**18 for k, v in board.skews.items()
        }
        assert len(strikes) >= 5


@pytest.mark.parametrize("name", MARKETS)
async def test_the_pool_is_funded(world: World, name: str) -> None:
    """The LP's deposit was minted at once at a price of 1; nothing is queued; the hedger has its account."""
    market = world.lyra.markets[name].contracts
    plan = next(u for u in world.options.plan.underlyings if u.option_market == name)
    lp = ACCOUNTS["lp"].address
    held = await read(world, "LiquidityToken", market["LiquidityToken"], "balanceOf", lp)
    assert held == plan.lp_deposit * 10**18
    assert await read(world, "LiquidityPool", market["LiquidityPool"], "totalQueuedDeposits") == 0
    price, stale, _ = await read(world, "LiquidityPool", market["LiquidityPool"], "getTokenPriceWithCheck")
    assert (price, stale) == (10**18, False)
    assert await read(world, "ShortPoolHedger", market["PoolHedger"], "shortId") > 0


@pytest.mark.parametrize("name", MARKETS)
async def test_every_kind_of_option_opens(world: World, name: str) -> None:
    """Somebody with a purse buys a call and a put and writes all three kinds of shorts, at the money."""
    market, abi = world.lyra.markets[name], world.artifacts.abi
    option_market = market.contracts["OptionMarket"]
    for token in (market.quote_asset, market.base_asset):
        await world.transact(
            "alice", abi("TestERC20Fail").function("approve").at(token, option_market, 2**255)
        )
    strike_id = await _at_the_money(world, name, option_market)
    spot = int(next(u for u in world.options.plan.underlyings if u.option_market == name).spot)
    for kind, collateral in ((0, 0), (1, 0), (2, 10**18), (3, spot * 10**18), (4, spot * 10**18)):
        order = (strike_id, 0, 1, kind, 10**18, collateral, 0, 2**127)
        await world.transact("alice", abi("OptionMarket").function("openPosition").at(option_market, order))
    token = market.contracts["OptionToken"]
    positions = await read(world, "OptionToken", token, "getOwnerPositions", ACCOUNTS["alice"].address)
    assert [p.optionType for p in positions] == [0, 1, 2, 3, 4]


async def test_the_published_maths_are_there(world: World) -> None:
    """TestBlackScholes, linked to the library, computes: N(0) is a half."""
    contract = world.lyra.contracts["TestBlackScholes"]
    half = await read(world, "TestBlackScholes", contract, "stdNormalCDF_pub", 0)
    assert abs(half - 5 * 10**17) < 10**9  # 18 decimals, a rational approximation


async def _at_the_money(world: World, name: str, option_market: Address) -> int:
    plan = next(u for u in world.options.plan.underlyings if u.option_market == name)
    board_id = (await read(world, "OptionMarket", option_market, "getLiveBoards"))[0]
    board = await read(world, "OptionMarket", option_market, "getOptionBoard", board_id)
    for strike_id in board.strikeIds:
        strike = await read(world, "OptionMarket", option_market, "getStrike", strike_id)
        if strike.strikePrice == plan.spot * 10**18:
            return int(strike_id)
    raise AssertionError(f"{name} has no strike at the money")
