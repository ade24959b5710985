"""Anyone may order; nobody but whom the contract just asked may call back."""

from __future__ import annotations

from dataclasses import replace

import ape
import pytest

from trimtab.hooks.flash import Loan

WAD, USDC = 10**18, 10**6
LOAN = 20_000 * USDC
NONE, FOREIGN_INITIATOR, TWICE, REENTER, OTHER_CALLBACK = range(5)


def test_anybody_may_liquidate(crash):
    """A key without any token of its own; the profit is whose it names."""
    order = crash.order(Loan.aave(LOAN), crash.positions("alice"), recipient=crash.address("searcher"))
    assert crash.balance("USDC", crash.address("searcher")) == 0
    done = crash.succeed(order, "searcher")
    assert crash.balance("USDC", crash.address("searcher")) == done.told.profit > 0


def test_who_was_first(crash):
    """Somebody sends the same order for himself: ours finds nothing left to do, and pays no premium."""
    ours = crash.order(Loan.aave(LOAN), crash.positions("alice"))
    crash.succeed(replace(ours, recipient=crash.address("searcher")), "searcher")
    assert crash.fail(ours).name == "NothingToLiquidate"


def test_callbacks_out_of_the_blue(crash, attacker):
    """None of the three answers to a stranger, with an order of his own or without."""
    flash = crash.flash
    data = crash.flash.liquidate.encode_input(crash.order(Loan.aave(LOAN), crash.positions("alice")).to_abi())
    with ape.reverts(flash.CallbackNotExpected, caller=attacker.address):
        flash.executeOperation(crash.token("USDC"), LOAN, 0, flash.address, data[4:], sender=attacker)
    with ape.reverts(flash.CallbackNotExpected, caller=attacker.address):
        flash.uniswapV3FlashCallback(0, 0, data[4:], sender=attacker)
    with ape.reverts(flash.CallbackNotExpected, caller=attacker.address):
        flash.uniswapV3SwapCallback(WAD, -USDC, data[4:], sender=attacker)


def test_a_loan_in_our_name(crash):
    """Aave calls whom the borrower names: a loan that we did not ask for is refused, whatever it says."""
    pool = crash.lenders.aave["Pool"]
    borrow = crash.world.artifacts.abi("Pool").function("flashLoanSimple")
    order = crash.order(
        Loan.aave(LOAN), crash.positions("alice"), recipient=crash.address("searcher")
    ).to_abi()
    data = bytes(crash.flash.liquidate.encode_input(order)[4:])
    refusal = crash.refusal("searcher", borrow.at(pool, crash.at, crash.token("USDC"), LOAN, data, 0))
    assert (refusal.name, refusal.args) == ("CallbackNotExpected", {"caller": pool})


@pytest.fixture(scope="module")
def rogue(crash, deploy, keeper):
    """A lender that can misbehave, with money, and a liquidator that was told to trust it."""
    lender = deploy("RogueLender", sender=keeper)
    crash.send("alice", crash.transfer("USDC", lender.address.lower(), LOAN))
    flash = deploy(
        "FlashLiquidator", crash.world.perp.contracts["ClearingHouse"], lender, lender, sender=keeper
    )
    return crash.beside(flash), lender


def test_an_honest_rogue(rogue):
    """The tricks below fail for being tricks: without one this lender does."""
    scene, _ = rogue
    assert scene.succeed(scene.order(Loan.aave(LOAN), scene.positions("alice"))).told.profit > 0


@pytest.mark.parametrize("trick", [FOREIGN_INITIATOR, TWICE, OTHER_CALLBACK])
def test_a_lender_that_calls_back_otherwise(rogue, keeper, trick):
    """In another's name, a second time, or with a pool's callback in place of its own: all is undone."""
    scene, lender = rogue
    lender.play(trick, b"", sender=keeper)
    refusal = scene.fail(scene.order(Loan.aave(LOAN), scene.positions("alice")))
    # A pool's callback by the lender itself is one that was expected: then nobody pays it back.
    names = {OTHER_CALLBACK: "Error"}
    assert refusal.name == names.get(trick, "CallbackNotExpected")


def test_a_lender_that_comes_in_again(rogue, keeper):
    """An order within an order is refused."""
    scene, lender = rogue
    inner = scene.order(Loan.none(), collaterals=scene.collateral("alice"))
    data = scene.flash.liquidate.encode_input(inner.to_abi())
    lender.play(REENTER, data[4:], sender=keeper)
    refusal = scene.fail(scene.order(Loan.aave(LOAN), scene.positions("alice")))
    assert refusal.name == "ReentrancyGuardReentrantCall"


def test_two_orders_of_one_transaction(crash, deploy, owner):
    """What lives for a transaction is no order's memory: two orders after each other, through an executor,
    each count their own steps and pay their own premium."""
    executor = deploy("Executor", owner.address, sender=owner)
    first = crash.order(Loan.aave(LOAN), crash.positions("alice", rounds=1))
    second = crash.order(crash.uniswap(LOAN), crash.positions("bob", size=WAD, rounds=2))
    third = crash.order(Loan.aave(LOAN), crash.positions("bob", size=WAD, rounds=1))
    told = crash.run_together("alice", executor, first, second, third)
    assert [(event.steps, event.premium) for event in told] == [
        (1, 10 * USDC),
        (2, 10 * USDC),
        (1, 10 * USDC),
    ]
    assert crash.left() == {}
