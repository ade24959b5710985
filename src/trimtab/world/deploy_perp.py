"""The genuine Perp v2 ("Curie"), in the order of its own fixtures: all contracts first, then their wiring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimtab.model.ids import Address
from trimtab.model.units import WAD, to_base_exact
from trimtab.venues.perp_v2.addresses import PerpV2CollateralToken, PerpV2Deployment, PerpV2MarketAddresses
from trimtab.world.artifacts import Artifacts
from trimtab.world.operator import BlockPlan, Deployed
from trimtab.world.plan import UnderlyingPlan, WorldPlan
from trimtab.world.uniswap import pool_address, sqrt_price_x96

POOL_FEE = 3000  # Uniswap's tier; what a taker pays is TAKER_FEE
TICK_SPACING = 60
TAKER_FEE = 1_000  # of a million: 0.1 %
INSURANCE_FEE = 200_000  # of a million, of the taker fee
MAX_TICKS_PER_BLOCK = 1_000  # 0, the default, reverts every swap (EX_MIP)
OBSERVATIONS = 500  # the pool's own price history; the mark reads 30 minutes of it
OBSERVATIONS_GAS = 14_000_000
CHAINLINK_DECIMALS = 8
FEED_TIMEOUT = 40 * 60
FEED_TWAP = 15 * 60
WETH_TWAP = 900
USDC_DECIMALS = 6
MAX_UINT = 2**256 - 1

_PLAIN = (
    "UniswapV3Factory",
    "Multicall2",
    "ClearingHouseConfig",
    "MarketRegistry",
    "OrderBook",
    "AccountBalance",
    "Exchange",
    "InsuranceFund",
    "Vault",
    "CollateralManager",
    "ClearingHouse",
    "DelegateApproval",
)

# maxTokens, debt ratio, liquidation ratio, buffer, insurance fee (all of a million), debt threshold, dust
_COLLATERAL_RULES = (5, 750_000, 500_000, 2_000, 30_000, 10_000 * 10**6, 500 * 10**6)
_WETH_RULES = (700_000, 100_000, 1_000 * WAD)  # collateral ratio, discount, deposit cap

# (contract, function, arguments); an argument that names a contract stands for its address.
_WIRING: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("QuoteToken", "initialize", ("vUSD", "vUSD")),
    ("ClearingHouseConfig", "initialize", ()),
    ("MarketRegistry", "initialize", ("UniswapV3Factory", "QuoteToken")),
    ("OrderBook", "initialize", ("MarketRegistry",)),
    ("InsuranceFund", "initialize", ("USDC",)),
    ("Exchange", "initialize", ("MarketRegistry", "OrderBook", "ClearingHouseConfig")),
    ("Exchange", "setAccountBalance", ("AccountBalance",)),
    ("OrderBook", "setExchange", ("Exchange",)),
    ("AccountBalance", "initialize", ("ClearingHouseConfig", "OrderBook")),
    ("Vault", "initialize", ("InsuranceFund", "ClearingHouseConfig", "AccountBalance", "Exchange")),
    ("CollateralManager", "initialize", ("ClearingHouseConfig", "Vault", *_COLLATERAL_RULES)),
    ("Vault", "setCollateralManager", ("CollateralManager",)),
    ("InsuranceFund", "setVault", ("Vault",)),
    ("AccountBalance", "setVault", ("Vault",)),
    (
        "ClearingHouse",
        "initialize",
        (
            "ClearingHouseConfig",
            "Vault",
            "QuoteToken",
            "UniswapV3Factory",
            "Exchange",
            "AccountBalance",
            "InsuranceFund",
        ),
    ),
    ("ClearingHouseConfig", "setSettlementTokenBalanceCap", (MAX_UINT,)),  # 0 refuses every deposit
    ("QuoteToken", "mintMaximumTo", ("ClearingHouse",)),
    ("QuoteToken", "addWhitelist", ("ClearingHouse",)),
    *(
        (name, "setClearingHouse", ("ClearingHouse",))
        for name in (
            "MarketRegistry",
            "OrderBook",
            "Exchange",
            "AccountBalance",
            "Vault",
        )
    ),
    ("DelegateApproval", "initialize", ()),
    ("ClearingHouse", "setDelegateApproval", ("DelegateApproval",)),
    ("Vault", "setWETH9", ("WETH",)),
)
_PORTAL = (
    "ClearingHouse",
    "ClearingHouseConfig",
    "AccountBalance",
    "Exchange",
    "OrderBook",
    "InsuranceFund",
    "MarketRegistry",
    "Vault",
)


@dataclass(frozen=True, slots=True)
class PerpV2Market:
    """One deployed market, with what its administration needs."""

    plan: UnderlyingPlan
    base: Deployed
    pool: Deployed
    feed: Deployed
    dispatcher: Deployed
    aggregator: Deployed


@dataclass(frozen=True, slots=True)
class PerpV2World:
    """Perp v2 as deployed: `contracts` by name, `markets` by underlying."""

    contracts: dict[str, Deployed]
    markets: dict[str, PerpV2Market]

    def deployment(self) -> PerpV2Deployment:
        """The addresses that the venue adapter takes."""
        token = {name: self.contracts[name].address for name in ("USDC", "WETH")}
        markets = {
            m.plan.perp_market: PerpV2MarketAddresses(
                symbol, m.base.address, m.pool.address, m.dispatcher.address, m.feed.address
            )
            for symbol, m in self.markets.items()
        }
        return PerpV2Deployment(
            contracts={n: c.address for n, c in self.contracts.items() if n not in token},
            markets=markets,
            collateral={
                "USDC": PerpV2CollateralToken(token["USDC"], USDC_DECIMALS),
                "WETH": PerpV2CollateralToken(token["WETH"], 18),
            },
        )


def deploy_perp(block: BlockPlan, artifacts: Artifacts, owner: Address, plan: WorldPlan) -> PerpV2World:
    """Add the whole protocol to a block. Its mark price needs 30 minutes of history before it can be read."""
    contracts, bases = _deploy_core(block, artifacts, owner, len(plan.underlyings))
    for name, function, arguments in _WIRING:
        resolved = [contracts[a].address if a in contracts else a for a in arguments]
        block.send(owner, contracts[name], function, *resolved)
    markets = {
        underlying.symbol: _deploy_market(block, artifacts, owner, contracts, underlying, base)
        for underlying, base in zip(plan.underlyings, bases, strict=True)
    }
    _add_weth_collateral(block, artifacts, owner, contracts, markets["ETH"].aggregator)
    portal = [contracts[name].address for name in _PORTAL]
    contracts["PerpPortal"] = block.deploy(owner, artifacts["PerpPortal"], *portal)
    contracts["Quoter"] = block.deploy(owner, artifacts["Quoter"], contracts["MarketRegistry"].address)
    return PerpV2World(contracts, markets)


def _deploy_core(
    block: BlockPlan, artifacts: Artifacts, owner: Address, markets: int
) -> tuple[dict[str, Deployed], list[Deployed]]:
    contracts = {
        "USDC": block.deploy(owner, artifacts["MintableERC20"], "USD Coin", "USDC", USDC_DECIMALS),
        "WETH": block.deploy(owner, artifacts["WETH9Mocked"]),
    }
    # Every base token's address must be under the quote token's (MR_IB): the highest becomes the quote token.
    coming = block.next_addresses(owner, markets + 1)
    bases = []
    for address in coming:
        if address == max(coming):
            contracts["QuoteToken"] = block.deploy(owner, artifacts["QuoteToken"])
        else:
            bases.append(block.deploy(owner, artifacts["BaseToken"]))
    for name in _PLAIN:
        contracts[name] = block.deploy(owner, artifacts[name])
    return contracts, bases


def _deploy_market(
    block: BlockPlan,
    artifacts: Artifacts,
    owner: Address,
    contracts: dict[str, Deployed],
    plan: UnderlyingPlan,
    base: Deployed,
) -> PerpV2Market:
    house, quote, factory = (contracts[n] for n in ("ClearingHouse", "QuoteToken", "UniswapV3Factory"))
    answer = to_base_exact(plan.spot, CHAINLINK_DECIMALS)
    aggregator = block.deploy(owner, artifacts["MockV3Aggregator"], CHAINLINK_DECIMALS, answer)
    feed = block.deploy(owner, artifacts["ChainlinkPriceFeedV3"], aggregator.address, FEED_TIMEOUT, FEED_TWAP)
    dispatcher = block.deploy(owner, artifacts["PriceFeedDispatcher"], feed.address)
    pool_artifact = artifacts["UniswapV3Pool"]
    pool = Deployed(
        "UniswapV3Pool",
        pool_artifact.abi,
        pool_address(factory.address, base.address, quote.address, POOL_FEE, pool_artifact.creation_code()),
    )
    block.send(owner, base, "initialize", plan.perp_market, plan.perp_market, dispatcher.address)
    block.send(owner, base, "mintMaximumTo", house.address)
    block.send(owner, base, "addWhitelist", house.address)
    block.send(owner, factory, "createPool", base.address, quote.address, POOL_FEE, gas=8_000_000)
    block.send(owner, base, "addWhitelist", pool.address)
    block.send(owner, quote, "addWhitelist", pool.address)
    block.send(owner, pool, "initialize", sqrt_price_x96(plan.spot))
    block.send(owner, pool, "increaseObservationCardinalityNext", OBSERVATIONS, gas=OBSERVATIONS_GAS)
    registry = contracts["MarketRegistry"]
    block.send(owner, registry, "addPool", base.address, POOL_FEE)
    block.send(owner, registry, "setFeeRatio", base.address, TAKER_FEE)
    block.send(owner, registry, "setInsuranceFundFeeRatio", base.address, INSURANCE_FEE)
    exchange = contracts["Exchange"]
    block.send(owner, exchange, "setMaxTickCrossedWithinBlock", base.address, MAX_TICKS_PER_BLOCK)
    # The first oracle observation: until it is 15 minutes old, the index "TWAP" is silently the spot answer.
    block.send(owner, feed, "update")
    return PerpV2Market(plan, base, pool, feed, dispatcher, aggregator)


def _add_weth_collateral(
    block: BlockPlan,
    artifacts: Artifacts,
    owner: Address,
    contracts: dict[str, Deployed],
    aggregator: Deployed,
) -> None:
    feed = block.deploy(owner, artifacts["ChainlinkPriceFeedV2"], aggregator.address, WETH_TWAP)
    rules = (feed.address, *_WETH_RULES)
    block.send(owner, contracts["CollateralManager"], "addCollateral", contracts["WETH"].address, rules)
