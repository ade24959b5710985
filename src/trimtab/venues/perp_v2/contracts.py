"""The venue's ABIs, loaded once, and which contract lives at which address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trimtab.chain.abi import Abi
from trimtab.errors import IntentError, UnknownMarketError
from trimtab.model.ids import Address
from trimtab.venues.perp_v2.addresses import (
    PerpV2CollateralToken,
    PerpV2Deployment,
    PerpV2MarketAddresses,
)

VENUE: Final = "perp_v2"
QUOTE_CURRENCY: Final = "USD"

ACCOUNT_BALANCE: Final = Abi.load("perp_v2/AccountBalance")
BASE_TOKEN: Final = Abi.load("perp_v2/BaseToken")
CLEARING_HOUSE: Final = Abi.load("perp_v2/ClearingHouse")
CONFIG: Final = Abi.load("perp_v2/ClearingHouseConfig")
COLLATERAL_MANAGER: Final = Abi.load("perp_v2/CollateralManager")
DELEGATE_APPROVAL: Final = Abi.load("perp_v2/DelegateApproval")
ERC20: Final = Abi.load("perp_v2/ERC20")
EXCHANGE: Final = Abi.load("perp_v2/Exchange")
INSURANCE_FUND: Final = Abi.load("perp_v2/InsuranceFund")
MARKET_REGISTRY: Final = Abi.load("perp_v2/MarketRegistry")
MULTICALL: Final = Abi.load("perp_v2/Multicall2")
ORDER_BOOK: Final = Abi.load("perp_v2/OrderBook")
POOL: Final = Abi.load("perp_v2/UniswapV3Pool")
PORTAL: Final = Abi.load("perp_v2/PerpPortal")
PRICE_FEED: Final = Abi.load("perp_v2/PriceFeedDispatcher")
QUOTE_TOKEN: Final = Abi.load("perp_v2/QuoteToken")
QUOTER: Final = Abi.load("perp_v2/Quoter")
CHAINLINK_FEED: Final = Abi.load("perp_v2/ChainlinkPriceFeedV3")
VAULT: Final = Abi.load("perp_v2/Vault")

_EMITTERS: Final[Mapping[str, Abi]] = {
    "AccountBalance": ACCOUNT_BALANCE,
    "ClearingHouse": CLEARING_HOUSE,
    "ClearingHouseConfig": CONFIG,
    "CollateralManager": COLLATERAL_MANAGER,
    "DelegateApproval": DELEGATE_APPROVAL,
    "Exchange": EXCHANGE,
    "InsuranceFund": INSURANCE_FUND,
    "MarketRegistry": MARKET_REGISTRY,
    "OrderBook": ORDER_BOOK,
    "QuoteToken": QUOTE_TOKEN,
    "Vault": VAULT,
}


def list_emitters(deployment: PerpV2Deployment) -> dict[Address, tuple[str, Abi]]:
    """Every contract that emits events of this venue: its name and ABI by address."""
    found = {
        deployment.contracts[name]: (name, abi)
        for name, abi in _EMITTERS.items()
        if name in deployment.contracts
    }
    for market in deployment.markets.values():
        found[market.base_token] = ("BaseToken", BASE_TOKEN)
        found[market.pool] = ("UniswapV3Pool", POOL)
        found[market.price_feed] = ("PriceFeedDispatcher", PRICE_FEED)
        if market.chainlink_feed is not None:
            found[market.chainlink_feed] = ("ChainlinkPriceFeedV3", CHAINLINK_FEED)
    return found


def list_addresses(deployment: PerpV2Deployment) -> dict[str, Address]:
    """Every address that the venue uses, by a name for people: contracts, markets, collaterals."""
    found = dict(deployment.contracts)
    for name, market in deployment.markets.items():
        found[f"{name}.base_token"] = market.base_token
        found[f"{name}.pool"] = market.pool
        found[f"{name}.price_feed"] = market.price_feed
        if market.chainlink_feed is not None:
            found[f"{name}.chainlink_feed"] = market.chainlink_feed
    for currency, asset in deployment.collateral.items():
        found[f"collateral.{currency}"] = asset.token
    return found


def find_market(deployment: PerpV2Deployment, name: str) -> PerpV2MarketAddresses:
    """The market of a name. Raises `UnknownMarketError` with the known ones."""
    try:
        return deployment.markets[name]
    except KeyError:
        known = ", ".join(sorted(deployment.markets))
        raise UnknownMarketError(
            f"{VENUE} has no market {name!r}; it has {known}", venue=VENUE, market=name
        ) from None


def find_collateral(deployment: PerpV2Deployment, currency: str) -> PerpV2CollateralToken:
    """The asset of a currency. Raises `IntentError` with the known ones."""
    try:
        return deployment.collateral[currency]
    except KeyError:
        known = ", ".join(sorted(deployment.collateral))
        raise IntentError(
            f"{VENUE} takes no {currency!r} as collateral; it takes {known}", field="currency", value=currency
        ) from None
