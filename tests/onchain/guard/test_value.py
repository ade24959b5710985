"""Value: plain transfers go to whom the limits name, and no more leaves than they say."""

from __future__ import annotations


def test_plain_value_goes_to_those_who_are_named(guard, permit, run_plan, terms, lp, refused, attacker):
    """And to nobody else, not even nothing."""
    permit(transfers=[lp.address])
    before = lp.balance
    run_plan(terms.raw(lp, value=5))
    assert lp.balance == before + 5
    for value in (0, 1):
        with refused("TransferNotAllowed", to=attacker.address):
            run_plan(terms.raw(attacker, value=value))


def test_a_target_of_calls_is_no_recipient(guard, permit, run_plan, paper, terms, refused):
    """And a recipient is no target of calls: each list stands for itself."""
    permit(terms.allow(paper.take))
    with refused("TransferNotAllowed", to=paper.address):
        run_plan(terms.raw(paper, value=1))
    permit(transfers=[paper.address])
    with refused("CallNotAllowed", target=paper.address):
        run_plan(terms.call(paper.take, paper, 1))


def test_value_of_a_transaction_is_capped(guard, permit, run_plan, paper, terms, lp, refused):
    """The sum over the plan, with calls and without data; the cap itself passes."""
    permit(terms.allow(paper.take), transfers=[lp.address], maxValue=10)
    run_plan(terms.raw(lp, value=4), terms.call(paper.take, paper, 1, value=6))
    with refused("ValueAbove", value=11, max=10):
        run_plan(terms.raw(lp, value=4), terms.call(paper.take, paper, 1, value=7))


def test_value_that_came_along_counts(guard, permit, terms, agent, lp, refused):
    """What the agent brings is the account's: the cap is on what leaves."""
    permit(transfers=[lp.address], maxValue=10)
    with refused("ValueAbove", value=11, max=10):
        guard.execute(terms.plan(terms.raw(lp, value=11)), sender=agent, value=11)
    before = guard.balance
    guard.execute(terms.plan(terms.raw(lp, value=10)), sender=agent, value=11)
    assert guard.balance == before + 1


def test_value_of_a_day_is_capped(guard, permit, run_plan, terms, lp, refused):
    """Over transactions; what is asked and what was spent are told."""
    permit(transfers=[lp.address], maxValuePerDay=10)
    run_plan(terms.raw(lp, value=7))
    with refused("ValuePerDayAbove", value=4, spent=7, max=10):
        run_plan(terms.raw(lp, value=4))
    run_plan(terms.raw(lp, value=3))
    assert guard.spent().valuePerDay == 10


def test_a_window_is_not_asked_by_what_does_not_add_to_it(guard, permit, run_plan, terms, lp, refused):
    """A lower cap than what is spent already stops value, and nothing else."""
    permit(transfers=[lp.address])
    run_plan(terms.raw(lp, value=7))
    permit(transfers=[lp.address], maxValuePerDay=5)
    run_plan(terms.raw(lp, value=0))
    with refused("ValuePerDayAbove", value=1, spent=7, max=5):
        run_plan(terms.raw(lp, value=1))


def test_a_failed_transfer_took_none(guard, permit, run_plan, perp, terms, lp):
    """Value that its receiver refused, where that may be: it is still there, and not counted."""
    permit(transfers=[perp.usdc.address, lp.address], maxValue=10)
    before = guard.balance
    run_plan(terms.raw(perp.usdc, value=9, on_failure=terms.CONTINUE), terms.raw(lp, value=10))
    assert (guard.balance, guard.spent().valuePerDay) == (before - 10, 10)
