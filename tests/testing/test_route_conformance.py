"""The suite of routes finds what is wrong: broken routes do not pass it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from tests.tx.routes.scripted import ScriptedStage, scripted

from trimtab.errors import ConnectionLostError
from trimtab.model.ids import TxHash
from trimtab.testing.route_conformance import MEANING, Reply, RouteConformance
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.base import Parcel, RelayState, RelayStatus, Sending, SendResult
from trimtab.tx.routes.mev_blocker import MevBlockerRoute
from trimtab.tx.routes.private_tx import PrivateTxRoute
from trimtab.tx.routes.relay import RelayOptions
from trimtab.tx.states import Outcome

SUITE = RouteConformance()


class Broken(PrivateTxRoute):
    """A route that has one fault, in a class below."""


class Everywhere(Broken):
    """Takes what is public too."""

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return super().send(replace(parcel, lane=Lane.PRIVATE))


class Optimist(Broken):
    """Calls everything a yes."""

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return [self._hope(sending) for sending in super().send(parcel)]

    async def _hope(self, sending: Sending) -> Sequence[SendResult]:
        return [replace(one, outcome=Outcome.ACCEPTED) for one in await sending]


class Pessimist(Broken):
    """Calls everything but a yes a no, so that a nonce would be used twice."""

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return [self._despair(sending) for sending in super().send(parcel)]

    async def _despair(self, sending: Sending) -> Sequence[SendResult]:
        sure = (Outcome.ACCEPTED, Outcome.REJECTED)
        return [
            one if one.outcome in sure else replace(one, outcome=Outcome.REJECTED) for one in await sending
        ]


class Eager(Broken):
    """Tries again what was not taken."""

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return [self._insist(parcel)]

    async def _insist(self, parcel: Parcel) -> Sequence[SendResult]:
        (first,) = super().send(parcel)
        results = await first
        if any(one.outcome is not Outcome.ACCEPTED for one in results):
            (second,) = super().send(parcel)
            results = await second
        return results


class Backwards(Broken):
    """Sends the highest nonce first."""

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return super().send(replace(parcel, raws=parcel.raws[::-1], hashes=parcel.hashes[::-1]))


class Lump(Broken):
    """Gives one answer for all."""

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return [self._first(sending) for sending in super().send(parcel)]

    async def _first(self, sending: Sending) -> Sequence[SendResult]:
        return list(await sending)[:1]


class Talkative(Broken):
    """Has its URL in its repr."""

    url = ""

    def __repr__(self) -> str:
        return f"<route to {self.url}/s3cret-k3y>"


class Nameless(Broken):
    """Its endpoints could be a node's."""

    @property
    def endpoints(self) -> tuple[str, ...]:
        return ("127.0.0.1",)


class Undying(Broken):
    """Goes on sending after its end."""

    async def close(self) -> None:
        await asyncio.sleep(0)


class Loud(Broken):
    """Raises where it should only have asked."""

    async def withdraw(self, parcel: Parcel) -> None:
        raise ConnectionLostError("the relay is not there")


class Fabulist(MevBlockerRoute):
    """Says that everything is included."""

    async def read_status(self, tx_hash: TxHash) -> Sequence[RelayStatus]:
        return [RelayStatus(name, RelayState.INCLUDED) for name in self.endpoints]


class WithSecret(RouteConformance):
    secrets = ("s3cret-k3y",)


@pytest.mark.parametrize(
    ("kind", "run"),
    [
        (Everywhere, SUITE.test_bytes_of_another_lane_are_not_taken),
        (Optimist, lambda stage: SUITE.test_an_answer_means_what_it_says(stage, Reply.NO)),
        (Optimist, lambda stage: SUITE.test_an_answer_means_what_it_says(stage, Reply.CUT)),
        (Pessimist, lambda stage: SUITE.test_an_answer_means_what_it_says(stage, Reply.TROUBLE)),
        (Pessimist, lambda stage: SUITE.test_an_answer_means_what_it_says(stage, Reply.UNKNOWN)),
        (Pessimist, lambda stage: SUITE.test_an_answer_means_what_it_says(stage, Reply.SILENCE)),
        (Eager, lambda stage: SUITE.test_an_answer_means_what_it_says(stage, Reply.CUT)),
        (Backwards, SUITE.test_bytes_arrive_once_unchanged_and_in_order),
        (Lump, SUITE.test_bytes_arrive_once_unchanged_and_in_order),
        (Talkative, WithSecret().test_no_secret_is_told),
        (Nameless, SUITE.test_it_plays_its_role),
        (Undying, SUITE.test_closed_is_closed),
        (Loud, SUITE.test_withdrawing_never_raises),
        (Fabulist, SUITE.test_a_status_is_never_made_up),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_fault_is_found(kind: Any, run: Callable[[Any], Any]) -> None:
    """Each broken route fails the test that is for its fault, and is otherwise like the good one."""
    async for stage in staged(kind):
        with pytest.raises((AssertionError, ConnectionLostError, pytest.fail.Exception)):
            await run(stage)


@pytest.mark.parametrize("kind", [PrivateTxRoute, MevBlockerRoute])
async def test_good_ones_pass(kind: Any) -> None:
    """The same stage, the same tests."""
    for run in (
        SUITE.test_bytes_of_another_lane_are_not_taken,
        SUITE.test_bytes_arrive_once_unchanged_and_in_order,
        SUITE.test_withdrawing_never_raises,
        SUITE.test_a_status_is_never_made_up,
        SUITE.test_closed_is_closed,
    ):
        async for stage in staged(kind):
            await run(stage)


def test_every_reply_has_a_meaning() -> None:
    """And only two of them are sure."""
    assert set(MEANING) == set(Reply)
    assert sorted(MEANING.values()).count(Outcome.AMBIGUOUS) == len(Reply) - 2


async def staged(kind: Any) -> AsyncIterator[ScriptedStage]:
    """The route over a scripted relay."""
    async with AsyncExitStack() as stack:
        script = await stack.enter_async_context(scripted())
        route, impatient = kind([script.url]), kind([script.url], relay=RelayOptions(timeout=0.3))
        route.url = script.url
        for one in (route, impatient):
            family = MevBlockerRoute if isinstance(one, MevBlockerRoute) else PrivateTxRoute
            stack.push_async_callback(family.close, one)
        yield ScriptedStage(script, route, impatient)
