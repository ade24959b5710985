"""The gate: nobody passes while it is closed, and it closes only when nobody is passing."""

from __future__ import annotations

import asyncio

import pytest

from trimtab.world.relay.gate import Gate


async def test_closing_waits_for_who_passes_and_others_wait_for_it() -> None:
    """Who is inside ends first; who comes while it is closed gets in after it opens."""
    gate, seen, inside, leave = Gate(), list[str](), asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with gate.passing():
            inside.set()
            await leave.wait()
            seen.append("passed")

    async def close() -> None:
        async with gate.closed():
            seen.append("closed")

    async def late() -> None:
        async with gate.passing():
            seen.append("late")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(slow())
        await inside.wait()
        tasks.create_task(close())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks.create_task(late())
        for _ in range(5):
            await asyncio.sleep(0)
        assert seen == []
        leave.set()
    assert seen == ["passed", "closed", "late"]


async def test_closed_one_at_a_time() -> None:
    """Two who want to be alone are so one after the other."""
    gate, alone = Gate(), 0

    async def work() -> None:
        nonlocal alone
        async with gate.closed():
            alone += 1
            await asyncio.sleep(0)
            assert alone == 1
            alone -= 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(5):
            tasks.create_task(work())


async def test_gate_opens_again_after_a_failure() -> None:
    """A failure inside, or a cancelled wait, leaves the gate open."""
    gate = Gate()
    with pytest.raises(ValueError, match="inside"):
        async with gate.closed():
            raise ValueError("inside")
    async with gate.passing():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), gate.closed():
                pytest.fail("somebody is passing")
    async with asyncio.timeout(10), gate.closed():
        pass
