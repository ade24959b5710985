"""Time as a value that is handed in, so that tests own it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds. `monotonic` measures durations and never jumps; `time` is the wall's unix time and may."""

    def monotonic(self) -> float: ...
    def time(self) -> float: ...


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()


class ManualClock:
    """A clock that moves only when told; both its faces move together, `jump` moves the wall alone."""

    def __init__(self, at: float = 0.0) -> None:
        self._elapsed = 0.0
        self._wall = at

    def monotonic(self) -> float:
        return self._elapsed

    def time(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds}")
        self._elapsed += seconds
        self._wall += seconds

    def jump(self, seconds: float) -> None:
        """The wall clock is set, by hand or by NTP: durations do not notice."""
        self._wall += seconds


async def wait_for_event(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event` at most so long; True when it was set. It is cleared in either case."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    finally:
        event.clear()
    return True
