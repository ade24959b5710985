"""Deployments of Perp v2 ("Curie"): data only, verified at start by `trimtab doctor`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.model.ids import Address


@dataclass(frozen=True, slots=True)
class PerpV2MarketAddresses:
    """One market: its virtual base token, Uniswap v3 pool and price feed. The Chainlink feed behind that one
    tells staleness and has events of its own; where it is not given, it is asked for."""

    underlying: str
    base_token: Address
    pool: Address
    price_feed: Address
    chainlink_feed: Address | None = None


@dataclass(frozen=True, slots=True)
class PerpV2CollateralToken:
    """An asset that the Vault takes. The settlement token (USDC) is one of them."""

    token: Address
    decimals: int


@dataclass(frozen=True, slots=True)
class PerpV2Deployment:
    """All contracts of one deployment.

    `contracts` by contract name: ClearingHouse, ClearingHouseConfig, MarketRegistry, OrderBook,
    AccountBalance, Exchange, InsuranceFund, Vault, CollateralManager, DelegateApproval, QuoteToken,
    PerpPortal, Quoter, Multicall2.
    """

    contracts: Mapping[str, Address]
    markets: Mapping[str, PerpV2MarketAddresses]
    collateral: Mapping[str, PerpV2CollateralToken]
    settlement: str = "USDC"
