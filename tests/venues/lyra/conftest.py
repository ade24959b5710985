"""A deployment that exists on paper: pure tests need addresses, not code."""

from __future__ import annotations

from itertools import count

import pytest

from trimtab.model.ids import Address
from trimtab.model.market import OptionMarket, OptionSeries
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses, TokenStorage

GLOBALS = ("SynthetixAdapter", "OptionMarketViewer", "OptionMarketWrapper", "LyraRegistry", "BlackScholes")
MARKET = (
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
)


@pytest.fixture(scope="session")
def paper() -> LyraDeployment:
    numbers = count(0xA0)

    def address() -> Address:
        return Address(f"0x{next(numbers):040x}")

    quote = address()
    markets = {
        name: LyraMarketAddresses(
            underlying=name[1:],
            contracts={contract: address() for contract in MARKET},
            base_asset=address(),
            quote_asset=quote,
            base_storage=TokenStorage(0, 1),
            quote_storage=TokenStorage(0, 1),
        )
        for name in ("sETH", "sBTC")
    }
    return LyraDeployment({name: address() for name in GLOBALS}, markets)


@pytest.fixture(scope="session")
def series(paper: LyraDeployment) -> OptionSeries:
    from decimal import Decimal

    contract = paper.markets["sETH"].contracts["OptionMarket"]
    market = OptionMarket("lyra", "sETH", "ETH", "sUSD", contract)
    return OptionSeries(market, 1, 3, Decimal(1750), 1_702_419_200)
