"""What option customers want."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.market import (
    OptionBoard,
    OptionChain,
    OptionKind,
    OptionMarket,
    OptionSeries,
    OptionSeriesState,
)
from trimtab.model.order import OptionAction
from trimtab.pricing.black76 import greeks_black_scholes, years_to_expiry
from trimtab.world.flow import LOT, Clip, Demand, Flow, FlowOptions, chance_of_buying

D = Decimal
DAY = 86_400
MARKET = OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS)
NAMES = ("bob", "carol")
SPOT = D(2000)


def board(number: int, days: int, *, is_frozen: bool = False) -> OptionBoard:
    zero, greeks = D(0), Greeks()
    strikes = tuple(
        OptionSeriesState(
            OptionSeries(MARKET, number, 10 * number + i, D(strike), days * DAY),
            D("0.8"), D(1), D("0.8"), zero, zero, greeks, greeks, zero, zero, zero, zero,
        )
        for i, strike in enumerate((1200, 1600, 1800, 2000, 2200, 2400, 3500))
    )  # fmt: skip
    return OptionBoard(MARKET, number, days * DAY, D("0.8"), is_frozen, False, days * DAY - DAY // 2, strikes)


CHAIN = OptionChain(MARKET, SPOT, D("0.05"), (board(2, 84), board(1, 28)), 1, 0)
FLOW = Flow(NAMES, CHAIN, seed=1)


def hold(held: Sequence[Clip], demands: Sequence[Demand], step: int) -> list[Clip]:
    """What customers hold afterwards, if the venue does as they want."""
    after = list(held)
    for number, demand in enumerate(demands):
        intent = demand.intent
        if intent.action is OptionAction.CLOSE:
            (closed,) = [c for c in after if c.position_id == intent.position_id]
            assert (closed.customer, closed.type, closed.amount) == (
                demand.customer,
                intent.type,
                intent.amount,
            )
            after.remove(closed)
        else:
            after.append(
                Clip(demand.customer, 100 * step + number, intent.series, intent.type, intent.amount)
            )
    return after


def play(flow: Flow, steps: int, spot: Decimal = SPOT) -> tuple[list[Demand], list[Decimal]]:
    """Every demand, and the net position of the nearest board after each step."""
    held: list[Clip] = []
    wanted: list[Demand] = []
    net: list[Decimal] = []
    for step in range(steps):
        demands = flow.demands(step, spot, step * 3600, held)
        held = hold(held, demands, step)
        wanted += demands
        net.append(sum((c.signed_amount for c in held if c.series.board_id == 1), D(0)))
    return wanted, net


@given(st.integers(), st.integers(0, 10**6))
def test_the_same_seed_wants_the_same(seed: int, step: int) -> None:
    """A demand depends on seed, step and state alone, not on what was drawn before."""
    flow = replace(FLOW, seed=seed)
    first = flow.demands(step, SPOT, 0, ())
    flow.demands(step + 1, SPOT, 0, ())
    assert flow.demands(step, SPOT, 0, ()) == first


@given(st.integers(0, 10**6), st.integers(1300, 3300).map(D))
def test_every_demand_is_one_that_the_venue_takes(seed: int, spot: Decimal) -> None:
    """Sizes in lots between the smallest and the largest, strikes inside the window of deltas, shorts
    secured with their strike."""
    for demand in play(replace(FLOW, seed=seed), 12, spot)[0]:
        intent, options = demand.intent, FlowOptions()
        assert demand.customer in NAMES
        assert options.smallest <= intent.amount <= options.largest
        assert intent.amount % LOT == 0
        years = years_to_expiry(intent.series.expiry, 11 * 3600)
        delta = greeks_black_scholes(
            OptionKind.CALL, float(spot), float(intent.series.strike), years, 0.8, 0.05
        ).delta
        assert 0.24 < delta < 0.76
        if intent.action is OptionAction.OPEN:
            secured = D(0) if intent.type.is_long else intent.series.strike * intent.amount
            assert intent.set_collateral_to == secured


@pytest.mark.parametrize("seed", range(10))
def test_demand_returns(seed: int) -> None:
    """Over six hundred steps customers buy and sell, open and close, and their net position crosses nothing
    again and again, without ever going far."""
    wanted, net = play(replace(FLOW, seed=seed), 600)
    assert {d.intent.action for d in wanted} == {OptionAction.OPEN, OptionAction.CLOSE}
    assert len({d.intent.type for d in wanted}) == 4
    assert max(map(abs, net)) < 20
    assert sum(a * b < 0 for a, b in pairwise(net)) > 30
    later = sum(d.intent.series.board_id == 2 for d in wanted)
    assert 0.15 < later / 600 < 0.35
    assert len(wanted) - later == 600


@given(st.decimals("-100", "100", places=1), st.decimals("0.1", "100", places=1))
def test_the_longer_they_are_the_rarer_they_buy(net: Decimal, patience: Decimal) -> None:
    """A half when flat, symmetric, falling; patience is where the odds are e to 1."""
    chance = chance_of_buying(net, patience)
    assert chance + chance_of_buying(-net, patience) == pytest.approx(1)
    assert chance >= chance_of_buying(net + 1, patience)
    assert chance_of_buying(patience, patience) == pytest.approx(1 / (1 + 2.718281828459045))


def test_nothing_is_wanted_where_the_venue_would_refuse() -> None:
    """Far from every strike, near the expiry, and on a frozen board there is no demand."""
    assert FLOW.demands(1, D(300), 0, ()) == []
    assert all(d.intent.series.board_id == 2 for d in FLOW.demands(1, SPOT, 27 * DAY, ()))
    frozen = replace(CHAIN, boards=(board(1, 28, is_frozen=True),))
    assert replace(FLOW, chain=frozen).demands(1, SPOT, 0, ()) == []
