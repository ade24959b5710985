"""Exposure and route in the words of the command line."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.execution.exposures import exposure_of

from trimtab.cli.exposure_view import BOUNDS, exposure_facts, route_facts, route_words
from trimtab.model.exposure import ExposureBound
from trimtab.model.exposure_rule import ExposureAction, ExposureVerdict
from trimtab.tx import RoutePolicy

D = Decimal
HIDE = ExposureVerdict(ExposureAction.PRIVATE, "why", exposure_of("6"), D(5))


def test_an_exposed_order_shows_profit_loss_and_what_is_done() -> None:
    """The attacker's profit and the trader's loss are two numbers."""
    assert exposure_facts(HIDE) == {
        "worst sandwich profit": "6.00",
        "your loss in it": "50.00",
        "size of the attack": "3",
        "bounded by": "the order's limit price",
        "by the rule": "send by private routes only (it allows 5)",
    }


def test_what_is_hidden_anyway_needs_no_rule() -> None:
    """The numbers are shown, and the route says the rest."""
    facts = exposure_facts(ExposureVerdict(None, "why", exposure_of("6")), RoutePolicy.private(3))
    assert facts["worst sandwich profit"] == "6.00"
    assert "by the rule" not in facts
    assert "by the rule" in exposure_facts(HIDE, RoutePolicy.public())


def test_less_is_said_where_there_is_less() -> None:
    """Nothing at a venue that does not tell, the reason where nobody can compute it, a zero where no attack
    pays."""
    assert exposure_facts(None) == {}
    calm = ExposureVerdict(None, "why", exposure_of("0"))
    assert exposure_facts(calm) == {
        "worst sandwich profit": "0.00",
        "by the rule": "send as it is (none is set)",
    }
    assert exposure_facts(ExposureVerdict(None, "too far"))["exposure"] == "too far"


def test_every_bound_has_words() -> None:
    """What keeps the worst attack from being larger."""
    assert set(BOUNDS) == {bound.value for bound in ExposureBound}


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (None, "public"),
        (RoutePolicy.public(), "public"),
        (RoutePolicy.private(3), "private for 3 blocks, then dropped"),
        (RoutePolicy.private_then_public(3), "private for 3 blocks, then in public"),
    ],
)
def test_routes_in_words(route: RoutePolicy | None, words: str) -> None:
    """Until when, and what then."""
    assert route_words(route) == words


def test_the_route_is_shown_when_somebody_chose_it() -> None:
    """The command line, or the rule."""
    assert route_facts(None, None) == {}
    assert route_facts(None, HIDE) == {"route": "private, by the rule"}
    assert route_facts(RoutePolicy.public(), HIDE) == {"route": "public"}
