"""A gate: many pass at a time, and while it is closed nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Who passes is waited for before it closes; who comes meanwhile waits until it is open again."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._passing = 0
        self._is_closed = False

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """A moment that must not lie within a closed one."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_closed)
            self._passing += 1
        try:
            yield
        finally:
            self._passing -= 1
            async with self._changed:
                self._changed.notify_all()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Alone, one at a time."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_closed)
            self._is_closed = True
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._passing)
            yield
        finally:
            self._is_closed = False
            async with self._changed:
                self._changed.notify_all()
