"""A deployment on paper for pure tests, and a stage on a node for the others."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import pytest
from tests.venues.lyra.stage import Stage

from trimtab.model.ids import Address
from trimtab.model.market import OptionMarket, OptionSeries
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses, TokenStorage
from trimtab.world.world import World

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
    contract = paper.markets["sETH"].contracts["OptionMarket"]
    market = OptionMarket("lyra", "sETH", "ETH", "sUSD", contract)
    return OptionSeries(market, 1, 3, Decimal(1750), 1_702_419_200)


@pytest.fixture
async def stage(world: World) -> Stage:
    """The genuine market as it was deployed, with a trader who may trade."""
    stage = Stage(world.client, world.lyra)
    await stage.approve(stage.trader)
    return stage
