"""Deployments are plain data."""

from __future__ import annotations

import dataclasses

import pytest

from trimtab.model.ids import ZERO_ADDRESS
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses


def test_a_deployment_is_frozen_data(paper: LyraDeployment) -> None:
    """It cannot change under a running adapter, and compares by value."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        paper.contracts = {}  # type: ignore[misc]
    assert dataclasses.replace(paper) == paper


def test_token_storage_is_optional() -> None:
    """On a real deployment nobody knows the tokens' layout; then quotes use what the account has."""
    market = LyraMarketAddresses("ETH", {}, ZERO_ADDRESS, ZERO_ADDRESS)
    assert market.base_storage is None
    assert market.quote_storage is None
