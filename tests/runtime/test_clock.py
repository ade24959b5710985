"""Clocks that tests own, and waits that end."""

from __future__ import annotations

import asyncio
import time

import pytest

from trimtab.runtime import Clock, ManualClock, SystemClock, wait_for_event


def test_a_manual_clock_moves_only_when_told() -> None:
    """Both faces move together; setting the wall clock moves no duration."""
    clock: Clock = ManualClock(1_000.0)
    assert isinstance(clock, ManualClock)
    clock.advance(5)
    assert (clock.monotonic(), clock.time()) == (5.0, 1_005.0)
    clock.jump(-500)
    assert (clock.monotonic(), clock.time()) == (5.0, 505.0)
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)


def test_the_system_clock_is_the_machines() -> None:
    """Its wall is unix time, its durations do not run backwards."""
    clock = SystemClock()
    assert abs(clock.time() - time.time()) < 1
    assert clock.monotonic() <= clock.monotonic()


async def test_an_event_ends_the_wait_and_is_cleared() -> None:
    """Set before or during the wait: true, once. Never set: false, in time."""
    event = asyncio.Event()
    event.set()
    assert await wait_for_event(event, 10)
    assert not event.is_set()
    assert not await wait_for_event(event, 0.01)
    asyncio.get_running_loop().call_later(0.01, event.set)
    assert await wait_for_event(event, 10)
