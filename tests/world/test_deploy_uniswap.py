"""Spot pools: the factory's own, at the price that was asked for, and ready to trade."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.world.views import read

from trimtab.model.ids import Address
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.artifacts import Artifacts
from trimtab.world.deploy_uniswap import SpotPair
from trimtab.world.operator import Deployed
from trimtab.world.world import World

LOW, HIGH = Address("0x" + "11" * 20), Address("0x" + "22" * 20)


@pytest.mark.parametrize(("base", "quote"), [(LOW, HIGH), (HIGH, LOW)])
def test_a_price_is_turned_to_the_pools_order(base: Address, quote: Address) -> None:
    """The pool's price is of base units, of its first token in its second, whichever of them is ours."""
    abi = Artifacts.find().abi("MintableERC20")
    pair = SpotPair(Deployed("B", abi, base), Deployed("Q", abi, quote), 18, 6, Decimal(2_000))
    assert pair.tokens == (LOW, HIGH)
    raw = Decimal(2_000) / 10**12
    assert pair.pool_price(pair.spot) == (raw if base == LOW else 1 / raw)


@pytest.mark.node
async def test_the_pools_are_the_factorys(world: World) -> None:
    """Each pool is where the factory says, and stands at 2,000 USDC for one WETH."""
    lenders = await world.deploy_lenders()
    tokens, factory = world.addresses.tokens, world.perp.contracts["UniswapV3Factory"]
    for fee, pool in lenders.pools.items():
        told = await read(world, "UniswapV3Factory", factory, "getPool", tokens["WETH"], tokens["USDC"], fee)
        assert told == pool
        sqrt_price = (await read(world, "UniswapV3Pool", pool, "slot0")).sqrtPriceX96
        raw = Decimal(sqrt_price) ** 2 / 2**192
        price = raw * 10**12 if tokens["WETH"] < tokens["USDC"] else 10**12 / raw
        assert abs(price - 2_000) < Decimal("0.000001")


@pytest.mark.node
async def test_it_trades(world: World) -> None:
    """One WETH is sold for about its price, less the pool's fee."""
    lenders = await world.deploy_lenders()
    tokens, abi, alice = world.addresses.tokens, world.artifacts.abi, ACCOUNTS["alice"].address
    router = lenders.uniswap["SwapRouter"]
    await world.transact("alice", abi("WETH9Mocked").function("approve").at(tokens["WETH"], router, 10**18))
    before = await read(world, "MintableERC20", tokens["USDC"], "balanceOf", alice)
    terms = (tokens["WETH"], tokens["USDC"], 3000, alice, 2**63, 10**18, 0, 0)
    await world.transact("alice", abi("SwapRouter").function("exactInputSingle").at(router, terms))
    got = await read(world, "MintableERC20", tokens["USDC"], "balanceOf", alice) - before
    assert 1_992 * 10**6 < got < 1_994 * 10**6
