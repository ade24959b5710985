"""Black-76 on a forward and Black-Scholes on a spot, one option at a time: price and eight Greeks.

Plain `math` is the fastest there is below about 25 options; `black76_columns` takes over above.

Units, the same as in `model.greeks.Greeks`, per one option and in quote currency unless said:
price; delta: units of underlying (the forward for Black-76); gamma: delta per 1 of underlying price;
vega: per volatility point (0.01); theta: per calendar day of 1/365 year; rho: per percentage point of rate
(0.01), the forward held for Black-76, the spot held for Black-Scholes; vanna: delta per volatility point;
volga: vega per volatility point; charm: delta per calendar day.

`vol` and `rate` are annualised fractions (0.65, 0.05), the rate continuously compounded, `years` in years of
365 days. Source of the formulas: E. G. Haug, "The Complete Guide to Option Pricing Formulas", 2nd ed., ch. 2,
with cost of carry b = 0 (Black-76) or b = r (Black-Scholes).
"""

from __future__ import annotations

from math import erfc, exp, inf, log, pi, sqrt
from typing import NamedTuple

from trimtab.errors import PricingError
from trimtab.model.greeks import Greeks
from trimtab.model.market import OptionKind
from trimtab.model.units import decimal_from_float

YEAR_SECONDS = 365 * 86_400
DAYS_PER_YEAR = 365.0
POINT = 0.01  # one volatility point, one percentage point of rate

# Below this total volatility d1 * d2 would overflow; the option is its intrinsic value long before.
MIN_TOTAL_VOL = 1e-50

_SQRT_HALF = sqrt(0.5)
_INV_SQRT_2PI = 1.0 / sqrt(2.0 * pi)
_CALL = OptionKind.CALL
ON_FORWARD, ON_SPOT = False, True  # which of the two models: `is_spot`
_NEW = tuple.__new__  # a named tuple's own constructor costs as much as an erfc


class PriceGreeks(NamedTuple):
    """Price and Greeks of one option, floats, in the units that the module states."""

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float
    vanna: float
    volga: float
    charm: float


def years_to_expiry(expiry: int, at: int) -> float:
    """Years of 365 days from `at` to `expiry`, both unix seconds; 0 once expired."""
    return max(expiry - at, 0) / YEAR_SECONDS


def price_black76(
    kind: OptionKind, forward: float, strike: float, years: float, vol: float, rate: float = 0.0
) -> float:
    """Price of a European option on a forward. `PricingError` on a value outside the model's domain."""
    return generic_price(kind is _CALL, forward, strike, years, vol, rate, ON_FORWARD)


def price_black_scholes(
    kind: OptionKind, spot: float, strike: float, years: float, vol: float, rate: float = 0.0
) -> float:
    """Price of a European option on a spot that pays nothing. `PricingError` outside the model's domain."""
    return generic_price(kind is _CALL, spot, strike, years, vol, rate, ON_SPOT)


def greeks_black76(
    kind: OptionKind, forward: float, strike: float, years: float, vol: float, rate: float = 0.0
) -> PriceGreeks:
    """Price and Greeks of a European option on a forward; rho with the forward held."""
    return generic_greeks(kind is _CALL, forward, strike, years, vol, rate, ON_FORWARD)


def greeks_black_scholes(
    kind: OptionKind, spot: float, strike: float, years: float, vol: float, rate: float = 0.0
) -> PriceGreeks:
    """Price and Greeks of a European option on a spot that pays nothing; rho with the spot held."""
    return generic_greeks(kind is _CALL, spot, strike, years, vol, rate, ON_SPOT)


def greeks_to_model(greeks: PriceGreeks, places: int = 18) -> Greeks:
    """The Greeks as the domain's Decimals, of one option held long; multiply by the signed amount."""
    return Greeks(*(decimal_from_float(value, places) for value in greeks[1:]))


def check_domain(spot: float, strike: float, years: float, vol: float, rate: float) -> None:
    """Raise `PricingError` naming the value that the model cannot price: not finite, or of the wrong sign."""
    for name, value, is_good in (
        ("spot or forward", spot, 0.0 < spot < inf),
        ("strike", strike, 0.0 < strike < inf),
        ("years", years, 0.0 <= years < inf),
        ("vol", vol, 0.0 <= vol < inf),
        ("rate", rate, -inf < rate < inf),
    ):
        if not is_good:
            least = "finite" if name == "rate" else "finite and not negative"
            least = "finite and above 0" if name in ("spot or forward", "strike") else least
            raise PricingError(f"{name} is {value!r}, it must be {least}")


def generic_price(
    is_call: bool, spot: float, strike: float, years: float, vol: float, rate: float, is_spot: bool
) -> float:
    """Price by either model, the one way in for scalars and columns."""
    if not (
        0.0 < spot < inf
        and 0.0 < strike < inf
        and 0.0 <= years < inf
        and 0.0 <= vol < inf
        and -inf < rate < inf
    ):
        check_domain(spot, strike, years, vol, rate)
    total = vol * sqrt(years)
    discount = exp(-rate * years)
    asset = spot if is_spot else spot * discount
    money = strike * discount
    if total < MIN_TOTAL_VOL:
        return max(asset - money, 0.0) if is_call else max(money - asset, 0.0)
    d1 = log(asset / money) / total + 0.5 * total
    if is_call:
        paid = asset * erfc(-d1 * _SQRT_HALF) - money * erfc((total - d1) * _SQRT_HALF)
    else:
        paid = money * erfc((d1 - total) * _SQRT_HALF) - asset * erfc(d1 * _SQRT_HALF)
    return 0.5 * paid if paid > 0.0 else 0.0


def generic_greeks(
    is_call: bool, spot: float, strike: float, years: float, vol: float, rate: float, is_spot: bool
) -> PriceGreeks:
    """Price and Greeks by either model, the one way in for scalars and columns."""
    if not (
        0.0 < spot < inf
        and 0.0 < strike < inf
        and 0.0 <= years < inf
        and 0.0 <= vol < inf
        and -inf < rate < inf
    ):
        check_domain(spot, strike, years, vol, rate)
    root = sqrt(years)
    total = vol * root
    if total < MIN_TOTAL_VOL:
        return _intrinsic(is_call, spot, strike, years, rate, is_spot)
    discount = exp(-rate * years)
    growth, carry, decay = (1.0, rate, 0.0) if is_spot else (discount, 0.0, -rate)
    money = strike * discount
    d1 = (log(spot / strike) + carry * years) / total + 0.5 * total
    d2 = d1 - total
    if is_call:
        delta = 0.5 * growth * erfc(-d1 * _SQRT_HALF)
        bond = 0.5 * money * erfc(-d2 * _SQRT_HALF)
    else:
        delta = -0.5 * growth * erfc(d1 * _SQRT_HALF)
        bond = -0.5 * money * erfc(d2 * _SQRT_HALF)
    price = spot * delta - bond
    if price < 0.0:
        price = 0.0
    density = growth * _INV_SQRT_2PI * exp(-0.5 * d1 * d1)
    vega = spot * density * root * POINT
    return _NEW(
        PriceGreeks,
        (
            price,
            delta,
            density / (spot * total),
            vega,
            (-0.5 * vega * vol / (POINT * years) - decay * spot * delta - rate * bond) / DAYS_PER_YEAR,
            POINT * years * (bond if is_spot else -price),
            -d2 * density * (POINT / vol),
            d1 * d2 * vega * (POINT / vol),
            (density * (0.5 * d2 / years - carry / total) - decay * delta) / DAYS_PER_YEAR,
        ),
    )


def _intrinsic(
    is_call: bool, spot: float, strike: float, years: float, rate: float, is_spot: bool
) -> PriceGreeks:
    """Without time or volatility the option is its discounted intrinsic value on the forward: delta is a
    step (half at the money) and every Greek of the curvature is 0."""
    discount = exp(-rate * years)
    growth, decay = (1.0, 0.0) if is_spot else (discount, -rate)
    money = strike * discount
    sign = 1.0 if is_call else -1.0
    gap = sign * (spot * growth - money)
    held = sign * (1.0 if gap > 0.0 else 0.5 if gap == 0.0 else 0.0)
    delta, bond, price = held * growth, held * money, max(gap, 0.0)
    theta = (-decay * spot * delta - rate * bond) / DAYS_PER_YEAR
    rho = POINT * years * (bond if is_spot else -price)
    return PriceGreeks(price, delta, 0.0, 0.0, theta, rho, 0.0, 0.0, -decay * delta / DAYS_PER_YEAR)
