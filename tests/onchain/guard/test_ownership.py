"""The owner may do everything, in two steps pass it on, and never leave the account to nobody."""

from __future__ import annotations

import ape
import pytest


def test_the_owner_acts_without_limits(guard, run_as_owner, perp, owner, terms, lp):
    """Any call, any value, before any limits are set, and while the agent is stopped."""
    perp.usdc.transfer(guard, 5, sender=owner)
    before = lp.balance
    guard.kill(sender=owner)
    run_as_owner(terms.call(perp.usdc.transfer, owner, 5), terms.raw(lp, value=7))
    assert perp.usdc.balanceOf(guard) == 0
    assert lp.balance == before + 7
    assert tuple(guard.spent()) == (0, 0, 0, 0)


def test_nobody_else_does(guard, terms, agent, guardian, attacker, refused):
    """Each of the owner's functions names who called."""
    calls = (
        (guard.executeAsOwner, (terms.plan(),)),
        (guard.setLimits, (terms.limits(),)),
        (guard.setAgent, (attacker,)),
        (guard.setGuardian, (attacker,)),
        (guard.revive, ()),
        (guard.transferOwnership, (attacker,)),
    )
    for person in (agent, guardian, attacker):
        for function, args in calls:
            with refused("OwnableUnauthorizedAccount", account=person.address):
                function(*args, sender=person)


def test_limits_are_told_as_they_were_set(guard, permit, paper, terms, owner, lp, agent):
    """All of them, with every rule, and the version counts."""
    entry = terms.allow(
        paper.trade, terms.rule(1, [owner, lp], at_most=7), terms.rule(2), probe=paper, is_trade=True
    )
    given = terms.limits(
        entry,
        terms.allow(paper.take),
        transfers=[lp.address],
        maxValue=1,
        maxValuePerDay=2,
        maxCost=3,
        maxFeesPerHour=4,
        maxFeesPerDay=5,
        maxNotional=6,
        maxNotionalPerDay=7,
        maxLeverage=8,
        maxSlippage=9,
        reduceOnly=True,
        expiresAt=10,
        refundsFees=True,
    )
    (event,) = guard.setLimits(given, sender=owner).decode_logs(guard.LimitsSet)
    assert (event.version, guard.version()) == (1, 1)
    told = guard.limits()
    assert [tuple(map(_plain, rule)) for rule in told.calls[0].rules] == [tuple(r) for r in entry[4]]
    assert [str(call.target) for call in told.calls] == [paper.address] * 2
    assert (bytes(told.calls[0].selector), told.calls[0].isTrade) == (entry[1], True)
    assert [_plain(item) for item in list(told)[1:]] == list(given[1:])


def _plain(value):
    return [str(item) for item in value] if isinstance(value, list | tuple) else value


def test_new_limits_replace_all_old_ones(guard, permit, run_plan, paper, terms, lp, refused):
    """Calls and recipients of the version before are not allowed any more."""
    permit(terms.allow(paper.take), transfers=[lp.address])
    run_plan(terms.call(paper.take, lp, 1), terms.raw(lp, value=1))
    permit(terms.allow(paper.deposit))
    with refused("CallNotAllowed"):
        run_plan(terms.call(paper.take, lp, 1))
    with refused("TransferNotAllowed"):
        run_plan(terms.raw(lp, value=1))
    run_plan(terms.call(paper.deposit, 1))


def test_ownership_passes_in_two_steps(guard, owner, lp, attacker, refused):
    """Named, it may accept; until then nothing has changed, and nobody else may."""
    guard.transferOwnership(lp, sender=owner)
    assert (guard.owner(), guard.pendingOwner()) == (owner.address, lp.address)
    with refused("OwnableUnauthorizedAccount", account=attacker.address):
        guard.acceptOwnership(sender=attacker)
    guard.acceptOwnership(sender=lp)
    assert guard.owner() == lp.address
    with refused("OwnableUnauthorizedAccount", account=owner.address):
        guard.revive(sender=owner)


def test_ownership_is_never_renounced(guard, owner, refused):
    """An account without an owner is lost."""
    with refused("OwnerNeeded"):
        guard.renounceOwnership(sender=owner)
    assert guard.owner() == owner.address


def test_a_guard_needs_an_owner_from_the_start(contract, agent, guardian, owner, terms, refused):
    """The zero address is none."""
    with refused("OwnableInvalidOwner"):
        owner.deploy(contract("Guard"), terms.ZERO, agent, guardian)


def test_people_are_told(guard, owner, lp, contract):
    """Events of new people, and the views."""
    (event,) = guard.setAgent(lp, sender=owner).decode_logs(guard.AgentSet)
    assert event.agent == guard.agent() == lp.address
    (event,) = guard.setGuardian(lp, sender=owner).decode_logs(guard.GuardianSet)
    assert event.guardian == guard.guardian() == lp.address


def test_an_old_agent_is_nobody(guard, permit, owner, agent, lp, terms, refused):
    """A rotated key stops at once; the new one goes on; nobody is agent at the zero address."""
    permit()
    guard.setAgent(lp, sender=owner)
    with refused("NotAgent", caller=agent.address):
        guard.execute(terms.plan(), sender=agent)
    guard.execute(terms.plan(), sender=lp)
    guard.setAgent(terms.ZERO, sender=owner)
    with refused("NotAgent", caller=lp.address):
        guard.execute(terms.plan(), sender=lp)


def test_the_account_is_no_target_of_its_owner_either(guard, run_as_owner, terms, owner, refused):
    """An owner that makes the account its own owner would lose it: it cannot accept."""
    guard.transferOwnership(guard, sender=owner)
    with refused("CallNotAllowed", target=guard.address):
        run_as_owner(terms.call(guard.acceptOwnership))
    with refused("CallNotAllowed", target=guard.address):
        run_as_owner(terms.raw(guard, value=1))


def test_what_is_sent_to_no_function_is_refused(guard, attacker):
    """Data that the guard does not know reverts; there is no fallback."""
    with pytest.raises(ape.exceptions.ContractLogicError):
        attacker.transfer(guard, 0, data=b"\x12\x34\x56\x78")
