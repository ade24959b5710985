"""A gate: many pass at a time, and while it is closed nobody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Who passes is waited for before it closes; who comes meanwhile waits until it is open again."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._is_open = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._passing = 0
        self._is_open.set()
        self._is_empty.set()

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """A moment that must not lie within a closed one."""
        while not self._is_open.is_set():
            await self._is_open.wait()
        self._passing += 1
        self._is_empty.clear()
        try:
            yield
        finally:
            self._passing -= 1
            if not self._passing:
                self._is_empty.set()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Alone, one at a time."""
        async with self._turn:
            self._is_open.clear()
            try:
                await self._is_empty.wait()
                yield
            finally:
                self._is_open.set()
