"""Records before actions, one commit for all of a turn, and nothing after a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from trimtab.errors import HaltError
from trimtab.model.ids import TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.outbox import LAZY_SECONDS, Outbox
from trimtab.tx.states import Outcome

EAGER = r.Reserved(nonce=0, key="k")
LAZY = r.SendResult(nonce=0, tx_hash=TxHash("0x"), endpoint="a", outcome=Outcome.ACCEPTED, send_class="")


class Desk:
    """An outbox whose writes and deeds are kept in the order in which they happen."""

    def __init__(self, *, is_full: bool = False) -> None:
        self.log: list[Any] = []
        self.failed: list[BaseException] = []
        self.is_full = is_full
        self.outbox = Outbox(self._write, lambda actions: self.log.append(list(actions)), self.failed.append)

    def _write(self, records: Sequence[bytes]) -> None:
        if self.is_full:
            raise HaltError("the disk is full")
        self.log.append(len(records))


async def test_a_turn_is_one_commit_and_actions_come_after_it() -> None:
    """Three records and two actions of one turn: one write, then the actions in their order."""
    desk = Desk()
    for _ in range(3):
        desk.outbox.put_record(EAGER)
    desk.outbox.put_action(e.Changed("k"))
    desk.outbox.put_action(e.Observe())
    assert desk.log == []
    await asyncio.sleep(0)
    assert desk.log == [3, [e.Changed("k"), e.Observe()]]


async def test_what_may_be_lost_waits_for_the_next_commit() -> None:
    """An answer alone costs no commit of its own, and goes in its place before what follows from it."""
    desk = Desk()
    desk.outbox.put_record(LAZY)
    desk.outbox.put_action(e.Changed("k"))
    await asyncio.sleep(0)
    assert desk.log == [[e.Changed("k")]]
    desk.outbox.put_record(EAGER)
    await asyncio.sleep(0)
    assert desk.log == [[e.Changed("k")], 2]


async def test_nothing_waits_for_long() -> None:
    """Without another commit it is written after a while, and at once when asked."""
    desk = Desk()
    desk.outbox.put_record(LAZY)
    await asyncio.sleep(3 * LAZY_SECONDS)
    assert desk.log == [1]
    desk.outbox.put_record(LAZY)
    desk.outbox.flush()
    assert desk.log == [1, 1]


async def test_no_action_follows_a_failed_write() -> None:
    """The bytes never leave when their record cannot be written; whoever owns the outbox is told why."""
    desk = Desk(is_full=True)
    desk.outbox.put_record(EAGER)
    desk.outbox.put_action(e.Send(0, TxHash("0x"), b""))
    with pytest.raises(HaltError):
        desk.outbox.flush()
    await asyncio.sleep(0)
    assert desk.log == []
    assert [str(error) for error in desk.failed] == ["the disk is full"]
