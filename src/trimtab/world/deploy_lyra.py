"""The genuine Lyra ("Avalon"), in the order of its own deployTestSystem.js: globals, then each market.

Synthetix (rates, spot exchange, short collateral) is the package's own set of test contracts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trimtab.chain.abi_types import Tuple
from trimtab.model.ids import Address
from trimtab.model.units import to_wad_exact
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses, TokenStorage
from trimtab.world.artifacts import Artifacts
from trimtab.world.lyra_parameters import (
    EXCHANGE_FEE_FROM_BASE,
    EXCHANGE_FEE_FROM_QUOTE,
    OPTION_MARKET_PARAMETERS,
    PARAMETERS,
    SECURITY_MODULE,
)
from trimtab.world.operator import BlockPlan, Deployed
from trimtab.world.plan import UnderlyingPlan, WorldPlan

# (name here, artifact, constructor arguments, libraries)
_Row = tuple[str, str, tuple[Any, ...], tuple[str, ...]]
_GLOBALS: tuple[_Row, ...] = (
    *(
        (name, name, (), ())
        for name in (
            "GWAV",
            "BlackScholes",
            "SynthetixAdapter",
            "OptionMarketViewer",
            "OptionMarketWrapper",
            "LyraRegistry",
            "BasicFeeCounter",
            "TestCurve",
            "TestExchanger",
            "TestExchangeRates",
            "TestSynthetixReturnZero",
            "TestDelegateApprovals",
            "TestCollateralShort",
            "TestAddressResolver",
        )
    ),
    ("sUSD", "TestERC20Fail", ("Synthetic USD", "sUSD"), ()),
    ("TestBlackScholes", "TestBlackScholes", (), ("BlackScholes",)),
)
_MARKET: tuple[_Row, ...] = (
    ("OptionMarket", "OptionMarket", (), ()),
    ("OptionMarketPricer", "OptionMarketPricer", (), ()),
    ("OptionGreekCache", "OptionGreekCache", (), ("GWAV", "BlackScholes")),
    ("LiquidityPool", "LiquidityPool", (), ()),
    ("LiquidityToken", "LiquidityToken", ("sUSD/{market} Pool Tokens", "LyraELPT"), ()),
    ("OptionToken", "OptionToken", ("sUSD/{market} Option Tokens", "LyraEOT"), ()),
    ("ShortCollateral", "ShortCollateral", (), ()),
    ("PoolHedger", "ShortPoolHedger", (), ()),
    ("GWAVOracle", "GWAVOracle", (), ("BlackScholes",)),
    ("KeeperHelper", "KeeperHelper", (), ()),
    ("base", "TestERC20Fail", ("Synthetic {market}", "{market}"), ()),
)

# (contract, function, contracts whose addresses are the arguments): who knows whom inside a market.
_MARKET_WIRING: tuple[tuple[str, str, str], ...] = (
    ("OptionMarketPricer", "init", "OptionMarket OptionGreekCache"),
    ("OptionGreekCache", "init", "SynthetixAdapter OptionMarket OptionMarketPricer"),
    (
        "LiquidityPool",
        "init",
        "SynthetixAdapter OptionMarket LiquidityToken OptionGreekCache PoolHedger ShortCollateral sUSD base",
    ),
    ("LiquidityToken", "init", "LiquidityPool"),
    ("PoolHedger", "init", "SynthetixAdapter OptionMarket OptionGreekCache LiquidityPool sUSD base"),
    ("ShortCollateral", "init", "OptionMarket LiquidityPool OptionToken SynthetixAdapter sUSD base"),
    ("OptionToken", "init", "OptionMarket OptionGreekCache ShortCollateral SynthetixAdapter"),
    ("GWAVOracle", "init", "OptionMarket OptionGreekCache SynthetixAdapter"),
)
_OPTION_MARKET_INIT = (
    "SynthetixAdapter LiquidityPool OptionMarketPricer OptionGreekCache ShortCollateral OptionToken sUSD base"
)
# Field of the registry's struct -> contract.
_REGISTERED = {
    "liquidityPool": "LiquidityPool",
    "liquidityToken": "LiquidityToken",
    "greekCache": "OptionGreekCache",
    "optionMarket": "OptionMarket",
    "optionMarketPricer": "OptionMarketPricer",
    "optionToken": "OptionToken",
    "poolHedger": "PoolHedger",
    "shortCollateral": "ShortCollateral",
    "gwavOracle": "GWAVOracle",
    "baseAsset": "base",
    "quoteAsset": "sUSD",
}
_RESOLVED = {
    "ProxySynthetix": "TestSynthetixReturnZero",
    "Exchanger": "TestExchanger",
    "ExchangeRates": "TestExchangeRates",
    "CollateralShort": "TestCollateralShort",
    "DelegateApprovals": "TestDelegateApprovals",
}
_REGISTRY = {
    "SYNTHETIX_ADAPTER": "SynthetixAdapter",
    "MARKET_VIEWER": "OptionMarketViewer",
    "MARKET_WRAPPER": "OptionMarketWrapper",
    "GWAV": "GWAV",
    "BLACK_SCHOLES": "BlackScholes",
}
_MINIMUM_WRAPPED = to_wad_exact("0.1")
_ALLOWED = True
_INVALID = False  # "setRateAndInvalid(key, rate, invalid)"


@dataclass(frozen=True, slots=True)
class LyraMarket:
    """One deployed option market; `contracts["base"]` is its synth."""

    plan: UnderlyingPlan
    contracts: dict[str, Deployed]


# OpenZeppelin's ERC20, which the package's test token extends, keeps its mappings in the first two slots.
TEST_TOKEN_STORAGE = TokenStorage(balances=0, allowances=1)


@dataclass(frozen=True, slots=True)
class LyraWorld:
    """Lyra as deployed: `contracts` by name (also Synthetix's test contracts), `markets` by underlying."""

    contracts: dict[str, Deployed]
    markets: dict[str, LyraMarket]

    def deployment(self) -> LyraDeployment:
        """The addresses that the venue adapter takes."""
        quote = self.contracts["sUSD"].address
        markets = {
            market.plan.option_market: LyraMarketAddresses(
                underlying=symbol,
                contracts={n: c.address for n, c in market.contracts.items() if n != "base"},
                base_asset=market.contracts["base"].address,
                quote_asset=quote,
                base_storage=TEST_TOKEN_STORAGE,
                quote_storage=TEST_TOKEN_STORAGE,
            )
            for symbol, market in self.markets.items()
        }
        contracts = {n: c.address for n, c in self.contracts.items() if n != "sUSD"}
        return LyraDeployment(contracts=contracts, markets=markets)


def key_of(name: str) -> bytes:
    """Synthetix's currency key: the name as bytes32."""
    return name.encode().ljust(32, b"\0")


def deploy_lyra(block: BlockPlan, artifacts: Artifacts, owner: Address, plan: WorldPlan) -> LyraWorld:
    """Add the whole protocol to a block, without boards: the pool's first deposit comes before them."""
    contracts = _deploy_rows(block, artifacts, owner, _GLOBALS, {}, "")
    _wire_globals(block, owner, contracts)
    markets = {}
    for number, underlying in enumerate(plan.underlyings):
        rows = _deploy_rows(block, artifacts, owner, _MARKET, contracts, underlying.option_market)
        market = LyraMarket(underlying, rows)
        _wire_market(block, owner, contracts | rows, underlying, number)
        markets[underlying.symbol] = market
    return LyraWorld(contracts, markets)


def _deploy_rows(
    block: BlockPlan,
    artifacts: Artifacts,
    owner: Address,
    rows: Iterable[_Row],
    known: Mapping[str, Deployed],
    market: str,
) -> dict[str, Deployed]:
    made: dict[str, Deployed] = {}
    for name, artifact, arguments, links in rows:
        libraries = {link: (made.get(link) or known[link]).address for link in links}
        filled = [a.format(market=market) for a in arguments]
        made[name] = block.deploy(owner, artifacts[artifact], *filled, libraries=libraries)
    return made


def _wire_globals(block: BlockPlan, owner: Address, contracts: Mapping[str, Deployed]) -> None:
    adapter, quote, synthetix, short, resolver = (
        contracts[name]
        for name in (
            "SynthetixAdapter",
            "sUSD",
            "TestSynthetixReturnZero",
            "TestCollateralShort",
            "TestAddressResolver",
        )
    )
    address = {name: contract.address for name, contract in contracts.items()}

    def send(contract: Deployed, function: str, *args: Any) -> None:
        block.send(owner, contract, function, *args)

    send(adapter, "initialize")
    send(synthetix, "init", adapter.address, quote.address, resolver.address)
    send(short, "init", adapter.address, quote.address)
    send(resolver, "setAddresses", [key_of(k) for k in _RESOLVED], [address[n] for n in _RESOLVED.values()])
    send(quote, "permitMint", synthetix.address, _ALLOWED)
    send(quote, "permitMint", short.address, _ALLOWED)
    send(adapter, "setAddressResolver", resolver.address)
    send(adapter, "updateSynthetixAddresses")
    send(contracts["OptionMarketViewer"], "init", adapter.address)
    wrapper, counter = contracts["OptionMarketWrapper"], contracts["BasicFeeCounter"]
    curve = address["TestCurve"]
    send(wrapper, "updateContractParams", curve, adapter.address, counter.address, _MINIMUM_WRAPPED)
    # The package's script leaves these two out, and then every trade through the wrapper reverts.
    send(counter, "setTrustedCounter", wrapper.address, _ALLOWED)
    send(wrapper, "addCurveStable", quote.address, 0)
    registry = [key_of(k) for k in _REGISTRY], [address[n] for n in _REGISTRY.values()]
    send(contracts["LyraRegistry"], "updateGlobalAddresses", *registry)


def _wire_market(
    block: BlockPlan, owner: Address, contracts: Mapping[str, Deployed], plan: UnderlyingPlan, number: int
) -> None:
    key, usd = key_of(plan.option_market), key_of("sUSD")
    address = {name: contract.address for name, contract in contracts.items()}
    option_market = address["OptionMarket"]

    def send(name: str, function: str, *args: Any) -> None:
        block.send(owner, contracts[name], function, *args)

    for mock in ("TestSynthetixReturnZero", "TestCollateralShort"):
        send(mock, "addBaseAsset", key, address["base"], option_market)
        send("base", "permitMint", address[mock], _ALLOWED)
    send("OptionMarket", "init", *(address[n] for n in _OPTION_MARKET_INIT.split()))
    send("OptionMarket", "setOptionMarketParams", OPTION_MARKET_PARAMETERS)
    for name, function, arguments in _MARKET_WIRING:
        send(name, function, *(address[n] for n in arguments.split()))
    send("SynthetixAdapter", "setGlobalsForContract", option_market, usd, key, SECURITY_MODULE, key_of(""))
    for name, leading in (
        ("OptionMarketViewer", ()),
        ("LyraRegistry", ()),
        ("OptionMarketWrapper", (option_market, number)),
    ):
        send(name, "addMarket", *leading, _registered(contracts[name], address))
    send("KeeperHelper", "init", option_market, address["ShortCollateral"], address["OptionGreekCache"])
    for name, function, parameters in PARAMETERS:
        send(name, function, parameters)
    send("TestExchanger", "setFeeRateForExchange", key, usd, EXCHANGE_FEE_FROM_BASE)
    send("TestExchanger", "setFeeRateForExchange", usd, key, EXCHANGE_FEE_FROM_QUOTE)
    send("TestExchangeRates", "setRateAndInvalid", key, to_wad_exact(plan.spot), _INVALID)


def _registered(registry: Deployed, address: Mapping[str, Address]) -> dict[str, Address]:
    """The market's addresses as this registry's own struct wants them: each knows a part."""
    struct = registry.abi.function("addMarket").inputs.components[-1]
    assert isinstance(struct, Tuple)
    return {field: address[_REGISTERED[field]] for field in struct.names}
