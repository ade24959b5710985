"""Asks of another process: taken by the sender that runs, answered, and withdrawn when nobody runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.tx.conftest import Desk, pay

from trimtab.journal import Journal
from trimtab.tx import Cancelled, Succeeded
from trimtab.tx.asks import Answer, Ask, AskBox, AskKind
from trimtab.tx.records import stream_name

pytestmark = pytest.mark.node


@contextmanager
def other_process(desk: Desk) -> Iterator[AskBox]:
    """The journal by a connection of its own, as another process has it, while the sender holds its lock."""
    with Journal.open(desk.path) as journal:
        yield AskBox(journal, stream_name(31337, desk.signer.address))


async def answered(desk: Desk, box: AskBox, ask: Ask) -> str:
    """Leave an ask, and wait for what the sender says."""
    box.leave(ask)
    await desk.until(lambda: box.find_answer(ask) is not None)
    answer = box.find_answer(ask)
    assert isinstance(answer, Answer)
    return answer.error


async def test_a_cancellation_from_outside_is_carried_out(desk: Desk) -> None:
    """The transaction waits in the pool; another process asks, and the sender cancels it."""
    await desk.set_automine(False)
    async with desk.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        with other_process(desk) as box:
            assert await answered(desk, box, Ask(kind=AskKind.CANCEL, key="k")) == ""
            assert box.pending() == ()
        await desk.until(lambda: sender.record("k").attempts == 2)
        slot = sender._driver.state.slots[0]
        await desk.until(lambda: bool(sender._driver.state.slots[slot.nonce].last.results))
        await desk.mine()
        assert isinstance(await handle.outcome(timeout=60), Cancelled)
    assert await desk.executions() == 0


async def test_a_bump_from_outside_raises_the_price_and_the_budget(desk: Desk) -> None:
    """Not old enough for the policy, and at its budget: a person's word is enough."""
    await desk.set_automine(False)
    async with desk.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k", budget_wei=10**15))
        with other_process(desk) as box:
            ask = Ask(kind=AskKind.BUMP, key="k", budget_wei=10**16)
            assert await answered(desk, box, ask) == ""
        await desk.until(lambda: sender.record("k").attempts == 2)
        await desk.mine()
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.executions() == 1


async def test_pause_and_unpause_from_outside(desk: Desk) -> None:
    """The switch works from another process, with its reason."""
    async with desk.sender(simulate=False) as sender:
        with other_process(desk) as box:
            await answered(desk, box, Ask(kind=AskKind.PAUSE, reason="lunch"))
            assert sender.snapshot().paused == "lunch"
            await answered(desk, box, Ask(kind=AskKind.UNPAUSE))
            assert sender.snapshot().paused is None


async def test_an_ask_about_nothing_is_answered_with_the_error(desk: Desk) -> None:
    """A key that nobody submitted: the answer says so, and the sender goes on."""
    async with desk.sender(simulate=False) as sender:
        with other_process(desk) as box:
            error = await answered(desk, box, Ask(kind=AskKind.CANCEL, key="nobody"))
        assert "nobody" in error
        assert isinstance(await (await sender.submit(pay("k"))).outcome(timeout=60), Succeeded)


async def test_an_ask_that_nobody_took_is_withdrawn(desk: Desk) -> None:
    """Left while no sender ran, and given up: the one that starts later does not find it."""
    ask = Ask(kind=AskKind.CANCEL, key="k")
    with other_process(desk) as box:
        box.leave(ask)
        assert box.pending() == (ask,)
        box.withdraw(ask)
        assert box.pending() == ()


async def test_an_ask_that_was_left_in_a_crash_is_taken_by_the_next_life(desk: Desk) -> None:
    """Not answered before the process died: it is obeyed after the restart."""
    await desk.set_automine(False)
    async with desk.sender(simulate=False) as sender:
        await sender.submit(pay("k"))
    with other_process(desk) as box:
        box.leave(Ask(kind=AskKind.CANCEL, key="k"))
    async with desk.sender(simulate=False) as sender:
        await desk.until(lambda: sender.record("k").attempts == 2)
