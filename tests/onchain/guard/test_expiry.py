"""Expiry: from its second on the agent may do nothing."""

from __future__ import annotations


def test_limits_end_at_their_second(guard, permit, terms, agent, chain, run, world, refused):
    """A second before it passes; at it, it does not, with both times."""
    end = chain.pending_timestamp + 1_000
    permit(expiresAt=end)
    run(world.control.set_next_timestamp(end - 1))
    guard.execute(terms.plan(), sender=agent)
    run(world.control.set_next_timestamp(end))
    with refused("LimitsExpired", expiresAt=end, time=end):
        guard.execute(terms.plan(), sender=agent)


def test_new_limits_go_on(guard, permit, terms, agent, refused):
    """With a later end, or with none."""
    permit(expiresAt=1)
    with refused("LimitsExpired", expiresAt=1):
        guard.execute(terms.plan(), sender=agent)
    permit()
    guard.execute(terms.plan(), sender=agent)


def test_the_owner_works_on(guard, permit, run_as_owner, lp, terms):
    """It has no expiry."""
    permit(expiresAt=1)
    before = lp.balance
    run_as_owner(terms.raw(lp, value=1))
    assert lp.balance == before + 1
