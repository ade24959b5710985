"""What the limits leave of a hedge."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import IntentError
from trimtab.hedging.exposure import UnderlyingExposure
from trimtab.hedging.limits import WINDOW_SECONDS, HedgeLimits, PastHedge, acceptable_price, apply_limits
from trimtab.hedging.policy import FixedBand, HedgeDecision

D = Decimal
MakeExposure = Callable[..., UnderlyingExposure]
NOW = 1_000_000
sizes = st.decimals("0.01", "100", places=4)


def decide(exposure: UnderlyingExposure) -> HedgeDecision:
    return FixedBand(D("0.001"), lot=D("0.0001")).decide(exposure)


@given(
    sizes,
    st.booleans(),
    sizes,
    sizes,
    st.lists(st.tuples(st.integers(NOW - 2 * WINDOW_SECONDS, NOW), sizes), max_size=6),
)
def test_no_hour_sees_more_than_its_limit(
    make_exposure: MakeExposure,
    wanted: D,
    is_long: bool,
    per_hedge: D,
    per_hour: D,
    past: list[tuple[int, D]],
) -> None:
    """A hedge never exceeds its own limit nor, with those of the last hour, the hour's; never turns round."""
    history = [PastHedge(at, size, 0) for at, size in past]
    decision = decide(make_exposure(wanted if is_long else -wanted))
    limits = HedgeLimits(max_size=per_hedge, max_size_per_hour=per_hour)
    allowed = apply_limits(decision, make_exposure(), limits, history)
    before = sum((p.size for p in history if p.at > NOW - WINDOW_SECONDS), D(0))
    assert abs(allowed.size) <= min(per_hedge, abs(decision.size))
    assert abs(allowed.size) + before <= max(per_hour, before)
    assert allowed.size * decision.size >= 0
    assert (allowed.size == 0) == (allowed.refusal is not None)


def test_without_limits_the_decision_stands(make_exposure: MakeExposure) -> None:
    """Only slippage has a default."""
    allowed = apply_limits(decide(make_exposure("-3")), make_exposure(), HedgeLimits(), [])
    assert (allowed.size, allowed.acceptable_price, allowed.notes) == (D(3), D("2020.00"), ())


def test_a_cut_says_from_what_to_what(make_exposure: MakeExposure) -> None:
    """The note tells the policy's size and the limit that cut it."""
    allowed = apply_limits(decide(make_exposure("-3.00004")), make_exposure(), HedgeLimits(max_size=D(2)), [])
    assert allowed.notes == ("cut from 3.0000 to max_size 2",)


def test_a_hedge_of_unknown_fate_counts(make_exposure: MakeExposure) -> None:
    """What was sent counts against the hour although nobody saw its receipt."""
    limits = HedgeLimits(max_size_per_hour=D(5))
    allowed = apply_limits(
        decide(make_exposure("-3")), make_exposure(), limits, [PastHedge(NOW - 10, D(-5), 0)]
    )
    assert allowed.refusal == "max_size_per_hour 5 is used up: wait for the hour"


def test_the_gas_budget_refuses_until_the_hour_is_over(make_exposure: MakeExposure) -> None:
    """Gas burned more than an hour ago does not count."""
    limits = HedgeLimits(gas_budget_wei=100)
    burned = PastHedge(NOW - WINDOW_SECONDS + 1, D(1), 100)
    assert "gas budget" in (
        apply_limits(decide(make_exposure("-3")), make_exposure(), limits, [burned]).refusal or ""
    )
    later = make_exposure(at=NOW + 1)
    assert apply_limits(decide(make_exposure("-3")), later, limits, [burned]).refusal is None


def test_slippage_is_to_the_traders_loss_on_both_sides() -> None:
    """A buyer accepts more than the mark, a seller less."""
    assert acceptable_price(D(2000), D("0.01"), is_buy=True) == D("2020.00")
    assert acceptable_price(D(2000), D("0.01"), is_buy=False) == D("1980.00")


@pytest.mark.parametrize(
    "values",
    [
        {"max_size": D(0)},
        {"max_slippage": D(1)},
        {"max_slippage": 0.01},
        {"min_health": D(-1)},
        {"gas_budget_wei": 0},
        {"deadline_seconds": 0},
    ],
)
def test_senseless_limits_are_refused(values: dict[str, object]) -> None:
    """Zero, negative, a float, or slippage of everything."""
    with pytest.raises(IntentError):
        HedgeLimits(**values)  # type: ignore[arg-type]


def test_no_mark_price_no_hedge(make_exposure: MakeExposure) -> None:
    """Without a mark there is no acceptable price, so there is no hedge."""
    assert "no mark price" in (
        apply_limits(decide(make_exposure("-3")), make_exposure(spot=None), HedgeLimits(), []).refusal or ""
    )
