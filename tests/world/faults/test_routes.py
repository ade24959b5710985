"""Routes that fail on purpose do exactly what they say."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

from trimtab.model.ids import TxHash
from trimtab.tx.lanes import Lane
from trimtab.tx.routes import Parcel, Route, SendResult
from trimtab.tx.routes.base import Sending
from trimtab.tx.states import Outcome
from trimtab.world.faults import CrashAfterBroadcast, LostAnswers, LostBytes


class Remembering:
    """A route of two endpoints that take everything, and remembers what reached it."""

    name = "remembering"
    endpoints = ("one", "two")
    lanes = frozenset({Lane.PUBLIC})

    def __init__(self) -> None:
        self.arrived: list[bytes] = []

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return [self._take(endpoint, parcel.raws) for endpoint in self.endpoints]

    async def _take(self, endpoint: str, raws: Sequence[bytes]) -> Sequence[SendResult]:
        self.arrived += raws
        return [SendResult(endpoint, Outcome.ACCEPTED, "")] * len(raws)


async def outcomes(route: Route, raw: bytes) -> list[Outcome]:
    """The one outcome of each endpoint."""
    answers = [await sending for sending in route.send(Parcel((raw,), (TxHash("0x"),)))]
    return [only.outcome for (only,) in answers]


async def test_lost_answers_arrive_and_say_nothing() -> None:
    """The bytes reach every endpoint, the answers are ambiguous, and after so many times all is well."""
    inner = Remembering()
    route = LostAnswers(inner, times=1)
    assert await outcomes(route, b"a") == [Outcome.AMBIGUOUS] * 2
    assert await outcomes(route, b"a") == [Outcome.ACCEPTED] * 2
    assert inner.arrived == [b"a"] * 4


async def test_lost_bytes_never_arrive() -> None:
    """The answers are as ambiguous, and nothing reached anybody: the caller cannot tell the two apart."""
    inner = Remembering()
    route = LostBytes(inner, times=1)
    assert await outcomes(route, b"a") == [Outcome.AMBIGUOUS] * 2
    assert inner.arrived == []
    assert await outcomes(route, b"a") == [Outcome.ACCEPTED] * 2


CRASH = """
import asyncio, sys
from trimtab.tx.lanes import Lane
from trimtab.tx.routes import Parcel, SendResult
from trimtab.tx.states import Outcome
from trimtab.world.faults import CrashAfterBroadcast

class Printing:
    name, endpoints, lanes = "printing", ("one",), frozenset({Lane.PUBLIC})
    def send(self, parcel):
        return [self._take(*parcel.raws)]
    async def _take(self, raw):
        print(raw.decode(), flush=True)
        return [SendResult("one", Outcome.ACCEPTED, "")]

async def main():
    route = CrashAfterBroadcast(Printing(), sends=2)
    for raw in (b"first", b"first", b"second", b"third"):
        for sending in route.send(Parcel((raw,), ("0x",))):
            await sending
asyncio.run(main())
"""


def test_the_crash_comes_after_the_bytes_and_before_the_answer() -> None:
    """The process dies by SIGKILL when the second transaction has left; the same bytes again count once."""
    died = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL
    assert died.stdout.split() == ["first", "first", "second"]


async def test_before_its_time_the_crash_is_no_fault() -> None:
    """Wrapped and not due, a route works as before."""
    route = CrashAfterBroadcast(Remembering(), sends=2)
    assert isinstance(route, Route)
    assert route.endpoints == ("one", "two")
    assert await outcomes(route, b"a") == [Outcome.ACCEPTED] * 2
