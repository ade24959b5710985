"""Black-76 and Black-Scholes over columns of options: plain Python for a few, numpy above.

Units and conventions are those of `black76`. Arguments broadcast against each other; results are columns of
the broadcast length. Above ~25 options numpy wins over a loop; it works in chunks that stay in the cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from trimtab.errors import PricingError
from trimtab.pricing.black76 import (
    DAYS_PER_YEAR,
    MIN_TOTAL_VOL,
    ON_FORWARD,
    ON_SPOT,
    POINT,
    generic_greeks,
)

SCALAR_BELOW = 25  # measured: a loop of plain Python is faster up to here
CHUNK = 10_240  # rows: below, the 60 calls into numpy show; above, the temporaries leave the cache

Column = NDArray[np.float64]
_INV_SQRT_2PI = 1.0 / np.sqrt(2.0 * np.pi)


class GreekColumns(NamedTuple):
    """Price and Greeks of many options, one float column each, in the units that `black76` states."""

    price: Column
    delta: Column
    gamma: Column
    vega: Column
    theta: Column
    rho: Column
    vanna: Column
    volga: Column
    charm: Column


def greeks_black76_columns(
    is_call: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike = 0.0,
) -> GreekColumns:
    """`black76.greeks_black76` over columns; `PricingError` names the first row outside the domain."""
    return _dispatch((is_call, forward, strike, years, vol, rate), is_spot=ON_FORWARD)


def greeks_black_scholes_columns(
    is_call: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    years: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike = 0.0,
) -> GreekColumns:
    """`black76.greeks_black_scholes` over columns; `PricingError` names the first row outside the domain."""
    return _dispatch((is_call, spot, strike, years, vol, rate), is_spot=ON_SPOT)


def broadcast_columns(*arguments: ArrayLike) -> list[Column]:
    """The arguments as float columns of one common length; `PricingError` where they do not match."""
    try:
        columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in arguments))
    except ValueError as error:
        shapes = ", ".join(str(np.shape(a)) for a in arguments)
        raise PricingError(f"columns do not fit each other: shapes {shapes}") from error
    if columns[0].ndim != 1:
        raise PricingError(f"columns must have one dimension, got shape {columns[0].shape}")
    return list(columns)


def _dispatch(arguments: tuple[ArrayLike, ...], *, is_spot: bool) -> GreekColumns:
    columns = broadcast_columns(*arguments)
    size = len(columns[0])
    out = np.empty((len(GreekColumns._fields), size))
    if size < SCALAR_BELOW:
        _fill_rows(columns, out, range(size), is_spot=is_spot)
    else:
        step = -(-size // -(-size // CHUNK))  # chunks of even size
        for start in range(0, size, step):
            rows = slice(start, start + step)
            _fill_chunk([column[rows] for column in columns], out[:, rows], is_spot=is_spot, first=start)
    return GreekColumns(*out)


def _fill_chunk(columns: list[Column], out: Column, *, is_spot: bool, first: int) -> None:
    """All rows at once, in place where it saves a temporary; the degenerate ones once more, one by one."""
    is_call, spot, strike, years, vol, rate = columns
    price, delta, gamma, vega, theta, rho, vanna, volga, charm = out
    with np.errstate(all="ignore"):  # rows without time or volatility are overwritten below
        sign = np.where(is_call != 0.0, 1.0, -1.0)
        root = np.sqrt(years)
        total = vol * root
        drift = rate * years
        discount = np.exp(-drift)
        money = strike * discount
        d1 = np.log(spot / strike)
        if is_spot:
            d1 += drift
        d1 /= total
        d1 += 0.5 * total
        d2 = d1 - total
        np.multiply(sign, ndtr(sign * d1), out=delta)
        bond = ndtr(sign * d2)
        bond *= sign
        bond *= money
        density = np.exp(-0.5 * d1 * d1)
        density *= _INV_SQRT_2PI
        if not is_spot:
            delta *= discount
            density *= discount
        np.multiply(spot, delta, out=price)
        price -= bond
        np.maximum(price, 0.0, out=price)
        np.divide(density, spot * total, out=gamma)
        np.multiply(spot, density, out=vega)
        vega *= root
        vega *= POINT
        per_point = POINT / vol
        np.multiply(d1, d2, out=volga)
        volga *= vega
        volga *= per_point
        np.multiply(d2, density, out=vanna)
        vanna *= -per_point
        half_per_year = 0.5 / years
        np.multiply(vega, vol, out=theta)
        theta *= half_per_year * (-1.0 / POINT)
        theta -= rate * bond
        d2 *= half_per_year
        np.multiply(bond if is_spot else price, years if is_spot else -years, out=rho)
        rho *= POINT
        if is_spot:
            d2 -= rate / total
        np.multiply(density, d2, out=charm)
        if not is_spot:
            theta += rate * spot * delta
            charm += rate * delta
        theta /= DAYS_PER_YEAR
        charm /= DAYS_PER_YEAR
        # a bad spot, strike or vol shows in d1, a bad rate in theta; NaN compares false
        is_regular = (total >= MIN_TOTAL_VOL) & np.isfinite(d1) & np.isfinite(theta)
    if not is_regular.all():
        _fill_rows(columns, out, np.flatnonzero(~is_regular).tolist(), is_spot=is_spot, first=first)


def _fill_rows(
    columns: list[Column], out: Column, rows: Iterable[int], *, is_spot: bool, first: int = 0
) -> None:
    """The rows one by one through the scalar model; `first` is the number of row 0, for the message."""
    for row in rows:
        is_call, spot, strike, years, vol, rate = (float(column[row]) for column in columns)
        try:
            out[:, row] = generic_greeks(is_call != 0.0, spot, strike, years, vol, rate, is_spot)
        except PricingError as error:
            raise PricingError(f"row {first + row}: {error}") from None
