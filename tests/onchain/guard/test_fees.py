"""Fees: measured, never below what the transaction cost, capped, and paid back where the limits say so."""

from __future__ import annotations

import pytest

GWEI = 10**9


@pytest.fixture
def priced(run_plan):
    """The agent's plan at this gas price."""

    def executed(*calls, gas_price=GWEI, **kwargs):
        return run_plan(*calls, max_fee=gas_price, max_priority_fee=gas_price, **kwargs)

    return executed


def test_the_fee_is_never_below_the_real_one(guard, permit, run_plan, perp, margin, paper, terms, trade):
    """For nothing, for a trade on paper, for a genuine one: at most 90,000 gas above."""
    permit(*perp.entries(), terms.allow(paper.trade, probe=paper, is_trade=True))
    for calls in ((), (trade(1, 100),), (trade(1, 100), trade(-1, -100)), (perp.trade(1),), (perp.close(),)):
        receipt = run_plan(*calls)
        (event,) = receipt.decode_logs(guard.Spend)
        real = receipt.gas_used * receipt.gas_price
        assert real <= event.fee <= real + 90_000 * receipt.gas_price


def test_fees_of_an_hour_are_capped(guard, permit, priced, refused, run, world):
    """A second transaction does not fit; an hour later it does."""
    permit()
    (event,) = priced().decode_logs(guard.Spend)
    permit(maxFeesPerHour=event.fee * 3 // 2)
    with refused("FeesPerHourAbove", spent=event.fee, max=event.fee * 3 // 2):
        priced()
    run(world.warp(3_600))
    priced()


def test_fees_of_a_day_are_capped(guard, permit, priced, refused, run, world):
    """An hour later it does not fit either; a day later it does."""
    permit()
    (event,) = priced().decode_logs(guard.Spend)
    permit(maxFeesPerDay=event.fee * 3 // 2)
    run(world.warp(3_600))
    with refused("FeesPerDayAbove", spent=event.fee, max=event.fee * 3 // 2):
        priced()
    run(world.warp(86_400 - 3_600))
    priced()


def test_a_gas_price_too_high_is_refused(guard, permit, priced, refused):
    """The fee of one transaction is what its gas price makes it."""
    permit()
    (event,) = priced().decode_logs(guard.Spend)
    permit(maxFeesPerHour=2 * event.fee)
    with refused("FeesPerHourAbove"):
        priced(gas_price=3 * GWEI)


def test_cost_is_value_and_fee(guard, permit, priced, terms, lp, refused):
    """Together: value that fits alone does not fit with its fee."""
    permit(transfers=[lp.address])
    (event,) = priced(terms.raw(lp, value=0)).decode_logs(guard.Spend)
    most = 2 * event.fee
    permit(transfers=[lp.address], maxCost=most)
    priced(terms.raw(lp, value=event.fee // 4))
    with refused("CostAbove", max=most):
        priced(terms.raw(lp, value=most))


def test_the_account_pays_the_agent_back(guard, permit, priced, agent):
    """With the flag: the event's fee, so that the key never gets poorer by working; without: nothing."""
    permit()
    before = agent.balance
    receipt = priced()
    assert agent.balance == before - receipt.gas_used * receipt.gas_price
    permit(refundsFees=True)
    before, held = agent.balance, guard.balance
    receipt = priced()
    (event,) = receipt.decode_logs(guard.FeeRefunded)
    (spend,) = receipt.decode_logs(guard.Spend)
    assert (event.agent, event.amount) == (agent.address, spend.fee)
    assert agent.balance == before + event.amount - receipt.gas_used * receipt.gas_price
    assert guard.balance == held - event.amount
    assert agent.balance >= before


def test_a_poor_account_pays_what_it_has(guard, permit, priced, run_as_owner, terms, owner):
    """Want of the coin stops no hedge."""
    run_as_owner(terms.raw(owner, value=guard.balance - 5))
    permit(refundsFees=True)
    (event,) = priced().decode_logs(guard.FeeRefunded)
    assert (event.amount, guard.balance) == (5, 0)


def test_an_agent_that_takes_no_coin_gets_no_work_done(
    guard, permit, terms, owner, deploy, perp, run, world, refused
):
    """A contract that refuses the refund as agent: all is undone."""
    run(world.control.impersonate(perp.usdc.address))
    run(world.control.set_balance(perp.usdc.address, 10**18))
    guard.setAgent(perp.usdc, sender=owner)
    permit(refundsFees=True)
    from ape import accounts

    with refused("RefundFailed", agent=perp.usdc.address):
        guard.execute(terms.plan(), sender=accounts[perp.usdc.address])


def test_a_padded_plan_earns_no_more_than_the_caps(guard, permit, agent, terms, refused):
    """Zeros behind the plan cost the sender a part of what the account counts for a byte: who has the key may
    keep the difference, until the caps on fees end it. They bound what refunds give, however it is won."""
    most = 3_000_000 * GWEI
    permit(refundsFees=True, maxFeesPerDay=most)
    data = guard.execute.encode_input(terms.plan()) + bytes(40_000)
    held, before = guard.balance, agent.balance
    with refused("FeesPerDayAbove", max=most):
        for _ in range(10):
            agent.transfer(guard, 0, data=data, max_fee=GWEI, max_priority_fee=GWEI)
    assert agent.balance > before
    assert held - guard.balance == guard.spent().feesPerDay <= most


def test_without_a_price_the_fees_caps_are_not_asked(guard, permit, priced, refused, terms, agent):
    """Who only asks what would happen pays nothing, though more is spent than the caps now let through."""
    permit()
    (event,) = priced().decode_logs(guard.Spend)
    for cap, error in (("maxFeesPerHour", "FeesPerHourAbove"), ("maxFeesPerDay", "FeesPerDayAbove")):
        permit(**{cap: event.fee - 1})
        guard.execute.call(terms.plan(), sender=agent)
        with refused(error, spent=event.fee, max=event.fee - 1):
            priced()
