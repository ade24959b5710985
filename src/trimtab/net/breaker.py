"""A circuit breaker that heals itself: closed, open, half-open with one probe. Pure, on an injected clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """CLOSED lets everything through, OPEN nothing, HALF_OPEN one probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Opens after `threshold` failures in a row, for `cooldown` seconds, doubled each time up to `cap`."""

    threshold: int = 5
    cooldown: float = 1.0
    cap: float = 15.0


class CircuitBreaker:
    """Counts failures in a row. `clock` gives seconds and never goes back."""

    def __init__(self, policy: BreakerPolicy, clock: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._failures = 0
        self._trips = 0
        self._open_until = 0.0
        self._probe_until: float | None = None
        self.state = BreakerState.CLOSED

    def allows(self) -> bool:
        """True when a request may go now, without claiming the probe."""
        if self.state is BreakerState.CLOSED:
            return True
        now = self._clock()
        if self.state is BreakerState.OPEN:
            return now >= self._open_until
        return self._probe_until is None or now >= self._probe_until

    def acquire(self) -> bool:
        """Claim a pass. After the cooldown exactly one caller gets the probe; a lost probe frees itself."""
        if self.state is BreakerState.CLOSED:
            return True
        if not self.allows():
            return False
        self.state = BreakerState.HALF_OPEN
        self._probe_until = self._clock() + self._policy.cap
        return True

    def record_success(self) -> None:
        """The request was answered: close."""
        if self._failures or self.state is not BreakerState.CLOSED:
            self._failures = self._trips = 0
            self._probe_until = None
            self.state = BreakerState.CLOSED

    def record_failure(self) -> None:
        """The request was not answered: count it, and open at the threshold or after a failed probe."""
        self._failures += 1
        if self.state is BreakerState.HALF_OPEN or self._failures >= self._policy.threshold:
            if self.state is not BreakerState.OPEN:
                self._trips += 1
            wait = min(self._policy.cap, self._policy.cooldown * 2.0 ** min(self._trips - 1, 32))
            self._open_until = self._clock() + wait
            self._probe_until = None
            self.state = BreakerState.OPEN

    @property
    def retry_at(self) -> float:
        """When the next request may go, on the breaker's clock."""
        if self.state is BreakerState.CLOSED:
            return self._clock()
        return self._open_until if self._probe_until is None else self._probe_until
