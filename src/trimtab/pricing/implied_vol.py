"""Implied volatility of a Black-76 or Black-Scholes price, to the last digits that the price carries.

The option is turned into its out-of-the-money twin and normalised: x = -|ln(F/K)|, beta = undiscounted price
/ sqrt(F K), and beta = b(x, s) is solved for the total volatility s = vol * sqrt(years). One Halley iteration
works on the form of the equation that is nearly linear where the price lies: 1/ln b far out of the money, b
itself in the middle, ln(b_max - b) for very high volatility. Prices use the scaled erfcx, so that nothing
cancels. Idea of the three branches: P. Jaeckel, "Let's Be Rational" (2015); the solver here is our own.

Relative error at most 1e-13, plus what the price itself cannot tell: a rounding of the price of e moves the
volatility by e / vega. A price on its lower bound has volatility 0; outside the bounds `PricingError`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import erfc, exp, inf, log, pi, sqrt
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import cython_special

from trimtab.errors import PricingError
from trimtab.model.market import OptionKind
from trimtab.pricing.black76 import check_domain

MAX_ITERATIONS = 32
CONVERGED = 1e-6  # a relative step of 1e-6 leaves 1e-18 behind: the iteration is of third order
SMALL_TIME = 0.1  # below this s/2 the difference of two erfcx cancels, a Taylor series does not

SQRT_HALF = sqrt(0.5)
SQRT_2PI = sqrt(2.0 * pi)
SQRT_HALF_PI = 0.5 * SQRT_2PI

erfcx: Callable[[float], float] = cython_special.erfcx  # a tenth of the call cost of the ufunc
ndtri: Callable[[float], float] = cython_special.ndtri
Number = TypeVar("Number", float, NDArray[np.float64])


def implied_vol_black76(
    kind: OptionKind, price: float, forward: float, strike: float, years: float, rate: float = 0.0
) -> float:
    """Volatility (annualised fraction) at which `black76.price_black76` gives `price`. `PricingError` names
    the arbitrage bound that the price breaks."""
    return generic_implied_vol(kind is OptionKind.CALL, price, forward, strike, years, rate, is_spot=False)


def implied_vol_black_scholes(
    kind: OptionKind, price: float, spot: float, strike: float, years: float, rate: float = 0.0
) -> float:
    """Volatility (annualised fraction) at which `black76.price_black_scholes` gives `price`. `PricingError`
    names the arbitrage bound that the price breaks."""
    return generic_implied_vol(kind is OptionKind.CALL, price, spot, strike, years, rate, is_spot=True)


def generic_implied_vol(
    is_call: bool, price: float, spot: float, strike: float, years: float, rate: float, *, is_spot: bool
) -> float:
    """Implied volatility by either model, the one way in for scalars and columns."""
    check_domain(spot, strike, years, 0.0, rate)
    discount = exp(-rate * years)
    asset = spot if is_spot else spot * discount
    money = strike * discount
    check_bounds(is_call, price, asset, money)
    sign = 1.0 if is_call else -1.0
    value = price - max(sign * (asset - money), 0.0)
    if value <= 0.0:
        return 0.0
    if years == 0.0:
        raise PricingError(f"price {price!r} is above its intrinsic value, but no time is left: years is 0")
    return solve_total_vol(-abs(log(asset / money)), value / sqrt(asset * money)) / sqrt(years)


def check_bounds(is_call: bool, price: float, asset: float, money: float) -> None:
    """Raise `PricingError` naming the arbitrage bound that `price` breaks: below the discounted intrinsic
    value, or not below the asset (call) or the discounted strike (put)."""
    sign, upper, name = (1.0, asset, "asset") if is_call else (-1.0, money, "discounted strike")
    lower = max(sign * (asset - money), 0.0)
    kind = "call" if is_call else "put"
    if not -inf < price < inf:
        raise PricingError(f"{kind} price is {price!r}, it must be a finite number")
    if price < lower:
        raise PricingError(f"{kind} price {price!r} is below the lower bound {lower!r}, its intrinsic value")
    if price >= upper:
        raise PricingError(f"{kind} price {price!r} is not below the upper bound {upper!r}, the {name}")


def solve_total_vol(x: float, beta: float) -> float:
    """s > 0 with normalised_black(x, s) = beta, for x <= 0 and 0 < beta < exp(x / 2)."""
    b_max = exp(0.5 * x)
    knee = sqrt(-2.0 * x)  # where b turns from convex to concave in s
    b_knee = 0.5 * (b_max - erfc(knee * SQRT_HALF) / b_max) if x < 0.0 else 0.0
    if beta < b_knee:
        return _solve_low(x, beta, knee * sqrt(log(b_knee) / log(beta)))
    if beta <= 0.5 * b_max:
        return _solve_middle(x, beta, knee + (beta - b_knee) * SQRT_2PI / b_max)
    rest = b_max - beta
    return _solve_high(x, rest, max(knee, -2.0 * ndtri(rest / (b_max + 1.0 / b_max))))


def normalised_black(x: float, s: float) -> float:
    """Undiscounted out-of-the-money price over sqrt(F K), relative precision kept for every x <= 0, s > 0."""
    h, t = x / s, 0.5 * s
    if t < SMALL_TIME:
        mills = SQRT_HALF_PI * erfcx(-h * SQRT_HALF)
        return exp(-0.5 * (h * h + t * t)) / SQRT_2PI * mills_difference(h, t, mills)
    if h + t > 1.0:  # most of the asset: nothing cancels, and the plain form rounds less
        return 0.5 * (exp(0.5 * x) * erfc(-(h + t) * SQRT_HALF) - exp(-0.5 * x) * erfc((t - h) * SQRT_HALF))
    scale = 0.5 * exp(-0.5 * (h * h + t * t))
    return scale * (erfcx(-(h + t) * SQRT_HALF) - erfcx((t - h) * SQRT_HALF))


def mills_difference(h: Number, t: Number, mills: Number) -> Number:
    """Y(h + t) - Y(h - t) for Y = N / n and `mills` = Y(h), by the Taylor series in t with Y' = 1 + h Y and
    Y^(k+1) = h Y^(k) + k Y^(k-1): odd terms only, the seventh is below 1e-17 of the sum for t < 0.1."""
    even = mills
    odd = h * mills + 1.0
    power = t * 2.0
    total = power * odd
    for k in (2.0, 4.0, 6.0, 8.0, 10.0):
        even = h * odd + even * (k - 1.0)
        odd = h * even + odd * k
        power = power * t * t / (k * (k + 1.0))
        total = total + power * odd
    return total


def _slope(x: float, s: float) -> tuple[float, float]:
    """db/ds, and the ratio of the second to the first derivative."""
    h, t = x / s, 0.5 * s
    return exp(-0.5 * (h * h + t * t)) / SQRT_2PI, (h * h - t * t) / s


def _solve_low(x: float, beta: float, s: float) -> float:
    target = log(beta)
    for _ in range(MAX_ITERATIONS):
        b = normalised_black(x, s)
        if b <= 0.0:  # underflow: the guess is far too low
            s *= 2.0
            continue
        slope, curve = _slope(x, s)
        value = log(b)
        newton = (value / target) * (target - value) * b / slope
        s, is_done = _halley(s, newton, curve - slope / b * (1.0 + 2.0 / value))
        if is_done:
            return s
    raise _no_convergence(x, beta)


def _solve_middle(x: float, beta: float, s: float) -> float:
    for _ in range(MAX_ITERATIONS):
        slope, curve = _slope(x, s)
        s, is_done = _halley(s, (beta - normalised_black(x, s)) / slope, curve)
        if is_done:
            return s
    raise _no_convergence(x, beta)


def _solve_high(x: float, rest: float, s: float) -> float:
    for _ in range(MAX_ITERATIONS):
        h, t = x / s, 0.5 * s
        slope, curve = _slope(x, s)
        missing = 0.5 * SQRT_2PI * slope * (erfcx((h + t) * SQRT_HALF) + erfcx((t - h) * SQRT_HALF))
        newton = (log(missing) - log(rest)) * missing / slope
        s, is_done = _halley(s, newton, curve + slope / missing)
        if is_done:
            return s
    raise _no_convergence(x, rest)


def _halley(s: float, newton: float, curve: float) -> tuple[float, bool]:
    """The next s, kept within a factor of 4 of this one, and whether it is final."""
    step = newton / max(1.0 + 0.5 * newton * curve, 0.5)
    ahead = min(max(s + step, 0.25 * s), 4.0 * s)
    return ahead, abs(ahead - s) <= CONVERGED * s


def _no_convergence(x: float, target: float) -> PricingError:
    return PricingError(
        f"no implied volatility found for log-moneyness {x!r} and normalised price {target!r}"
    )
