"""What follows from events, kept until it is durable: records to write, then actions that stand on them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from trimtab.tx import events as e
from trimtab.tx.records import TxFact, encode_record

LAZY_SECONDS = 0.05
"""How long a fact may wait for a commit that the chain or the node would tell again."""


class Outbox:
    """Everything of one turn of the event loop becomes one commit: sixteen submits cost what one does. A
    record that may be lost (`is_eager` False) waits for the next commit, `LAZY_SECONDS` at most.

    `write` makes records durable or raises; `act` does actions, in order, after the records before them;
    `fail` is told what either of them raised, and nothing is written or done from then on.
    """

    def __init__(
        self,
        write: Callable[[Sequence[bytes]], None],
        act: Callable[[Sequence[e.Action]], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._write = write
        self._act = act
        self._fail = fail
        self._records: list[bytes] = []
        self._actions: list[e.Action] = []
        self._is_eager = False
        self._soon: asyncio.Handle | None = None
        self._later: asyncio.TimerHandle | None = None

    def put_record(self, record: TxFact) -> None:
        self._records.append(encode_record(record))
        if record.is_eager:
            self._is_eager = True
            self._flush_soon()
        elif self._later is None:
            self._later = asyncio.get_running_loop().call_later(LAZY_SECONDS, self.flush)

    def put_action(self, action: e.Action) -> None:
        self._actions.append(action)
        self._flush_soon()

    def flush(self) -> None:
        """Write all that waits, then act."""
        self._is_eager = True
        self._empty()

    def close(self) -> None:
        """Drop what waits."""
        for timer in (self._soon, self._later):
            if timer is not None:
                timer.cancel()
        self._records, self._actions = [], []

    def _flush_soon(self) -> None:
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_soon(self._empty)

    def _empty(self) -> None:
        self._soon = None
        try:
            if self._is_eager:
                self._commit()
            actions, self._actions = self._actions, []
            if actions:
                self._act(actions)
        except BaseException as error:  # an interrupt too: its actions must not outlive its records
            self.close()
            self._fail(error)
            raise

    def _commit(self) -> None:
        self._is_eager = False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._records:
            records, self._records = self._records, []
            self._write(records)
