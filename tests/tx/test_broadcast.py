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
from trimtab.tx.events import Send, SendAnswered, SendBundle, Withdraw
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


class Vault:
    """A route to one relay, for what is private; it can be asked to forget."""

    name = "vault"
    endpoints = ("vault:r",)
    lanes = frozenset({Lane.PRIVATE, Lane.BUNDLE})
    lingers: int | None = None

    def __init__(self) -> None:
        self.got: list[Parcel] = []
        self.forgot: list[Parcel] = []

    def send(self, parcel: Parcel) -> list[Sending]:
        self.got.append(parcel)
        return [self._say_yes(parcel)]

    async def _say_yes(self, parcel: Parcel) -> Sequence[SendResult]:
        return [SendResult("vault:r", Outcome.ACCEPTED, "")] * len(parcel.raws)

    async def withdraw(self, parcel: Parcel) -> None:
        self.forgot.append(parcel)


def private(nonce: int, lane: Lane = Lane.PRIVATE, deadline: int | None = None) -> Send:
    raw = bytes([nonce])
    return Send(nonce, TxHash(f"0x{nonce}"), raw, lane, 5, 9, name=f"key-{nonce}", deadline=deadline)


async def test_bytes_go_to_the_routes_of_their_lane_and_to_no_other() -> None:
    """Of one turn's sends the public ones travel together, each private one alone under its own name, a
    bundle whole, with the earliest deadline of its steps."""
    vault = Vault()
    async with asyncio.TaskGroup() as tasks:
        desk = Desk(tasks, vault)
        desk.is_open.set()
        steps = (private(3, Lane.BUNDLE, deadline=50), private(4, Lane.BUNDLE, deadline=40))
        desk.out.send([private(2), SENDS[0], SendBundle(steps, "both"), SENDS[1], private(1)])
        await desk.out.wait(60.0)
    assert {raw for _, raws in desk.got for raw in raws} == {b"\7", b"\10"}
    assert sorted((parcel.name, parcel.raws, parcel.deadline) for parcel in vault.got) == [
        ("both", (b"\3", b"\4"), 40),
        ("key-1", (b"\1",), None),
        ("key-2", (b"\2",), None),
    ]
    assert {(parcel.target, parcel.last_block) for parcel in vault.got} == {(5, 9)}
    assert desk.out.ways.of(Lane.PRIVATE) == desk.out.ways.of(Lane.BUNDLE) == ("vault:r",)
    assert not desk.out.ways.lingering


async def test_who_keeps_trying_is_known() -> None:
    """Endpoints of a route that says so; of one that aims at a single block, none."""
    keeper = Vault()
    keeper.lingers = 0
    async with asyncio.TaskGroup() as tasks:
        assert Desk(tasks, keeper).out.ways.lingering == {"vault:r": 0}


async def test_only_routes_of_the_lane_are_asked_to_forget() -> None:
    """A public one that could is not: it would hear of bytes that it never had."""
    vault, stranger = Vault(), Vault()
    stranger.endpoints, stranger.lanes = ("stranger:r",), frozenset({Lane.PUBLIC})
    async with asyncio.TaskGroup() as tasks:
        desk = Desk(tasks, vault, stranger)
        desk.out.withdraw(Withdraw("both", Lane.BUNDLE, (b"\3",), (TxHash("0x3"),)))
    assert [(parcel.name, parcel.raws, parcel.lane) for parcel in vault.forgot] == [
        ("both", (b"\3",), Lane.BUNDLE)
    ]
    assert not stranger.forgot


async def test_a_route_that_raises_says_nothing() -> None:
    """It is somebody's own, and breaks its promise: the bytes may be out, and the sender goes on."""

    async def broken() -> Sequence[SendResult]:
        raise KeyError("status")

    async with asyncio.TaskGroup() as tasks:
        desk = Desk(tasks)
        desk.send = lambda parcel: [broken(), broken()]  # type: ignore[method-assign]
        desk.out.send(SENDS)
        await desk.out.wait(60.0)
    assert {said.outcome for said in desk.told} == {Outcome.AMBIGUOUS}
    assert {said.message for said in desk.told} == {"the route raised KeyError"}
