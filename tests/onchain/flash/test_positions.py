"""Positions are taken over with borrowed margin, and closed at once."""

from __future__ import annotations

from decimal import Decimal

import ape
import pytest

from trimtab.hooks.flash import Loan, Unwind
from trimtab.hooks.plans import UINT256_MAX
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE

WAD, USDC = 10**18, 10**6
LOAN = 20_000 * USDC
FAR = 2**40


def liquidations(scene, logs):
    """Sizes that were taken over, by trader, as the venue told them."""
    event = CLEARING_HOUSE.event("PositionLiquidated")
    told = [event.decode(log) for log in logs if log.topics[0] == event.topic0]
    return [(entry["trader"], entry["positionSize"]) for entry in told]


@pytest.mark.fork
def test_a_half_of_a_position(crash):
    """One step takes what the venue allows of an account that is not far under water: half of it."""
    before = crash.size("bob")
    done = crash.succeed(crash.order(Loan.aave(LOAN), crash.positions("bob", rounds=1)))
    assert done.told.steps == 1
    assert done.told.profit > 0
    assert liquidations(crash, done.logs) == [(crash.address("bob"), before // 2)]
    assert crash.size("bob") == before - before // 2


def test_steps_until_the_account_is_healthy(crash):
    """Half of the rest, and again, while the account is under water; no more than that."""
    order = crash.order(Loan.aave(LOAN), crash.positions("alice"))
    done = crash.succeed(order)
    assert done.told.steps > 1
    assert not crash.is_under_water("alice")
    assert crash.size("alice") > 0


def test_as_much_as_was_asked_for(crash):
    """Each step is at most the size of the target."""
    before = crash.size("bob")
    done = crash.succeed(crash.order(Loan.aave(LOAN), crash.positions("bob", size=WAD, rounds=3)))
    assert liquidations(crash, done.logs) == [(crash.address("bob"), WAD)] * 3
    assert crash.size("bob") == before - 3 * WAD


@pytest.mark.fork
def test_a_whole_position_and_its_bad_debt(crash):
    """An account that owes more than it has goes whole, the liquidator gets the whole penalty, and the
    insurance fund pays the rest."""
    crash.move(1_600)
    before = crash.view("InsuranceFund", "getInsuranceFundCapacity")
    done = crash.succeed(crash.order(Loan.aave(LOAN), crash.positions("bob")))
    assert done.told.steps == 1
    assert crash.size("bob") == 0
    # 2.5 % of about 130,000 USD, less the taker fee and the slippage of 80 ETH
    assert 2_000 * USDC < done.told.profit < 3_200 * USDC
    assert before - crash.view("InsuranceFund", "getInsuranceFundCapacity") > 10_000 * USDC


def test_bad_debt_that_the_insurance_cannot_pay(crash):
    """Then the venue refuses, and so do we."""
    crash.move(1_600)
    fund = crash.world.perp.contracts["InsuranceFund"]
    held = crash.balance("USDC", fund)
    crash.act_as(fund, crash.transfer("USDC", crash.address("maker"), held))
    assert str(crash.fail(crash.order(Loan.aave(LOAN), crash.positions("bob")))) == "CH_IIC"


def test_a_short_position(crash):
    """What was sold short is bought back at the price that rose; more than the greatest price of the order
    is refused."""
    crash.enter("trader", -4 * WAD, 1_000 * USDC)
    crash.move(2_060)
    targets, dear = crash.positions("trader"), (Unwind(crash.base(), max_price=2_000 * WAD),)
    refusal = crash.fail(crash.order(Loan.aave(LOAN), targets, unwinds=dear))
    assert refusal.name == "UnwindPriceOutside"
    assert refusal.args["price"] > refusal.args["max"] == 2_000 * WAD
    done = crash.succeed(crash.order(Loan.aave(LOAN), targets))
    assert done.told.profit > 0
    assert crash.size("trader") == 0


@pytest.mark.fork
def test_several_accounts_in_two_markets(crash):
    """Alice and Bob in one market and the trader in another: one loan, one transaction."""
    crash.enter("trader", WAD, 6_000 * USDC, "vBTC")
    crash.move(25_000, "BTC")
    targets = (*crash.positions("alice", "bob"), *crash.positions("trader", market="vBTC"))
    done = crash.succeed(crash.order(Loan.aave(60_000 * USDC), targets))
    assert {trader for trader, _ in liquidations(crash, done.logs)} == {
        crash.address(name) for name in ("alice", "bob", "trader")
    }
    assert not any(crash.is_under_water(name) for name in ("alice", "bob", "trader"))


def test_positions_against_each_other(crash):
    """Opposite positions in one market cancel out inside: only what is left of them is traded."""
    crash.enter("trader", WAD, 6_000 * USDC, "vBTC")
    crash.trade("trader", -5 * WAD)
    crash.move(25_000, "BTC")
    targets = (
        *crash.positions("bob", size=5 * WAD, rounds=1),
        *crash.positions("trader", size=-5 * WAD, rounds=1),
    )
    done = crash.succeed(crash.order(Loan.aave(60_000 * USDC), targets))
    assert done.told.steps == 2
    changed = CLEARING_HOUSE.event("PositionChanged")
    fees = [changed.decode(log)["fee"] for log in done.logs if log.topics[0] == changed.topic0]
    assert fees == [0] * 4  # two for each step, and none for a trade in the pool


def test_a_healthy_account_is_passed_over(crash):
    """Carol keeps what she has; the others are liquidated."""
    before = crash.size("carol")
    done = crash.succeed(crash.order(Loan.aave(LOAN), crash.positions("carol", "alice")))
    assert {trader for trader, _ in liquidations(crash, done.logs)} == {crash.address("alice")}
    assert crash.size("carol") == before


def test_nothing_to_liquidate(crash):
    """Only healthy accounts, or one that is not in this market: no premium is paid for nothing."""
    for targets in (crash.positions("carol"), crash.positions("alice", market="vBTC")):
        assert crash.fail(crash.order(Loan.aave(LOAN), targets)).name == "NothingToLiquidate"


def test_a_maker_is_taken_out_of_the_pool_first(crash):
    """An account that stands in the pool cannot be liquidated: its orders are cancelled, then what they
    turned into is taken over."""
    crash.deposit("trader", "USDC", 20_000 * USDC)
    ticks = (74_700, 75_780)  # about 1,754 to 1,954
    terms = (crash.base(), 50 * WAD, 92_000 * WAD, *ticks, 0, 0, False, FAR)
    crash.send("trader", CLEARING_HOUSE.function("addLiquidity").at(crash.house, terms))
    crash.move(1_440)
    assert crash.is_under_water("trader")
    assert crash.size("trader") == 0
    done = crash.succeed(crash.order(Loan.aave(LOAN), crash.positions("trader")))
    assert done.told.steps >= 1
    assert not crash.is_under_water("trader")


def test_a_healthy_maker_is_passed_over(crash):
    """The venue does not let go of orders that an account can carry: it keeps them, and the others are
    liquidated."""
    crash.deposit("trader", "USDC", 90_000 * USDC)
    terms = (crash.base(), 50 * WAD, 92_000 * WAD, 74_700, 75_780, 0, 0, False, FAR)
    crash.send("trader", CLEARING_HOUSE.function("addLiquidity").at(crash.house, terms))
    done = crash.succeed(crash.order(Loan.aave(LOAN), crash.positions("trader", "alice")))
    assert {trader for trader, _ in liquidations(crash, done.logs)} == {crash.address("alice")}
    assert crash.view("AccountBalance", "hasOrder", crash.address("trader"))


def test_too_little_margin(crash):
    """A loan that does not hold what is taken over: the venue's own word."""
    assert str(crash.fail(crash.order(Loan.aave(100 * USDC), crash.positions("bob")))) == "CH_NEFCI"


def test_a_price_outside_of_the_band(crash):
    """Closing for less than the least price, or for more than the greatest, undoes everything; the error has
    the price and the band. The price itself is inside."""
    base = crash.base()
    order = crash.order(Loan.aave(LOAN), crash.positions("bob"), unwinds=(Unwind(base, 1_900 * WAD),))
    refusal = crash.fail(order)
    price = refusal.args["price"]
    assert (refusal.name, refusal.args["baseToken"]) == ("UnwindPriceOutside", base)
    assert (refusal.args["min"], refusal.args["max"]) == (1_900 * WAD, UINT256_MAX)
    assert 1_800 * WAD < price < 1_850 * WAD
    assert crash.size("bob") == 80 * WAD
    edge = crash.order(Loan.aave(LOAN), crash.positions("bob"), unwinds=(Unwind(base, price + 1, price),))
    assert crash.fail(edge).args["price"] == price
    inside = crash.order(Loan.aave(LOAN), crash.positions("bob"), unwinds=(Unwind(base, price, price),))
    assert crash.succeed(inside).told.profit > 0


def test_more_than_a_block_lets_through(crash):
    """Where the block's price limit lets only a part be closed, what would stay open is told, and nothing
    happens."""
    exchange = crash.world.perp.contracts["Exchange"]
    limit = crash.world.artifacts.abi("Exchange").function("setMaxTickCrossedWithinBlock")
    crash.send("deployer", limit.at(exchange, crash.base(), 1))
    crash.run(crash.world.warp(16))
    refusal = crash.fail(crash.order(Loan.aave(LOAN), crash.positions("bob")))
    assert (refusal.name, refusal.args["baseToken"]) == ("PositionLeft", crash.base())
    assert 0 < refusal.args["size"] < 80 * WAD


def test_a_market_that_the_order_does_not_unwind(crash, keeper):
    """A position that the order forgets to close is no gift to the next caller: it is refused."""
    struct = list(crash.order(Loan.aave(LOAN), crash.positions("alice")).to_abi())
    struct[2] = []
    with ape.reverts(crash.flash.PositionLeft):
        crash.flash.liquidate.call(tuple(struct), sender=keeper)


def test_a_spread_that_would_widen(crash):
    """Closing against an oracle that is far away is the venue's refusal, and ours."""
    crash.run(crash.world.warp(2_000))
    crash.move(1_850)  # the averages settle
    feed = crash.world.artifacts.abi("MockV3Aggregator").function("updateAnswer")
    crash.send("deployer", feed.at(crash.world.addresses.oracles["ETH"], int(Decimal(2_150) * 10**8)))
    assert str(crash.fail(crash.order(Loan.aave(LOAN), crash.positions("alice")))) == "EX_OPB"
