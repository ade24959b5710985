"""`executeFrom`: a Safe's plan, through the module that it enabled, by the Safe alone."""

from __future__ import annotations

import ape
import pytest

from trimtab.errors import RevertedError
from trimtab.hooks.executor import encode_approve, executor_abi
from trimtab.hooks.plans import HookCall, HookPlan
from trimtab.model.ids import Address

WAD = 10**18
BAND = WAD // 2


@pytest.mark.fork
def test_a_safe_trades_and_hedges_in_one_transaction(desk, shared, safe):
    """Signed by an owner, executed by a stranger: ten calls and 5.5 short vETH of the Safe's own."""
    safe.do(_execute_from(shared, safe, *desk.hedge(), deltas=desk.band(-BAND, BAND), desk=desk))
    assert (desk.options(safe.address), desk.size(safe.address)) == (10 * WAD, -55 * WAD // 10)
    assert abs(desk.delta(safe.address)) <= BAND


def test_a_second_leg_that_fails_leaves_no_first(desk, shared, safe, tokens):
    """The Safe's transaction reverts as a whole."""
    before = tokens["sUSD"].balanceOf(safe.address)
    with pytest.raises(RevertedError):
        safe.do(_execute_from(shared, safe, *desk.option(10 * WAD), desk.perp(-5 * WAD), desk=desk))
    assert desk.options(safe.address) == 0
    assert tokens["sUSD"].balanceOf(safe.address) == before


def test_its_errors_carry_the_numbers(desk, shared, safe, accounts, refused, error_data):
    """A call that fails inside of the Safe is told with the venue's own reason."""
    plan = desk.plan(*desk.option(10 * WAD), desk.perp(-5 * WAD))
    name, told = refused(shared.executeFrom, safe.address, plan, sender=_itself(safe, accounts))
    assert (name, told["call"]) == ("CallReverted", 2)
    assert told["reason"] == error_data("Error(string)", "CH_NEFCI")


def test_failure_rules_hold_inside_a_safe(
    desk, shared, safe, accounts, bell, call_of, may_fail, may_stop, error_data
):
    """The Safe answers failures instead of reverting: they go by their rules all the same."""
    calls = (
        call_of(bell, "ring"),
        may_fail(call_of(bell, "crack", 7)),
        may_stop(call_of(bell, "crack", 8)),
        call_of(bell, "ring"),
    )
    itself = _itself(safe, accounts)
    results = shared.executeFrom.call(safe.address, desk.plan(*calls), sender=itself)
    assert [r.isSuccess for r in results] == [True, False, False, False]
    receipt = shared.executeFrom(safe.address, desk.plan(*calls), sender=itself)
    reasons = [log.reason for log in receipt.decode_logs(shared.CallFailed)]
    assert reasons == [error_data("Cracked(uint256)", reason) for reason in (7, 8)]
    assert bell.rung() == 1


def test_a_safe_hands_on_value(desk, shared, safe, owner, bell, call_of):
    """Its own coins; the executor never has any."""
    owner.transfer(safe.address, 100)
    safe.do(_execute_from(shared, safe, call_of(bell, "ring", value=7), desk=desk))
    assert (bell.balance, ape.chain.get_balance(safe.address), shared.balance) == (7, 93, 0)


@pytest.mark.parametrize("who", ["attacker", "owner", "keeper"])
def test_only_the_safe_itself(who, request, desk, shared, safe, bell, call_of):
    """Not its owners either: they sign, the Safe calls."""
    caller = request.getfixturevalue(who)
    refused = {"caller": caller.address, "account": ape.convert(safe.address, ape.types.AddressType)}
    with ape.reverts(shared.CallerNotAllowed, **refused):
        shared.executeFrom(safe.address, desk.plan(call_of(bell, "ring")), sender=caller)
    assert bell.rung() == 0


@pytest.mark.parametrize("place", ["own", "delegated"])
def test_only_the_shared_one_serves_safes(place, places, desk, safe, accounts, bell, call_of):
    """An EOA with this code calls no contract that asks it to, and an owned one has its owner."""
    executor = places[place]
    with ape.reverts(executor.CallerNotAllowed):
        executor.executeFrom(safe.address, desk.plan(call_of(bell, "ring")), sender=_itself(safe, accounts))


def test_without_the_module_nothing_happens(desk, shared, safe, bell, call_of, may_fail):
    """A Safe that disabled it refuses: the plan is undone, also where its calls may fail."""
    first = Address("0x" + "00" * 19 + "01")  # what stands before it in the Safe's list
    safe.do(safe.module_call("disableModule(address,address)", first, _low(shared)))
    with pytest.raises(RevertedError):
        safe.do(_execute_from(shared, safe, may_fail(call_of(bell, "ring")), desk=desk))
    assert bell.rung() == 0


def test_a_safe_approves_a_plan_for_a_runner(desk, shared, safe, keeper, attacker, bell, call_of):
    """The approval is the Safe's, in the shared one's storage: once, and for the runner alone."""
    plan = HookPlan((HookCall(call_of(bell, "ring")),), 2**40)
    plan_hash = shared.hashPlan(plan.to_abi())
    safe.do(encode_approve(_low(shared), bytes(plan_hash), _low(keeper)))
    with ape.reverts(shared.PlanNotApproved):
        shared.run(safe.address, plan.to_abi(), sender=attacker)
    shared.run(safe.address, plan.to_abi(), sender=keeper)
    assert bell.rung() == 1
    with ape.reverts(shared.PlanNotApproved):
        shared.run(safe.address, plan.to_abi(), sender=keeper)


def test_the_shared_one_takes_no_funds(desk, shared, safe, accounts, bell, call_of, attacker):
    """Nobody could take them out: coins are refused, and so are plans with inputs or outputs."""
    with ape.reverts(shared.FundsNotAllowed, account=shared.address):
        attacker.transfer(shared, 1)
    plan = desk.plan(call_of(bell, "ring"), outputs=(desk.world.addresses.tokens["USDC"],))
    with ape.reverts(shared.FundsNotAllowed):
        shared.executeFrom(safe.address, plan, sender=_itself(safe, accounts))


def _execute_from(shared, safe, *calls, desk, **fields):
    function = executor_abi().function("executeFrom")
    return function.at(_low(shared), safe.address, desk.plan(*calls, **fields))


def _itself(safe, accounts):
    """The Safe as a sender: what its own transactions do, without their signatures."""
    account = accounts[ape.convert(safe.address, ape.types.AddressType)]
    account.balance = 10**18
    return account


def _low(thing) -> Address:
    return Address(str(thing.address).lower())
