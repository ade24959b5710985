"""Perp v2 as deployed: every contract knows the right others, and the market works at once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.world.views import read

from trimtab.world.accounts import ACCOUNTS
from trimtab.world.deploy_perp import MAX_TICKS_PER_BLOCK, POOL_FEE, TAKER_FEE
from trimtab.world.world import World

pytestmark = pytest.mark.node

# (contract, getter, the contract whose address it tells)
WIRING = [
    ("ClearingHouse", "getQuoteToken", "QuoteToken"),
    ("ClearingHouse", "getUniswapV3Factory", "UniswapV3Factory"),
    ("ClearingHouse", "getClearingHouseConfig", "ClearingHouseConfig"),
    ("ClearingHouse", "getVault", "Vault"),
    ("ClearingHouse", "getExchange", "Exchange"),
    ("ClearingHouse", "getOrderBook", "OrderBook"),
    ("ClearingHouse", "getAccountBalance", "AccountBalance"),
    ("ClearingHouse", "getInsuranceFund", "InsuranceFund"),
    ("ClearingHouse", "getDelegateApproval", "DelegateApproval"),
    ("Vault", "getClearingHouse", "ClearingHouse"),
    ("Vault", "getCollateralManager", "CollateralManager"),
    ("Vault", "getInsuranceFund", "InsuranceFund"),
    ("Vault", "getExchange", "Exchange"),
    ("Vault", "getAccountBalance", "AccountBalance"),
    ("Exchange", "getOrderBook", "OrderBook"),
    ("Exchange", "getAccountBalance", "AccountBalance"),
    ("Exchange", "getClearingHouseConfig", "ClearingHouseConfig"),
    ("Exchange", "getMarketRegistry", "MarketRegistry"),
    ("OrderBook", "getExchange", "Exchange"),
    ("OrderBook", "getMarketRegistry", "MarketRegistry"),
    ("AccountBalance", "getOrderBook", "OrderBook"),
    ("AccountBalance", "getVault", "Vault"),
    ("InsuranceFund", "getVault", "Vault"),
    ("MarketRegistry", "getQuoteToken", "QuoteToken"),
    ("MarketRegistry", "getUniswapV3Factory", "UniswapV3Factory"),
    ("CollateralManager", "getVault", "Vault"),
]


async def test_everybody_knows_everybody(world: World) -> None:
    """Each getter tells the address that the deployment names."""
    contracts = world.perp.contracts
    wrong = [
        (name, getter)
        for name, getter, told in WIRING
        if await read(world, name, contracts[name], getter) != contracts[told]
    ]
    assert wrong == []
    assert await read(world, "Vault", contracts["Vault"], "getWETH9") == world.addresses.tokens["WETH"]
    usdc = await read(world, "Vault", contracts["Vault"], "getSettlementToken")
    assert usdc == world.perp.collateral["USDC"].token == world.addresses.tokens["USDC"]


async def test_the_named_contracts_are_all_there(world: World) -> None:
    """The deployment has every contract that the venue's addresses promise."""
    assert {
        "ClearingHouse", "ClearingHouseConfig", "MarketRegistry", "OrderBook", "AccountBalance", "Exchange",
        "InsuranceFund", "Vault", "CollateralManager", "DelegateApproval", "QuoteToken", "PerpPortal",
        "Quoter", "Multicall2",
    } <= set(world.perp.contracts)  # fmt: skip


@pytest.mark.parametrize(("name", "symbol", "spot"), [("vETH", "ETH", 2000), ("vBTC", "BTC", 30000)])
async def test_a_market_is_open(world: World, name: str, symbol: str, spot: int) -> None:
    """Pool, fees, limiter, price feed and index are those of the plan, and the base token sorts under the
    quote token, as the registry demands."""
    contracts, market = world.perp.contracts, world.perp.markets[name]
    assert market.underlying == symbol
    assert market.base_token < contracts["QuoteToken"]
    pool = await read(world, "MarketRegistry", contracts["MarketRegistry"], "getPool", market.base_token)
    assert pool == market.pool
    info = await read(
        world, "MarketRegistry", contracts["MarketRegistry"], "getMarketInfo", market.base_token
    )
    assert (info.exchangeFeeRatio, info.uniswapFeeRatio) == (TAKER_FEE, POOL_FEE)
    ticks = await read(
        world, "Exchange", contracts["Exchange"], "getMaxTickCrossedWithinBlock", market.base_token
    )
    assert ticks == MAX_TICKS_PER_BLOCK
    assert await read(world, "BaseToken", market.base_token, "getPriceFeed") == market.price_feed
    feed = await read(world, "PriceFeedDispatcher", market.price_feed, "getChainlinkPriceFeedV3")
    oracle = await read(world, "ChainlinkPriceFeedV3", feed, "getAggregator")
    assert oracle == world.addresses.oracles[symbol]
    assert await read(world, "BaseToken", market.base_token, "getIndexPrice", 0) == spot * 10**18
    assert await read(world, "BaseToken", market.base_token, "isOpen")


async def test_a_trade_passes_at_once(world: World) -> None:
    """Somebody with a purse deposits, buys 1 ETH at about the spot price, and holds it."""
    contracts, market = world.perp.contracts, world.perp.markets["vETH"]
    abi, alice = world.artifacts.abi, ACCOUNTS["alice"].address
    usdc = world.addresses.tokens["USDC"]
    await world.transact(
        "alice", abi("MintableERC20").function("approve").at(usdc, contracts["Vault"], 10**10)
    )
    await world.transact("alice", abi("Vault").function("deposit").at(contracts["Vault"], usdc, 10**10))
    buy = (market.base_token, False, False, 10**18, 0, 2**63, 0, bytes(32))
    receipt = await world.transact(
        "alice", abi("ClearingHouse").function("openPosition").at(contracts["ClearingHouse"], buy)
    )
    changed = abi("ClearingHouse").event("PositionChanged")
    log = next(log for log in receipt.logs if log.topics[0] == changed.topic0)
    trade = changed.decode(log)
    assert trade["exchangedPositionSize"] == 10**18
    assert abs(Decimal(-trade["exchangedPositionNotional"]) / 10**18 / 2000 - 1) < Decimal("0.0002")
    balance = contracts["AccountBalance"]
    size = await read(world, "AccountBalance", balance, "getTotalPositionSize", alice, market.base_token)
    assert size == 10**18


async def test_weth_is_collateral(world: World) -> None:
    """WETH counts as collateral at its index price, less the haircut."""
    contracts = world.perp.contracts
    weth = world.perp.collateral["WETH"]
    assert await read(world, "CollateralManager", contracts["CollateralManager"], "isCollateral", weth.token)
    abi, vault = world.artifacts.abi, contracts["Vault"]
    await world.transact("bob", abi("WETH9Mocked").function("approve").at(weth.token, vault, 10**18))
    await world.transact("bob", abi("Vault").function("deposit").at(vault, weth.token, 10**18))
    free = await read(world, "Vault", vault, "getFreeCollateral", ACCOUNTS["bob"].address)
    assert free == 1400 * 10**6  # 2000 USD at a ratio of 70 %
