"""A frozen order may come to another outcome: what is told and armed of the first is not of the next."""

from __future__ import annotations

EXECUTED, FROZEN = 1, 3
NONE, DONE, FAILED = 0, 1, 2
ETH = 10**18


def test_an_outcome_without_a_plan_does_not_tell_anothers(desk, callback, order_of, nothing, finish):
    """The plan for the frozen order was done, the fill has none: nobody may read that its hedge is there."""
    key = desk.order(desk.hedge(), FROZEN)
    finish(key, FROZEN, order_of(desk.executor.address), nothing)
    assert callback.recordOf(key).plan == DONE
    finish(key, EXECUTED, order_of(desk.executor.address), nothing)
    record = callback.recordOf(key)
    assert (record.outcome, record.plan) == (EXECUTED, NONE)


def test_a_plan_may_arm_the_next_one(desk, callback, order_of, nothing, finish, size_of, call_of):
    """In its own run, for the next time that the order is frozen: it stays armed, and runs then."""
    key = desk.order(desk.hedge(), EXECUTED)
    after = desk.hedge(2 * ETH)
    first = desk.plan(
        call_of(callback, "arm", key, FROZEN, desk.executor.address, after),
        call_of(desk.executor, "approve", desk.executor.hashPlan(after), callback.address),
    )
    desk.execute(
        call_of(callback, "arm", key, FROZEN, desk.executor.address, first),
        call_of(desk.executor, "approve", desk.executor.hashPlan(first), callback.address),
    )
    finish(key, FROZEN, order_of(desk.executor.address), nothing)
    assert callback.recordOf(key).plan == DONE
    assert bytes(callback.armedPlan(key, FROZEN)) == desk.executor.hashPlan(after)
    finish(key, FROZEN, order_of(desk.executor.address), nothing)
    assert size_of(desk.executor) == -2 * ETH
