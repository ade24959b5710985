"""`execute`: an account's own plan. The atomic hedge is whole or not at all, and nobody else may run it."""

from __future__ import annotations

import ape
import pytest

from trimtab.chain.call import Call
from trimtab.hooks.plans import PlanInput

WAD = 10**18
BAND = WAD // 2


@pytest.mark.fork
def test_an_eoa_trades_and_hedges_in_one_transaction(desk, delegated, trader):
    """Ten calls and 5.5 short vETH, from nothing, through the account's own code."""
    plan = desk.plan(*desk.hedge(), deltas=desk.band(-BAND, BAND))
    receipt = delegated.execute(plan, sender=trader)
    assert (desk.options(trader), desk.size(trader)) == (10 * WAD, -55 * WAD // 10)
    assert abs(desk.delta(trader)) <= BAND
    (told,) = receipt.decode_logs(delegated.PlanExecuted)
    assert (told.account, told.caller) == (trader.address, trader.address)
    assert told.planHash == delegated.hashPlan(plan)


@pytest.mark.fork
def test_a_second_leg_that_fails_leaves_no_first(desk, delegated, trader, tokens, refused, error_data):
    """The perp venue refuses the hedge: no option, no margin, not a token moved, no allowance."""
    before = {name: token.balanceOf(trader) for name, token in tokens.items()}
    plan = desk.plan(*desk.option(10 * WAD), desk.perp(-5 * WAD))
    reason = error_data("Error(string)", "CH_NEFCI")
    house = desk.world.perp.contracts["ClearingHouse"]
    told = refused(delegated.execute, plan, sender=trader)
    assert told == ("CallReverted", {"call": 2, "target": house, "reason": reason})
    assert (desk.options(trader), desk.size(trader)) == (0, 0)
    assert {name: token.balanceOf(trader) for name, token in tokens.items()} == before
    assert tokens["sUSD"].allowance(trader, desk.option_market) == 0


@pytest.mark.fork
def test_a_delta_outside_the_band_undoes_all_and_says_the_number(desk, delegated, trader, chain, refused):
    """The error carries the net delta that the trades would have left, to the wei, and the band."""
    with chain.isolate():
        delegated.execute(desk.plan(*desk.hedge(-4 * WAD)), sender=trader)
        left = desk.delta(trader)
    assert left > BAND
    plan = desk.plan(*desk.hedge(-4 * WAD), deltas=desk.band(-BAND, BAND))
    told = {"underlying": b"ETH".ljust(32, b"\0"), "delta": left, "min": -BAND, "max": BAND}
    assert refused(delegated.execute, plan, sender=trader) == ("DeltaOutside", told)
    assert (desk.options(trader), desk.size(trader)) == (0, 0)


def test_results_are_what_the_calls_returned(desk, delegated, trader, bell, call_of):
    """In order, each with its success and its data."""
    plan = desk.plan(call_of(bell, "ring"), call_of(bell, "ring"))
    results = delegated.execute.call(plan, sender=trader)
    assert [(r.isSuccess, int.from_bytes(r.data)) for r in results] == [(True, 1), (True, 2)]


def test_value_goes_with_each_call(desk, delegated, trader, bell, call_of):
    """An EOA hands on its own coins; none need come with the transaction."""
    plan = desk.plan(call_of(bell, "ring", value=3), call_of(bell, "ring", value=4))
    delegated.execute(plan, sender=trader)
    assert bell.balance == 7


def test_a_deadline_is_the_last_second(desk, delegated, trader, bell, call_of, chain):
    """At the deadline it runs; a second later it does not, and says both times."""
    at = chain.pending_timestamp + 100
    plan = desk.plan(call_of(bell, "ring"), deadline=at)
    chain.pending_timestamp = at
    delegated.execute(plan, sender=trader)
    chain.pending_timestamp = at + 1
    with ape.reverts(delegated.DeadlinePassed, deadline=at, time=at + 1):
        delegated.execute(plan, sender=trader)
    assert bell.rung() == 1


def test_an_empty_plan_does_nothing(delegated, trader):
    """And is no error."""
    conditions = ([], [], [], [], [])
    assert delegated.execute.call(([], conditions, 2**40, b"\0" * 32, [], []), sender=trader) == []


def test_data_for_an_address_without_code_is_a_failure(desk, delegated, trader, attacker, error_data):
    """It would be ignored, which looks like a trade; plain value passes."""
    nobody = "0x" + "77" * 20
    reason = error_data("NoCode(address)", nobody)
    with ape.reverts(delegated.CallReverted, call=0, target=nobody, reason=reason):
        delegated.execute(desk.plan(Call(nobody, b"\x01\x02\x03\x04")), sender=trader)
    delegated.execute(desk.plan(Call(nobody, b"", 5)), sender=trader)
    assert ape.chain.get_balance(nobody) == 5


@pytest.mark.parametrize("place", ["shared", "own", "delegated"])
def test_nobody_else_may(place, places, desk, attacker, bell, call_of):
    """Wherever the code runs, an attacker is refused by name, and nothing rings."""
    executor = places[place]
    refused = {"caller": attacker.address, "account": executor.address}
    with ape.reverts(executor.CallerNotAllowed, **refused):
        executor.execute(desk.plan(call_of(bell, "ring")), sender=attacker)
    assert bell.rung() == 0


def test_the_shared_one_acts_as_nobody(shared, desk, deployer, bell, call_of):
    """Not even its deployer may: it has no owner, so it would be everybody's."""
    with ape.reverts(shared.CallerNotAllowed):
        shared.execute(desk.plan(call_of(bell, "ring")), sender=deployer)
    assert shared.owner() == "0x" + "00" * 20


def test_funds_are_moved_for_an_owner_only(desk, delegated, trader, bell, call_of, tokens):
    """An EOA's plan with inputs or outputs is refused: it has nobody to take from or give to."""
    usdc = desk.world.addresses.tokens["USDC"]
    for funds in ({"inputs": (PlanInput(usdc, 1),)}, {"outputs": (usdc,)}):
        with ape.reverts(delegated.FundsNotAllowed, account=trader.address):
            delegated.execute(desk.plan(call_of(bell, "ring"), **funds), sender=trader)
