"""Measure ours beside a peer: rounds alternate in one process, so noise of the machine hits both alike.

A `bench_<room>.py` beside this file exposes `async def run() -> list[Result]`:

    async def run() -> list[Result]:
        return [
            compare("price one option", our_price, vollib_price, peer_name="vollib", number=100, promised=10),
            await compare_async("typed call over HTTP", our_read, web3_read, peer_name="web3", promised=8),
            counted("RPC requests per read", ours=1, peer=3, peer_name="AsyncWeb3", unit="requests"),
        ]

Times are medians over the rounds, per operation, in `unit`; ratio = peer / ours, so above 1 we are faster.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
MIN_ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Result:
    """One line of `out/bench.json`. `ratio` = peer / ours; `promised` is the least ratio we stand for (below
    1 where the peer is a physical floor, not a rival), None where nothing is promised."""

    name: str
    ours: float
    peer: float
    peer_name: str
    unit: str
    ratio: float
    promised: float | None = None

    @property
    def is_kept(self) -> bool:
        return self.promised is None or self.ratio >= self.promised

    def to_json(self) -> dict[str, str | float]:
        """The keys that `out/bench.json` promises, and only those."""
        fields = asdict(self)
        del fields["promised"]
        return fields


def compare(
    name: str,
    ours: Callable[[], Any],
    peer: Callable[[], Any],
    *,
    peer_name: str,
    unit: str = "us",
    number: int = 1,
    peer_number: int | None = None,
    per: int = 1,
    peer_per: int | None = None,
    rounds: int = MIN_ROUNDS,
    promised: float | None = None,
) -> Result:
    """Time two callables in alternating rounds, after one unmeasured call of each.

    `number` calls make a round (`peer_number` where the peer is too slow for as many); one call does `per`
    operations (`peer_per`, where the peer may do a sample of them) and the figure is per operation.
    """
    ours()
    peer()
    pairs = []
    with _quiet():
        for _ in range(_checked(rounds)):
            pairs.append((_timed(ours, number), _timed(peer, peer_number or number)))
    return _result(name, pairs, (per, peer_per or per), peer_name, unit, promised)


async def compare_async(
    name: str,
    ours: Callable[[], Awaitable[Any]],
    peer: Callable[[], Awaitable[Any]],
    *,
    peer_name: str,
    unit: str = "us",
    number: int = 1,
    peer_number: int | None = None,
    per: int = 1,
    peer_per: int | None = None,
    rounds: int = MIN_ROUNDS,
    promised: float | None = None,
) -> Result:
    """Like `compare`, for coroutine functions: each call is awaited before the next one starts."""
    await ours()
    await peer()
    pairs = []
    with _quiet():
        for _ in range(_checked(rounds)):
            pairs.append((await _timed_async(ours, number), await _timed_async(peer, peer_number or number)))
    return _result(name, pairs, (per, peer_per or per), peer_name, unit, promised)


def counted(
    name: str, *, ours: float, peer: float, peer_name: str, unit: str, promised: float | None = None
) -> Result:
    """A result from two counts (requests, bytes, megabytes), where smaller is better as with times."""
    return Result(name, ours, peer, peer_name, unit, peer / ours, promised)


def _result(
    name: str,
    pairs: list[tuple[float, float]],
    per: tuple[int, int],
    peer_name: str,
    unit: str,
    promised: float | None,
) -> Result:
    ours = median(pair[0] for pair in pairs) / per[0]
    peer = median(pair[1] for pair in pairs) / per[1]
    scale = UNITS[unit]
    return Result(name, ours * scale, peer * scale, peer_name, unit, peer / ours, promised)


def _timed(call: Callable[[], Any], number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - start) / number


async def _timed_async(call: Callable[[], Awaitable[Any]], number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        await call()
    return (time.perf_counter() - start) / number


def _checked(rounds: int) -> int:
    if rounds < MIN_ROUNDS:
        raise ValueError(f"{rounds} rounds give no stable median: use at least {MIN_ROUNDS}")
    return rounds


@contextmanager
def _quiet() -> Iterator[None]:
    """Collect before, not during: a full collection in one of the two would be counted as its speed."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
