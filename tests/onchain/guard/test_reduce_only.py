"""Reduce-only: a position may get smaller, neither larger nor another side."""

from __future__ import annotations

WAD = 10**18


def test_a_position_may_only_get_smaller(
    guard, permit, run_plan, trade, trades_on_paper, paper, terms, refused
):
    """Less and nothing pass; more, the other side and a new one do not, with the sizes."""
    permit(trades_on_paper)
    run_plan(trade(3, 300))
    permit(trades_on_paper, reduceOnly=True)
    with refused("NotReducing", probe=paper.address, market=terms.MARKET, before=3 * WAD, afterwards=4 * WAD):
        run_plan(trade(1, 100))
    with refused("NotReducing", before=3 * WAD, afterwards=-WAD):
        run_plan(trade(-4, -400))
    run_plan(trade(-1, -100))
    run_plan(trade(-2, -200))
    with refused("NotReducing", before=0, afterwards=-WAD):
        run_plan(trade(-1, -100))


def test_short_positions_too(guard, permit, run_plan, trade, trades_on_paper, refused):
    """A short one is bought back, and not beyond."""
    permit(trades_on_paper)
    run_plan(trade(-2, -200))
    permit(trades_on_paper, reduceOnly=True)
    run_plan(trade(1, 100))
    with refused("NotReducing", before=-WAD, afterwards=WAD):
        run_plan(trade(2, 200))


def test_every_market_is_looked_at(guard, permit, run_plan, trade, trades_on_paper, terms, paper, refused):
    """A reduction here is no leave to open there."""
    permit(trades_on_paper)
    run_plan(trade(2, 200))
    permit(trades_on_paper, reduceOnly=True)
    other = b"OTHER/USD".ljust(32, b"\0")
    with refused("NotReducing", market=other, before=0):
        run_plan(trade(-1, -100), terms.call(paper.trade, other, 1, 0))


def test_a_genuine_position_is_closed_and_not_opened(perp, guard, margin, permit, run_plan, size, refused):
    """At Perp v2: less passes, more does not, the close does."""
    permit(*perp.entries())
    run_plan(perp.trade(2))
    permit(*perp.entries(), reduceOnly=True)
    with refused("NotReducing", before=2 * WAD, afterwards=3 * WAD):
        run_plan(perp.trade(1))
    with refused("NotReducing", before=2 * WAD, afterwards=-WAD):
        run_plan(perp.trade(-3))
    run_plan(perp.trade(-1))
    run_plan(perp.close())
    assert size() == 0
