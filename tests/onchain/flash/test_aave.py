"""Money of Aave: its premium, and its own refusals."""

from __future__ import annotations

import pytest

from trimtab.hooks.flash import Loan

WAD, USDC = 10**18, 10**6


@pytest.mark.parametrize("loan", [2_000 * USDC, 33_333_333_333])
def test_the_premium_is_paid(crash, loan):
    """Five hundredths of a per cent of the loan, rounded half up as Aave does; it is the lenders'."""
    bare = crash.quote(crash.order(Loan.aave(1_000 * USDC), crash.positions("alice", rounds=1)))
    done = crash.succeed(crash.order(Loan.aave(loan), crash.positions("alice", rounds=1)))
    premium = (loan * 5 + 5_000) // 10_000
    assert done.told.premium == premium
    assert done.told.profit == bare + USDC // 2 - premium


def test_more_than_it_has(crash):
    """The pool has twenty million; nobody gets more."""
    order = crash.order(Loan.aave(20_000_001 * USDC), crash.positions("alice"))
    assert crash.fail(order).name == "Error"


def test_a_reserve_that_does_not_lend(crash):
    """Where flash loans are switched off: Aave's own number for it."""
    switch = crash.world.artifacts.abi("PoolConfigurator").function("setReserveFlashLoaning")
    crash.send("deployer", switch.at(crash.lenders.aave["PoolConfigurator"], crash.token("USDC"), False))
    assert str(crash.fail(crash.order(Loan.aave(USDC), crash.positions("alice")))) == "91"


def test_without_an_aave(crash, deploy, keeper):
    """A liquidator that was deployed without Aave's pool cannot borrow there; of Uniswap it can."""
    contracts = crash.world.perp.contracts
    alone = crash.beside(
        deploy(
            "FlashLiquidator",
            contracts["ClearingHouse"],
            "0x" + "00" * 20,
            contracts["UniswapV3Factory"],
            sender=keeper,
        )
    )
    assert alone.fail(alone.order(Loan.aave(2_000 * USDC), alone.positions("alice"))).name == "no data"
    assert alone.succeed(alone.order(alone.uniswap(2_000 * USDC), alone.positions("alice"))).told.profit > 0
