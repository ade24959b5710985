"""What happens to a transaction, told from its records: the same in every life, to everybody, to the end."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, get_args

import pytest
from hypothesis import settings
from tests.tx import test_reducer_properties as model
from tests.tx.conftest import QUICK, SHOP, Desk, pay
from tests.tx.test_compaction import answer, attempt, begun, done, seen, sent, submitted

from trimtab.chain.call import Call
from trimtab.errors import HaltError, NotSentError
from trimtab.model.ids import TxHash
from trimtab.tx import Finality, TxHandle, TxIntent, TxProgress
from trimtab.tx import progress as p
from trimtab.tx import records as r
from trimtab.tx.compaction import compact
from trimtab.tx.fees import Fees
from trimtab.tx.forecast import Forecast
from trimtab.tx.lanes import Lane
from trimtab.tx.progress import project
from trimtab.tx.states import Kind, Outcome, Refusal, Terminal
from trimtab.tx.stories import Stories, pick_story

ENDS = (p.Final, p.NotSent)
FORESEEN = Forecast(tx_hash=TxHash("0x1"), method="eth_simulateV1", block=1, base_fee=1, price=1, ok=True)


def names(events: Any) -> list[str]:
    return [type(event).__name__ for event in events]


def test_each_record_has_its_event() -> None:
    """A long life: bumped, capped, refused, in doubt, included, reorganised out, cancelled, final."""
    story: list[r.Durable] = [
        submitted("a"),
        r.Reserved(nonce=3, key="a"),
        attempt(3, "0x1"),
        r.Routed(nonce=3, lane=Lane.PRIVATE, last_block=9),
        r.Foreseen(nonce=3, forecast=FORESEEN),
        begun(3, "0x1"),
        answer(3, "0x1", Outcome.AMBIGUOUS),
        r.Resolving(nonce=3, reason="a: nonce too low"),
        r.Resolved(nonce=3),
        r.Attempted(**{**_fields(attempt(3, "0x2")), "tip": 3, "fee_cap": 4}),
        begun(3, "0x2"),
        answer(3, "0x2", Outcome.REJECTED),
        answer(3, "0x2"),
        r.Capped(nonce=3, block=1, reason="the cap"),
        r.BudgetRaised(key="a", budget_wei=9),
        seen(3, "0x1"),
        r.Unseen(nonce=3, tx_hash=TxHash("0x1")),
        r.Cancelling(nonce=3, reason="cancelled by the caller"),
        attempt(3, "0x3", Kind.CANCEL),
        seen(3, "0x3"),
        r.Confirmed(nonce=3, tx_hash=TxHash("0x3")),
        r.Safe(nonce=3, tx_hash=TxHash("0x3")),
        r.Final(nonce=3, outcome=Terminal.CANCELLED),
    ]
    events = project(story)
    assert set(map(type, events)) == set(get_args(TxProgress)) - {p.NotSent, p.Reclaimed}
    assert events[:6] == (
        p.Submitted(10),
        p.Signed(TxHash("0x1"), 3, Fees(1, 2), Kind.NORMAL),
        p.Routed(Lane.PRIVATE, 9, ""),
        p.Foreseen(FORESEEN),
        p.Sent(TxHash("0x1"), ("a",)),
        p.Ambiguous(TxHash("0x1"), "a", "", ""),
    )
    assert p.Bumped(Fees(1, 2), Fees(3, 4)) in events
    assert p.Reorged(TxHash("0x1"), 3) in events
    assert events[-3:] == (p.Confirmed(3), p.Safe(3), p.Final(Terminal.CANCELLED))


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def test_what_was_not_sent_ends_so() -> None:
    """Refused before its bytes existed, or by every endpoint."""
    refused = r.Refused(key="a", refusal=Refusal.EXPIRED, reason="too late")
    assert project([submitted("a"), refused])[-1] == p.NotSent(Refusal.EXPIRED, "too late")
    released = r.Released(nonce=1, refusal=Refusal.ROUTE, reason="no")
    assert project([*sent("a", 1), released])[-1] == p.NotSent(Refusal.ROUTE, "no")


def test_what_was_dropped_and_landed_after_all_goes_on() -> None:
    """The window ended, the nonce was given back, and somebody had kept the bytes: its story has another
    end."""
    dropped = r.Released(nonce=1, refusal=Refusal.DROPPED, reason="its private window ended")
    back: list[r.Durable] = [
        r.Reclaimed(nonce=1, key="a"),
        seen(1, "0xa"),
        r.Final(nonce=1, outcome=Terminal.SUCCEEDED),
    ]
    events = project([*sent("a", 1), dropped, *back])
    assert names(events)[-4:] == ["NotSent", "Reclaimed", "Included", "Final"]


def test_a_compacted_story_is_told_in_short() -> None:
    """Submitted, signed, included and final, equal to those of the whole story."""
    whole = project(done("a", 0))
    short = project(compact(done("a", 0))[:1])
    assert names(short) == ["Submitted", "Signed", "Included", "Final"]
    assert [event for event in whole if event in short] == list(short)


class Telling(model.Engine):
    """16: the events of each intent of any journal that the model of the engine comes to."""

    def teardown(self) -> None:
        super().teardown()
        journal: list[Any] = list(self.journal)
        stories = Stories()
        for record in journal:
            stories.take(record)
        for key in {record.key for record in journal if isinstance(record, r.Submitted)}:
            picked = [record for record in pick_story(journal, key) if record is not None]
            first = max(n for n, record in enumerate(picked) if isinstance(record, r.Submitted))
            self.check_events(picked[first:])
            if (told := stories.of(key)) is not None:
                assert told == picked[first:]

    def check_events(self, story: list[Any]) -> None:
        events, stages = project(story), 0
        for cut in range(len(story)):
            before = project(story[:cut])
            assert before == events[: len(before)], "what was told is told otherwise"
            assert not any(isinstance(event, ENDS) for event in before), "something comes after the end"
        is_included = False
        for event in events:
            match event:
                case p.Included():
                    assert not is_included
                    is_included = True
                case p.Reorged():
                    assert is_included
                    is_included, stages = False, 0
                case p.Confirmed():
                    assert is_included
                    assert stages == 0
                    stages = 1
                case p.Final(outcome=outcome):
                    assert is_included == (outcome is not Terminal.SUPERSEDED)


TestTelling = Telling.TestCase
TestTelling.settings = settings(max_examples=40, stateful_step_count=60, deadline=None)


async def collect(handle: TxHandle) -> list[TxProgress]:
    async with asyncio.timeout(60):
        return [event async for event in handle.events()]


@pytest.mark.node
async def test_events_come_live_and_again_in_later_lives(desk: Desk) -> None:
    """To several readers at once, to one that begins late, after a restart, and in short after a
    compaction."""
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        async with asyncio.TaskGroup() as tasks:
            readers = [tasks.create_task(collect(handle)) for _ in range(3)]
            await desk.mine(8)
        live = readers[0].result()
        assert names(live)[:3] == ["Submitted", "Signed", "Sent"]
        assert {"Accepted", "Included", "Confirmed"} <= set(names(live))
        assert isinstance(live[-1], p.Final)
        assert all(reader.result() == live for reader in readers)
        assert await collect(sender.handle("a")) == live
    async with desk.sender() as sender:
        sender._driver.ledger.stories._ended.clear()  # as after many others
        assert await collect(sender.handle("a")) == live
        await sender.compact()
        short = await collect(sender.handle("a"))
        assert names(short) == ["Submitted", "Signed", "Included", "Final"]
    async with desk.sender() as sender:
        assert await collect(sender.handle("a")) == short


@pytest.mark.node
async def test_a_slow_reader_misses_nothing_and_holds_up_nobody(desk: Desk) -> None:
    """One that stands still at the first event until all is over gets the rest afterwards."""
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        async with aclosing(handle.events()) as slow:
            first = await anext(slow)
            await desk.mine(8)
            await handle.outcome(at=Finality.FINAL, timeout=60)
            rest = [event async for event in slow]
        assert [first, *rest] == await collect(handle)


@pytest.mark.node
async def test_a_reader_that_is_cancelled_changes_nothing(desk: Desk) -> None:
    """It waits for an event that does not come, and is cancelled: others read on, and so may it."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        impatient = asyncio.create_task(collect(handle))
        patient = asyncio.create_task(collect(handle))
        await desk.pool_has(1)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        await desk.mine(8)
        assert await patient == await collect(handle)


@pytest.mark.node
async def test_a_recovered_transaction_is_told_from_its_beginning(desk: Desk) -> None:
    """What happened in the life before comes first, then what this life does."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        await sender.submit(pay("a"))
        await desk.pool_has(1)
    async with desk.sender() as sender:
        (handle,) = sender.recovered
        reading = asyncio.create_task(collect(handle))
        await desk.mine(8)
        told = names(await reading)
    assert told[:3] == ["Submitted", "Signed", "Sent"]
    assert told.count("Sent") >= 2
    assert told[-1] == "Final"


@pytest.mark.node
async def test_bumps_cancellations_and_reorgs_are_told(desk: Desk) -> None:
    """In the order in which they happened, with the prices before and after."""
    await desk.set_automine(False)
    async with desk.sender(policy=QUICK) as sender:
        handle = await sender.submit(pay("a"))
        reading = asyncio.create_task(collect(handle))
        await desk.pool_has(1)
        handle.cancel()
        await desk.until(lambda: len(sender._driver.state.slots[0].attempts) == 2)
        await desk.mine(1)
        await handle.outcome(timeout=60)
        await desk.client.request("anvil_reorg", [1, []])
        await desk.until(lambda: not handle.state.is_mined)
        await desk.pool_has(1)
        await desk.mine(8)
        events = await reading
    told = names(events)
    order = ["Submitted", "Cancelling", "Bumped", "Included", "Reorged", "Final"]
    assert [name for name in dict.fromkeys(told) if name in order] == order
    assert told.count("Included") == 2
    bumped = next(event for event in events if isinstance(event, p.Bumped))
    assert bumped.new.fee_cap > bumped.old.fee_cap
    assert isinstance(events[-1], p.Final)


@pytest.mark.node
async def test_readers_are_told_when_the_sender_stops(desk: Desk) -> None:
    """Nobody waits for ever for events that cannot come."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        reading = asyncio.create_task(collect(handle))
        await desk.pool_has(1)
    with pytest.raises(HaltError, match="closed"):
        await reading


@pytest.mark.node
async def test_a_refusal_is_told_also_after_its_records_are_gone(desk: Desk) -> None:
    """A handle of a refused intent, before and after a compaction."""
    async with desk.sender(simulate=False) as sender:
        with pytest.raises(NotSentError):
            await sender.submit(TxIntent("a", Call(SHOP, b"", 1), gas_limit=21_000, budget_wei=1))
        handle = sender.handle("a")
        (submitted_, end) = await collect(handle)
        assert isinstance(submitted_, p.Submitted)
        assert isinstance(end, p.NotSent)
        assert end.refusal is Refusal.FEE_CAP
        sender._driver.ledger.stories._ended.clear()
        await sender.compact()
        assert await collect(handle) == [end]
