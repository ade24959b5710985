"""Attribution: the parts are the right ones, and they add up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import PricingError
from trimtab.hedging.attribution import (
    Attribution,
    OptionHolding,
    StepSnapshot,
    Trade,
    attribute_step,
    attribute_steps,
)
from trimtab.model.market import OptionKind
from trimtab.model.units import decimal_from_float
from trimtab.pricing.black76 import greeks_black_scholes, price_black_scholes, years_to_expiry

DAY = 86_400
EXPIRY = 28 * DAY
RATE = Decimal("0.05")
D = Decimal


def mark(kind: OptionKind, strike: Decimal, iv: Decimal, spot: Decimal, at: int) -> Decimal:
    years = years_to_expiry(EXPIRY, at)
    price = price_black_scholes(kind, float(spot), float(strike), years, float(iv), float(RATE))
    return decimal_from_float(price, 18)


def snapshot(at: int, spot: Decimal, iv: Decimal, *, cash: Decimal | None = None) -> StepSnapshot:
    """A short strangle with its accounts: what a venue that marks by the model would say."""
    options = tuple(
        OptionHolding(kind.value, kind, D(-10), strike, EXPIRY, iv, mark(kind, strike, iv, spot, at))
        for kind, strike in ((OptionKind.CALL, D(2100)), (OptionKind.PUT, D(1900)))
    )
    accounts = {"options": sum((o.amount * o.mark_price for o in options), D(0)), "cash": cash or D(0)}
    return StepSnapshot(at, spot, D(0), spot, accounts, options, rate=RATE)


moves = st.decimals("-300", "300", places=4)
vols = st.decimals("0.3", "1.5", places=4)


@given(move=moves, iv=vols, iv_after=vols, days=st.integers(0, 27))
def test_parts_add_up_to_the_change(move: Decimal, iv: Decimal, iv_after: Decimal, days: int) -> None:
    """For options marked by the model the parts explain the change of value to the last digits, whatever
    moved."""
    step = attribute_step(snapshot(0, D(2000), iv), snapshot(days * DAY, 2000 + move, iv_after))
    assert abs(step.unexplained) < D("1e-9")
    assert step.total + step.unexplained == step.change


def test_each_cause_moves_its_own_part() -> None:
    """Time alone gives theta, volatility alone vega, the spot alone delta and gamma; signs as for a short
    strangle."""
    start = snapshot(0, D(2000), D("0.7"))
    time = attribute_step(start, snapshot(DAY, D(2000), D("0.7")))
    assert time.theta > 0
    assert time.delta == time.gamma == time.vega == 0
    vol = attribute_step(start, snapshot(0, D(2000), D("0.71")))
    assert vol.vega < 0
    assert vol.delta == vol.gamma == vol.theta == 0
    spot = attribute_step(start, snapshot(0, D(2010), D("0.7")))
    assert spot.gamma < 0
    assert spot.theta == spot.vega == 0
    greeks = greeks_black_scholes(OptionKind.CALL, 2000.0, 2100.0, 28 / 365, 0.7, 0.05)
    alone = replace(start, options=start.options[:1])
    moved = snapshot(0, D(2010), D("0.7"))
    step = attribute_step(alone, replace(moved, options=moved.options[:1]))
    assert float(step.option_delta) == pytest.approx(-10 * greeks.delta * 10, rel=1e-12)
    assert float(step.gamma) == pytest.approx(-10 * greeks.gamma * 50, rel=1e-12)


@given(
    size=moves,
    move=moves,
    price=st.decimals("1500", "2500", places=2),
    paid=st.decimals("-50", "50", places=6),
)
def test_perp_trades_and_payments(size: Decimal, move: Decimal, price: Decimal, paid: Decimal) -> None:
    """A perp held earns its mark's move; a trade in the step earns mark minus price; payments are their own
    parts: exact, nothing unexplained."""
    traded = D("3.5")
    cash = size * move + traded * (2000 + move - price) - paid - 2 * paid - 3 * paid
    before = StepSnapshot(0, D(2000), size, D(2000), {"perp": D(100)})
    after = StepSnapshot(
        60, 2000 + move, size + traded, 2000 + move, {"perp": 100 + cash}, trades=(Trade(traded, price),),
        funding_paid=paid, fees_paid=2 * paid, gas_paid=3 * paid,
    )  # fmt: skip
    step = attribute_step(before, after)
    assert step.perp_price == size * move
    assert step.slippage == traded * (2000 + move - price)
    assert (step.funding, step.trading_fees, step.gas) == (-paid, -2 * paid, -3 * paid)
    assert step.unexplained == 0


def test_holdings_and_deposits() -> None:
    """Underlying owned outright earns the spot's move; money from outside is no profit."""
    before = StepSnapshot(0, D(2000), D(0), D(2000), {"wallet": D(4000)}, holdings=D(2))
    after = StepSnapshot(9, D(2100), D(0), D(2100), {"wallet": D(4700)}, holdings=D(2), deposits=D(500))
    step = attribute_step(before, after)
    assert step.holdings == step.delta == step.change == 200
    assert step.unexplained == 0


def test_closing_an_option() -> None:
    """A position closed in the step is revalued to the end and its sale counts against the last mark."""
    before = snapshot(0, D(2000), D("0.7"))
    end = snapshot(DAY, D(2050), D("0.65"))
    call = end.options[0]
    trade = Trade(D(10), call.mark_price + 2, option="call")
    after = replace(
        end,
        options=(replace(call, amount=D(0)), end.options[1]),
        trades=(trade,),
        accounts={"options": -10 * end.options[1].mark_price, "cash": -10 * (call.mark_price + 2)},
    )
    step = attribute_step(before, after)
    assert step.slippage == -20
    assert abs(step.unexplained) < D("1e-9")


def test_unexplained_is_what_the_books_do_not_say() -> None:
    """Money that the contracts show and no part explains comes out to the cent."""
    start = snapshot(0, D(2000), D("0.7"))
    step = attribute_step(start, snapshot(DAY, D(2000), D("0.7"), cash=D("12.34")))
    assert abs(step.unexplained - D("12.34")) < D("1e-9")


def test_expiry_inside_a_step() -> None:
    """Theta stops at the expiry, and the parts still add up to the intrinsic value."""
    before = snapshot(EXPIRY - DAY, D(2000), D("0.7"))
    step = attribute_step(before, snapshot(EXPIRY + 5 * DAY, D(2300), D("0.7")))
    within = attribute_step(before, snapshot(EXPIRY, D(2300), D("0.7")))
    assert step.theta == within.theta
    assert abs(step.unexplained) < D("1e-9")


def test_steps_accumulate() -> None:
    """Cumulative parts are the sums of the steps, start at zero, and keep the identity."""
    path = [snapshot(i * DAY, D(2000 + 40 * i * (-1) ** i), D("0.7") + D(i) / 100) for i in range(6)]
    cumulative = attribute_steps(path)
    assert cumulative[0] == Attribution()
    steps = [attribute_step(a, b) for a, b in pairwise(path)]
    assert cumulative[-1].gamma == sum(step.gamma for step in steps)
    assert cumulative[-1].change == path[-1].equity - path[0].equity
    assert sum(cumulative[-1].parts.values()) == cumulative[-1].total
    assert sum(cumulative[-1].delta_parts.values()) == cumulative[-1].delta


def test_gaps_in_the_record_are_refused() -> None:
    """A vanished option, a trade of an unknown one and time running backwards are errors that say so."""
    start, end = snapshot(0, D(2000), D("0.7")), snapshot(DAY, D(2000), D("0.7"))
    with pytest.raises(PricingError, match="put was held"):
        attribute_step(start, replace(end, options=end.options[:1]))
    with pytest.raises(PricingError, match="option straddle"):
        attribute_step(start, replace(end, trades=(Trade(D(1), D(1), option="straddle"),)))
    with pytest.raises(PricingError, match="before the earlier"):
        attribute_step(end, start)
