"""When a hedge is due and how large it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import IntentError
from trimtab.hedging.exposure import UnderlyingExposure
from trimtab.hedging.policy import FixedBand, HedgePolicy, WhalleyWilmott

D = Decimal
MakeExposure = Callable[..., UnderlyingExposure]
deltas = st.decimals("-500", "500", places=9)
WW = WhalleyWilmott(risk_aversion=D("0.01"), cost_rate=D("0.001"), min_width=D("0.1"), max_width=D(3))
policies = st.one_of(
    st.builds(FixedBand, width=st.decimals("0.01", "5", places=3), target=st.decimals("-3", "3", places=2)),
    st.builds(
        lambda a, c, target: replace(WW, risk_aversion=a, cost_rate=c, target=target),
        st.decimals("0.0001", "10", places=4),
        st.decimals("0.0001", "0.05", places=4),
        st.decimals("-3", "3", places=2),
    ),
)


@given(policies, deltas, deltas)
def test_a_hedge_ends_inside_the_band(
    make_exposure: MakeExposure, policy: HedgePolicy, option_delta: D, perp_size: D
) -> None:
    """Whatever the exposure, the delta after the hedge is inside the band, and a second look leaves it."""
    exposure = make_exposure(option_delta, perp_size)
    decision = policy.decide(exposure)
    after = make_exposure(option_delta, perp_size + decision.size)
    assert abs(after.delta - decision.target) <= decision.band
    assert not policy.decide(after).is_hedge


@given(policies, deltas)
def test_inside_the_band_nothing_is_done(
    make_exposure: MakeExposure, policy: HedgePolicy, option_delta: D
) -> None:
    """A hedge is decided exactly when the delta is outside the band, always towards the target."""
    decision = policy.decide(make_exposure(option_delta))
    off = decision.delta - decision.target
    assert decision.is_hedge == (abs(off) > decision.band)
    assert decision.size * off <= 0


def test_the_fixed_band_goes_to_its_centre(make_exposure: MakeExposure) -> None:
    """Outside, the whole distance to the target is traded, in whole lots."""
    decision = FixedBand(D("0.5"), target=D(1)).decide(make_exposure("-7.12345678"))
    assert decision.size == D("8.1235")
    assert "buy 8.1235" in decision.reason


def test_the_delta_that_counts_is_ours_not_the_venues_cache(make_exposure: MakeExposure) -> None:
    """The venue's cached delta (half of ours here) is shown beside, and does not steer."""
    exposure = make_exposure("-4", "1")
    assert (exposure.delta, exposure.venue_greeks.delta) == (D(-3), D(-1))
    assert FixedBand(D(1)).decide(exposure).size == D(3)


def test_whalley_wilmott_is_the_published_width(make_exposure: MakeExposure) -> None:
    """(3/2 x 0.001 x 2000 x 0.02^2 / 0.01)^(1/3) = 0.12^(1/3)."""
    width = WW.half_width(make_exposure(gamma="0.02"))
    assert abs(width**3 - D("0.12")) < D("1e-20")


@given(st.decimals("0.001", "0.5", places=4), st.decimals("0.0001", "0.01", places=5))
def test_the_band_widens_with_cost_and_gamma_and_narrows_with_aversion(
    make_exposure: MakeExposure, gamma: D, cost: D
) -> None:
    """The direction of each of the formula's arguments, inside the clips."""
    exposure = make_exposure(gamma=gamma)
    width = replace(WW, cost_rate=cost).half_width(exposure)
    assert replace(WW, cost_rate=2 * cost).half_width(exposure) >= width
    assert replace(WW, cost_rate=cost).half_width(make_exposure(gamma=2 * gamma)) >= width
    assert replace(WW, cost_rate=cost, risk_aversion=D("0.1")).half_width(exposure) <= width
    assert WW.min_width <= width <= WW.max_width


def test_whalley_wilmott_stops_at_the_edge(make_exposure: MakeExposure) -> None:
    """It trades less than the fixed band: to the edge, not to the centre."""
    exposure = make_exposure("-4", gamma="0.02")
    decision = WW.decide(exposure)
    assert D("3.5") < decision.size < D("3.6")
    assert abs(exposure.delta + decision.size) > D("0.95") * decision.band


@pytest.mark.parametrize(
    "build",
    [
        lambda: FixedBand(D(0)),
        lambda: FixedBand(D("NaN")),
        lambda: FixedBand(0.5),  # type: ignore[arg-type]
        lambda: FixedBand(D("0.01"), lot=D("0.1")),
        lambda: replace(WW, min_width=D(4)),
        lambda: replace(WW, cost_rate=D(-1)),
    ],
)
def test_senseless_settings_are_refused(build: object) -> None:
    """A width of 0, a float, a lot wider than the band and crossed clips are `IntentError`s."""
    with pytest.raises(IntentError):
        build()  # type: ignore[operator]


def test_a_book_without_perp_has_no_whalley_wilmott_width(make_exposure: MakeExposure) -> None:
    """Without a spot price the formula has no value, and says so."""
    with pytest.raises(IntentError, match="no spot price for ETH"):
        WW.decide(make_exposure(spot=None))
