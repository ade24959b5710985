"""Options of the client."""

from __future__ import annotations

import dataclasses

import pytest

from trimtab.chain.options import ClientOptions


def test_options_are_values() -> None:
    """Frozen, equal by content, with defaults that need no thought."""
    assert ClientOptions() == ClientOptions()
    with pytest.raises(dataclasses.FrozenInstanceError):
        ClientOptions().timeout = 1.0  # type: ignore[misc]
    assert ClientOptions().attempt_timeout < ClientOptions().timeout
