"""Which contract stands at which address, and its ABI."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from trimtab.chain.abi import Abi
from trimtab.errors import UnknownMarketError
from trimtab.model.ids import Address
from trimtab.model.market import OptionMarket, OptionType
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses

VENUE = "lyra"
QUOTE_CURRENCY = "sUSD"
OPTION_TYPES = tuple(OptionType)  # the contract's enumeration has the same order
TYPE_INDEX = {option_type: index for index, option_type in enumerate(OPTION_TYPES)}
POSITION_STATES = ("empty", "active", "closed", "liquidated", "settled", "merged")

# Every contract that emits events or throws errors; LyraAdapter and the wrappers are built upon by others.
CONTRACTS = (
    "OptionMarket",
    "OptionMarketPricer",
    "OptionGreekCache",
    "LiquidityPool",
    "LiquidityToken",
    "OptionToken",
    "ShortCollateral",
    "PoolHedger",
    "GWAVOracle",
    "KeeperHelper",
    "SynthetixAdapter",
    "OptionMarketViewer",
    "OptionMarketWrapper",
    "OptionMarketWrapperWithSwaps",
    "LyraRegistry",
    "LyraAdapter",
    "BlackScholes",
    "GWAV",
    "ERC20",
)


@cache
def abi(contract: str) -> Abi:
    return Abi.load(f"{VENUE}/{contract}")


def find_market(deployment: LyraDeployment, market: str) -> LyraMarketAddresses:
    """The market's addresses. Raises `UnknownMarketError` with the names that there are."""
    try:
        return deployment.markets[market]
    except KeyError:
        known = ", ".join(sorted(deployment.markets)) or "none"
        raise UnknownMarketError(
            f"lyra has no market {market!r}; it has {known}", venue=VENUE, market=market
        ) from None


def option_market(deployment: LyraDeployment, market: str) -> OptionMarket:
    at = find_market(deployment, market)
    return OptionMarket(VENUE, market, at.underlying, QUOTE_CURRENCY, at.contracts["OptionMarket"])


def walk_addresses(deployment: LyraDeployment) -> Iterator[tuple[str, str | None, str, Address]]:
    """(name for people, market or None, ABI, address) of every contract."""
    for contract, address in deployment.contracts.items():
        yield contract, None, contract, address
    for market, at in deployment.markets.items():
        for contract, address in at.contracts.items():
            yield f"{market}/{contract}", market, contract, address
        yield f"{market}/base", market, "ERC20", at.base_asset
        yield f"{market}/quote", market, "ERC20", at.quote_asset
