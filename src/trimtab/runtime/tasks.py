"""Background tasks of an object that is opened and closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def open_tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that wraps nothing: the body's exception, or the one of a task that failed, comes out as
    itself, because callers match on the error tree and not on groups. The body ends its own tasks."""
    failure: Exception | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            try:
                yield tasks
            except Exception as error:  # noqa: BLE001  raised again below, outside the group
                failure = error
    except BaseExceptionGroup as group:
        if failure is not None:
            raise failure from group
        causes = {id(error): error for error in group.exceptions}
        if len(causes) == 1:
            raise causes.popitem()[1] from None
        raise
    if failure is not None:
        raise failure
