"""A token bucket with priority lanes: urgent requests never wait behind background ones."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Callable
from enum import IntEnum
from itertools import count


class Lane(IntEnum):
    """Who goes first when the bucket is empty."""

    URGENT = 0
    NORMAL = 1
    BACKGROUND = 2


class TokenBucket:
    """`rate` tokens per second, `burst` at most. Pure: `clock` gives seconds and never goes back."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        if not (rate > 0 and burst >= 1 and math.isfinite(rate) and math.isfinite(burst)):
            raise ValueError(f"rate {rate} must be positive and burst {burst} at least 1")
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._tokens = burst
        self._at = clock()

    def _refill(self) -> float:
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + max(now - self._at, 0.0) * self.rate)
        self._at = max(now, self._at)
        return self._tokens

    def take(self, tokens: float = 1.0) -> bool:
        """Take tokens if there are enough now. More than `burst` is lent by a full bucket."""
        need = min(tokens, self.burst)
        # One part in 1e9: a wait of exactly `wait_for` must suffice whatever the float rounding.
        if self._refill() < need * (1 - 1e-9):
            return False
        self._tokens -= tokens
        return True

    def wait_for(self, tokens: float = 1.0) -> float:
        """Seconds until `take(tokens)` can succeed."""
        return max(0.0, (min(tokens, self.burst) - self._refill()) / self.rate)

    def pause(self, seconds: float) -> None:
        """Let nothing through for that long: the server said so. A longer pause already set stays."""
        self._refill()
        self._tokens = min(self._tokens, 1.0 - seconds * self.rate)


class RateLimiter:
    """Waits for tokens in order of lane, then of arrival."""

    def __init__(self, bucket: TokenBucket) -> None:
        self._bucket = bucket
        self._queue: list[tuple[int, int, float, asyncio.Future[None]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    async def acquire(self, tokens: float = 1.0, lane: Lane = Lane.NORMAL) -> None:
        """Return when the tokens are ours. Cancelling gives up the place and takes nothing."""
        if not self._queue and self._bucket.take(tokens):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (lane, next(self._order), tokens, turn))
        self._serve()
        await turn

    def pause(self, seconds: float) -> None:
        """Nobody goes for that long."""
        self._bucket.pause(seconds)

    def _serve(self) -> None:
        """Grant whoever can go, and wake again when the first in line can."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            _, _, tokens, turn = self._queue[0]
            if turn.done() or self._bucket.take(tokens):
                heapq.heappop(self._queue)
                if not turn.done():
                    turn.set_result(None)
                continue
            wait = max(self._bucket.wait_for(tokens), 1e-4)
            self._timer = asyncio.get_running_loop().call_later(wait, self._serve)
            return
