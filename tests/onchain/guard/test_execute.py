"""Guard.execute: the agent's calls happen whole, as the account, by its agent alone."""

from __future__ import annotations

WAD = 10**18


def test_the_agent_trades_as_the_account(perp, guard, margin, permit, run_plan, size, agent):
    """A genuine trade at Perp v2: the position is the guard's, the key has none."""
    permit(*perp.entries())
    run_plan(perp.trade(1))
    assert size() == WAD
    assert perp.accounts.getTakerPositionSize(agent, perp.base) == 0


def test_what_a_call_answers_comes_back(paper, guard, permit, terms, agent):
    """The results of the plan: success, and the returned bytes of each call."""
    permit(terms.allow(paper.isStale), terms.allow(paper.take))
    plan = terms.plan(terms.call(paper.isStale), terms.call(paper.take, paper, 1))
    first, second = guard.execute.call(plan, sender=agent)
    assert (first.isSuccess, int.from_bytes(first.data, "big")) == (True, 0)
    assert (second.isSuccess, bytes(second.data)) == (True, b"")


def test_it_tells_what_it_took(guard, permit, run_plan, trade, trades_on_paper, terms):
    """One event with value, fee and notional, which `spent` tells as well."""
    permit(trades_on_paper)
    receipt = run_plan(trade(2, 200))
    (event,) = receipt.decode_logs(guard.Spend)
    spent = guard.spent()
    assert (event.value, event.notional) == (0, 400 * WAD)
    assert (spent.notionalPerDay, spent.feesPerDay, spent.feesPerHour) == (400 * WAD, event.fee, event.fee)


def test_nobody_but_the_agent_executes(guard, terms, owner, guardian, attacker, refused):
    """Not the owner, not the guardian, not a stranger: each is named."""
    for person in (owner, guardian, attacker):
        with refused("NotAgent", caller=person.address):
            guard.execute(terms.plan(), sender=person)


def test_without_limits_the_agent_does_nothing(guard, terms, agent, run, world, refused):
    """Version 0 has expired from the start."""
    assert guard.version() == 0
    with refused("LimitsExpired", expiresAt=0):
        guard.execute(terms.plan(), sender=agent)


def test_what_fails_undoes_all(perp, guard, margin, permit, run_plan, size, refused):
    """The second leg is refused by Perp v2 for want of margin: the first leg is not there either."""
    permit(*perp.entries())
    with refused("CallReverted", call=1, target=perp.house.address):
        run_plan(perp.trade(1), perp.trade(1_000))
    assert size() == 0


def test_a_failure_that_may_be_passed_took_nothing(guard, permit, run_plan, paper, terms, trades_on_paper):
    """A call that fails under CONTINUE counts for neither notional nor value; the next goes on."""
    fails = terms.allow(paper.tradeAndFail, probe=paper, is_trade=True)
    permit(fails, trades_on_paper, maxNotional=200 * WAD, maxValue=5)
    receipt = run_plan(
        terms.call(paper.tradeAndFail, terms.MARKET, WAD, 0, value=5, on_failure=terms.CONTINUE),
        terms.call(paper.trade, terms.MARKET, WAD, 100 * WAD, value=5),
    )
    (event,) = receipt.decode_logs(guard.Spend)
    assert (event.value, event.notional) == (5, 200 * WAD)


def test_after_a_stop_nothing_is_called(guard, permit, run_plan, paper, terms, trade, trades_on_paper):
    """A call that fails under STOP is the last."""
    permit(terms.allow(paper.tradeAndFail, probe=paper, is_trade=True), trades_on_paper)
    receipt = run_plan(
        terms.call(paper.tradeAndFail, terms.MARKET, WAD, 0, on_failure=terms.STOP), trade(1, 100)
    )
    (event,) = receipt.decode_logs(guard.Spend)
    assert event.notional == 0
    assert list(paper.probe(guard).exposures) == []


def test_the_plans_own_conditions_hold(perp, guard, margin, permit, terms, agent, refused):
    """Limits do not replace them: a size that was not promised undoes the trade with its numbers."""
    permit(*perp.entries())
    market = bytes.fromhex(perp.base[2:]).rjust(32, b"\0")
    wanted = ((), (), (), (), [(perp.probe.address, terms.ZERO, market, 2 * WAD, 2 * WAD)])
    with refused("SizeOutside", size=WAD, min=2 * WAD, max=2 * WAD):
        guard.execute(terms.plan(perp.trade(1), conditions=wanted), sender=agent)
    guard.execute(terms.plan(perp.trade(2), conditions=wanted), sender=agent)


def test_a_late_plan_is_refused(guard, permit, terms, agent, chain, refused):
    """The deadline is the last second that may hold it."""
    permit()
    last = chain.pending_timestamp - 100
    with refused("DeadlinePassed", deadline=last):
        guard.execute(terms.plan(deadline=last), sender=agent)


def test_a_plan_that_asks_for_funds_is_refused(guard, permit, terms, agent, owner, perp, refused):
    """The guard holds its funds itself: inputs and outputs are refused, the owner's too."""
    permit()
    calls, conditions, deadline, salt, _, _ = terms.plan()
    for inputs, outputs in (([(perp.usdc.address, 1)], []), ([], [perp.usdc.address])):
        plan = (calls, conditions, deadline, salt, inputs, outputs)
        with refused("FundsNotAllowed", account=guard.address):
            guard.execute(plan, sender=agent)
        with refused("FundsNotAllowed", account=guard.address):
            guard.executeAsOwner(plan, sender=owner)


def test_it_takes_value_and_tokens_of_any_kind(guard, owner, attacker, ambush):
    """Plain value from anyone, and ERC-721 by its receiver's answer: what is given is the owner's."""
    before = guard.balance
    attacker.transfer(guard, 7)
    assert guard.balance == before + 7
    assert guard.onERC721Received(attacker, attacker, 1, b"") == bytes.fromhex("150b7a02")


def test_options_and_perpetuals_in_one_plan(
    perp, lyra, guard, margin, premium, permit, run_plan, size, terms
):
    """An option at Lyra and its hedge at Perp v2, in one transaction of the agent, both measured."""
    permit(*perp.entries(), *lyra.entries())
    receipt = run_plan(lyra.approve(), lyra.buy_call(1), perp.trade(-0.5))
    (event,) = receipt.decode_logs(guard.Spend)
    (option,) = lyra.probe.probe(guard).exposures
    assert (option.size, size()) == (WAD, -WAD // 2)
    mark = perp.probe.probe(guard).exposures[0].notionalPrice
    assert event.notional == option.notionalPrice + -(-mark // 2)
