"""The journal: named streams of append-only records in one SQLite file.

A commit costs about 0.2 ms (WAL, `synchronous=FULL`), so it is made in the event loop's own thread: handing
it to another thread would cost as much, and would let other tasks run between a decision and its record.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from trimtab.errors import ConfigError, HaltError
from trimtab.journal.lock import WriterLock

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
  id INTEGER PRIMARY KEY,
  stream TEXT NOT NULL,
  at REAL NOT NULL,
  payload BLOB NOT NULL,
  crc INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_stream ON records (stream, id);
"""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was appended; `at` is the wall clock's unix seconds, for people only."""

    id: int
    at: float
    payload: bytes

    def decode(self) -> Any:
        """The payload as Python objects; Decimals come back as strings."""
        return msgspec.json.decode(self.payload)


class Journal:
    """Open it with `Journal.open(path)`; use it as a (sync or async) context manager.

    Each record carries a CRC-32 over its stream, its payload and the record before it in its stream, so a
    changed, missing or reordered record raises `HaltError`. A commit that a crash tore apart was never
    acknowledged: SQLite's own log drops it, and the records before it stand.
    """

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db

    @classmethod
    def open(cls, path: str | Path) -> Journal:
        """Open or create the file (mode 0600). Raises `ConfigError` when it cannot be used, `HaltError` when
        it is damaged."""
        file = Path(path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            file.chmod(0o600)
        except OSError as error:
            raise ConfigError(
                f"the journal {file} cannot be opened for writing: {error.strerror}", key="journal.path"
            ) from error
        with _damage_as_halt(file):
            db = sqlite3.connect(file, isolation_level=None, timeout=5.0)
            try:
                _prepare(db, file)
            except BaseException:
                db.close()
                raise
        return cls(file, db)

    def acquire(self, stream: str) -> WriterLock:
        """The right to append to `stream`, until released. Raises `ConfigError` naming the process that has
        it."""
        name = re.sub(r"[^A-Za-z0-9]+", "-", stream)
        file = self.path.resolve()  # one file under two names has one lock
        return WriterLock.acquire(file.with_name(f"{file.name}.{name}.lock"), stream)

    def append(self, stream: str, payload: Mapping[str, Any] | bytes) -> None:
        """Add one record; it is durable when this returns."""
        self.append_many(stream, (payload,))

    def append_many(self, stream: str, payloads: Sequence[Mapping[str, Any] | bytes]) -> None:
        """Add records in one commit: all are durable when this returns, or none is. Raises `HaltError` when
        the disk refuses."""
        rows = [bytes(item) if isinstance(item, bytes) else msgspec.json.encode(item) for item in payloads]
        try:
            self._insert(stream, rows)
        except sqlite3.Error as error:
            raise HaltError(
                f"the journal {self.path} cannot be written ({error}); nothing that depends on it was sent. "
                "Free the disk or mend the file, then start again"
            ) from error

    def replay(self, stream: str) -> Iterator[Record]:
        """Every record of a stream, oldest first, checksums verified."""
        crc = 0
        with _damage_as_halt(self.path):
            cursor = self._db.execute(
                "SELECT id, at, payload, crc FROM records WHERE stream = ? ORDER BY id", (stream,)
            )
            for number, at, payload, stored in cursor:
                crc = _checksum(crc, stream, payload)
                if crc != stored:
                    raise HaltError(
                        f"record {number} of {stream} in the journal {self.path} fails its checksum: the "
                        "file was changed or damaged. Restore it from a copy; send nothing before"
                    )
                yield Record(number, at, payload)

    def streams(self) -> tuple[str, ...]:
        """The names of all streams that hold records."""
        rows = self._db.execute("SELECT DISTINCT stream FROM records ORDER BY stream")
        return tuple(name for (name,) in rows)

    def close(self) -> None:
        self._db.close()

    def _insert(self, stream: str, rows: Sequence[bytes]) -> None:
        now = time.time()
        self._db.execute("BEGIN IMMEDIATE")
        try:
            # Read inside the transaction: a stream without a lock may have had another writer meanwhile.
            tail = self._db.execute(
                "SELECT crc FROM records WHERE stream = ? ORDER BY id DESC LIMIT 1", (stream,)
            ).fetchone()
            crc = tail[0] if tail else 0
            for payload in rows:
                crc = _checksum(crc, stream, payload)
                self._db.execute(
                    "INSERT INTO records (stream, at, payload, crc) VALUES (?, ?, ?, ?)",
                    (stream, now, payload, crc),
                )
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

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


def _checksum(previous: int, stream: str, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(stream.encode(), previous))


def _prepare(db: sqlite3.Connection, file: Path) -> None:
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(_SCHEMA)
    row = db.execute("SELECT version FROM meta").fetchone()
    if row is None:
        db.execute("INSERT INTO meta VALUES (?)", (SCHEMA_VERSION,))
    elif row[0] != SCHEMA_VERSION:
        raise ConfigError(
            f"the journal {file} has format {row[0]}, this trimtab writes format {SCHEMA_VERSION}: "
            "use the version that wrote it, or start a new file",
            key="journal.path",
        )


@contextmanager
def _damage_as_halt(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise HaltError(
            f"the journal {file} cannot be read ({error}): it is damaged or not a journal. "
            "Restore it from a copy; send nothing before"
        ) from error
