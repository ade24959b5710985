"""Lenders beside a world: there when they are asked for, and their pools follow a price."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.world.views import read

from trimtab.errors import ConfigError, IntentError
from trimtab.model.ids import Address
from trimtab.world.lenders import LendersPlan, move_spot
from trimtab.world.world import World

pytestmark = pytest.mark.node


async def _spot(world: World, pool: Address) -> Decimal:
    tokens = world.addresses.tokens
    sqrt_price = (await read(world, "UniswapV3Pool", pool, "slot0")).sqrtPriceX96
    raw = Decimal(sqrt_price) ** 2 / 2**192
    return raw * 10**12 if tokens["WETH"] < tokens["USDC"] else 10**12 / raw


async def test_they_are_deployed_on_request(world: World) -> None:
    """One block, after the world is deployed; before that the error says so."""
    before = await world.client.block_number()
    lenders = await world.deploy_lenders(LendersPlan(pool_weth={3_000: Decimal(10)}))
    assert await world.client.block_number() == before + 1
    assert set(lenders.pools) == {3_000}
    for address in (*lenders.aave.values(), *lenders.uniswap.values(), *lenders.pools.values()):
        assert await world.client.request("eth_getCode", [address, "latest"]) != "0x"


async def test_not_before_the_world() -> None:
    """Without a deployment there are no tokens to lend."""
    async with World.open() as empty:
        with pytest.raises(ConfigError, match="nothing is deployed"):
            await empty.deploy_lenders()


@pytest.mark.parametrize("price", [Decimal(1_700), Decimal(2_000), Decimal("2345.5")])
async def test_the_spot_pools_are_moved(world: World, price: Decimal) -> None:
    """Every pool ends at the price, down and up, and where it stood already."""
    lenders = await world.deploy_lenders()
    await move_spot(world.operator, world.artifacts, world.addresses, lenders, price)
    for pool in lenders.pools.values():
        assert abs(await _spot(world, pool) / price - 1) < Decimal("1e-9")


async def test_a_price_is_above_zero(world: World) -> None:
    """Zero is refused before anything is sent."""
    lenders = await world.deploy_lenders()
    with pytest.raises(IntentError, match="above 0"):
        await move_spot(world.operator, world.artifacts, world.addresses, lenders, Decimal(0))
