"""The bench harness: what its ratios mean and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from benchmarks.harness import Result, compare, compare_async, counted

Spend = Callable[[float], Callable[[], None]]


@pytest.fixture
def spend(monkeypatch: pytest.MonkeyPatch) -> Spend:
    """Makes callables that take so many seconds of a clock that nothing else moves."""
    now = [0.0]

    def taking(seconds: float) -> Callable[[], None]:
        def call() -> None:
            now[0] += seconds

        return call

    monkeypatch.setattr("benchmarks.harness.time.perf_counter", lambda: now[0])
    return taking


def test_ratio_is_peer_over_ours(spend: Spend) -> None:
    """A peer that takes four times as long gives a ratio of 4, with times in the unit asked for."""
    result = compare("spin", spend(0.0002), spend(0.0008), peer_name="slow", unit="ms", number=3)
    assert result.ratio == pytest.approx(4.0)
    assert (result.ours, result.peer) == pytest.approx((0.2, 0.8))


async def test_async_rounds_alternate() -> None:
    """Ours and the peer take turns, after one unmeasured call of each."""
    calls: list[str] = []

    async def ours() -> None:
        calls.append("o")

    async def peer() -> None:
        calls.append("p")

    await compare_async("turns", ours, peer, peer_name="peer", number=2)
    assert "".join(calls) == "op" + "oopp" * 15


def test_figures_are_per_operation(spend: Spend) -> None:
    """`per` divides the time of a call by the operations in it, for each side its own."""
    result = compare("spin", spend(0.001), spend(0.001), peer_name="same", per=10, peer_per=5)
    assert result.ratio == pytest.approx(2.0)
    assert (result.ours, result.peer) == pytest.approx((100.0, 200.0))


def test_too_few_rounds_are_refused() -> None:
    """A median of three rounds is no figure."""
    with pytest.raises(ValueError, match="at least 15"):
        compare("few", lambda: None, lambda: None, peer_name="x", rounds=3)


def test_json_holds_the_promised_keys() -> None:
    """A line of bench.json has exactly the keys that the README names, as plain JSON."""
    line = counted("requests", ours=1, peer=3, peer_name="web3", unit="requests", promised=3).to_json()
    assert list(json.loads(json.dumps(line))) == ["name", "ours", "peer", "peer_name", "unit", "ratio"]


def test_a_missed_promise_shows() -> None:
    """`is_kept` compares the measured ratio with the promised one."""
    assert Result("a", 1, 3, "p", "us", 3.0, promised=2).is_kept
    assert not Result("a", 1, 3, "p", "us", 3.0, promised=4).is_kept
