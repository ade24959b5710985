"""What is seeded is deep enough to trade in, and wide enough to crash through."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.world.views import read

from trimtab.world.accounts import ACCOUNTS
from trimtab.world.deploy_perp import TICK_SPACING
from trimtab.world.uniswap import tick_below
from trimtab.world.world import World

pytestmark = pytest.mark.node


@pytest.mark.parametrize(("name", "spot"), [("vETH", Decimal(2000)), ("vBTC", Decimal(30_000))])
async def test_the_makers_range(world: World, name: str, spot: Decimal) -> None:
    """One order of the maker, from a quarter of the spot to four times it, with liquidity at the spot."""
    order_book, base = world.perp.contracts["OrderBook"], world.perp.markets[name].base_token
    maker = ACCOUNTS["maker"].address
    ids = await read(world, "OrderBook", order_book, "getOpenOrderIds", maker, base)
    assert len(ids) == 1
    order = await read(world, "OrderBook", order_book, "getOpenOrderById", ids[0])
    assert (order.lowerTick, order.upperTick) == tuple(
        tick_below(p, TICK_SPACING) for p in (spot / 4, spot * 4)
    )
    assert (
        await read(world, "UniswapV3Pool", world.perp.markets[name].pool, "liquidity") == order.liquidity > 0
    )


@pytest.mark.parametrize(("name", "size"), [("vETH", 10), ("vBTC", 1)])
async def test_depth(world: World, name: str, size: int) -> None:
    """A trade of about 20,000 to 30,000 USD costs the fee of 10 basis points, and less than 5 of impact."""
    quoter, market = world.perp.contracts["Quoter"], world.perp.markets[name]
    spot = {"vETH": 2000, "vBTC": 30_000}[name]
    terms = (market.base_token, False, False, size * 10**18, 0)
    swap = await read(world, "Quoter", quoter, "swap", terms)
    paid = Decimal(swap.deltaAvailableQuote) / 10**18 / size
    assert Decimal("0.001") < paid / spot - 1 < Decimal("0.0015")
