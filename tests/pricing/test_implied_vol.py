"""Implied volatility: the way back from a price, scalar and columns."""

from __future__ import annotations

import math
import sys

import pytest
import vollib.black_scholes.implied_volatility as oracle
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trimtab.errors import PricingError
from trimtab.model.market import OptionKind
from trimtab.pricing.black76 import price_black76, price_black_scholes
from trimtab.pricing.implied_vol import (
    implied_vol_black76,
    implied_vol_black_scholes,
    normalised_black,
    solve_total_vol,
)

CALL, PUT = OptionKind.CALL, OptionKind.PUT
EPSILON = sys.float_info.epsilon


def condition(x: float, s: float, beta: float) -> float:
    """Relative change of the volatility for a relative change of the price."""
    h, t = x / s, s / 2
    return beta * math.sqrt(2 * math.pi) * math.exp(0.5 * (h * h + t * t)) / s


@settings(max_examples=500)
@given(
    x=st.one_of(st.just(0.0), st.floats(-8.0, 1.0).map(lambda e: -(10.0**e))),
    s=st.floats(-4.0, 1.0).map(lambda e: 10.0**e),
)
def test_round_trip_over_the_whole_domain(x: float, s: float) -> None:
    """From 1e-8 to 10 in log-moneyness and 0.0001 to 10 in total volatility the error is at most 1e-13, plus
    what a rounding of the price itself moves the volatility."""
    beta = normalised_black(x, s)
    assume(1e-300 < beta < math.exp(0.5 * x) * (1.0 - 1e-15))
    allowed = 1e-13 + 16.0 * EPSILON * condition(x, s, beta)
    assert abs(solve_total_vol(x, beta) / s - 1.0) <= allowed


@given(
    years=st.floats(0.003, 3.0),
    vol=st.floats(0.05, 3.0),
    deviations=st.floats(-4.0, 4.0),
    rate=st.floats(-0.05, 0.1),
    kind=st.sampled_from([CALL, PUT]),
)
def test_round_trip_of_prices(
    years: float, vol: float, deviations: float, rate: float, kind: OptionKind
) -> None:
    """The volatility of a price of either model gives that price back, in and out of the money."""
    strike = 2000.0 * math.exp(deviations * vol * math.sqrt(years))
    pairs = ((price_black76, implied_vol_black76), (price_black_scholes, implied_vol_black_scholes))
    for price_of, vol_of in pairs:
        price = price_of(kind, 2000.0, strike, years, vol, rate)
        try:
            found = vol_of(kind, price, 2000.0, strike, years, rate)
        except PricingError:  # the rounded price of a deep option may fall on the wrong side of its bound
            assert abs(deviations) > 2.0
            continue
        assert price_of(kind, 2000.0, strike, years, found, rate) == pytest.approx(
            price, abs=1e-13 * (2000.0 + strike)
        )


@given(years=st.floats(0.01, 2.0), vol=st.floats(0.1, 2.0), deviations=st.floats(0.05, 3.0))
def test_vollib_agrees(years: float, vol: float, deviations: float) -> None:
    """For out-of-the-money prices the answer is that of Jaeckel's algorithm, to 1e-12."""
    for kind, sign in ((CALL, 1), (PUT, -1)):
        strike = 100.0 * math.exp(sign * deviations * vol * math.sqrt(years))
        price = price_black_scholes(kind, 100.0, strike, years, vol, 0.0)
        theirs = oracle.implied_volatility(price, 100.0, strike, years, 0.0, kind.value[0])
        ours = implied_vol_black_scholes(kind, price, 100.0, strike, years, 0.0)
        assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(
    ("kind", "price", "bound"),
    [
        (CALL, 19.0, "lower bound"),
        (CALL, 120.0, "not below the upper bound"),
        (PUT, 100.0, "not below the upper bound"),
        (PUT, -0.5, "lower bound"),
        (CALL, math.nan, "finite"),
        (PUT, math.inf, "finite"),
    ],
)
def test_broken_bounds_are_named(kind: OptionKind, price: float, bound: str) -> None:
    """A price outside the arbitrage bounds is a PricingError that says which bound."""
    with pytest.raises(PricingError, match=bound):
        implied_vol_black76(kind, price, 120.0, 100.0, 0.5)


def test_intrinsic_price_has_no_volatility() -> None:
    """A price exactly on its lower bound has volatility 0; above it without time left there is none."""
    assert implied_vol_black76(CALL, 20.0, 120.0, 100.0, 0.5) == 0.0
    assert implied_vol_black76(PUT, 0.0, 120.0, 100.0, 0.0) == 0.0
    with pytest.raises(PricingError, match="no time is left"):
        implied_vol_black76(CALL, 21.0, 120.0, 100.0, 0.0)
