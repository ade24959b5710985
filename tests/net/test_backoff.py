"""Waits between tries."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from trimtab.net import BackoffPolicy


@given(st.integers(0, 10_000), st.integers())
def test_a_wait_is_between_zero_and_the_cap(attempt: int, seed: int) -> None:
    """However long an outage lasts, a wait is never negative and never above the cap."""
    policy = BackoffPolicy(base=0.1, factor=2.0, cap=5.0)
    assert 0 <= policy.delay(attempt, rng=random.Random(seed)) <= 5.0


@given(st.integers(0, 20), st.integers(), st.floats(0, 3600))
def test_retry_after_is_a_floor(attempt: int, seed: int, retry_after: float) -> None:
    """A server's Retry-After is honoured even above the cap, with jitter on top of it."""
    policy = BackoffPolicy()
    wait = policy.delay(attempt, rng=random.Random(seed), retry_after=retry_after)
    assert retry_after <= wait <= retry_after + policy.cap


def test_the_bound_doubles_up_to_the_cap() -> None:
    """The longest wait grows by the factor and stops at the cap."""
    policy = BackoffPolicy(base=0.5, factor=2.0, cap=3.0)
    assert [policy.bound(attempt) for attempt in range(4)] == [0.5, 1.0, 2.0, 3.0]


def test_callers_do_not_wait_in_step() -> None:
    """Full jitter: many callers after one failure spread over the whole bound."""
    rng = random.Random(7)
    waits = [BackoffPolicy(base=1.0).delay(0, rng=rng) for _ in range(500)]
    assert min(waits) < 0.05
    assert max(waits) > 0.95
