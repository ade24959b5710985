"""One account's stream in the journal: what it folds to, what is written to it, and its compaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from trimtab.errors import HaltError
from trimtab.journal import Journal
from trimtab.tx.compaction import archive, remainder
from trimtab.tx.records import Durable, Submitted, TxFact, decode_record, encode_record
from trimtab.tx.reducer import replay
from trimtab.tx.stories import Stories, pick_story

logger = logging.getLogger(__name__)

SLICE = 250
"""Records that a compaction writes, and the disk frees, in one turn of the event loop: about 2 ms."""
OWN_FACTS = 4
"""Records of the account itself that a compaction may keep: genesis, nonces, halt, pause."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """Records and bytes of the journal's file, before and after. Other accounts' are among the bytes."""

    records_before: int
    records_after: int
    bytes_before: int
    bytes_after: int


class Ledger:
    """`state` is what the stream folds to and what was noted since; `stories` are what is durable."""

    def __init__(self, journal: Journal, stream: str, compact_after: int | None = None) -> None:
        self.stories = Stories()
        self._journal = journal
        self._stream = stream
        self._compact_after = compact_after
        self._noted: list[Any] = []
        self._due = asyncio.Event()
        self._busy = asyncio.Lock()
        self._not_before = 0
        self.state = replay(self.stories.through(self._records()))
        self._look_if_due()

    @property
    def is_behind(self) -> bool:
        """Whether something was noted and is not durable yet."""
        return bool(self._noted)

    def note(self, record: TxFact) -> None:
        """A durable record, which the next `write` makes so."""
        self._noted.append(record)

    def write(self, rows: Sequence[bytes]) -> None:
        """Everything that was noted, encoded. Raises `HaltError`."""
        self._journal.append_many(self._stream, rows)
        noted, self._noted = self._noted, []
        for record in noted:
            self.stories.take(record)
        self._look_if_due()

    async def read_story(self, key: str) -> list[Durable]:
        """The records of an intent that has ended, from the journal; empty when it has none."""
        story: list[Durable] = []
        for number, record in enumerate(pick_story(self._records(), key)):
            if isinstance(record, Submitted):  # again, after it was refused
                story.clear()
            if record is not None:
                story.append(record)
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return story

    async def tidy(self, flush: Callable[[], None]) -> None:
        """Compact whenever it pays, for as long as the sender lives."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                done = await self.compact(flush)
            except HaltError as error:  # no room for the draft: what is there goes on
                self._not_before = 2 * self._journal.count(self._stream)
                logger.warning("the journal could not be compacted, and is used as it is: %s", error)
            else:
                logger.info("compacted the journal: %s", done)

    async def compact(self, flush: Callable[[], None]) -> Compaction:
        """Tell the stream anew in slices, while others go on; `flush` makes what was noted durable. Until the
        last commit it is what it was. Raises `HaltError`."""
        async with self._busy:
            before = self._journal.count(self._stream), self._size()
            with self._journal.rewrite(self._stream) as rewrite:
                done = 0
                while len(rows := self._archived(done, SLICE)) == SLICE:
                    rewrite.write(rows)
                    done += len(rows)
                    await asyncio.sleep(0)
                flush()
                while self.is_behind:
                    flush()
                # From here to the commit nothing else runs: state and disk are one.
                rest = map(encode_record, remainder(self.state, self.stories))
                rewrite.finish([*self._archived(done), *rest])
            after = self._journal.count(self._stream)
            while self._journal.sweep(SLICE):  # noqa: ASYNC110  others' turns go between the slices
                await asyncio.sleep(0)
            return Compaction(before[0], after, before[1], self._size())

    def _archived(self, after: int, most: int | None = None) -> list[bytes]:
        return [encode_record(record) for record in islice(archive(self.state, after), most)]

    def _records(self) -> Iterator[Durable]:
        return map(decode_record, (record.payload for record in self._journal.replay(self._stream)))

    def _look_if_due(self) -> None:
        """It pays when more than half of the records, and at least `compact_after`, are not needed."""
        if self._compact_after is None:
            return
        count = self._journal.count(self._stream)
        needed = len(self.state.finished) + len(self.state.forgone) + self.stories.size + OWN_FACTS
        idle = count - needed
        if idle >= self._compact_after and 2 * idle > count >= self._not_before:
            self._due.set()

    def _size(self) -> int:
        return self._journal.path.stat().st_size
