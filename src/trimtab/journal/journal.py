"""The journal: named streams of append-only records in one SQLite file.

A commit costs about 0.2 ms (WAL, `synchronous=FULL`), so it is made in the event loop's own thread: handing
it to another thread would cost as much, and would let other tasks run between a decision and its record.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from trimtab.errors import ConfigError
from trimtab.journal.failures import reading, writing
from trimtab.journal.lock import WriterLock, read_witness
from trimtab.journal.place import Place, check_regular, make
from trimtab.journal.reading import BUSY_SECONDS, Record, check_witness, read_records, reader
from trimtab.journal.rewrite import Rewrite, another_writer, discard_drafts, sweep
from trimtab.journal.schema import check, prepare, transaction
from trimtab.journal.tail import LIVE, Tail, check_last, extend, find_tail, new_stream


class Journal:
    """Open it with `Journal.open(path)`; use it as a (sync or async) context manager.

    Each record carries a CRC-32 over its stream, its payload and the record before it in its stream, and each
    stream says where it ends: a changed, missing or reordered record raises `HaltError`. A commit that a
    crash tore apart was never acknowledged: SQLite's own log drops it, and the records before it stand.
    """

    def __init__(self, path: Path, db: sqlite3.Connection | None, place: Place | None) -> None:
        self.path = path
        self._file = path.resolve()
        self._writer = db
        self._place = place
        self._locks: dict[str, WriterLock] = {}

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> Journal:
        """Open or create the file (mode 0600). Raises `ConfigError` when it cannot be used, `HaltError` when
        it is damaged. With `read_only` nothing is created, changed or locked, and a writer may be at work."""
        given = Path(path)
        file = given.resolve()  # one file under two names has one lock
        if read_only:
            check_regular(file)
            with reading(given), reader(file) as db:
                check(db, given)
            return cls(given, None, None)
        make(file)
        with reading(given):
            db = sqlite3.connect(file, isolation_level=None, timeout=BUSY_SECONDS)
            try:
                prepare(db, given)
            except BaseException:
                db.close()
                raise
        return cls(given, db, Place(file))

    def acquire(self, stream: str) -> WriterLock:
        """The right to append to `stream`, until released: from here on an append fails when the stream does
        not end where this writer left it. Raises `ConfigError` naming the process that has it, `HaltError`
        when the stream ends before what was written to it."""
        db, file = self._db, self._lock_file(stream)
        lock = WriterLock.acquire(file, stream)
        try:
            witness = read_witness(file)
            with writing(self.path), transaction(db):
                discard_drafts(db, self.path, stream)
                tail = find_tail(db, self.path, stream)
                check_witness(db, self.path, stream, tail, witness, file)
                if tail is not None:
                    check_last(db, self.path, stream, tail)
        except BaseException:
            lock.release()
            raise
        lock.advance(tail)
        self._locks[stream] = lock
        return lock

    def append(self, stream: str, payload: Mapping[str, Any] | bytes) -> None:
        """Add one record; it is durable when this returns."""
        self.append_many(stream, (payload,))

    def append_many(self, stream: str, payloads: Sequence[Mapping[str, Any] | bytes]) -> None:
        """Add records in one commit: all are durable when this returns, or none is. Raises `HaltError` when
        the disk refuses, the file was taken away, or another process wrote to a stream that is acquired."""
        rows = [bytes(item) if isinstance(item, bytes) else msgspec.json.encode(item) for item in payloads]
        lock = self._held(stream)
        if self._place is not None:
            self._place.check()
        db = self._db
        with writing(self.path), transaction(db):
            tail = find_tail(db, self.path, stream)
            if lock is not None and tail != lock.tail:
                raise another_writer(self.path, stream)
            tail = extend(db, stream, tail or new_stream(db, stream, LIVE), rows, time.time())
        if lock is not None:
            lock.advance(tail)

    def replay(self, stream: str) -> Iterator[Record]:
        """Every record of a stream, oldest first, checksums verified; later appends are not among them."""
        lock = self._lock_file(stream)
        witness = read_witness(lock)
        with reading(self.path), reader(self._file) as db:
            tail = find_tail(db, self.path, stream)
            check_witness(db, self.path, stream, tail, witness, lock)
            yield from read_records(db, self.path, stream, tail or Tail(0))

    def count(self, stream: str) -> int:
        """How many records `stream` holds, at once."""
        lock = self._held(stream)
        if lock is not None:
            return lock.tail.count if lock.tail is not None else 0
        with reading(self.path), reader(self._file) as db:
            tail = find_tail(db, self.path, stream)
        return 0 if tail is None else tail.count

    def foreign_version(self) -> int:
        """A number that changes when another connection has written to the file; costs microseconds."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def streams(self) -> tuple[str, ...]:
        """The names of all streams that hold records."""
        with reading(self.path), reader(self._file) as db:
            rows = db.execute("SELECT name FROM streams WHERE role = ? AND count > 0 ORDER BY name", (LIVE,))
            return tuple(name for (name,) in rows)

    @contextmanager
    def rewrite(self, stream: str) -> Iterator[Rewrite]:
        """Tell an acquired stream anew, in as many commits as the caller likes and a last one that counts;
        leaving without `finish` gives the draft up. Then `sweep` until it is False."""
        lock = self._held(stream)
        if lock is None:
            raise ConfigError(f"{stream} can be rewritten by its writer only: acquire it", key="journal.path")
        rewrite = Rewrite(self._db, self.path, stream, lock)
        try:
            yield rewrite
        finally:
            rewrite.close()

    def sweep(self, rows: int = 500) -> bool:
        """Give back to the disk a slice of what rewriting left behind; False when nothing is left."""
        return sweep(self._db, self.path, rows)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    @property
    def _db(self) -> sqlite3.Connection:
        if self._writer is None:
            raise ConfigError(f"the journal {self.path} is open for reading only", key="journal.path")
        return self._writer

    def _lock_file(self, stream: str) -> Path:
        name = re.sub(r"[^A-Za-z0-9]+", "-", stream)
        return self._file.with_name(f"{self._file.name}.{name}.lock")

    def _held(self, stream: str) -> WriterLock | None:
        lock = self._locks.get(stream)
        if lock is not None and not lock.is_held:
            del self._locks[stream]
            return None
        return lock

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Journal:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
