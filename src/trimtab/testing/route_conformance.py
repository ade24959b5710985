"""What every route must keep: one suite, whether bytes go to a node, a relay, a private RPC or a sequencer.

Subclass `RouteConformance` in a test module and give it a `stage` fixture: the route, and something real
under it that answers as it is told and knows what reached it. Name in `secrets` what must show nowhere.

    class TestMyRoute(RouteConformance):
        secrets = ("the-key-in-its-url",)

        @pytest.fixture
        async def stage(self) -> AsyncIterator[RouteStage]: ...
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

import pytest

from trimtab.model.ids import Address, TxHash
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.base import Parcel, RelayState, Route, SendResult, TellingRoute, WithdrawingRoute
from trimtab.tx.signers import LocalSigner
from trimtab.tx.states import Outcome

GWEI = 10**9
SOMEBODY = Address("0x" + "c0" * 20)
NOBODYS_HASH = TxHash("0x" + "5e" * 32)


class Reply(StrEnum):
    """How what stands under a route answers next: it takes what it gets, refuses it in known words, in words
    that nobody knows, is in trouble (HTTP 5xx), says nothing, or cuts the connection."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    TROUBLE = "trouble"
    SILENCE = "silence"
    CUT = "cut"


MEANING = {
    Reply.YES: Outcome.ACCEPTED,
    Reply.NO: Outcome.REJECTED,
    Reply.UNKNOWN: Outcome.AMBIGUOUS,
    Reply.TROUBLE: Outcome.AMBIGUOUS,
    Reply.SILENCE: Outcome.AMBIGUOUS,
    Reply.CUT: Outcome.AMBIGUOUS,
}
"""Only a clear word is a yes or a no."""


class RouteStage(Protocol):
    """A route with one endpoint, and what stands under it."""

    route: Route
    impatient: Route
    """The same, which waits a fraction of a second only."""
    account: Account

    async def will(self, reply: Reply) -> None:
        """From now on everything is answered so."""
        ...

    async def arrived(self) -> Sequence[bytes]:
        """The raw transactions that reached it, in order, each as often as it came."""
        ...


@dataclass(frozen=True, slots=True)
class Account:
    """Who signs the suite's transactions, where, from which nonce on, and the next block there."""

    signer: LocalSigner
    chain_id: int
    nonce: int
    target: int

    def parcel(self, size: int, lane: Lane, *, name: str = "hedge", window: int = 5) -> Parcel:
        """So many transactions with data, nonces rising."""
        signed = [self.signer.sign_nowait(self._fields(i)) for i in range(size)]
        return Parcel(
            raws=tuple(one.raw for one in signed),
            hashes=tuple(one.tx_hash for one in signed),
            lane=lane,
            target=self.target if lane.is_private else 0,
            last_block=self.target + window - 1 if lane.is_private else 0,
            name=name,
        )

    def _fields(self, i: int) -> DynamicFeeTx:
        return DynamicFeeTx(
            chain_id=self.chain_id,
            nonce=self.nonce + i,
            tip=GWEI,
            fee_cap=100 * GWEI,
            gas_limit=100_000,
            to=SOMEBODY,
            data=b"\x12\x34\x56\x78" + bytes(range(1, 33)),
        )


async def sent(route: Route, parcel: Parcel) -> list[SendResult]:
    """What the only endpoint says of each transaction."""
    (sending,) = route.send(parcel)
    return list(await sending)


def _offer(route: Route, parcel: Parcel) -> None:
    """Give it to the route, and run nothing of it."""
    for sending in route.send(parcel):
        sending.close()


class RouteConformance:
    """The suite. An answer is what the other side said, never what it would be nice to hear."""

    secrets: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    async def stage(self) -> RouteStage:
        """To be overridden."""
        pytest.fail("give the suite a `stage` fixture")

    async def test_it_plays_its_role(self, stage: RouteStage) -> None:
        """It has the members of `Route`, and its endpoints' names are its own: a private one's begins with
        the route's, so that it can be no public one's."""
        route = stage.route
        assert isinstance(route, Route)
        assert route.lanes <= set(Lane)
        assert len(set(route.endpoints)) == len(route.endpoints) == 1
        if Lane.PUBLIC not in route.lanes:
            assert all(name.startswith(f"{route.name}:") for name in route.endpoints)

    async def test_no_secret_is_told(self, stage: RouteStage) -> None:
        """Neither by its name, its repr and its endpoints, nor by any answer."""
        texts = [stage.route.name, repr(stage.route), *stage.route.endpoints]
        for reply in (Reply.NO, Reply.UNKNOWN, Reply.TROUBLE, Reply.CUT):
            await stage.will(reply)
            texts += [str(one) for one in await sent(stage.route, self._parcel(stage, 1))]
        assert not [(text, secret) for text in texts for secret in self.secrets if secret in text]

    async def test_bytes_of_another_lane_are_not_taken(self, stage: RouteStage) -> None:
        """Not even by mistake: it raises, and nothing arrives."""
        for lane in set(Lane) - stage.route.lanes:
            with pytest.raises(ValueError, match=lane):
                _offer(stage.route, stage.account.parcel(1, lane))
        assert not await stage.arrived()

    async def test_bytes_arrive_once_unchanged_and_in_order(self, stage: RouteStage) -> None:
        """Three transactions of rising nonces, and one answer for each."""
        for lane in sorted(stage.route.lanes):
            before = len(await stage.arrived())
            parcel = stage.account.parcel(3, lane)
            answers = await sent(stage.route, parcel)
            assert [one.outcome for one in answers] == [Outcome.ACCEPTED] * 3
            assert {one.endpoint for one in answers} == set(stage.route.endpoints)
            assert tuple((await stage.arrived())[before:]) == parcel.raws

    @pytest.mark.parametrize("reply", list(Reply))
    async def test_an_answer_means_what_it_says(self, stage: RouteStage, reply: Reply) -> None:
        """Yes and a known no are what they are; everything else says nothing sure, and is not tried again."""
        await stage.will(reply)
        parcel = self._parcel(stage, 1)
        (answer,) = await sent(stage.impatient if reply is Reply.SILENCE else stage.route, parcel)
        assert answer.outcome is MEANING[reply], answer
        assert answer.endpoint in stage.route.endpoints
        assert bool(answer.send_class) == bool(answer.message) == (reply is not Reply.YES)
        assert tuple(await stage.arrived()) == parcel.raws

    async def test_sending_again_is_harmless(self, stage: RouteStage) -> None:
        """The same parcel for the next block is the same bytes, and a yes again."""
        parcel = self._parcel(stage, 1)
        for step in range(3):
            target = parcel.target + step if parcel.target else 0
            again = Parcel(
                parcel.raws,
                parcel.hashes,
                parcel.lane,
                target,
                parcel.last_block,
                parcel.name,
                parcel.deadline,
            )
            (answer,) = await sent(stage.route, again)
            assert answer.outcome is Outcome.ACCEPTED, answer
        assert set(await stage.arrived()) == set(parcel.raws)

    async def test_several_at_once(self, stage: RouteStage) -> None:
        """Ten parcels in one moment: each is answered, none is mixed up with another."""
        lane = min(stage.route.lanes)
        whole = stage.account.parcel(10, lane)
        parcels = [
            Parcel((raw,), (tx_hash,), lane, whole.target, whole.last_block, f"hedge-{i}")
            for i, (raw, tx_hash) in enumerate(zip(whole.raws, whole.hashes, strict=True))
        ]
        answers = await asyncio.gather(*(sent(stage.route, parcel) for parcel in parcels))
        assert [one.outcome for (one,) in answers] == [Outcome.ACCEPTED] * 10
        assert sorted(await stage.arrived()) == sorted(whole.raws)

    async def test_withdrawing_never_raises(self, stage: RouteStage) -> None:
        """Whatever is said, before and after it was sent. A promise, no proof: it returns nothing."""
        if not isinstance(stage.route, WithdrawingRoute):
            return
        parcel = self._parcel(stage, 1)
        for reply in (Reply.YES, Reply.NO, Reply.UNKNOWN, Reply.TROUBLE, Reply.CUT):
            await stage.will(reply)
            await stage.route.withdraw(parcel)
        await stage.will(Reply.SILENCE)
        assert isinstance(stage.impatient, WithdrawingRoute)
        await stage.impatient.withdraw(parcel)
        await stage.will(Reply.YES)
        await sent(stage.route, parcel)
        await stage.route.withdraw(parcel)

    async def test_a_status_is_never_made_up(self, stage: RouteStage) -> None:
        """Of what it was not sent nothing is known, and nothing where nobody answers: it never raises."""
        if not isinstance(stage.route, TellingRoute):
            return
        (unknown,) = await stage.route.read_status(NOBODYS_HASH)
        assert unknown.state is RelayState.UNKNOWN
        parcel = self._parcel(stage, 1)
        await sent(stage.route, parcel)
        (status,) = await stage.route.read_status(parcel.hashes[0])
        assert status.endpoint in stage.route.endpoints
        assert status.state in (RelayState.PENDING, RelayState.UNKNOWN)
        for reply in (Reply.TROUBLE, Reply.CUT):
            await stage.will(reply)
            (silent,) = await stage.route.read_status(parcel.hashes[0])
            assert silent.state is RelayState.UNKNOWN

    async def test_closed_is_closed(self, stage: RouteStage) -> None:
        """After its end a route that can be closed sends nothing and says nothing sure."""
        close: Any = getattr(stage.route, "close", None)
        if close is None:
            return
        await close()
        await close()
        (answer,) = await sent(stage.route, self._parcel(stage, 1))
        assert answer.outcome is Outcome.AMBIGUOUS
        assert not await stage.arrived()

    def _parcel(self, stage: RouteStage, size: int) -> Parcel:
        return stage.account.parcel(size, min(stage.route.lanes))
