"""Slippage: what a trade loses to the oracle's prices, fees inside, over its notional."""

from __future__ import annotations

WAD = 10**18
PER_CENT = WAD // 100


def test_a_purchase_that_is_too_dear_is_refused(
    guard, permit, run_plan, trade, trades_on_paper, paper, refused
):
    """One unit, worth 100 and 200 of notional, at 102 loses 2, which is 1 %; a wei more is above it."""
    permit(trades_on_paper, maxSlippage=PER_CENT)
    run_plan(trade(1, 102))
    with refused("SlippageAbove", probe=paper.address, loss=3 * WAD, notional=200 * WAD, max=PER_CENT):
        run_plan(trade(1, 103))


def test_a_sale_that_is_too_cheap_is_refused(guard, permit, run_plan, trade, trades_on_paper, refused):
    """The same the other way."""
    permit(trades_on_paper, maxSlippage=PER_CENT)
    run_plan(trade(-1, -98))
    with refused("SlippageAbove", loss=3 * WAD):
        run_plan(trade(-1, -97))


def test_a_gain_is_no_loss(guard, permit, run_plan, trade, trades_on_paper):
    """Better than the oracle passes with no slippage allowed."""
    permit(trades_on_paper, maxSlippage=0)
    run_plan(trade(1, 100))
    run_plan(trade(1, 1))
    run_plan(trade(-2, -900))


def test_gains_do_not_pay_for_losses(guard, permit, run_plan, trade, trades_on_paper, refused):
    """Each trade stands for itself: a good one in the same plan does not hide a bad one."""
    permit(trades_on_paper, maxSlippage=PER_CENT)
    with refused("SlippageAbove", loss=10 * WAD):
        run_plan(trade(1, 50), trade(1, 110))


def test_money_for_nothing_is_all_loss(guard, permit, run_plan, trade, trades_on_paper, refused):
    """A call that pays and trades nothing has no notional to excuse it."""
    permit(trades_on_paper, maxSlippage=PER_CENT)
    with refused("SlippageAbove", loss=WAD, notional=0):
        run_plan(trade(0, 1))


def test_a_price_that_the_trade_moves_does_not_excuse_it(
    guard, permit, run_plan, terms, paper, trade, trades_on_paper, refused
):
    """Of the oracle's prices before and after the one that makes the loss larger: it moved with the price."""
    moving = terms.allow(paper.tradeAndMove, probe=paper, is_trade=True)
    permit(trades_on_paper, moving, maxSlippage=PER_CENT)
    run_plan(trade(1, 100))
    with refused("SlippageAbove", loss=20 * WAD):
        run_plan(terms.call(paper.tradeAndMove, terms.MARKET, WAD, 120 * WAD, 120 * WAD))
    with refused("SlippageAbove", loss=10 * WAD):
        run_plan(terms.call(paper.tradeAndMove, terms.MARKET, -WAD // 2, -40 * WAD, 80 * WAD))


def test_it_is_rounded_against_the_agent(
    guard, permit, run_plan, terms, paper, trades_on_paper, deployer, refused
):
    """A wei of a unit at half a wei is worth nothing when bought, and one wei when sold."""
    paper.setPrices(terms.MARKET, WAD, WAD // 2, sender=deployer)
    permit(trades_on_paper, maxSlippage=WAD // 2)
    with refused("SlippageAbove", loss=1, notional=1):
        run_plan(terms.call(paper.trade, terms.MARKET, 1, 1))
    with refused("SlippageAbove", loss=1, notional=1):
        run_plan(terms.call(paper.trade, terms.MARKET, -1, 0))
    run_plan(terms.call(paper.trade, terms.MARKET, 2, 1))


def test_a_genuine_trade_pays_its_fee_and_impact(perp, guard, margin, permit, run_plan, size, refused):
    """At Perp v2 0.1 % of fee and what the pool takes: 0.15 % holds a small trade and not a large."""
    permit(*perp.entries(), maxSlippage=PER_CENT * 15 // 100)
    run_plan(perp.trade(1))
    run_plan(perp.trade(-2))
    with refused("SlippageAbove", probe=perp.probe.address, max=PER_CENT * 15 // 100):
        run_plan(perp.trade(40))
    assert size() == -WAD
    permit(*perp.entries(), maxSlippage=WAD // 2_000)
    with refused("SlippageAbove"):
        run_plan(perp.close())


def test_a_genuine_option_is_judged_by_the_venues_own_prices(lyra, guard, premium, permit, run_plan, refused):
    """Lyra's fees on a call at the money: within 1.5 % of the underlying, and above 1 %."""
    permit(*lyra.entries(), maxSlippage=PER_CENT * 3 // 2)
    run_plan(lyra.approve(), lyra.buy_call(1))
    permit(*lyra.entries(), maxSlippage=PER_CENT)
    with refused("SlippageAbove", probe=lyra.probe.address):
        run_plan(lyra.buy_call(1))
