"""Fixtures for tests of trimtab and of its users: a local node, a world with the protocols deployed.

Nothing starts until a test asks for it, and the imports wait as long. Needs pytest-asyncio with one loop
for the session (`asyncio_default_fixture_loop_scope` and `..._test_loop_scope` = "session").
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

try:
    from pytest_asyncio import fixture as _fixture
except ImportError:  # it comes with trimtab's wheel: somebody without async tests shall not notice

    def _fixture(*, scope: Any, **_options: Any) -> Any:  # type: ignore[no-redef]
        return pytest.fixture(scope=scope)


if TYPE_CHECKING:
    from trimtab.chain.client import Client
    from trimtab.world.node import AnvilNode
    from trimtab.world.world import World


@_fixture(scope="function", loop_scope="session")
async def anvil() -> AsyncIterator[AnvilNode]:
    """A bare node of the test's own: ten funded accounts and no contracts; about 40 ms."""
    from trimtab.world.node import AnvilNode

    async with AnvilNode.open() as node:
        yield node


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
