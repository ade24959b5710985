"""The token bucket and its lanes."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.net import Lane, RateLimiter, TokenBucket


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    rate=st.floats(0.1, 1000),
    burst=st.floats(1, 100),
    steps=st.lists(st.tuples(st.floats(0, 10), st.integers(1, 5)), max_size=60),
)
def test_no_window_gives_more_than_burst_and_rate(
    rate: float, burst: float, steps: list[tuple[float, int]]
) -> None:
    """Over any time, at most `burst + rate * time` tokens are given."""
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    given_out = 0
    for seconds, tokens in steps:
        clock.now += seconds
        if tokens <= burst and bucket.take(tokens):
            given_out += tokens
    assert given_out <= burst + rate * clock.now + 1e-6 * (1 + given_out)


@given(st.floats(0.1, 1000), st.floats(1, 50), st.integers(1, 200))
def test_waiting_as_told_is_enough(rate: float, burst: float, tokens: int) -> None:
    """After `wait_for` seconds the tokens can be taken, even more than the burst holds."""
    clock = Clock()
    bucket = TokenBucket(rate, burst, clock)
    bucket.take(burst)
    clock.now += bucket.wait_for(tokens)
    assert bucket.take(tokens)


def test_a_pause_holds_everyone() -> None:
    """After the server's Retry-After nothing goes before its time, and then again at the rate."""
    clock = Clock()
    bucket = TokenBucket(10.0, 5.0, clock)
    bucket.pause(3.0)
    clock.now = 2.99
    assert not bucket.take()
    clock.now = 3.0
    assert bucket.take()


@pytest.mark.parametrize(("rate", "burst"), [(0, 5), (-1, 5), (1, 0.5), (float("nan"), 5), (1, float("inf"))])
def test_senseless_rates_are_refused(rate: float, burst: float) -> None:
    """A bucket that would never give, or give without end, is not made."""
    with pytest.raises(ValueError, match="rate"):
        TokenBucket(rate, burst, Clock())


async def test_urgent_requests_pass_background_ones() -> None:
    """When the bucket is empty the lane decides, then the order of arrival."""
    limiter = RateLimiter(TokenBucket(200.0, 1.0, time.monotonic))
    order: list[str] = []

    async def ask(name: str, lane: Lane) -> None:
        await limiter.acquire(1, lane)
        order.append(name)

    await limiter.acquire()
    async with asyncio.TaskGroup() as group:
        for name, lane in [
            ("back 1", Lane.BACKGROUND),
            ("normal 1", Lane.NORMAL),
            ("back 2", Lane.BACKGROUND),
            ("urgent", Lane.URGENT),
            ("normal 2", Lane.NORMAL),
        ]:
            group.create_task(ask(name, lane))
            await asyncio.sleep(0)
    assert order == ["urgent", "normal 1", "normal 2", "back 1", "back 2"]


async def test_who_gives_up_takes_nothing() -> None:
    """A cancelled waiter leaves its tokens to the next."""
    clock = Clock()
    limiter = RateLimiter(TokenBucket(1.0, 1.0, clock))
    await limiter.acquire()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await limiter.acquire()
    clock.now = 1.0
    async with asyncio.timeout(1):
        await limiter.acquire()


async def test_the_rate_holds_over_real_time() -> None:
    """Thirty requests at 200 a second with a burst of 10 take a tenth of a second or more."""
    limiter = RateLimiter(TokenBucket(200.0, 10.0, time.monotonic))
    start = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for _ in range(30):
            group.create_task(limiter.acquire())
    assert 0.095 <= time.monotonic() - start < 2.0


async def test_a_pause_wakes_who_waits_no_earlier() -> None:
    """The limiter's pause reaches those already in line."""
    limiter = RateLimiter(TokenBucket(1000.0, 1.0, time.monotonic))
    await limiter.acquire()
    limiter.pause(0.05)
    start = time.monotonic()
    await limiter.acquire()
    assert time.monotonic() - start >= 0.045
