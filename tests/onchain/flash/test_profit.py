"""What is left at the end is what was quoted, and no less than what was asked for."""

from __future__ import annotations

from dataclasses import replace

import ape
import pytest

from trimtab.hooks.flash import Loan

WAD, USDC = 10**18, 10**6
LOAN = Loan.aave(20_000 * USDC)


@pytest.mark.fork
@pytest.mark.parametrize("names", [("alice",), ("bob",), ("alice", "bob")])
def test_just_what_was_quoted(crash, names):
    """Asking for the quote itself is granted; the recipient gets it, and nobody else does."""
    order = crash.order(LOAN, crash.positions(*names))
    quoted, sender = crash.quote(order), crash.balance("USDC", crash.address("keeper"))
    done = crash.succeed(replace(order, min_profit=quoted))
    assert done.told.profit == quoted
    assert crash.balance("USDC", crash.address("keeper")) == sender


def test_a_unit_more_than_what_was_quoted(crash):
    """One unit more is refused, with what would be left and what was asked for; nothing has happened."""
    order = crash.order(LOAN, crash.positions("bob"))
    quoted, size = crash.quote(order), crash.size("bob")
    refusal = crash.fail(replace(order, min_profit=quoted + 1))
    assert refusal.name == "ProfitBelow"
    assert refusal.args == {"profit": quoted, "minProfit": quoted + 1}
    assert crash.size("bob") == size


def test_of_collateral_as_well(debtor):
    """The same without a loan."""
    order = debtor.order(Loan.none(), collaterals=debtor.collateral("trader", rounds=1, amount=WAD))
    quoted = debtor.quote(order)
    refusal = debtor.fail(replace(order, min_profit=quoted + 1))
    assert refusal.args == {"profit": quoted, "minProfit": quoted + 1}
    debtor.succeed(order)


def test_a_loss_is_told(crash):
    """A premium above the penalty: the quote is below zero, and so is what the error tells."""
    order = crash.order(Loan.aave(20_000_000 * USDC), crash.positions("alice", size=WAD // 100, rounds=1))
    quoted = crash.quote(order)
    assert -10_001 * USDC < quoted < -9_990 * USDC
    assert crash.fail(order).args == {"profit": quoted, "minProfit": 0}


def test_too_late(crash):
    """The deadline is the last second; the error has both times."""
    now = crash.run(crash.world.now())
    order = crash.order(LOAN, crash.positions("alice"), deadline=now)
    refusal = crash.fail(order)
    assert refusal.name == "DeadlinePassed"
    assert refusal.args == {"deadline": now, "time": now + 1}
    crash.succeed(replace(order, deadline=now + 2))


@pytest.mark.parametrize("recipient", ["nobody", "itself"])
def test_a_recipient_who_could_not_keep_it(crash, keeper, recipient):
    """Neither the zero address nor the contract: the next caller would have it."""
    struct = list(crash.order(LOAN, crash.positions("alice")).to_abi())
    struct[5] = "0x" + "00" * 20 if recipient == "nobody" else crash.flash.address
    with ape.reverts(crash.flash.RecipientNotAllowed, recipient=struct[5]):
        crash.flash.liquidate(tuple(struct), sender=keeper)


def test_a_profit_that_no_number_holds(crash):
    """An absurd least profit is an error of its own, and no profit by overflow."""
    order = crash.order(LOAN, crash.positions("alice"), min_profit=2**255)
    assert crash.fail(order).name == "SafeCastOverflowedUintToInt"
