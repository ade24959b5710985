"""Deployments of Lyra ("Avalon"): data only, verified at start by `trimtab doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.model.ids import Address


@dataclass(frozen=True, slots=True)
class TokenStorage:
    """Storage slots of an ERC-20's mappings, so that a quote can lend the caller balance and allowance by
    state override. Leave it out where the token's layout is not known."""

    balances: int
    allowances: int


@dataclass(frozen=True, slots=True)
class LyraMarketAddresses:
    """One option market. `contracts` by contract name: OptionMarket, OptionMarketPricer, OptionGreekCache,
    LiquidityPool, LiquidityToken, OptionToken, ShortCollateral, PoolHedger, GWAVOracle, KeeperHelper."""

    underlying: str
    contracts: Mapping[str, Address]
    base_asset: Address
    quote_asset: Address
    base_storage: TokenStorage | None = None
    quote_storage: TokenStorage | None = None


@dataclass(frozen=True, slots=True)
class LyraDeployment:
    """All contracts of one deployment. `contracts` by contract name: SynthetixAdapter, OptionMarketViewer,
    OptionMarketWrapper, LyraRegistry, BlackScholes (a library), GWAV (a library); in a local world also
    TestBlackScholes."""

    contracts: Mapping[str, Address]
    markets: Mapping[str, LyraMarketAddresses]
