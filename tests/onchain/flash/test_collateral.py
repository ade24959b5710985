"""Collateral is bought at the venue's discount and sold in a spot pool: the sale pays for it."""

from __future__ import annotations

import pytest

from trimtab.hooks.flash import CollateralTarget, Loan

WAD, USDC = 10**18, 10**6


def bought(scene, logs):
    """What the venue sold: WETH and what was paid for it, fee of the insurance fund inside."""
    event = scene.world.artifacts.abi("Vault").event("CollateralLiquidated")
    told = [event.decode(log) for log in logs if log.topics[0] == event.topic0]
    return [
        (e["collateral"], e["repaidSettlementWithoutInsuranceFundFeeX10_S"] + e["insuranceFundFeeX10_S"])
        for e in told
    ]


@pytest.mark.fork
def test_no_loan_at_all(debtor):
    """A flash swap: the pool pays first. The profit is the discount, less the pool's fee and slippage."""
    before = debtor.collateral_of("trader")
    done = debtor.succeed(debtor.order(Loan.none(), collaterals=debtor.collateral("trader", rounds=1)))
    ((amount, paid),) = bought(debtor, done.logs)
    assert debtor.collateral_of("trader") == before - amount
    assert done.told.steps == 1
    assert done.told.premium == 0
    sold_for = done.told.profit + paid
    assert 1_385 * USDC < sold_for * WAD // amount < 1_396 * USDC  # 1,400 less 0.3 %
    assert paid * WAD // amount < 1_265 * USDC  # 10 % under the index


@pytest.mark.fork
def test_with_a_loan_of_aave(debtor):
    """A loan is not needed, and does no harm but its premium."""
    alone = debtor.quote(debtor.order(Loan.none(), collaterals=debtor.collateral("trader", rounds=1)))
    loan = Loan.aave(10_000 * USDC)
    done = debtor.succeed(debtor.order(loan, collaterals=debtor.collateral("trader", rounds=1)))
    assert done.told.premium == 5 * USDC
    assert done.told.profit == alone - done.told.premium


def test_with_a_loan_of_another_pool(debtor):
    """One pool lends, the other buys."""
    order = debtor.order(debtor.uniswap(1_000 * USDC), collaterals=debtor.collateral("trader", rounds=1))
    assert debtor.succeed(order).told.premium == USDC // 2


def test_the_pool_that_lends_is_locked(debtor):
    """It cannot buy meanwhile: its own word."""
    order = debtor.order(
        debtor.uniswap(1_000 * USDC, 3_000), collaterals=debtor.collateral("trader", rounds=1)
    )
    assert str(debtor.fail(order)) == "LOK"


def test_until_the_venue_sells_no_more(debtor):
    """Half of the debt, and of the rest, while the account is liquidatable."""
    done = debtor.succeed(debtor.order(Loan.none(), collaterals=debtor.collateral("trader")))
    assert done.told.steps == len(bought(debtor, done.logs)) > 0
    assert not debtor.is_collateral_for_sale("trader")


def test_as_much_as_was_asked_for(debtor):
    """Each step is at most the amount of the target, to the unit, and never more than there is."""
    small = debtor.collateral("trader", amount=WAD // 7, rounds=2)
    assert [
        a for a, _ in bought(debtor, debtor.succeed(debtor.order(Loan.none(), collaterals=small)).logs)
    ] == [WAD // 7] * 2
    large = debtor.collateral("trader", amount=10**6 * WAD, rounds=1)
    ((amount, _),) = bought(debtor, debtor.succeed(debtor.order(Loan.none(), collaterals=large)).logs)
    assert WAD < amount < 20 * WAD


def test_a_position_and_the_collateral_behind_it(debtor):
    """In one order and with one loan: positions first, so that the collateral pays what they left owed."""
    debtor.move(1_150)
    debtor.run(debtor.world.warp(1_000))
    debtor.move(1_150)
    assert debtor.is_under_water("trader")
    order = debtor.order(
        Loan.aave(10_000 * USDC),
        debtor.positions("trader"),
        collaterals=debtor.collateral("trader", rounds=1),
    )
    done = debtor.succeed(order)
    assert len(bought(debtor, done.logs)) == 1
    assert done.told.steps >= 2
    assert debtor.size("trader") < 23 * WAD


def test_a_price_below_the_least(debtor):
    """The error has both prices; the price itself is enough."""
    least = 1_500 * USDC

    def order(price):
        return debtor.order(
            Loan.none(), collaterals=debtor.collateral("trader", rounds=1, amount=WAD, min_price=price)
        )

    refusal = debtor.fail(order(least))
    assert (refusal.name, refusal.args["token"]) == ("CollateralPriceBelow", debtor.token("WETH"))
    assert refusal.args["min"] == least
    price = refusal.args["price"]
    assert debtor.fail(order(price + 1)).args["price"] == price
    debtor.succeed(order(price))


def test_a_discount_that_is_not_there(debtor):
    """Where the pool pays less than the venue's average less its discount, both sums are told and nothing is
    done; of a whole step, of a part, and with money of a lender at hand."""
    debtor.move_spot(1_200)
    for fields in ({}, {"amount": WAD}):
        for loan in (Loan.none(), Loan.aave(10_000 * USDC)):
            order = debtor.order(loan, collaterals=debtor.collateral("trader", rounds=1, **fields))
            refusal = debtor.fail(order)
            assert refusal.name == "CollateralNotCovered"
            assert 0 < refusal.args["price"] < refusal.args["cost"]


def test_nothing_for_sale(debtor):
    """Neither of an account that owes nothing, nor once somebody else was first."""
    debtor.deposit("liquidator", "WETH", WAD)
    order = debtor.order(Loan.none(), collaterals=debtor.collateral("liquidator"))
    assert debtor.fail(order).name == "NothingToLiquidate"
    ours = debtor.order(Loan.none(), collaterals=debtor.collateral("trader"))
    debtor.succeed(ours)
    assert debtor.fail(ours).name == "NothingToLiquidate"


@pytest.mark.parametrize("spot", [1_400, 1_200])
def test_who_owes_nothing_is_passed_over(debtor, spot):
    """The liquidator's own collateral is not for sale, at a good price and at a bad one: the others'
    positions are taken over all the same."""
    debtor.deposit("liquidator", "WETH", WAD)
    debtor.trade("liquidator", WAD)
    debtor.move_spot(spot)
    loan, targets = Loan.aave(20_000 * USDC), debtor.positions("bob", rounds=1)
    alone = debtor.quote(debtor.order(loan, targets))
    done = debtor.succeed(debtor.order(loan, targets, collaterals=debtor.collateral("liquidator")))
    assert done.told.steps == 1
    assert abs(done.told.profit - alone) < USDC
    assert bought(debtor, done.logs) == []


def test_no_pool_of_this_fee(debtor):
    """The factory knows none: token and fee are in the error."""
    order = debtor.order(Loan.none(), collaterals=debtor.collateral("trader", pool_fee=10_000))
    refusal = debtor.fail(order)
    assert refusal.name == "NoSuchPool"
    assert refusal.args == {"token": debtor.token("WETH"), "fee": 10_000}


def test_a_token_that_is_no_collateral(debtor):
    """Anybody may open a pool for any token; the venue has the last word."""
    factory = debtor.world.perp.contracts["UniswapV3Factory"]
    create = debtor.world.artifacts.abi("UniswapV3Factory").function("createPool")
    debtor.send("searcher", create.at(factory, debtor.base(), debtor.token("USDC"), 3_000))
    target = CollateralTarget(debtor.address("trader"), debtor.base(), 3_000)
    assert str(debtor.fail(debtor.order(Loan.none(), collaterals=(target,)))) == "V_TINAC"
