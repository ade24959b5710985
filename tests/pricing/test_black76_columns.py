"""Columns of options: the same numbers as one by one, whatever the length."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import PricingError
from trimtab.model.market import OptionKind
from trimtab.pricing import black76_columns
from trimtab.pricing.black76 import greeks_black76, greeks_black_scholes
from trimtab.pricing.black76_columns import greeks_black76_columns, greeks_black_scholes_columns

PAIRS = pytest.mark.parametrize(
    ("columns", "scalar"),
    [(greeks_black76_columns, greeks_black76), (greeks_black_scholes_columns, greeks_black_scholes)],
)


def random_book(size: int, seed: int) -> list[np.ndarray]:
    """(is_call, spot, strike, years, vol, rate) with some rows without time or volatility."""
    rng = np.random.default_rng(seed)
    years, vol = rng.uniform(0.01, 2.0, size), rng.uniform(0.05, 2.0, size)
    spot = rng.uniform(1.0, 3000.0, size)
    strike = spot * np.exp(rng.normal(0.0, 1.5, size) * vol * np.sqrt(years))
    years[rng.random(size) < 0.05] = 0.0
    vol[rng.random(size) < 0.05] = 0.0
    return [rng.random(size) < 0.5, spot, strike, years, vol, rng.uniform(-0.05, 0.1, size)]


@PAIRS
@settings(max_examples=40)
@given(size=st.sampled_from([1, 2, 24, 25, 26, 300]), seed=st.integers(0, 10_000))
def test_columns_equal_scalar(columns: object, scalar: object, size: int, seed: int) -> None:
    """Every row of every column equals the scalar result to the rounding of the last digits."""
    book = random_book(size, seed)
    result = np.array(columns(*book))  # type: ignore[operator]
    for row in range(size):
        is_call, *numbers = (column[row] for column in book)
        one = np.array(scalar(OptionKind.CALL if is_call else OptionKind.PUT, *map(float, numbers)))  # type: ignore[operator]
        np.testing.assert_allclose(result[:, row], one, rtol=1e-11, atol=1e-13 * (numbers[0] + numbers[1]))


def test_chunks_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """A book longer than a chunk gives what it gives in one piece, in order."""
    book = random_book(1000, 7)
    whole = np.array(greeks_black_scholes_columns(*book))
    monkeypatch.setattr(black76_columns, "CHUNK", 64)
    np.testing.assert_array_equal(np.array(greeks_black_scholes_columns(*book)), whole)


def test_scalars_broadcast() -> None:
    """One spot and one rate serve a column of strikes."""
    strikes = np.linspace(1000.0, 3000.0, 40)
    result = greeks_black_scholes_columns(True, 2000.0, strikes, 0.25, 0.6, 0.05)
    one = greeks_black_scholes(OptionKind.CALL, 2000.0, float(strikes[11]), 0.25, 0.6, 0.05)
    assert result.gamma.shape == (40,)
    assert result.gamma[11] == pytest.approx(one.gamma, rel=1e-12)


@pytest.mark.parametrize("size", [3, 200, 30_000])
@pytest.mark.parametrize(
    ("column", "value"),
    [(1, -1.0), (2, 0.0), (3, -0.1), (4, math.nan), (4, -0.1), (5, math.inf), (1, math.inf)],
)
def test_a_bad_row_is_named(size: int, column: int, value: float) -> None:
    """A row outside the domain is a PricingError with its number in the whole book, whatever the length."""
    book = random_book(size, 3)
    book[3][:], book[4][:] = 0.5, 0.5
    book[column][size - 2] = value
    for function in (greeks_black76_columns, greeks_black_scholes_columns):
        with pytest.raises(PricingError, match=f"row {size - 2}: "):
            function(*book)


def test_lengths_must_match() -> None:
    """Columns of different lengths are refused with their shapes."""
    with pytest.raises(PricingError, match=r"\(3,\)"):
        greeks_black76_columns(True, [1.0, 2.0], [1.0, 2.0, 3.0], 0.5, 0.5)
