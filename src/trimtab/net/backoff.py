"""How long to wait before the next try: exponential with full jitter, never less than the server asked."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """Waits grow from `base` by `factor` up to `cap` seconds; the jitter is full (0 to the bound)."""

    base: float = 0.1
    factor: float = 2.0
    cap: float = 5.0

    def bound(self, attempt: int) -> float:
        """The longest wait before try `attempt` (0 is the first repetition)."""
        # The exponent is held down so that a very long outage cannot overflow the float.
        return float(min(self.cap, self.base * self.factor ** min(attempt, 64)))

    def delay(self, attempt: int, *, rng: random.Random, retry_after: float | None = None) -> float:
        """Seconds to wait; a server's `retry_after` is a floor, with jitter on top, and may exceed `cap`."""
        jitter = rng.uniform(0.0, self.bound(attempt))
        return jitter if retry_after is None else max(retry_after, 0.0) + jitter
