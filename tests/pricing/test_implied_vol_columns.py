"""Implied volatility over columns: the same solutions as one by one, bad rows named."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import PricingError
from trimtab.model.market import OptionKind
from trimtab.pricing.black76 import greeks_black_scholes
from trimtab.pricing.black76_columns import greeks_black_scholes_columns
from trimtab.pricing.implied_vol import implied_vol_black76, implied_vol_black_scholes
from trimtab.pricing.implied_vol_columns import (
    implied_vol_black76_columns,
    implied_vol_black_scholes_columns,
)

CALL, PUT = OptionKind.CALL, OptionKind.PUT
EPSILON = sys.float_info.epsilon


@settings(max_examples=40)
@given(size=st.sampled_from([1, 47, 48, 500]), seed=st.integers(0, 10_000))
def test_columns_equal_scalar(size: int, seed: int) -> None:
    """Every row equals the scalar solution, for short and long columns, all branches mixed."""
    rng = np.random.default_rng(seed)
    years, vol = rng.uniform(0.003, 2.0, size), 10.0 ** rng.uniform(-1.3, 0.7, size)
    strike = 2000.0 * np.exp(rng.normal(0.0, 1.5, size) * vol * np.sqrt(years))
    is_call = strike > 2000.0 * np.exp(0.05 * years)
    price = greeks_black_scholes_columns(is_call, 2000.0, strike, years, vol, 0.05).price
    found = implied_vol_black_scholes_columns(is_call, price, 2000.0, strike, years, 0.05, invalid="nan")
    for row in range(size):
        kind = CALL if is_call[row] else PUT
        arguments = (2000.0, float(strike[row]), float(years[row]))
        try:
            one = implied_vol_black_scholes(kind, float(price[row]), *arguments, 0.05)
        except PricingError:
            assert math.isnan(found[row])
            continue
        vega = 100.0 * greeks_black_scholes(kind, *arguments, max(one, 1e-9), 0.05).vega
        slack = 1e-12 + 50 * EPSILON * float(price[row]) / max(vega * one, 1e-300)
        assert found[row] == pytest.approx(one, rel=slack)


def test_columns_mark_rows_without_solution() -> None:
    """With invalid="nan" good rows are solved and the others become NaN."""
    price = np.full(100, 30.0)
    price[[3, 50]] = [19.0, 130.0]
    found = implied_vol_black76_columns(True, price, 120.0, 100.0, 0.5, invalid="nan")
    assert np.flatnonzero(np.isnan(found)).tolist() == [3, 50]
    assert found[0] == pytest.approx(implied_vol_black76(CALL, 30.0, 120.0, 100.0, 0.5), rel=1e-14)


@pytest.mark.parametrize("size", [10, 100])
@pytest.mark.parametrize(
    ("is_call", "price", "bound"),
    [
        (True, 19.0, "lower bound"),
        (True, 120.0, "not below the upper bound"),
        (False, 100.0, "not below the upper bound"),
        (False, -0.5, "lower bound"),
        (True, math.nan, "finite"),
    ],
)
def test_broken_bounds_are_named(size: int, is_call: bool, price: float, bound: str) -> None:
    """A row outside the arbitrage bounds is a PricingError with its number and the bound, for short columns
    and long ones."""
    prices = np.full(size, 30.0)
    prices[-1] = price
    with pytest.raises(PricingError, match=f"row {size - 1}: .*{bound}"):
        implied_vol_black76_columns(is_call, prices, 120.0, 100.0, 0.5)


def test_precision_of_ten_thousand() -> None:
    """Out-of-the-money prices within three standard deviations give their volatility back to 1e-13."""
    rng = np.random.default_rng(7)
    years, vol = rng.uniform(0.02, 1.0, 10_000), rng.uniform(0.2, 1.5, 10_000)
    strike = 2000.0 * np.exp(np.clip(rng.normal(0.0, 1.0, 10_000), -3.0, 3.0) * vol * np.sqrt(years))
    is_call = strike > 2000.0
    price = greeks_black_scholes_columns(is_call, 2000.0, strike, years, vol).price
    found = implied_vol_black_scholes_columns(is_call, price, 2000.0, strike, years)
    assert np.max(np.abs(found / vol - 1.0)) < 1e-13
