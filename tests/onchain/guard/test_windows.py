"""Windows roll: an amount at second `at` counts as long as `at > now - window`, and nothing resets."""

from __future__ import annotations

import pytest

WAD = 10**18
HOUR, DAY = 3_600, 86_400


@pytest.fixture
def at(run, world, chain):
    """The next transaction's second, counted from the first use."""
    start = chain.pending_timestamp + 10
    return lambda seconds: run(world.control.set_next_timestamp(start + seconds))


def test_the_day_ends_to_the_second(guard, permit, run_plan, terms, lp, at, refused):
    """A second before a day has passed the value still counts; then it does not."""
    permit(transfers=[lp.address], maxValuePerDay=10)
    at(0)
    run_plan(terms.raw(lp, value=10))
    at(DAY - 1)
    with refused("ValuePerDayAbove", value=1, spent=10):
        run_plan(terms.raw(lp, value=1))
    at(DAY)
    run_plan(terms.raw(lp, value=10))


def test_it_rolls_and_does_not_reset(guard, permit, run_plan, trade, trades_on_paper, at, refused):
    """Only what is a day old comes free: no window of a day holds more than the cap, wherever it begins."""
    permit(trades_on_paper, maxNotionalPerDay=600 * WAD)
    for second, size in ((0, 1), (DAY // 2, 2)):
        at(second)
        run_plan(trade(size, 100 * size))
    at(DAY - 1)
    with refused("NotionalPerDayAbove", spent=600 * WAD):
        run_plan(trade(-1, -100))
    at(DAY + 1)
    with refused("NotionalPerDayAbove", notional=400 * WAD, spent=400 * WAD):
        run_plan(trade(-2, -200))
    at(DAY + 3)
    run_plan(trade(-1, -100))
    assert guard.spent().notionalPerDay == 600 * WAD
    at(DAY + DAY // 2)
    run_plan(trade(-2, -200))


def test_many_in_one_second_add_up(guard, permit, terms, agent, lp, run, world):
    """Two transactions in one block count together: the second does not fit."""
    permit(transfers=[lp.address], maxValuePerDay=10)
    data = "0x" + bytes(guard.execute.encode_input(terms.plan(terms.raw(lp, value=6)))).hex()
    sent = {"from": agent.address, "to": guard.address, "data": data, "gas": hex(10**6)}

    async def both() -> list[str]:
        await world.control.set_automine(False)
        hashes = [await world.client.request("eth_sendTransaction", [sent]) for _ in range(2)]
        await world.control.set_automine(True)
        await world.mine()
        receipts = [await world.client.request("eth_getTransactionReceipt", [h]) for h in hashes]
        assert receipts[0]["blockNumber"] == receipts[1]["blockNumber"]
        return [receipt["status"] for receipt in receipts]

    assert run(both()) == ["0x1", "0x0"]
    assert guard.spent().valuePerDay == 6


def test_hour_and_day_share_one_record(guard, permit, run_plan, at):
    """Fees leave the hour first; the day still has them."""
    permit()
    at(0)
    (event,) = run_plan().decode_logs(guard.Spend)
    at(HOUR)
    (second,) = run_plan().decode_logs(guard.Spend)
    spent = guard.spent()
    assert (spent.feesPerHour, spent.feesPerDay) == (second.fee, event.fee + second.fee)


def test_new_limits_forget_nothing(guard, permit, run_plan, terms, lp, refused):
    """What was spent under other limits, another agent's included, stays in the window."""
    permit(transfers=[lp.address])
    run_plan(terms.raw(lp, value=7))
    permit(transfers=[lp.address], maxValuePerDay=10)
    with refused("ValuePerDayAbove", spent=7):
        run_plan(terms.raw(lp, value=4))


def test_another_agent_goes_on_where_the_old_one_was(
    guard, permit, run_plan, terms, lp, owner, keeper, refused
):
    """A new key is no new budget."""
    permit(transfers=[lp.address], maxValuePerDay=10)
    run_plan(terms.raw(lp, value=7))
    guard.setAgent(keeper, sender=owner)
    with refused("ValuePerDayAbove", spent=7):
        guard.execute(terms.plan(terms.raw(lp, value=4)), sender=keeper)


def test_a_long_history_is_still_exact(guard, permit, run_plan, terms, lp, at):
    """Thirty amounts, one an hour: the day holds the last twenty-four."""
    permit(transfers=[lp.address])
    for hour in range(30):
        at(hour * HOUR)
        run_plan(terms.raw(lp, value=hour + 1))
    assert guard.spent().valuePerDay == sum(range(7, 31))
