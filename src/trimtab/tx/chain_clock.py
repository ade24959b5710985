"""The chain's time between its blocks: what contracts compare deadlines with."""

from __future__ import annotations

from trimtab.runtime.clock import Clock


class ChainClock:
    """The last head's timestamp plus the time since it came. A wall clock that is wrong or jumps does not
    matter, and a forked or warped chain keeps its own time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._head_at: int | None = None
        self._heard = 0.0

    def take_head(self, at: int) -> None:
        if self._head_at is None or at > self.now():
            self._head_at, self._heard = at, self._clock.monotonic()

    def now(self) -> int:
        """Unix seconds; the wall's before the first head."""
        if self._head_at is None:
            return int(self._clock.time())
        return self._head_at + int(self._clock.monotonic() - self._heard)
