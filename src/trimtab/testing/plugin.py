"""Fixtures for tests of trimtab and of its users: a local node, proxies of it that fail by a plan, a world
with the protocols deployed.

Nothing starts until a test asks for it, and the imports wait as long. Needs pytest-asyncio with one loop
for the session (`asyncio_default_fixture_loop_scope` and `..._test_loop_scope` = "session").
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest

try:
    from pytest_asyncio import fixture as _fixture
except ImportError:  # it comes with trimtab's wheel: somebody without async tests shall not notice

    def _fixture(*, scope: Any, **_options: Any) -> Any:  # type: ignore[no-redef]
        return pytest.fixture(scope=scope)


if TYPE_CHECKING:
    from trimtab.chain.client import Client
    from trimtab.world.faults import FaultPlan, FaultProxy
    from trimtab.world.faults.drill import Drill
    from trimtab.world.node import AnvilNode
    from trimtab.world.world import World


@_fixture(scope="function", loop_scope="session")
async def anvil() -> AsyncIterator[AnvilNode]:
    """A bare node of the test's own: ten funded accounts and no contracts; about 40 ms."""
    from trimtab.world.node import AnvilNode

    async with AnvilNode.open() as node:
        yield node


class OpenFaultProxy(Protocol):
    """What the fixture `fault_proxy` is: call it as often as there shall be endpoints."""

    async def __call__(
        self, plan: FaultPlan | None = None, *, seed: int | str = 0, upstream: str | None = None
    ) -> FaultProxy: ...


@_fixture(scope="function", loop_scope="session")
async def fault_proxy(anvil: AnvilNode) -> AsyncIterator[OpenFaultProxy]:
    """Opens proxies that fail by a plan, before the node of `anvil` or the one at `upstream`; they are closed
    after the test. `proxy = await fault_proxy(FaultPlan.flaky())`; then use `proxy.url` or `proxy.ws_url`."""
    from trimtab.world.faults import FaultProxy

    async with AsyncExitStack() as stack:

        async def opened(
            plan: FaultPlan | None = None, *, seed: int | str = 0, upstream: str | None = None
        ) -> FaultProxy:
            return await stack.enter_async_context(FaultProxy.open(upstream or anvil.url, plan, seed=seed))

        yield opened


@_fixture(scope="function", loop_scope="session")
async def drill(anvil: AnvilNode) -> AsyncIterator[Drill]:
    """Faults of the chain of `anvil` at a word: `await drill.strike(Reorg(depth=3))`."""
    from trimtab.world.faults.drill import Drill

    async with Drill.open(anvil.url) as opened:
        yield opened


@_fixture(scope="session", loop_scope="session")
async def world_session() -> AsyncIterator[World]:
    """One world with both protocols deployed and seeded, for the whole session. Prefer `world`."""
    from trimtab.world.world import World

    async with World.open() as opened:
        await opened.deploy()
        yield opened


@_fixture(scope="function", loop_scope="session")
async def world(world_session: World) -> AsyncIterator[World]:
    """The session's world, as it was just deployed: whatever the test does is undone after it."""
    snapshot = await world_session.snapshot()
    try:
        yield world_session
    finally:
        await world_session.restore(snapshot)


@_fixture(scope="function", loop_scope="session")
async def client(world: World) -> Client:
    """A client of the test's world."""
    return world.client
