"""Rules for exposed orders are checked when they are made, and verdicts say what is done."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trimtab.errors import IntentError
from trimtab.model.exposure_rule import ExposureAction, ExposureRule, ExposureVerdict

D = Decimal
A = ExposureAction


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"max_exposure": D(-1)}, "max_exposure"),
        ({"max_exposure": 1.5}, "max_exposure"),
        ({"max_exposure": D("NaN")}, "max_exposure"),
        ({"prefer": ()}, "prefer"),
        ({"prefer": (A.SPLIT, A.SPLIT)}, "prefer"),
        ({"prefer": (A.REFUSE, A.PRIVATE)}, "prefer"),
        ({"prefer": ("private", "hide")}, "prefer"),
        ({"prefer": (None,)}, "prefer"),
        ({"max_parts": 2.5}, "max_parts"),
        ({"max_parts": 1}, "max_parts"),
        ({"max_parts": 101}, "max_parts"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(values: dict[str, Any], field: str) -> None:
    """Each with the field that is wrong."""
    with pytest.raises(IntentError) as caught:
        ExposureRule(**values)
    assert caught.value.field == field


def test_actions_may_be_given_by_name() -> None:
    """And mean the same: a rule in words must not let through what it refuses."""
    rule = ExposureRule(prefer=("private", "refuse"))  # type: ignore[arg-type]
    assert rule == ExposureRule(prefer=(A.PRIVATE, A.REFUSE))
    assert all(type(action) is A for action in rule.prefer)


def test_left_alone_a_rule_tries_everything_and_lets_nothing_through() -> None:
    """Private first, then tighter, then in parts, then not at all; from the first unit of profit on."""
    assert ExposureRule() == ExposureRule(D(0), (A.PRIVATE, A.TIGHTEN, A.SPLIT, A.REFUSE), 10)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (ExposureVerdict(None, ""), "send as it is"),
        (ExposureVerdict(A.PRIVATE, ""), "send by private routes only"),
        (ExposureVerdict(A.TIGHTEN, "", acceptable_price=D("2000.50")), "with the acceptable price 2000.5"),
        (ExposureVerdict(A.SPLIT, "", amount=D(2), parts=3), "send in 3 parts, the first of 2"),
        (ExposureVerdict(A.REFUSE, ""), "refuse"),
    ],
)
def test_a_verdict_says_what_is_done(verdict: ExposureVerdict, words: str) -> None:
    """In a few words, with its numbers."""
    assert words in verdict.plan
