"""What a call that fails does to its plan: all is undone, the next goes on, or no further call is made."""

from __future__ import annotations

import ape
import pytest

from trimtab.errors import CallRevertedError, RpcError
from trimtab.hooks.executor import decode_results

WAD = 10**18


def test_a_failure_undoes_all_by_default(desk, delegated, trader, bell, call_of, refused, error_data):
    """The error carries the call's number, its target and its own reason."""
    plan = desk.plan(call_of(bell, "ring", value=3), call_of(bell, "crack", 7))
    name, told = refused(delegated.execute, plan, sender=trader)
    assert (name, told["call"], told["reason"]) == ("CallReverted", 1, error_data("Cracked(uint256)", 7))
    assert told["target"] == bell.address.lower()
    assert (bell.rung(), bell.balance) == (0, 0)


def test_continue_goes_on(desk, delegated, trader, bell, call_of, may_fail, error_data):
    """The calls before and after stand; the event and the result keep the reason; what failed did nothing."""
    reason = error_data("Cracked(uint256)", 7)
    plan = desk.plan(call_of(bell, "ring"), may_fail(call_of(bell, "crack", 7)), call_of(bell, "ring"))
    results = delegated.execute.call(plan, sender=trader)
    assert [(r.isSuccess, r.data == reason) for r in results] == [(True, False), (False, True), (True, False)]
    receipt = delegated.execute(plan, sender=trader)
    (told,) = receipt.decode_logs(delegated.CallFailed)
    assert (told.account, told.call, told.reason) == (trader.address, 1, reason)
    assert told.planHash == delegated.hashPlan(plan)
    assert bell.rung() == 2


def test_stop_ends_the_calls(desk, delegated, trader, bell, call_of, may_stop):
    """What came before stands, what comes after is not made and has an empty result."""
    plan = desk.plan(call_of(bell, "ring"), may_stop(call_of(bell, "crack", 7)), call_of(bell, "ring"))
    results = delegated.execute.call(plan, sender=trader)
    assert [r.isSuccess for r in results] == [True, False, False]
    assert results[1].data
    assert not results[2].data
    receipt = delegated.execute(plan, sender=trader)
    assert len(receipt.decode_logs(delegated.CallFailed)) == 1
    assert bell.rung() == 1


def test_conditions_decide_after_a_stop(desk, delegated, trader, refused, may_stop):
    """The hedge was not made: the band says no, and the option leg goes too."""
    calls = [*desk.option(10 * WAD), may_stop(desk.perp(-5 * WAD))]
    plan = desk.plan(*calls, deltas=desk.band(-WAD, WAD))
    name, told = refused(delegated.execute, plan, sender=trader)
    assert name == "DeltaOutside"
    assert told["delta"] > 5 * WAD
    assert desk.options(trader) == 0


def test_a_rule_does_not_matter_to_what_succeeds(desk, delegated, trader, bell, call_of, may_fail, may_stop):
    """No event, no stop."""
    plan = desk.plan(may_stop(call_of(bell, "ring")), may_fail(call_of(bell, "ring")), call_of(bell, "ring"))
    receipt = delegated.execute(plan, sender=trader)
    assert bell.rung() == 3
    assert not receipt.decode_logs(delegated.CallFailed)


def test_value_that_is_not_there_fails_its_call(desk, delegated, trader, bell, call_of, may_fail):
    """As any other failure: by its rule."""
    plan = desk.plan(may_fail(call_of(bell, "ring", value=10**30)), call_of(bell, "ring", value=1))
    delegated.execute(plan, sender=trader)
    assert (bell.rung(), bell.balance) == (1, 1)


@pytest.mark.parametrize("depth", [0, 10, 20])
@pytest.mark.parametrize("gas", [400_000, 2_000_000])
def test_too_little_gas_is_no_failure_that_is_let_pass(
    gas, depth, desk, delegated, trader, bell, call_of, refused, may_fail
):
    """Who sends it chooses the gas: a call that took nearly all of it undoes the plan, whatever its rule."""
    plan = desk.plan(may_fail(call_of(bell, "burn", depth)), call_of(bell, "ring"))
    name, told = refused(delegated.execute, plan, sender=trader, gas=gas)
    assert (name, told["call"]) == ("GasTooLow", 0)
    assert gas // 2 < told["gas"] < gas


@pytest.mark.parametrize("place", ["delegated", "shared"])
def test_a_leg_cannot_be_starved(place, places, desk, trader, safe, tokens, accounts, may_fail, run, world):
    """From no gas to enough for all, a plan whose hedge may fail is undone or has its hedge: no amount of gas
    kills the leg alone, at the venue's depth and at a Safe's two calls more."""
    who = ape.convert(safe.address, ape.types.AddressType) if place == "shared" else trader.address
    executor, plan = places[place], desk.plan(may_fail(desk.perp(-WAD)))
    deposit = desk.plan(*desk.deposit())
    if place == "shared":
        itself = accounts[who]
        itself.balance = WAD
        executor.executeFrom(who, deposit, sender=itself)
        data = executor.executeFrom.encode_input(who, plan)
    else:
        executor.execute(deposit, sender=trader)
        data = executor.execute.encode_input(plan)
    tx = {"from": who, "to": executor.address, "data": "0x" + bytes(data).hex()}
    enough = int(run(world.client.request("eth_estimateGas", [tx])), 16)
    outcomes = set()
    for gas in range(60_000, enough + 40_000, 20_000):
        try:
            answer = run(world.client.request("eth_call", [tx | {"gas": hex(gas)}, "latest"]))
        except (CallRevertedError, RpcError):
            continue  # undone as a whole
        outcomes.add(decode_results(bytes.fromhex(answer[2:]))[0].is_success)
    assert outcomes == {True}
