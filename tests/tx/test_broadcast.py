"""Every endpoint gets all bytes once, in the order of nonces, and whatever it says or does not is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from trimtab.errors import ConfigError
from trimtab.model.ids import TxHash
from trimtab.runtime import SystemClock
from trimtab.tx.broadcast import Broadcaster
from trimtab.tx.chain_clock import ChainClock
from trimtab.tx.events import Send, SendAnswered
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.base import Parcel, Sending, SendResult
from trimtab.tx.states import Outcome

SENDS = [Send(nonce, TxHash(f"0x{nonce}"), bytes([nonce])) for nonce in (8, 7)]


class Desk:
    """A route to `a` and `b`; `b` answers once `is_open` is set."""

    name = "desk"
    endpoints = ("a", "b")
    lanes = frozenset({Lane.PUBLIC})

    def __init__(self, tasks: asyncio.TaskGroup, *others: Any, timeout: float = 60.0) -> None:
        self.got: list[tuple[str, list[bytes]]] = []
        self.told: list[SendAnswered] = []
        self.is_open = asyncio.Event()
        self.out = Broadcaster(
            [self, *others], ChainClock(SystemClock()), timeout, tasks.create_task, self.told.extend
        )

    def send(self, parcel: Parcel) -> list[Sending]:
        return [self._take(name, list(parcel.raws)) for name in self.endpoints]

    async def _take(self, name: str, raws: list[bytes]) -> Sequence[SendResult]:
        self.got.append((name, raws))
        if name == "b":
            await self.is_open.wait()
        return [SendResult(name, Outcome.ACCEPTED, "")] * len(raws)


async def test_each_endpoint_answers_for_itself() -> None:
    """Lowest nonce first; the slow one holds up nothing, and `wait` gives it its time."""
    async with asyncio.TaskGroup() as tasks:
        desk = Desk(tasks)
        assert desk.out.ways.of(Lane.PUBLIC) == ("a", "b")
        desk.out.send(SENDS)
        await desk.out.wait(0.01)
        assert desk.got == [("a", [b"\7", b"\10"]), ("b", [b"\7", b"\10"])]
        assert [(said.endpoint, said.nonce) for said in desk.told] == [("a", 7), ("a", 8)]
        desk.is_open.set()
        await desk.out.wait(60.0)
        assert [(said.endpoint, said.tx_hash) for said in desk.told[2:]] == [("b", "0x7"), ("b", "0x8")]
        assert {said.outcome for said in desk.told} == {Outcome.ACCEPTED}
        await desk.out.wait(60.0)  # nothing is on its way


async def test_silence_is_ambiguous() -> None:
    """For each of the transactions; the endpoint that answered has its word."""
    async with asyncio.TaskGroup() as tasks:
        desk = Desk(tasks, timeout=0.05)
        desk.out.send(SENDS)
        await desk.out.wait(60.0)
    ends = [(said.endpoint, said.outcome, said.message) for said in desk.told]
    assert ends == [("a", Outcome.ACCEPTED, "")] * 2 + [("b", Outcome.AMBIGUOUS, "no answer in 0.05 s")] * 2


async def test_one_name_is_one_endpoint() -> None:
    """Two routes to one would mix up its answers."""
    async with asyncio.TaskGroup() as tasks:
        desk = Desk(tasks)
        with pytest.raises(ConfigError, match="endpoint named 'a'"):
            Desk(tasks, desk)
