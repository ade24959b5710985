"""What a venue declares decides what a conformance suite asks of it, and what must be refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest

from trimtab.errors import UnsupportedActionError
from trimtab.venues.base import Capability, Venue


class Staged(Protocol):
    """A stage of any suite."""

    @property
    def venue(self) -> Venue: ...


def has(stage: Staged, capability: Capability) -> bool:
    return capability in stage.venue.capabilities


def require(stage: Staged, capability: Capability) -> None:
    """Skip a test of something that the venue does not declare."""
    if not has(stage, capability):
        pytest.skip(f"{stage.venue.name} does not declare {capability}")


async def refuses(action: Callable[[], Any]) -> None:
    """An action of an undeclared capability is an UnsupportedActionError, whether it waits or not."""

    async def act() -> None:
        result = action()
        if isinstance(result, Awaitable):
            await result

    with pytest.raises(UnsupportedActionError):
        await act()
