"""A suite skips what is not declared, and takes nothing but the one error for a refusal."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from trimtab.errors import UnsupportedActionError, VenueError
from trimtab.testing.capabilities import has, refuses, require
from trimtab.venues.base import Capability

STAGE: Any = SimpleNamespace(
    venue=SimpleNamespace(name="shop", capabilities=frozenset({Capability.DEADLINE}))
)


def test_what_is_not_declared_is_skipped() -> None:
    """With the name of both; what is declared is tested."""
    require(STAGE, Capability.DEADLINE)
    assert not has(STAGE, Capability.LIQUIDATE)
    with pytest.raises(pytest.skip.Exception, match="shop does not declare liquidate"):
        require(STAGE, Capability.LIQUIDATE)


def _refuse() -> None:
    raise UnsupportedActionError("no")


async def _refuse_later() -> None:
    _refuse()


async def _do_it() -> None:
    """Refuses nothing."""


@pytest.mark.parametrize("action", [_refuse, _refuse_later])
async def test_a_refusal_may_come_at_once_or_be_waited_for(action: Callable[[], Any]) -> None:
    """A function that encodes raises; one that reads raises when it is awaited."""
    await refuses(action)


async def _fail() -> None:
    raise VenueError("no")


@pytest.mark.parametrize(("action", "raised"), [(_do_it, pytest.fail.Exception), (_fail, VenueError)])
async def test_anything_else_is_no_refusal(action: Callable[[], Any], raised: type[BaseException]) -> None:
    """Neither doing it, nor an error of another kind."""
    with pytest.raises(raised):
        await refuses(action)
