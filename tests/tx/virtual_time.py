"""An event loop whose clock is virtual: when nothing is ready it jumps to the next timer instead of sleeping.

One second or one day of waiting costs nothing, and two runs with the same inputs take the same steps. There
is no network in it and there are no threads: what waits for either waits for ever, and that is an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class DeadlockError(AssertionError):
    """Nothing is ready, no timer is set, and somebody still waits."""


class _Jump:
    """Stands where a loop has its selector: a wait for the network is a jump in time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        loop = self._loop
        if timeout is None:
            raise DeadlockError(f"nothing can ever happen again; waiting: {loop.waiting()}")
        loop.now += timeout
        loop.turns += 1
        if loop.on_turn is not None:
            loop.on_turn()
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """`now` is its clock in seconds, `turns` counts its rounds. `on_turn` is called before each round's
    callbacks, so that a test may stop the world between any two awaits."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.turns = 0
        self.on_turn: Callable[[], None] | None = None
        self.failures: list[dict[str, Any]] = []
        self._selector = _Jump(self)
        self.set_exception_handler(lambda _, context: self.failures.append(context))

    def time(self) -> float:
        return self.now

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no events from outside."""

    def _write_to_self(self) -> None:
        """There is no other thread to be woken by."""

    def run_for(self, seconds: float) -> None:
        """Run all that is ready, and what becomes so in the next `seconds`; earlier after `stop`."""
        alarm = self.call_later(seconds, self.stop)
        self.run_forever()
        alarm.cancel()

    def run_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Run until `condition` holds, at most so long; whether it does."""
        until = self.now + seconds
        while not condition():
            if self.now >= until:
                return False
            self.run_for(min(1.0, until - self.now))
        return True

    def waiting(self) -> str:
        """What every unfinished task waits for, for a message."""
        return "; ".join(sorted(_where(task) for task in asyncio.all_tasks(self))) or "no task"

    def shut(self) -> None:
        """Cancel what is left, and close."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        while left := asyncio.all_tasks(self):
            self.run_until_complete(asyncio.wait(left, timeout=60))
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()


def _where(task: asyncio.Task[Any]) -> str:
    frames = task.get_stack(limit=1)
    place = f"{frames[-1].f_code.co_filename.rpartition('/')[2]}:{frames[-1].f_lineno}" if frames else "?"
    return f"{task.get_coro().__qualname__} at {place}"  # type: ignore[union-attr]


class VirtualClock:
    """The engine's clock: durations from the loop, the wall's time with its own offset, which may jump."""

    def __init__(self, loop: VirtualLoop, wall: float = 1_700_000_000.0) -> None:
        self._loop = loop
        self.wall = wall

    def monotonic(self) -> float:
        return self._loop.now

    def time(self) -> float:
        return self.wall + self._loop.now
