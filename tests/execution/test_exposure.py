"""What a rule says of an exposed order: the first thing that can be done."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.execution.exposures import SELL, exposure_of, quote_of, remedies_of

from trimtab.errors import IntentError
from trimtab.execution.exposure import check_verdict, decide, told
from trimtab.model.exposure import Remedies
from trimtab.model.exposure_rule import ExposureAction, ExposureRule, ExposureVerdict
from trimtab.model.order import PerpIntent, Side

D = Decimal
A = ExposureAction
RULE = ExposureRule(D(5))
ALL = RULE.prefer


@pytest.mark.parametrize("worst", ["0", "4.9", "5"])
def test_up_to_the_bound_an_order_goes_as_it_is(worst: str) -> None:
    """The bound itself is allowed, and no remedy is asked for."""
    verdict = decide(quote_of(), exposure_of(worst), RULE, ALL)
    assert verdict is not None
    assert (verdict.action, verdict.exposure) == (None, exposure_of(worst))


@pytest.mark.parametrize(
    ("actions", "remedies", "action"),
    [
        ((A.PRIVATE, A.TIGHTEN), None, A.PRIVATE),
        ((A.TIGHTEN, A.SPLIT), remedies_of("1940", "4"), A.TIGHTEN),
        ((A.SPLIT, A.TIGHTEN), remedies_of("1940", "4"), A.SPLIT),
        ((A.TIGHTEN, A.SPLIT), remedies_of("1950.1", "4"), A.SPLIT),  # it would not fill at that price
        ((A.SPLIT, A.TIGHTEN), remedies_of("1940", None), A.TIGHTEN),  # a close
        ((A.SPLIT, A.TIGHTEN), remedies_of("1940", "0"), A.TIGHTEN),  # no part is small enough
        ((A.SPLIT, A.TIGHTEN), remedies_of("1940", "0.99"), A.TIGHTEN),  # eleven parts
        ((A.REFUSE,), None, A.REFUSE),
        ((A.SPLIT,), remedies_of("1940", "0.5"), A.REFUSE),
        ((), None, A.REFUSE),
    ],
)
def test_the_first_action_that_can_be_done(
    actions: tuple[A, ...], remedies: Remedies | None, action: A
) -> None:
    """In the order of preference; what cannot be done is passed over, and nothing left is a refusal."""
    verdict = decide(quote_of(), exposure_of("5.01"), RULE, actions, remedies)
    assert verdict is not None
    assert verdict.action is action
    assert "could earn 5.01 on it, more than 5" in verdict.reason


def test_remedies_are_asked_for_only_when_they_matter() -> None:
    """Tightening and splitting need them, going private does not."""
    assert decide(quote_of(), exposure_of("6"), RULE, (A.TIGHTEN,)) is None
    assert decide(quote_of(), exposure_of("6"), RULE, (A.SPLIT,)) is None
    assert decide(quote_of(), exposure_of("6"), RULE, (A.PRIVATE, A.SPLIT)) is not None


@pytest.mark.parametrize(("remedy", "limit"), [("1940", "1940"), ("1890", "1900"), ("1950", "1950")])
def test_a_tighter_price_is_never_worse_than_the_callers(remedy: str, limit: str) -> None:
    """A seller's least only rises, up to the quoted price."""
    verdict = decide(quote_of(), exposure_of("6"), RULE, (A.TIGHTEN,), remedies_of(remedy, None))
    assert verdict is not None
    assert verdict.acceptable_price == D(limit)


def test_a_buyers_price_is_tightened_downwards() -> None:
    """The mirror image."""
    buy = replace(SELL, side=Side.BUY, acceptable_price=D(2000))
    verdict = decide(quote_of(buy), exposure_of("6", buy), RULE, (A.TIGHTEN,), remedies_of("1960", None))
    assert verdict is not None
    assert verdict.acceptable_price == D(1960)
    verdict = decide(quote_of(buy), exposure_of("6", buy), RULE, (A.TIGHTEN,), remedies_of("1949", None))
    assert verdict is not None
    assert verdict.action is A.REFUSE


@pytest.mark.parametrize(("amount", "parts"), [("4", 3), ("5", 2), ("1", 10)])
def test_parts_are_counted_up(amount: str, parts: int) -> None:
    """Ten of four is three parts; by notional as by size."""
    verdict = decide(quote_of(), exposure_of("6"), RULE, (A.SPLIT,), remedies_of("1940", amount))
    assert verdict is not None
    assert (verdict.amount, verdict.parts) == (D(amount), parts)
    asked = PerpIntent("vETH", Side.SELL, notional=D(20_000))
    verdict = decide(quote_of(asked), exposure_of("6"), RULE, (A.SPLIT,), remedies_of("1940", "8000"))
    assert verdict is not None
    assert (verdict.amount, verdict.parts) == (D(8000), 3)


def test_a_refusal_says_what_and_what_to_do() -> None:
    """With the number as a fact; every other verdict passes."""
    verdict = decide(quote_of(), exposure_of("6"), ExposureRule(D(5), (A.SPLIT,)), ())
    assert verdict is not None
    with pytest.raises(IntentError, match=r"no way to split it\. Trade less, send it by a private") as caught:
        check_verdict(verdict, "vETH")
    assert (caught.value.field, caught.value.value) == ("exposure", D(6))
    check_verdict(ExposureVerdict(A.SPLIT, "", amount=D(1), parts=2), "vETH")


def test_without_a_rule_the_number_is_told_alone() -> None:
    """Nobody said how much is too much."""
    assert "no rule says" in told(exposure_of("6"), None)
    assert told(exposure_of("0"), D(5)) == "no sandwich of it pays"
