"""Aave v3 as deployed: its parts know each other, it lends, and it takes a premium for it."""

from __future__ import annotations

import pytest
from tests.world.views import read

from trimtab.errors import RevertedError
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.deploy_aave import FLASH_PREMIUM_BPS
from trimtab.world.lenders import LendersPlan
from trimtab.world.world import World

pytestmark = pytest.mark.node

WIRING = [
    ("PoolAddressesProvider", "getPool", "Pool"),
    ("PoolAddressesProvider", "getPoolConfigurator", "PoolConfigurator"),
    ("PoolAddressesProvider", "getACLManager", "ACLManager"),
    ("PoolAddressesProvider", "getPriceOracle", "AaveOracle"),
    ("Pool", "ADDRESSES_PROVIDER", "PoolAddressesProvider"),
    ("AaveOracle", "ADDRESSES_PROVIDER", "PoolAddressesProvider"),
]


async def test_everybody_knows_everybody(world: World) -> None:
    """Each getter tells the address that the deployment names; the proxies' too."""
    aave = (await world.deploy_lenders()).aave
    wrong = [
        (name, getter)
        for name, getter, told in WIRING
        if await read(world, name, aave[name], getter) != aave[told]
    ]
    assert wrong == []


async def test_both_reserves_can_be_lent(world: World) -> None:
    """USDC and WETH are listed, priced, supplied as planned, and asked for the flash premium of mainnet."""
    aave = (await world.deploy_lenders()).aave
    tokens, plan = world.addresses.tokens, LendersPlan()
    assert await read(world, "Pool", aave["Pool"], "getReservesList") == (tokens["USDC"], tokens["WETH"])
    assert await read(world, "Pool", aave["Pool"], "FLASHLOAN_PREMIUM_TOTAL") == FLASH_PREMIUM_BPS
    for symbol, amount, price in (
        ("USDC", plan.aave_usdc * 10**6, 10**8),
        ("WETH", plan.aave_weth * 10**18, 2_000 * 10**8),
    ):
        reserve = await read(world, "Pool", aave["Pool"], "getReserveData", tokens[symbol])
        held = await read(world, "AToken", reserve.aTokenAddress, "balanceOf", ACCOUNTS["lp"].address)
        assert held == amount
        assert await read(world, "AaveOracle", aave["AaveOracle"], "getAssetPrice", tokens[symbol]) == price


async def test_it_lends_against_nothing_only_within_a_transaction(world: World) -> None:
    """Somebody without collateral cannot borrow: the pool is the genuine one."""
    aave = (await world.deploy_lenders()).aave
    borrow = world.artifacts.abi("Pool").function("borrow")
    usdc, alice = world.addresses.tokens["USDC"], ACCOUNTS["alice"].address
    with pytest.raises(RevertedError):
        await world.transact("alice", borrow.at(aave["Pool"], usdc, 10**6, 2, 0, alice))
