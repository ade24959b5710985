"""A fill at GMX hedges at Perp v2 in the keeper's own transaction, by a plan that its account approved; what
the plan does never touches what happened to the order."""

from __future__ import annotations

import ape
import pytest

EXECUTED, CANCELLED, FROZEN = 1, 2, 3
NONE, DONE, FAILED = 0, 1, 2
ETH = 10**18


def test_a_fill_hedges_in_the_same_transaction(desk, callback, order_of, nothing, finish, size_of):
    """The keeper executes the order, and the account is short at the genuine Perp v2. Once: nothing is armed
    and nothing approved after it."""
    plan = desk.hedge(2 * ETH)
    key = desk.order(plan)
    assert bytes(callback.armedPlan(key, EXECUTED)) == desk.executor.hashPlan(plan)
    tx = finish(key, EXECUTED, order_of(desk.executor.address), nothing)
    assert size_of(desk.executor) == -2 * ETH
    (log,) = tx.decode_logs(callback.PlanDone)
    assert (bytes(log.key), log.account) == (key, desk.executor.address)
    assert callback.recordOf(key).plan == DONE
    assert callback.armedPlan(key, EXECUTED) == bytes(32)
    assert not desk.executor.isApproved(desk.executor, desk.executor.hashPlan(plan), callback)


@pytest.mark.parametrize("outcome", [CANCELLED, FROZEN])
def test_another_outcome_runs_nothing(outcome, desk, callback, order_of, nothing, finish, size_of):
    """A plan for the fill is no plan for a cancellation: it stays armed, and unused."""
    key = desk.order(desk.hedge())
    finish(key, outcome, order_of(desk.executor.address), nothing)
    assert size_of(desk.executor) == 0
    record = callback.recordOf(key)
    assert (record.outcome, record.plan) == (outcome, NONE)


def test_a_frozen_order_hedges_when_it_is_filled(desk, order_of, nothing, finish, size_of):
    """Frozen first, executed later: the plan waits for its outcome."""
    key = desk.order(desk.hedge())
    finish(key, FROZEN, order_of(desk.executor.address), nothing)
    finish(key, EXECUTED, order_of(desk.executor.address), nothing)
    assert size_of(desk.executor) == -ETH


def test_a_plan_that_fails_leaves_the_outcome(desk, callback, order_of, nothing, finish, size_of):
    """Without the margin the hedge reverts as a whole, and its reason is told; the order is executed all the
    same, and the plan stays armed."""
    key = desk.order(desk.hedge(1_000 * ETH))
    tx = finish(key, EXECUTED, order_of(desk.executor.address), nothing)
    (log,) = tx.decode_logs(callback.PlanFailed)
    assert b"CH_NEFCI" in bytes(log.reason)
    record = callback.recordOf(key)
    assert (record.outcome, record.plan, size_of(desk.executor)) == (EXECUTED, FAILED, 0)
    assert callback.armedPlan(key, EXECUTED) != bytes(32)


def test_it_can_be_run_again(desk, callback, order_of, nothing, finish, size_of, trader):
    """A plan that nobody had approved fails; approved, it is run by the executor's owner, once."""
    plan = desk.hedge()
    key = desk.order(plan, approves=False)
    tx = finish(key, EXECUTED, order_of(desk.executor.address), nothing)
    (log,) = tx.decode_logs(callback.PlanFailed)
    assert bytes(log.reason)[-20:] == bytes.fromhex(callback.address[2:])  # PlanNotApproved(..., runner)
    with ape.reverts(desk.executor.PlanNotApproved):
        callback.runAgain(key, sender=trader)
    desk.executor.approve(desk.executor.hashPlan(plan), callback, sender=trader)
    callback.runAgain(key, sender=trader)
    assert size_of(desk.executor) == -ETH
    assert callback.recordOf(key).plan == DONE
    with ape.reverts(callback.OutcomeNotArmed, key=key, outcome=EXECUTED):
        callback.runAgain(key, sender=trader)


def test_others_do_not_run_it_again(desk, callback, order_of, nothing, finish, attacker):
    """When to take the price is the account's own choice."""
    key = desk.order(desk.hedge(), approves=False)
    finish(key, EXECUTED, order_of(desk.executor.address), nothing)
    with ape.reverts(callback.OrderNotOurs):
        callback.runAgain(key, sender=attacker)


def test_a_plan_is_not_run_before_its_outcome(desk, callback, trader):
    """Armed for the fill of an order that is still open, it cannot be run by asking."""
    key = desk.order(desk.hedge())
    with ape.reverts(callback.OutcomeNotArmed, key=key, outcome=NONE):
        callback.runAgain(key, sender=trader)


@pytest.mark.parametrize("gas", [150_000, 400_000])
def test_too_little_gas_for_the_plan_leaves_the_outcome(
    gas, desk, callback, order_of, nothing, finish, size_of
):
    """The outcome comes first, and the end of the plan has its own gas: never half done."""
    key = desk.order(desk.hedge())
    finish(key, EXECUTED, order_of(desk.executor.address), nothing, gas=gas)
    record = callback.recordOf(key)
    assert (record.outcome, record.plan, size_of(desk.executor)) == (EXECUTED, FAILED, 0)


def test_an_endless_reason_is_cut(desk, callback, order_of, nothing, finish, deploy, trader):
    """An executor that reverts with 200,000 bytes costs no more gas than the first 1,024 of them."""
    key = desk.order(desk.hedge(), executor=deploy("LongRevert", sender=trader))
    tx = finish(key, EXECUTED, order_of(desk.executor.address), nothing, gas=600_000)
    (log,) = tx.decode_logs(callback.PlanFailed)
    assert len(log.reason) == 1_024
    assert callback.recordOf(key).outcome == EXECUTED


def test_an_executor_without_code_does_nothing(desk, callback, order_of, nothing, finish, lp):
    """What has no code would take any call for done: it is told as failed."""
    key = desk.order(desk.hedge())
    desk.execute(
        [
            callback.address,
            0,
            bytes(callback.arm.encode_input(key, EXECUTED, lp.address, desk.hedge())),
            0,
        ]
    )
    finish(key, EXECUTED, order_of(desk.executor.address), nothing)
    assert callback.recordOf(key).plan == FAILED


def test_a_plan_is_replaced_and_forgotten(desk, callback, order_of, nothing, finish, size_of, call_of):
    """Arming again takes the first one's place; disarming leaves nothing to run."""
    first, second = desk.hedge(ETH), desk.hedge(3 * ETH)
    key = desk.order(first)
    desk.execute(
        call_of(callback, "arm", key, EXECUTED, desk.executor.address, second),
        call_of(desk.executor, "approve", desk.executor.hashPlan(second), callback.address),
    )
    finish(key, FROZEN, order_of(desk.executor.address), nothing)
    desk.execute(call_of(callback, "disarm", key, EXECUTED))
    finish(key, EXECUTED, order_of(desk.executor.address), nothing)
    assert size_of(desk.executor) == 0
    assert callback.recordOf(key).plan == NONE


def test_only_the_orders_account_arms(desk, callback, gmx, create, attacker, trader):
    """Not for an order of another, not for one that names another callback, not for one that is not there."""
    foreign = create(trader)
    for key in (foreign, b"\x09" * 32):
        with ape.reverts(callback.OrderNotOurs):
            callback.arm(key, EXECUTED, desk.executor, desk.hedge(), sender=attacker)
    elsewhere = create(trader, trader)
    wanted = {"key": elsewhere, "account": trader.address, "callbackContract": trader.address}
    with ape.reverts(callback.OrderNotOurs, **wanted):
        callback.arm(elsewhere, EXECUTED, desk.executor, desk.hedge(), sender=trader)


def test_the_last_order_must_be_ones_own(desk, callback, create, attacker, trader):
    """Where another's order came between, arming reverts, and with it the batch that created the order."""
    create(trader)
    with ape.reverts(callback.OrderNotOurs):
        callback.armLast(EXECUTED, desk.executor, desk.hedge(), sender=attacker)


def test_only_the_account_disarms(desk, callback, attacker, call_of):
    """And only what is armed."""
    key = desk.order(desk.hedge())
    with ape.reverts(callback.OrderNotOurs):
        callback.disarm(key, EXECUTED, sender=attacker)
    with ape.reverts(desk.executor.CallReverted):
        desk.execute(call_of(callback, "disarm", key, CANCELLED))


def test_anothers_plan_cannot_be_run_by_an_order_of_ones_own(
    desk, callback, order_of, nothing, finish, create, size_of, attacker
):
    """An attacker arms the trader's approved plan for an order of its own: the executor runs a plan for the
    account that the order is of, and it has approved none."""
    plan = desk.hedge()
    desk.order(plan)
    key = create(attacker)
    callback.arm(key, EXECUTED, desk.executor, plan, sender=attacker)
    finish(key, EXECUTED, order_of(attacker), nothing)
    assert callback.recordOf(key).plan == FAILED
    assert size_of(desk.executor) == 0


def test_a_plan_too_long_to_keep_is_refused(desk, callback, create, trader):
    """More than the code of a contract can hold: the arming reverts, so nothing half is armed."""
    key = create(trader)
    plan = desk.plan([desk.house.address, 0, bytes(25_000), 0])
    with ape.reverts():
        callback.arm(key, EXECUTED, desk.executor, plan, sender=trader)
    assert callback.armedPlan(key, EXECUTED) == bytes(32)
