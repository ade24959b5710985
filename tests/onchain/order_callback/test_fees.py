"""Execution fees that GMX gives back are the order's account's, to withdraw."""

from __future__ import annotations

import ape
import pytest

EXECUTED = 1
FEE = 10**15


@pytest.fixture
def refunded(order_of, nothing, trader, create, finish):
    """An order of the trader's that was executed, with a part of its fee given back."""
    key = create(trader)
    return finish(key, EXECUTED, order_of(trader), nothing, value=FEE)


def test_a_refund_is_the_accounts(refunded, callback, trader, keeper):
    """Told by an event, added up, and held."""
    (log,) = refunded.decode_logs(callback.FeeRefunded)
    assert (log.account, log.amount) == (trader.address, FEE)
    assert callback.feesOf(trader) == callback.balance == FEE
    assert callback.feesOf(keeper) == 0


@pytest.mark.usefixtures("refunded")
def test_it_is_paid_out_once(callback, trader, lp):
    """To whom the account names; then nothing is left."""
    before = lp.balance
    callback.withdrawFees(lp, sender=trader)
    assert lp.balance - before == FEE
    assert callback.feesOf(trader) == callback.balance == 0
    callback.withdrawFees(lp, sender=trader)
    assert lp.balance - before == FEE


@pytest.mark.usefixtures("refunded")
def test_nobody_else_is_paid(callback, attacker):
    """Who has no fees withdraws nothing."""
    before = callback.balance
    callback.withdrawFees(attacker, sender=attacker)
    assert callback.balance == before


@pytest.mark.usefixtures("refunded")
def test_who_takes_no_coin_keeps_the_claim(callback, trader):
    """A receiver that refuses: the withdrawal reverts with the numbers, and can be made to another."""
    with ape.reverts(callback.WithdrawalFailed, to=callback.address, amount=FEE):
        callback.withdrawFees(callback, sender=trader)
    assert callback.feesOf(trader) == FEE


def test_a_refund_for_an_unknown_order_goes_back_to_gmx(gmx, callback, nothing, trader, create, finish):
    """GMX then pays the order's receiver itself: nothing is held for nobody."""
    key = create(trader)
    before = gmx.balance
    tx = finish(key, EXECUTED, nothing, nothing, value=FEE)
    assert len(tx.decode_logs(gmx.CallbackReverted)) == 2
    assert gmx.balance - before == FEE
    assert callback.balance == 0


def test_only_gmx_refunds(callback, nothing, attacker):
    """Money that anybody else sends is refused, with and without words."""
    with ape.reverts(callback.CallerNotController, caller=attacker.address):
        callback.refundExecutionFee(b"\x01" * 32, nothing, value=1, sender=attacker)
    with ape.reverts():
        attacker.transfer(callback, 1)
