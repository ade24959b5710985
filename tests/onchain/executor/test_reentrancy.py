"""Who is called in the middle of a plan comes back to no door of the executor: by call, coin, NFT, token."""

from __future__ import annotations

import ape
import pytest

from trimtab.chain.call import Call
from trimtab.hooks.plans import PlanInput
from trimtab.model.ids import Address

WAD = 10**18


@pytest.fixture
def reenters(echo, attacker, bell, call_of, desk):
    """Arms the attacker's contract with a door of the executor; a plan that rings is behind it."""
    loot = desk.plan(call_of(bell, "ring"))

    def armed(executor, door, account):
        arguments = {"execute": (loot,), "executeFrom": (account, loot), "run": (account, loot)}[door]
        data = getattr(executor, door).encode_input(*arguments)
        echo.arm(executor, data, sender=attacker)
        return loot

    return armed


@pytest.mark.parametrize("door", ["execute", "executeFrom", "run"])
def test_a_target_does_not_come_back(door, desk, delegated, trader, echo, reenters, bell, error_data):
    """Not even with a plan that is approved for it: the guard is one for all doors."""
    loot = reenters(delegated, door, trader)
    delegated.approve(delegated.hashPlan(loot), echo, sender=trader)
    delegated.execute(desk.plan(_poke(echo)), sender=trader)
    _assert_refused(echo, error_data)
    assert bell.rung() == 0
    assert delegated.isApproved(trader, delegated.hashPlan(loot), echo)


def test_a_payee_does_not_come_back(desk, delegated, trader, echo, reenters, bell, error_data):
    """A plain transfer of coins runs the payee's code."""
    loot = reenters(delegated, "run", trader)
    delegated.approve(delegated.hashPlan(loot), echo, sender=trader)
    delegated.execute(desk.plan(Call(_low(echo), b"", 5)), sender=trader)
    _assert_refused(echo, error_data)
    assert bell.rung() == 0


def test_a_receiver_of_an_nft_does_not_come_back(
    desk, delegated, trader, echo, reenters, bell, error_data, genuine, world
):
    """A genuine option token, bought and sent by safe transfer in one plan."""
    at = world.lyra.markets["sETH"].contracts["OptionToken"]
    option_token = genuine("OptionToken", at)
    loot = reenters(delegated, "run", trader)
    delegated.approve(delegated.hashPlan(loot), echo, sender=trader)
    position = option_token.nextId()
    safe_transfer = option_token.safeTransferFrom
    data = bytes(safe_transfer.encode_input(trader, echo, position))
    delegated.execute(desk.plan(*desk.option(10 * WAD), Call(at, data)), sender=trader)
    assert option_token.ownerOf(position) == echo.address
    _assert_refused(echo, error_data)
    assert bell.rung() == 0


def test_a_token_does_not_come_back(desk, own, owner, deploy, echo, reenters, bell, error_data):
    """Its hook is called when inputs are taken, and when outputs are given: both inside of the guard."""
    token = deploy("HookToken", "HOOK", sender=owner)
    token.approve(own, 2**255, sender=owner)
    loot = reenters(own, "run", own)
    own.approve(own.hashPlan(loot), echo, sender=owner)
    token.set(echo, 0, sender=owner)
    inputs = (PlanInput(_low(token), 10_000),)
    own.execute(desk.plan(desk.approve("USDC", "0x" + "77" * 20, 0), inputs=inputs), sender=owner)
    assert echo.calls() == 2
    _assert_refused(echo, error_data)
    assert (bell.rung(), token.balanceOf(own)) == (0, 0)


def test_an_owner_that_is_paid_does_not_come_back(desk, deploy, deployer, echo, attacker, bell, call_of):
    """An owner that is a contract gets its coins back inside of the guard too."""
    executor = deploy("Executor", echo, sender=deployer)
    plan = desk.plan(call_of(bell, "ring"))
    echo.arm(executor, executor.execute.encode_input(plan), sender=attacker)
    deployer.transfer(executor, 5)
    attacker.transfer(echo, 0)  # the owner's own call, whose plan pays it, and it calls again
    assert (echo.calls(), bell.rung()) == (2, 1)
    assert (executor.balance, echo.balance) == (0, 5)


def test_one_safes_target_does_not_reach_another_safe(
    desk, shared, safe, accounts, echo, reenters, bell, error_data
):
    """The shared executor runs one plan at a time, whoever's: what is approved for the target waits."""
    loot = reenters(shared, "run", safe.address)
    itself = accounts[ape.convert(safe.address, ape.types.AddressType)]
    itself.balance = 10**18
    shared.approve(shared.hashPlan(loot), echo, sender=itself)
    shared.executeFrom(safe.address, desk.plan(_poke(echo)), sender=itself)
    _assert_refused(echo, error_data)
    assert bell.rung() == 0


def test_a_false_safe_gets_nothing(desk, shared, safe, echo, attacker, bell, call_of, refused):
    """A contract that calls itself a Safe is called back as one, and comes back as another: refused; and what
    it answers is no answer of a Safe."""
    plan = desk.plan(call_of(bell, "ring"))
    echo.arm(shared, shared.executeFrom.encode_input(safe.address, plan), sender=attacker)
    attacker.transfer(echo, 0)
    assert not echo.wasLetIn()
    echo.arm(shared, shared.executeFrom.encode_input(echo, plan), sender=attacker)
    attacker.transfer(echo, 0)
    assert not echo.wasLetIn()
    assert bell.rung() == 0


def test_the_guard_opens_again_in_the_same_transaction(
    desk, shared, delegated, trader, keeper, contract, bell, call_of
):
    """Two plans one after the other, by two calls of one transaction: it is cleared at the end of each."""
    plans = [desk.plan(call_of(bell, "ring"), salt=bytes([n]) * 32) for n in (1, 2)]
    for plan in plans:
        delegated.approve(delegated.hashPlan(plan), keeper, sender=trader)
    keeper.set_delegate(shared)
    errand = desk.plan(*(call_of(delegated, "run", trader, plan) for plan in plans))
    contract("Executor").at(keeper.address).execute(errand, sender=keeper)
    assert bell.rung() == 2


def _poke(echo) -> Call:
    return Call(_low(echo), b"\x01\x02\x03\x04")


def _assert_refused(echo, error_data):
    assert echo.calls() > 0
    assert not echo.wasLetIn()
    assert bytes(echo.answer()) == error_data("ReentrancyGuardReentrantCall()")


def _low(thing) -> Address:
    return Address(str(thing.address).lower())
