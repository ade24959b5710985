"""Notional: measured by probes around each trade, of a transaction and of a day."""

from __future__ import annotations

WAD = 10**18


def test_a_trade_above_the_most_is_refused(guard, permit, run_plan, trade, trades_on_paper, refused):
    """Two units at 200 are 400; the cap itself passes, either way."""
    permit(trades_on_paper, maxNotional=400 * WAD)
    run_plan(trade(2, 200))
    run_plan(trade(-2, -200))
    with refused("NotionalAbove", notional=400 * WAD + 200, max=400 * WAD):
        run_plan(_wei_more(trade, 2))


def _wei_more(trade, size):
    """A trade of a wei more than `size`."""
    target, value, data, rule = trade(size, 100 * size)
    raw = bytearray(data)
    raw[67] += 1
    return target, value, bytes(raw), rule


def test_the_trades_of_a_plan_add_up(guard, permit, run_plan, trade, trades_on_paper, refused):
    """There and back again is twice, though the position is nothing in the end."""
    permit(trades_on_paper, maxNotional=399 * WAD)
    with refused("NotionalAbove", notional=400 * WAD, max=399 * WAD):
        run_plan(trade(1, 100), trade(-1, -100))


def test_the_day_adds_up(guard, permit, run_plan, trade, trades_on_paper, refused):
    """What is asked, what was spent, and the cap are told."""
    permit(trades_on_paper, maxNotionalPerDay=500 * WAD)
    run_plan(trade(2, 200))
    with refused("NotionalPerDayAbove", notional=200 * WAD, spent=400 * WAD, max=500 * WAD):
        run_plan(trade(-1, -100))
    run_plan(trade(-0.5, -50))


def test_it_is_rounded_up(guard, permit, run_plan, terms, paper, trades_on_paper, deployer):
    """A wei of a unit at a wei counts for a wei."""
    paper.setPrices(terms.MARKET, 1, 1, sender=deployer)
    permit(trades_on_paper)
    (event,) = run_plan(terms.call(paper.trade, terms.MARKET, 1, 0)).decode_logs(guard.Spend)
    assert event.notional == 1


def test_the_change_counts_not_the_position(guard, permit, run_plan, trade, trades_on_paper):
    """From three long to one short is four units."""
    permit(trades_on_paper)
    run_plan(trade(3, 300))
    (event,) = run_plan(trade(-4, -400)).decode_logs(guard.Spend)
    assert event.notional == 800 * WAD


def test_markets_add_up_and_do_not_net(
    guard, permit, run_plan, terms, paper, trades_on_paper, deployer, trade
):
    """Long here and short there are both traded; another market has its own price."""
    other = b"OTHER/USD".ljust(32, b"\0")
    paper.setPrices(other, 7 * WAD, 7 * WAD, sender=deployer)
    permit(trades_on_paper)
    calls = (trade(1, 100), terms.call(paper.trade, other, -WAD, -7 * WAD))
    (event,) = run_plan(*calls).decode_logs(guard.Spend)
    assert event.notional == 207 * WAD


def test_a_genuine_trade_counts_at_the_mark(perp, guard, margin, permit, run_plan, refused):
    """At Perp v2 |change of size| x mark price, rounded up; closing counts as opening does."""
    permit(*perp.entries())
    (event,) = run_plan(perp.trade(1.5)).decode_logs(guard.Spend)
    mark = perp.accounts.getMarkPrice(perp.base)
    assert event.notional == -(-mark * 3 // 2)
    (event,) = run_plan(perp.close()).decode_logs(guard.Spend)
    assert event.notional == -(-perp.accounts.getMarkPrice(perp.base) * 3 // 2)
    permit(*perp.entries(), maxNotional=mark)
    with refused("NotionalAbove", max=mark):
        run_plan(perp.trade(1.5))


def test_a_stale_probe_lets_no_trade_pass(
    guard, permit, run_plan, trade, trades_on_paper, paper, deployer, refused
):
    """What cannot be measured is not allowed."""
    permit(trades_on_paper)
    paper.setStale(True, sender=deployer)
    with refused("Refused"):
        run_plan(trade(1, 100))
