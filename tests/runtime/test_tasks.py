"""Background tasks fail as themselves, and take the body with them."""

from __future__ import annotations

import asyncio

import pytest

from trimtab.runtime import open_tasks


async def fail(error: Exception) -> None:
    raise error


async def run_with(task_error: Exception | None, body_error: Exception | None) -> None:
    async with open_tasks() as tasks:
        if task_error is not None:
            tasks.create_task(fail(task_error))
            await asyncio.sleep(5)
        if body_error is not None:
            raise body_error


async def test_the_bodys_exception_is_not_wrapped() -> None:
    """It is the very object that was raised."""
    error = ValueError("body")
    with pytest.raises(ValueError, match="body") as caught:
        await run_with(None, error)
    assert caught.value is error


async def test_a_failed_task_stops_the_body_and_is_not_wrapped() -> None:
    """The body's wait ends at once, and the cause is told."""
    error = KeyError("task")
    with pytest.raises(KeyError) as caught:
        await run_with(error, None)
    assert caught.value is error


async def test_two_failed_tasks_are_a_group() -> None:
    """Neither of two causes is hidden; one cause that two tasks tell is one."""
    with pytest.raises(ExceptionGroup) as caught:
        await run_two(KeyError("one"), ValueError("two"))
    with pytest.raises(KeyError):
        await run_two(error := KeyError("same"), error)
    assert {type(error) for error in caught.value.exceptions} == {KeyError, ValueError}


async def run_two(first: Exception, second: Exception) -> None:
    async with open_tasks() as tasks:
        tasks.create_task(fail(first))
        tasks.create_task(fail(second))
        await asyncio.sleep(5)


async def test_cancelling_from_outside_is_a_cancellation() -> None:
    """The caller's own cancellation passes through."""
    task = asyncio.create_task(run_with(None, None))
    await task
    waiting = asyncio.create_task(_wait_inside())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def _wait_inside() -> None:
    async with open_tasks():
        await asyncio.Event().wait()
