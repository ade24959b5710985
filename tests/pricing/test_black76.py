"""Scalar Black-76 and Black-Scholes: identities, derivatives, limits, an outside oracle."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import vollib.black_scholes
import vollib.black_scholes.greeks.analytical as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.errors import PricingError
from trimtab.model.market import OptionKind
from trimtab.pricing.black76 import (
    PriceGreeks,
    greeks_black76,
    greeks_black_scholes,
    greeks_to_model,
    price_black76,
    price_black_scholes,
    years_to_expiry,
)

CALL, PUT = OptionKind.CALL, OptionKind.PUT
Model = Callable[..., PriceGreeks]
MODELS = pytest.mark.parametrize("model", [greeks_black76, greeks_black_scholes])


@st.composite
def options(draw: st.DrawFn) -> tuple[float, float, float, float, float]:
    """(spot, strike, years, vol, rate) within three standard deviations of the money."""
    years = draw(st.floats(0.01, 2.0))
    vol = draw(st.floats(0.1, 2.0))
    deviations = draw(st.floats(-3.0, 3.0))
    spot = draw(st.floats(1.0, 50_000.0))
    return spot, spot * math.exp(deviations * vol * math.sqrt(years)), years, vol, draw(st.floats(-0.05, 0.1))


@MODELS
@given(option=options())
def test_put_call_parity(model: Model, option: tuple[float, ...]) -> None:
    """Call minus put is the discounted forward minus the discounted strike, for price and delta, and every
    Greek of the curvature is the same for both."""
    spot, strike, years, _, rate = option
    call, put = model(CALL, *option), model(PUT, *option)
    growth = 1.0 if model is greeks_black_scholes else math.exp(-rate * years)
    forward_value = spot * growth - strike * math.exp(-rate * years)
    assert call.price - put.price == pytest.approx(forward_value, abs=1e-12 * (spot + strike))
    assert call.delta - put.delta == pytest.approx(growth, abs=1e-14)
    for name in ("gamma", "vega", "vanna", "volga"):
        assert getattr(call, name) == getattr(put, name)


# Greek, the quantity it differentiates, the argument it moves, size of one unit of that argument
DERIVATIVES = [
    ("delta", "price", 0, 1.0),
    ("gamma", "delta", 0, 1.0),
    ("vega", "price", 3, 0.01),
    ("theta", "price", 2, -1 / 365),
    ("rho", "price", 4, 0.01),
    ("vanna", "delta", 3, 0.01),
    ("volga", "vega", 3, 0.01),
    ("charm", "delta", 2, -1 / 365),
]


@MODELS
@pytest.mark.parametrize(("greek", "of", "argument", "unit"), DERIVATIVES)
@pytest.mark.parametrize("kind", [CALL, PUT])
@settings(max_examples=30)
@given(option=options())
def test_greek_is_the_derivative(
    model: Model, greek: str, of: str, argument: int, unit: float, kind: OptionKind, option: tuple[float, ...]
) -> None:
    """Each Greek equals the central difference (fourth order) of what it differentiates, in its own unit."""
    width = 2e-4 * (option[0] * option[3] * math.sqrt(option[2]) if argument == 0 else option[argument])
    width = 1e-4 if argument == 4 else width

    def value(steps: int) -> float:
        moved = list(option)
        moved[argument] += steps * width
        return float(getattr(model(kind, *moved), of))

    slope = (8.0 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12.0 * width) * unit
    scale = max(abs(value(0)), option[0] * 1e-3 if of in ("price", "vega") else 1e-3)
    noise = 1e-11 * scale / width * abs(unit)
    assert getattr(model(kind, *option), greek) == pytest.approx(slope, rel=1e-6, abs=noise)


@given(option=options(), kind=st.sampled_from([CALL, PUT]))
def test_vollib_agrees(option: tuple[float, ...], kind: OptionKind) -> None:
    """Price and the five classic Greeks equal vollib's."""
    spot, strike, years, vol, rate = option
    flag, arguments = kind.value[0], (spot, strike, years, rate, vol)
    ours = greeks_black_scholes(kind, *option)
    assert ours.price == pytest.approx(
        vollib.black_scholes.black_scholes(flag, *arguments), rel=1e-9, abs=1e-11 * spot
    )
    for name in ("delta", "gamma", "vega", "theta", "rho"):
        theirs = getattr(oracle, name)(flag, *arguments)
        assert getattr(ours, name) == pytest.approx(theirs, rel=1e-9, abs=1e-13 * spot), name


@given(option=options(), kind=st.sampled_from([CALL, PUT]))
def test_price_is_monotone(option: tuple[float, ...], kind: OptionKind) -> None:
    """A price rises with volatility, moves with the spot in the direction of its kind, and keeps bounds."""
    spot, strike, years, vol, rate = option
    price = price_black_scholes(kind, *option)
    sign, money = (1 if kind is CALL else -1), strike * math.exp(-rate * years)
    slack = 1e-13 * (spot + money)
    assert price_black_scholes(kind, spot, strike, years, vol * 1.1, rate) >= price - slack
    assert sign * (price_black_scholes(kind, spot * 1.01, strike, years, vol, rate) - price) >= -slack
    assert max(sign * (spot - money), 0.0) - slack <= price <= (spot if kind is CALL else money)


@given(option=options(), kind=st.sampled_from([CALL, PUT]))
def test_price_alone_is_the_price_of_the_greeks(option: tuple[float, ...], kind: OptionKind) -> None:
    """The price functions and the Greek functions give one price."""
    for price, greeks in ((price_black76, greeks_black76), (price_black_scholes, greeks_black_scholes)):
        assert price(kind, *option) == pytest.approx(greeks(kind, *option).price, abs=1e-12 * option[0])


@MODELS
@pytest.mark.parametrize(("years", "vol"), [(0.0, 0.5), (0.5, 0.0), (0.0, 0.0), (1e-300, 1e-10)])
@pytest.mark.parametrize("strike", [90.0, 100.0, 110.0])
@pytest.mark.parametrize("kind", [CALL, PUT])
def test_no_time_or_no_volatility(
    model: Model, years: float, vol: float, strike: float, kind: OptionKind
) -> None:
    """Without time or volatility an option is its discounted intrinsic value, and no Greek is NaN."""
    result = model(kind, 100.0, strike, years, vol, 0.03)
    discount = math.exp(-0.03 * years)
    asset = 100.0 if model is greeks_black_scholes else 100.0 * discount
    gap = (asset - strike * discount) * (1 if kind is CALL else -1)
    assert result.price == pytest.approx(max(gap, 0.0), abs=1e-12)
    assert all(math.isfinite(value) for value in result)
    assert result.gamma == result.vega == result.volga == 0.0


@MODELS
@given(
    deviations=st.floats(-1e6, 1e6),
    years=st.floats(0.0, 100.0),
    vol=st.floats(0.0, 50.0),
    kind=st.sampled_from([CALL, PUT]),
    rate=st.floats(-0.5, 0.5),
)
def test_deep_wings_are_finite(
    model: Model, deviations: float, years: float, vol: float, kind: OptionKind, rate: float
) -> None:
    """No strike, time or volatility inside the domain gives NaN, infinity or a negative price."""
    strike = 2000.0 * math.exp(max(-300.0, min(300.0, deviations * vol * math.sqrt(years))))
    result = model(kind, 2000.0, strike, years, vol, rate)
    assert all(math.isfinite(value) for value in result), result
    assert result.price >= 0.0
    assert result.gamma >= 0.0


@pytest.mark.parametrize(
    ("position", "value", "name"),
    [
        (0, 0.0, "spot"),
        (0, -5.0, "spot"),
        (0, math.inf, "spot"),
        (1, math.nan, "strike"),
        (1, 0.0, "strike"),
        (2, -0.1, "years"),
        (2, math.nan, "years"),
        (3, -0.5, "vol"),
        (3, math.inf, "vol"),
        (4, math.nan, "rate"),
    ],
)
@pytest.mark.parametrize(
    "function", [price_black76, greeks_black76, price_black_scholes, greeks_black_scholes]
)
def test_bad_values_are_named(
    function: Callable[..., object], position: int, value: float, name: str
) -> None:
    """A value outside the domain is a PricingError that names it, never a NaN that travels on."""
    arguments = [100.0, 100.0, 0.5, 0.5, 0.0]
    arguments[position] = value
    with pytest.raises(PricingError, match=name):
        function(CALL, *arguments)


def test_greeks_to_model() -> None:
    """The Decimals are the floats to 18 places, field by field, without the price."""
    greeks = greeks_black_scholes(PUT, 2000.0, 2100.0, 0.1, 0.7, 0.05)
    model = greeks_to_model(greeks)
    for name in ("delta", "gamma", "vega", "theta", "rho", "vanna", "volga", "charm"):
        assert float(getattr(model, name)) == pytest.approx(getattr(greeks, name), abs=1e-18)


def test_years_to_expiry() -> None:
    """A year has 365 days; an expired option has no time left."""
    assert years_to_expiry(365 * 86_400 + 7, 7) == 1.0
    assert years_to_expiry(10, 20) == 0.0
