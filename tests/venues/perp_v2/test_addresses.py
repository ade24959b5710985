"""Deployments as plain data."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import msgspec
import pytest

from trimtab.venues.perp_v2 import PerpV2Deployment


def test_a_deployment_goes_through_json(deployment: PerpV2Deployment) -> None:
    """`trimtab world up --json` prints it, a settings file holds it, and it comes back equal."""
    text = msgspec.json.encode(msgspec.to_builtins(deployment))
    assert msgspec.json.decode(text, type=PerpV2Deployment) == deployment


def test_a_deployment_is_frozen(deployment: PerpV2Deployment) -> None:
    """Nobody swaps an address under a running venue."""
    with pytest.raises(FrozenInstanceError):
        deployment.settlement = "DAI"  # type: ignore[misc]
