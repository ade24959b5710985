"""A stream told anew in fewer records: made in slices beside the old, put in its place by one commit."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from trimtab.errors import HaltError
from trimtab.journal.failures import writing
from trimtab.journal.lock import WriterLock
from trimtab.journal.schema import INCREMENTAL, transaction
from trimtab.journal.tail import DEAD, DRAFT, LIVE, ROOM, Tail, check_row, extend, find_tail, mark, new_stream

SLICE_PAGES = 200
"""Pages that one `sweep` gives back: about a millisecond."""


class Rewrite:
    """Made by `Journal.rewrite`. Until `finish` has returned, the stream is what it was; a crash leaves a
    draft that nobody reads."""

    def __init__(self, db: sqlite3.Connection, file: Path, stream: str, lock: WriterLock) -> None:
        self._db = db
        self._file = file
        self._stream = stream
        self._lock = lock
        self._is_open = True
        with writing(file), transaction(db):
            discard_drafts(db, file, stream)
            self._draft = new_stream(db, stream, DRAFT)

    def write(self, payloads: Sequence[bytes]) -> None:
        """One commit of the draft."""
        with writing(self._file), transaction(self._db):
            self._draft = self._extend(payloads, DRAFT)

    def finish(self, payloads: Sequence[bytes]) -> None:
        """Write the last records, and let the draft take the stream's place: both in one commit. Everything
        that the stream holds now is gone but for what the draft says. Raises `HaltError` when somebody else
        wrote to the stream."""
        with writing(self._file), transaction(self._db):
            old = find_tail(self._db, self._file, self._stream)
            if old != self._lock.tail:
                raise another_writer(self._file, self._stream)
            if old is not None:
                mark(self._db, self._stream, old, DEAD)
            draft = self._extend(payloads, DRAFT)
            mark(self._db, self._stream, draft, LIVE)
        self._is_open = False
        self._lock.advance(draft)

    def close(self) -> None:
        """Give an unfinished draft up."""
        if self._is_open:
            self._is_open = False
            with writing(self._file), transaction(self._db):
                discard_drafts(self._db, self._file, self._stream)

    def _extend(self, payloads: Sequence[bytes], role: str) -> Tail:
        return extend(self._db, self._stream, self._draft, payloads, time.time(), role)


def discard_drafts(db: sqlite3.Connection, file: Path, stream: str) -> None:
    """What a crash left of a rewriting waits to be swept; inside a transaction."""
    while (draft := find_tail(db, file, stream, DRAFT)) is not None:
        mark(db, stream, draft, DEAD)


def sweep(db: sqlite3.Connection, file: Path, rows: int) -> bool:
    """Give back to the disk one slice of what is dead; False when nothing is left."""
    with writing(file):
        dead = db.execute(
            "SELECT id, name, role, count, crc, seal FROM streams WHERE role = ? LIMIT 1", (DEAD,)
        ).fetchone()
        if dead is not None:
            check_row(file, dead)
            _delete(db, dead[0], rows)
            return True
        free = _free_pages(db)
        if free:
            db.executescript(f"PRAGMA incremental_vacuum({SLICE_PAGES})")  # execute() would free one page
        if 0 < _free_pages(db) < free:
            return True
        if free:
            _shrink_log(db)
        return False


def another_writer(file: Path, stream: str) -> HaltError:
    """The error for a stream that does not end where its only writer left it."""
    return HaltError(
        f"the journal {file} cannot be written: another process wrote to {stream} although this one holds "
        "its lock (a file system without locks, or a lock file that was removed). Nothing that depends on it "
        "was sent. Stop one of the two, then start again"
    )


def _delete(db: sqlite3.Connection, stream: int, rows: int) -> None:
    until = (stream + 1) * ROOM
    with transaction(db):
        first = db.execute(
            "SELECT id FROM records WHERE id >= ? AND id < ? ORDER BY id LIMIT 1", (stream * ROOM, until)
        ).fetchone()
        if first is None:
            done = db.execute("DELETE FROM streams WHERE id = ?", (stream,))
        else:
            span = (first[0], min(first[0] + rows, until))
            done = db.execute("DELETE FROM records WHERE id >= ? AND id < ?", span)
        if done.rowcount < 1:
            raise sqlite3.DatabaseError(f"what is dead of stream {stream} cannot be found by its number")


def _free_pages(db: sqlite3.Connection) -> int:
    if db.execute("PRAGMA auto_vacuum").fetchone()[0] != INCREMENTAL:
        return 0
    return int(db.execute("PRAGMA freelist_count").fetchone()[0])


def _shrink_log(db: sqlite3.Connection) -> None:
    """The file itself shrinks when its log is carried over; a reader of the old state delays it, and the
    next commits do it then."""
    before = db.execute("PRAGMA busy_timeout").fetchone()[0]
    db.execute("PRAGMA busy_timeout=0")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.execute(f"PRAGMA busy_timeout={before}")
