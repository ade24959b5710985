"""The circuit breaker, on a clock that the test moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from trimtab.net import BreakerPolicy, BreakerState, CircuitBreaker

POLICY = BreakerPolicy(threshold=3, cooldown=1.0, cap=8.0)


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(POLICY, clock)
    for _ in range(POLICY.threshold):
        breaker.record_failure()
    return breaker


def test_it_opens_at_the_threshold_and_not_before() -> None:
    """Failures in a row open it; a success in between starts the count again."""
    breaker = CircuitBreaker(POLICY, Clock())
    breaker.record_failure()
    breaker.record_failure()
    breaker.record_success()
    breaker.record_failure()
    breaker.record_failure()
    assert breaker.acquire()
    breaker.record_failure()
    assert not breaker.acquire()


def test_after_the_cooldown_one_probe_decides() -> None:
    """Half-open lets exactly one through; its success closes, its failure opens for twice as long."""
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.0
    assert [breaker.acquire() for _ in range(3)] == [True, False, False]
    breaker.record_failure()
    clock.now += 1.5
    assert not breaker.acquire()
    clock.now += 0.5
    assert breaker.acquire()
    breaker.record_success()
    assert breaker.state is BreakerState.CLOSED
    assert all(breaker.acquire() for _ in range(5))


def test_a_lost_probe_frees_itself() -> None:
    """When the prober vanishes without a word, another may probe later: it never stays shut for ever."""
    clock = Clock()
    breaker = opened(clock)
    clock.now += 1.0
    assert breaker.acquire()
    assert not breaker.acquire()
    clock.now += POLICY.cap
    assert breaker.acquire()


@given(st.integers(3, 200))
def test_it_rests_at_most_the_cap(failures: int) -> None:
    """However often it fails, the rest is bounded."""
    clock = Clock()
    breaker = CircuitBreaker(POLICY, clock)
    for _ in range(failures):
        breaker.record_failure()
        clock.now = max(clock.now, breaker.retry_at)
        breaker.acquire()
    breaker.record_failure()
    assert 0 < breaker.retry_at - clock.now <= POLICY.cap


class BreakerMachine(RuleBasedStateMachine):
    """Any order of time, passes, successes and failures."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = CircuitBreaker(POLICY, self.clock)
        self.failures = 0

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def succeed(self) -> None:
        self.breaker.record_success()
        self.failures = 0
        assert self.breaker.acquire()

    @rule()
    def fail(self) -> None:
        self.breaker.record_failure()
        self.failures += 1

    @rule()
    def probe(self) -> None:
        passed = self.breaker.acquire()
        if passed and self.breaker.state is BreakerState.HALF_OPEN:
            assert not self.breaker.acquire()

    @invariant()
    def closed_below_the_threshold(self) -> None:
        if self.failures == 0:
            assert self.breaker.state is BreakerState.CLOSED
        if self.failures >= POLICY.threshold:
            assert self.breaker.state is not BreakerState.CLOSED

    @invariant()
    def it_heals_itself(self) -> None:
        assert self.breaker.retry_at <= self.clock.now + POLICY.cap


TestBreakerMachine = BreakerMachine.TestCase
