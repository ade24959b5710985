"""Leverage: notional over equity after every call that a probe reads, or not above what it was."""

from __future__ import annotations

import pytest

WAD = 10**18


@pytest.fixture
def entries(terms, paper, trades_on_paper):
    """Trades and margin on paper."""
    return trades_on_paper, terms.allow(paper.deposit, probe=paper)


@pytest.fixture
def deposit(terms, paper):
    return lambda amount: terms.call(paper.deposit, int(amount * WAD))


def test_a_trade_above_the_most_is_refused(guard, permit, run_plan, trade, entries, deposit, paper, refused):
    """Five units at 200 on 500 are twice; the cap itself passes, and a trade more does not."""
    permit(*entries, maxLeverage=2 * WAD)
    run_plan(deposit(500), trade(5, 500))
    with refused("LeverageAbove", probe=paper.address, notional=1_200 * WAD, equity=500 * WAD, max=2 * WAD):
        run_plan(trade(1, 100))


def test_margin_out_raises_it_too(guard, permit, run_plan, trade, entries, deposit, refused):
    """A call that is no trade is bounded by the same number: put in, trade, take out."""
    permit(*entries, maxLeverage=2 * WAD)
    with refused("LeverageAbove", notional=1_000 * WAD, equity=499 * WAD):
        run_plan(deposit(900), trade(5, 500), deposit(-401))
    run_plan(deposit(900), trade(5, 500), deposit(-400))


def test_every_step_counts_not_the_end(guard, permit, run_plan, trade, entries, deposit, refused):
    """Above it for one call of a plan is above it."""
    permit(*entries, maxLeverage=2 * WAD)
    with refused("LeverageAbove"):
        run_plan(deposit(500), trade(6, 600), trade(-1, -100))


def test_an_account_above_it_may_be_made_safer(guard, permit, run_plan, trade, entries, deposit, refused):
    """The owner lowered the cap: smaller positions and more margin pass, more risk does not."""
    permit(*entries)
    run_plan(deposit(500), trade(5, 500))
    permit(*entries, maxLeverage=WAD)
    run_plan(trade(-1, -100))
    run_plan(deposit(10))
    for call in (trade(1, 100), deposit(-1)):
        with refused("LeverageAbove"):
            run_plan(call)


def test_without_equity_nothing_is_small_enough(guard, permit, run_plan, trade, entries, deposit, refused):
    """A position without margin is above any number; margin that brings equity back passes."""
    permit(*entries, maxLeverage=10**9 * WAD)
    with refused("LeverageAbove", equity=0):
        run_plan(trade(1, 100))
    permit(*entries)
    run_plan(trade(1, 200))
    permit(*entries, maxLeverage=WAD)
    with refused("LeverageAbove", equity=-200 * WAD):
        run_plan(trade(1, 200))
    run_plan(deposit(101))


def test_without_positions_there_is_none(guard, permit, run_plan, trade, entries, deposit):
    """A closed book passes a cap of nothing, with a debt as well."""
    permit(*entries)
    run_plan(deposit(1), trade(1, 100))
    permit(*entries, maxLeverage=0)
    run_plan(trade(-1, -50))
    run_plan(deposit(-1))


def test_a_genuine_account_is_bounded(perp, guard, margin, permit, run_plan, size, refused):
    """Perp v2's own margin would allow ten times: the limits say twice, of trades and withdrawals."""
    permit(*perp.entries(), maxLeverage=2 * WAD)
    price = perp.accounts.getMarkPrice(perp.base)
    fits = 10_000 * WAD * 1.9 / price
    run_plan(perp.trade(fits))
    with refused("LeverageAbove", probe=perp.probe.address, max=2 * WAD):
        run_plan(perp.trade(fits / 10))
    with refused("LeverageAbove"):
        run_plan(perp.terms.call(perp.vault.withdraw, perp.usdc, 2_000 * 10**6))
    run_plan(perp.terms.call(perp.vault.withdraw, perp.usdc, 100 * 10**6))
