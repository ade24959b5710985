"""A desk behind its own code, with margin at the perp venue and approvals at the option venue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from tests.hooked import put_executor

from trimtab.execution.doors import OwnCode
from trimtab.execution.executor import ExecutorOptions
from trimtab.model.limits import Limits
from trimtab.tx.routes import Route
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2

OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def open_hooked(open_desk: OpenDesk, world: Any) -> OpenDesk:
    """Opens Alice's desk behind an executor's code; again on the same journal it is a restart."""
    doors: list[OwnCode] = []

    @asynccontextmanager
    async def opened(
        *, fault: Callable[[Route], Route] | None = None, limits: Limits | None = None
    ) -> AsyncIterator[Any]:
        if not doors:
            doors.append(await put_executor(world))
        (door,) = doors
        allowed = limits or Limits.of(PerpV2(world.client, world.perp), Lyra(world.client, world.lyra))
        allowed = door.allow(allowed, world.accounts["alice"].address)
        async with open_desk(fault=fault, options=ExecutorOptions(door=door), limits=allowed) as desk:
            yield desk

    return opened
