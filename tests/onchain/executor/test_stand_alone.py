"""An executor with an owner: it acts as itself, takes what the plan says, and keeps no funds."""

from __future__ import annotations

import pytest

from trimtab.hooks.plans import BalanceCondition, PlanInput
from trimtab.model.ids import ZERO_ADDRESS, Address

WAD = 10**18
BAND = WAD // 2
LEFT = 5_000 * 10**6


@pytest.fixture
def funded(desk, own, owner, tokens):
    """The owner lets it take tokens."""
    for symbol in ("USDC", "sUSD"):
        tokens[symbol].approve(own, 2**255, sender=owner)
    return own


@pytest.mark.fork
def test_it_trades_and_hedges_in_one_transaction(desk, funded, owner, tokens):
    """The positions are the executor's own; what the trades leave of the tokens goes back to the owner."""
    usdc, susd = (desk.world.addresses.tokens[name] for name in ("USDC", "sUSD"))
    inputs = (PlanInput(susd, 5_000 * WAD), PlanInput(usdc, 10_000 * 10**6 + LEFT))
    before = {name: tokens[name].balanceOf(owner) for name in ("USDC", "sUSD")}
    funded.execute(desk.plan(*desk.hedge(), inputs=inputs, deltas=desk.band(-BAND, BAND)), sender=owner)
    assert (desk.options(funded), desk.size(funded)) == (10 * WAD, -55 * WAD // 10)
    assert tokens["USDC"].balanceOf(owner) == before["USDC"] - 10_000 * 10**6
    spent = before["sUSD"] - tokens["sUSD"].balanceOf(owner)
    assert 500 * WAD < spent < 5_000 * WAD
    assert [tokens[name].balanceOf(funded) for name in ("USDC", "sUSD")] == [0, 0]


def test_a_second_leg_that_fails_takes_nothing(desk, funded, owner, tokens, refused, error_data):
    """Inputs come back with everything else."""
    susd = desk.world.addresses.tokens["sUSD"]
    before = tokens["sUSD"].balanceOf(owner)
    plan = desk.plan(*desk.option(10 * WAD), desk.perp(-5 * WAD), inputs=(PlanInput(susd, 5_000 * WAD),))
    name, told = refused(funded.execute, plan, sender=owner)
    assert (name, told["reason"]) == ("CallReverted", error_data("Error(string)", "CH_NEFCI"))
    assert tokens["sUSD"].balanceOf(owner) == before
    assert desk.options(funded) == 0


def test_outputs_go_back_whole(desk, funded, owner, tokens, trader):
    """Also what was there before the plan; a token that is named nowhere stays."""
    usdc, susd = (desk.world.addresses.tokens[name] for name in ("USDC", "sUSD"))
    for symbol in ("USDC", "sUSD"):
        tokens[symbol].transfer(funded, 100, sender=trader)
    before = tokens["USDC"].balanceOf(owner)
    funded.execute(desk.plan(*_nothing(desk), outputs=(usdc,)), sender=owner)
    assert tokens["USDC"].balanceOf(owner) == before + 100
    assert (tokens["USDC"].balanceOf(funded), tokens["sUSD"].balanceOf(funded)) == (0, 100)
    funded.execute(desk.plan(*_nothing(desk), outputs=(susd, susd)), sender=owner)  # twice is once
    assert tokens["sUSD"].balanceOf(funded) == 0


def test_coins_always_go_back(desk, own, owner, bell, call_of, trader):
    """What the calls did not use of the transaction's value, and what somebody sent."""
    trader.transfer(own, 50)
    before = owner.balance
    receipt = own.execute(desk.plan(call_of(bell, "ring", value=3)), value=10, sender=owner)
    assert (own.balance, bell.balance) == (0, 3)
    assert owner.balance == before - receipt.total_fees_paid + 50 - 3


def test_conditions_see_it_before_outputs_leave(desk, funded, owner, refused):
    """A least amount to be given back is a balance of the executor, which is checked before it goes."""
    usdc = desk.world.addresses.tokens["USDC"]
    inputs = (PlanInput(usdc, 100),)
    kept = (BalanceCondition(usdc, 100, 100), BalanceCondition(usdc, 0, 0, is_change=True))
    funded.execute(desk.plan(*_nothing(desk), inputs=inputs, balances=kept), sender=owner)
    broken = (BalanceCondition(usdc, 101),)
    name, told = refused(
        funded.execute, desk.plan(*_nothing(desk), inputs=inputs, balances=broken), sender=owner
    )
    assert (name, told["balance"]) == ("BalanceOutside", 100)


def test_value_is_no_change(desk, own, owner, bell, call_of):
    """What came with the transaction was there before the calls: only what they hand on counts."""
    exact = (BalanceCondition(ZERO_ADDRESS, -3, -3, is_change=True),)
    own.execute(desk.plan(call_of(bell, "ring", value=3), balances=exact), value=10, sender=owner)


def test_inputs_need_the_owners_allowance(desk, own, owner, refused):
    """Without it nothing begins."""
    usdc = desk.world.addresses.tokens["USDC"]
    name, _ = refused(own.execute, desk.plan(*_nothing(desk), inputs=(PlanInput(usdc, 1),)), sender=owner)
    assert name == ""


def test_a_token_that_takes_a_fee_gives_less(desk, own, owner, deploy, bell, call_of):
    """The calls get what arrived, and what is left goes back less another fee: nothing stays."""
    token = deploy("HookToken", "FEE", sender=owner)
    token.set(ZERO_ADDRESS, 100, sender=owner)
    token.approve(own, 2**255, sender=owner)
    inputs = (PlanInput(Address(token.address.lower()), 10_000),)
    kept = (BalanceCondition(Address(token.address.lower()), 9_900, 9_900),)
    own.execute(desk.plan(call_of(bell, "ring"), inputs=inputs, balances=kept), sender=owner)
    assert token.balanceOf(own) == 0


def test_its_positions_are_traded_again(desk, funded, owner):
    """A second plan closes what the first opened; nobody else can."""
    usdc = desk.world.addresses.tokens["USDC"]
    inputs = (PlanInput(usdc, 10_000 * 10**6),)
    funded.execute(desk.plan(*desk.deposit(), desk.perp(2 * WAD), inputs=inputs), sender=owner)
    funded.execute(desk.plan(desk.perp(-2 * WAD)), sender=owner)
    assert desk.size(funded) == 0


def test_an_attacker_moves_nothing(desk, funded, owner, attacker, tokens, refused):
    """The owner's allowance is for the owner's plans: no door opens to another."""
    usdc = desk.world.addresses.tokens["USDC"]
    theft = desk.plan(*_nothing(desk), inputs=(PlanInput(usdc, 10**9),), outputs=(usdc,))
    before = tokens["USDC"].balanceOf(owner)
    assert refused(funded.execute, theft, sender=attacker)[0] == "CallerNotAllowed"
    assert refused(funded.executeFrom, attacker, theft, sender=attacker)[0] == "CallerNotAllowed"
    for account in (funded, owner, attacker):
        expected = "PlanNotApproved" if account is funded else "CallerNotAllowed"
        assert refused(funded.run, account, theft, sender=attacker)[0] == expected
    assert tokens["USDC"].balanceOf(owner) == before


def test_it_knows_its_owner(own, owner):
    """For good: there is no way to hand it on."""
    assert own.owner() == owner.address


def _nothing(desk):
    """A plan needs a call in Python: one that changes nothing."""
    return (desk.approve("USDC", "0x" + "77" * 20, 0),)
