"""The loop of virtual time: a day costs nothing, and what can never go on is named."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from tests.tx.virtual_time import DeadlockError, VirtualClock, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop()
    yield made
    made.shut()


async def note(seen: list[str], name: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    seen.append(name)


def test_a_day_passes_at_once_and_in_order(loop: VirtualLoop) -> None:
    """Timers fire in the order of their times, whatever the order they were set in."""
    began, seen = time.monotonic(), list[str]()
    for name, seconds in (("day", 86_400.0), ("hour", 3_600.0), ("now", 0.0)):
        loop.create_task(note(seen, name, seconds))
    loop.run_for(90_000.0)
    assert seen == ["now", "hour", "day"]
    assert loop.time() == pytest.approx(90_000.0)
    assert time.monotonic() - began < 30


def test_timeouts_and_the_clock_are_virtual(loop: VirtualLoop) -> None:
    """`asyncio.timeout` ends at the loop's time, which the engine's clock shows too."""
    clock = VirtualClock(loop, wall=1_000.0)

    async def wait() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(50.0):
                await asyncio.sleep(100.0)

    loop.run_until_complete(wait())
    assert (clock.monotonic(), clock.time()) == pytest.approx((50.0, 1_050.0))


def test_what_waits_for_ever_is_named() -> None:
    """No timer, nothing ready: a failure that says which task waits and where."""
    loop = VirtualLoop()

    async def wait_for_nobody() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match=r"wait_for_nobody at test_virtual_time\.py"):
        loop.run_until_complete(wait_for_nobody())
    loop.shut()


def test_the_world_can_be_stopped_between_any_two_steps(loop: VirtualLoop) -> None:
    """`on_turn` is called before each round: what it stops goes on where it was."""
    seen = list[str]()
    for name in ("a", "b"):
        loop.create_task(note(seen, name, 1.0 if name == "a" else 2.0))
    loop.on_turn = lambda: loop.stop() if seen else None
    loop.run_for(10.0)
    assert seen == ["a"]
    loop.on_turn = None
    loop.run_for(10.0)
    assert seen == ["a", "b"]
