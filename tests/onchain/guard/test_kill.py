"""Kill: owner or guardian stop the agent at once, and the owner alone lets it go on."""

from __future__ import annotations


def test_the_guardian_stops_the_agent(guard, permit, terms, agent, guardian, refused):
    """From the next transaction on, whatever the limits say."""
    permit()
    (event,) = guard.kill(sender=guardian).decode_logs(guard.Killed)
    assert event.by == guardian.address
    assert guard.isKilled()
    with refused("AgentKilled"):
        guard.execute(terms.plan(), sender=agent)


def test_the_owner_stops_the_agent(guard, permit, terms, owner, agent, refused):
    """As well."""
    permit()
    guard.kill(sender=owner)
    with refused("AgentKilled"):
        guard.execute(terms.plan(), sender=agent)


def test_nobody_else_does(guard, agent, attacker, refused):
    """Not even the agent itself."""
    for person in (agent, attacker):
        with refused("NotGuardian", caller=person.address):
            guard.kill(sender=person)


def test_only_the_owner_revives(guard, permit, terms, owner, guardian, agent, refused):
    """A guardian that stops cannot start."""
    permit()
    guard.kill(sender=guardian)
    with refused("OwnableUnauthorizedAccount", account=guardian.address):
        guard.revive(sender=guardian)
    assert len(guard.revive(sender=owner).decode_logs(guard.Revived)) == 1
    guard.execute(terms.plan(), sender=agent)


def test_new_limits_and_a_new_agent_do_not_revive(guard, permit, terms, owner, guardian, lp, refused):
    """Stopped is stopped until the owner says so."""
    guard.kill(sender=guardian)
    permit()
    guard.setAgent(lp, sender=owner)
    with refused("AgentKilled"):
        guard.execute(terms.plan(), sender=lp)


def test_the_owner_works_on(guard, run_as_owner, guardian, perp, terms, owner, margin, size):
    """The book is closed by its owner while the agent is stopped."""
    run_as_owner(perp.trade(1))
    guard.kill(sender=guardian)
    run_as_owner(perp.close())
    assert size() == 0


def test_it_can_be_said_twice(guard, guardian, owner):
    """Two people who see the same danger both succeed."""
    guard.kill(sender=guardian)
    guard.kill(sender=owner)
    assert guard.isKilled()
