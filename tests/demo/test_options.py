"""What a run may be asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trimtab.demo.options import DemoOptions, Engine, PolicyName
from trimtab.errors import ConfigError, IntentError
from trimtab.hedging.policy import FixedBand, WhalleyWilmott

D = Decimal


@pytest.mark.parametrize(
    ("wishes", "word"),
    [
        ({"steps": 0}, "--steps"),
        ({"crash_at": 0}, "--crash-at"),
        ({"crash_at": 1, "is_hedged": False}, "--no-hedge"),
        ({"engine": Engine.PY_EVM, "fork_url": "http://127.0.0.1:8545"}, "--fork-url"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_starts(wishes: dict[str, Any], word: str) -> None:
    """Each message names the option that is in the way."""
    with pytest.raises(ConfigError, match=word):
        DemoOptions(**wishes)


def test_the_policies_keep_to_the_band() -> None:
    """The fixed band is exactly the one asked for; Whalley-Wilmott never gets wider."""
    assert DemoOptions(band=D("0.3")).make_policy() == FixedBand(D("0.3"))
    policy = DemoOptions(band=D("0.3"), policy=PolicyName.WW).make_policy()
    assert isinstance(policy, WhalleyWilmott)
    assert (policy.min_width, policy.max_width) == (D("0.03"), D("0.3"))
    tiny = DemoOptions(band=D("0.0001"), policy=PolicyName.WW).make_policy()
    assert tiny.lot <= D("0.00001")


@pytest.mark.parametrize("band", [D(0), D(-1), D("NaN")])
def test_a_band_of_nothing_is_refused(band: Decimal) -> None:
    """Zero, negative and NaN never become a policy."""
    with pytest.raises(IntentError):
        DemoOptions(band=band).make_policy()
