"""The rule that counts, by what the options have."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trimtab.errors import ConfigError
from trimtab.execution.options import ExecutorOptions
from trimtab.model.exposure_rule import ExposureAction, ExposureRule
from trimtab.tx import RoutePolicy


def test_with_a_private_route_exposed_orders_go_there_by_default() -> None:
    """No rule and no private route: no rule at all. A rule of one's own counts with or without."""
    own = ExposureRule(Decimal(9))
    assert ExecutorOptions().rule is None
    made = ExecutorOptions(private=RoutePolicy.private()).rule
    assert made is not None
    assert (made.max_exposure, made.prefer) == (Decimal(0), (ExposureAction.PRIVATE,))
    assert ExecutorOptions(exposure=own).rule == own
    assert ExecutorOptions(exposure=own, private=RoutePolicy.private()).rule == own


def test_a_public_policy_is_no_private_one() -> None:
    """A mistake that would send what is to be hidden to everybody."""
    with pytest.raises(ConfigError, match="private"):
        ExecutorOptions(private=RoutePolicy.public())
