"""Implied volatility of many prices at once: the solver of `implied_vol` over numpy columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfc, erfcx, ndtri

from trimtab.errors import PricingError
from trimtab.pricing.black76_columns import Column, broadcast_columns
from trimtab.pricing.implied_vol import (
    CONVERGED,
    MAX_ITERATIONS,
    SMALL_TIME,
    SQRT_2PI,
    SQRT_HALF,
    SQRT_HALF_PI,
    generic_implied_vol,
    mills_difference,
)

SCALAR_BELOW = 48  # measured: a loop of the scalar solver is faster up to here

_Derive = Callable[[Column, Column, Column], tuple[Column, Column]]


def implied_vol_black76_columns(
    is_call: ArrayLike,
    price: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike = 0.0,
    *,
    invalid: Literal["raise", "nan"] = "raise",
) -> Column:
    """`implied_vol.implied_vol_black76` over columns. A row without a solution raises `PricingError` with its
    number and the bound that it breaks, or becomes NaN where `invalid` says so."""
    return _dispatch((is_call, price, forward, strike, years, rate), is_spot=False, invalid=invalid)


def implied_vol_black_scholes_columns(
    is_call: ArrayLike,
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    rate: ArrayLike = 0.0,
    *,
    invalid: Literal["raise", "nan"] = "raise",
) -> Column:
    """`implied_vol.implied_vol_black_scholes` over columns; rows without a solution as in Black-76."""
    return _dispatch((is_call, price, spot, strike, years, rate), is_spot=True, invalid=invalid)


def _dispatch(arguments: tuple[ArrayLike, ...], *, is_spot: bool, invalid: str) -> Column:
    columns = broadcast_columns(*arguments)
    size = len(columns[0])
    vol = np.full(size, np.nan)
    rows = np.arange(size)
    if size >= SCALAR_BELOW:
        x, beta, root = _normalise(columns, is_spot=is_spot)
        rows = np.flatnonzero((x <= 0.0) & (beta > 0.0) & (beta < np.exp(0.5 * x)) & (root > 0.0))
        solved = np.zeros(size, dtype=bool)
        solved[rows] = True
        vol[rows] = _solve(x[rows], beta[rows]) / root[rows]
        rows = np.flatnonzero(~solved)
    for row in rows.tolist():
        is_call, *numbers = (float(column[row]) for column in columns)
        try:
            vol[row] = generic_implied_vol(is_call != 0.0, *numbers, is_spot=is_spot)
        except PricingError as error:
            if invalid == "raise":
                raise PricingError(f"row {row}: {error}") from None
    return vol


def _normalise(columns: list[Column], *, is_spot: bool) -> tuple[Column, Column, Column]:
    """(x, beta, root of years) of each row; NaN or out of range where the scalar solver must decide."""
    is_call, price, spot, strike, years, rate = columns
    with np.errstate(all="ignore"):
        discount = np.exp(-rate * years)
        asset = spot if is_spot else spot * discount
        money = strike * discount
        intrinsic = np.maximum(np.where(is_call != 0.0, asset - money, money - asset), 0.0)
        beta = (price - intrinsic) / np.sqrt(asset * money)
        beta[price >= np.where(is_call != 0.0, asset, money)] = np.nan
        return -np.abs(np.log(asset / money)), beta, np.sqrt(years)


def _solve(x: Column, beta: Column) -> Column:
    """`implied_vol.solve_total_vol` row by row, each branch as one set of columns."""
    b_max = np.exp(0.5 * x)
    knee = np.sqrt(-2.0 * x)
    b_knee = np.maximum(0.5 * (b_max - erfc(knee * SQRT_HALF) / b_max), 0.0)
    s = np.empty_like(x)
    is_low = beta < b_knee
    is_high = beta > 0.5 * b_max
    if (rows := np.flatnonzero(is_low)).size:
        guess = knee[rows] * np.sqrt(np.log(b_knee[rows]) / np.log(beta[rows]))
        s[rows] = _iterate(_derive_low, x[rows], np.log(beta[rows]), guess)
    if (rows := np.flatnonzero(~(is_low | is_high))).size:
        guess = knee[rows] + (beta[rows] - b_knee[rows]) * SQRT_2PI / b_max[rows]
        s[rows] = _iterate(_derive_middle, x[rows], beta[rows], guess)
    if (rows := np.flatnonzero(is_high)).size:
        rest = b_max[rows] - beta[rows]
        guess = np.maximum(knee[rows], -2.0 * ndtri(rest / (b_max[rows] + 1.0 / b_max[rows])))
        s[rows] = _iterate(_derive_high, x[rows], np.log(rest), guess)
    return s


def _iterate(derive: _Derive, x: Column, target: Column, s: Column) -> Column:
    """Halley steps, the finished rows set aside after each; `derive` gives the Newton step and f''/f'."""
    out = np.empty_like(s)
    rows: NDArray[np.intp] = np.arange(len(s))
    with np.errstate(all="ignore"):
        for _ in range(MAX_ITERATIONS):
            newton, curve = derive(x, target, s)
            step = newton / np.maximum(0.5 * newton * curve + 1.0, 0.5)
            ahead = np.minimum(np.maximum(s + step, 0.25 * s), 4.0 * s)
            open_rows = np.abs(ahead - s) > CONVERGED * s
            out[rows] = ahead
            if not open_rows.any():
                return out
            rows, x, target, s = rows[open_rows], x[open_rows], target[open_rows], ahead[open_rows]
    raise PricingError(f"no implied volatility found for {len(rows)} rows, first log-moneyness {x[0]!r}")


def _black(x: Column, s: Column) -> tuple[Column, Column, Column]:
    """(b, db/ds, b''/b') of `implied_vol.normalised_black`, for s not far above the knee."""
    h, t = x / s, 0.5 * s
    slope = np.exp(-0.5 * (h * h + t * t)) / SQRT_2PI
    curve = (h * h - t * t) / s
    is_small = t < SMALL_TIME
    if is_small.all():
        return slope * mills_difference(h, t, SQRT_HALF_PI * erfcx(-h * SQRT_HALF)), slope, curve
    b = SQRT_HALF_PI * slope * (erfcx(-(h + t) * SQRT_HALF) - erfcx((t - h) * SQRT_HALF))
    if is_small.any():
        h, t = h[is_small], t[is_small]
        b[is_small] = slope[is_small] * mills_difference(h, t, SQRT_HALF_PI * erfcx(-h * SQRT_HALF))
    return b, slope, curve


def _derive_low(x: Column, target: Column, s: Column) -> tuple[Column, Column]:
    b, slope, curve = _black(x, s)
    value = np.log(b)
    newton = (value / target) * (target - value) * b / slope
    curve = curve - slope / b * (1.0 + 2.0 / value)
    is_lost = ~(b > 0.0)  # underflow: the guess is far too low, take the longest step up
    newton[is_lost], curve[is_lost] = 3.0 * s[is_lost], 0.0
    return newton, curve


def _derive_middle(x: Column, target: Column, s: Column) -> tuple[Column, Column]:
    b, slope, curve = _black(x, s)
    return (target - b) / slope, curve


def _derive_high(x: Column, target: Column, s: Column) -> tuple[Column, Column]:
    h, t = x / s, 0.5 * s
    slope = np.exp(-0.5 * (h * h + t * t)) / SQRT_2PI
    missing = SQRT_HALF_PI * slope * (erfcx((h + t) * SQRT_HALF) + erfcx((t - h) * SQRT_HALF))
    return (np.log(missing) - target) * missing / slope, (h * h - t * t) / s + slope / missing
