"""`run`: a plan that an account approved in advance, by the caller it approved it for, once."""

from __future__ import annotations

import ape
import pytest

from trimtab.chain.address import checksum
from trimtab.hooks.plans import PlanInput

WAD = 10**18


@pytest.fixture
def ring(desk, bell, call_of):
    """A plan that rings once, and again with another salt."""
    return lambda salt=0: desk.plan(call_of(bell, "ring"), salt=salt.to_bytes(32))


def test_an_approved_plan_runs_once(delegated, ring, trader, keeper, bell):
    """The approval is used up by it."""
    plan_hash = delegated.hashPlan(ring())
    receipt = delegated.approve(plan_hash, keeper, sender=trader)
    (told,) = receipt.decode_logs(delegated.PlanApproved)
    assert (told.account, told.planHash, told.runner) == (trader.address, plan_hash, keeper.address)
    assert delegated.isApproved(trader, plan_hash, keeper)
    receipt = delegated.run(trader, ring(), sender=keeper)
    (told,) = receipt.decode_logs(delegated.PlanExecuted)
    assert (told.account, told.caller) == (trader.address, keeper.address)
    assert not delegated.isApproved(trader, plan_hash, keeper)
    refused = {"account": trader.address, "planHash": plan_hash, "runner": keeper.address}
    with ape.reverts(delegated.PlanNotApproved, **refused):
        delegated.run(trader, ring(), sender=keeper)
    assert bell.rung() == 1


def test_a_salt_makes_equal_plans_two(delegated, ring, trader, keeper, bell):
    """Each is approved and used by itself."""
    hashes = [delegated.hashPlan(ring(salt)) for salt in (1, 2)]
    assert hashes[0] != hashes[1]
    for plan_hash in hashes:
        delegated.approve(plan_hash, keeper, sender=trader)
    delegated.run(trader, ring(1), sender=keeper)
    with ape.reverts(delegated.PlanNotApproved):
        delegated.run(trader, ring(1), sender=keeper)
    delegated.run(trader, ring(2), sender=keeper)
    assert bell.rung() == 2


def test_only_the_approved_caller_and_plan(delegated, ring, desk, trader, keeper, attacker, bell, call_of):
    """Neither another caller nor a plan that differs in one number of its condition or call."""
    delegated.approve(delegated.hashPlan(ring()), keeper, sender=trader)
    with ape.reverts(delegated.PlanNotApproved):
        delegated.run(trader, ring(), sender=attacker)
    for other in (ring(1), desk.plan(call_of(bell, "ring", value=1)), desk.plan(call_of(bell, "crack", 1))):
        with ape.reverts(delegated.PlanNotApproved):
            delegated.run(trader, other, sender=keeper)
    assert bell.rung() == 0


def test_an_approval_can_be_taken_back(delegated, ring, trader, keeper):
    """And a run after that is refused."""
    plan_hash = delegated.hashPlan(ring())
    delegated.approve(plan_hash, keeper, sender=trader)
    receipt = delegated.revoke(plan_hash, keeper, sender=trader)
    (told,) = receipt.decode_logs(delegated.PlanRevoked)
    assert (told.account, told.planHash, told.runner) == (trader.address, plan_hash, keeper.address)
    with ape.reverts(delegated.PlanNotApproved):
        delegated.run(trader, ring(), sender=keeper)


def test_a_run_that_reverts_leaves_the_approval(desk, delegated, trader, keeper, refused):
    """It was not used: the same plan runs when its condition holds."""
    plan = desk.plan(*desk.option(10 * WAD), desk.perp(-5 * WAD), deltas=desk.band(-WAD, WAD))
    plan_hash = delegated.hashPlan(plan)
    delegated.approve(plan_hash, keeper, sender=trader)
    assert refused(delegated.run, trader, plan, sender=keeper)[0] == "CallReverted"  # no margin yet
    assert delegated.isApproved(trader, plan_hash, keeper)
    delegated.execute(desk.plan(*desk.deposit()), sender=trader)
    delegated.run(trader, plan, sender=keeper)
    assert desk.options(trader) == 10 * WAD


def test_an_approval_ends_with_the_plan(desk, delegated, trader, keeper, bell, call_of, chain):
    """After the deadline the approval stands and is worth nothing."""
    plan = desk.plan(call_of(bell, "ring"), deadline=chain.pending_timestamp + 50)
    delegated.approve(delegated.hashPlan(plan), keeper, sender=trader)
    chain.pending_timestamp += 60
    with ape.reverts(delegated.DeadlinePassed):
        delegated.run(trader, plan, sender=keeper)


@pytest.mark.parametrize("place", ["own", "delegated"])
def test_nobody_approves_for_another(place, places, ring, attacker):
    """Where the code is somebody's own, only they write approvals there."""
    executor = places[place]
    refused = {"caller": attacker.address, "account": executor.address}
    for method in (executor.approve, executor.revoke):
        with ape.reverts(executor.CallerNotAllowed, **refused):
            method(executor.hashPlan(ring()), attacker, sender=attacker)


def test_in_the_shared_one_approvals_are_the_callers(shared, ring, safe, attacker, trader):
    """An attacker approves for itself alone, which is no use: it is no Safe, nor is the shared one."""
    plan_hash = shared.hashPlan(ring())
    shared.approve(plan_hash, attacker, sender=attacker)
    assert shared.isApproved(attacker, plan_hash, attacker)
    for account in (safe.address, trader.address):
        with ape.reverts(shared.PlanNotApproved):
            shared.run(account, ring(), sender=attacker)
    with ape.reverts(shared.CallerNotAllowed, caller=attacker.address):
        shared.run(shared, ring(), sender=attacker)
    with ape.reverts():  # its own address has no code that could act
        shared.run(attacker, ring(), sender=attacker)


@pytest.mark.parametrize("place", ["own", "delegated"])
def test_somebodys_own_acts_as_no_other(place, places, ring, safe, attacker, keeper):
    """Not even as a Safe: only the shared one is a module."""
    executor = places[place]
    with ape.reverts(executor.CallerNotAllowed, caller=keeper.address, account=checksum(safe.address)):
        executor.run(safe.address, ring(), sender=keeper)


def test_an_owners_plan_takes_its_inputs(desk, own, owner, keeper, tokens):
    """A runner moves the owner's tokens only as the plan says, and they come back to the owner."""
    usdc = desk.world.addresses.tokens["USDC"]
    tokens["USDC"].approve(own, 10**12, sender=owner)
    plan = desk.plan(*desk.deposit(), desk.perp(WAD), inputs=(PlanInput(usdc, 20_000 * 10**6),))
    own.approve(own.hashPlan(plan), keeper, sender=owner)
    before = tokens["USDC"].balanceOf(owner)
    own.run(own, plan, sender=keeper)
    assert desk.size(own) == WAD
    assert tokens["USDC"].balanceOf(owner) == before - 10_000 * 10**6
    assert tokens["USDC"].balanceOf(own) == tokens["USDC"].balanceOf(keeper) == 0


def test_a_plan_may_approve_the_next(desk, delegated, trader, keeper, bell, ring, call_of):
    """A call of the plan comes from the account itself."""
    first = desk.plan(call_of(delegated, "approve", delegated.hashPlan(ring()), keeper))
    delegated.execute(first, sender=trader)
    delegated.run(trader, ring(), sender=keeper)
    assert bell.rung() == 1
