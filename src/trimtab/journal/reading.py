"""Reading a journal: by a connection of its own, from one moment of the file, every sum checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from trimtab.errors import ConfigError, HaltError
from trimtab.journal.failures import damaged
from trimtab.journal.place import check_regular
from trimtab.journal.tail import ROOM, Tail, checksum

BUSY_SECONDS = 5.0
"""How long another connection's write lock is waited for."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record as it was appended; `at` is the wall clock's unix seconds, for people only."""

    id: int
    at: float
    payload: bytes

    def decode(self) -> Any:
        """The payload as Python objects; Decimals come back as strings."""
        return msgspec.json.decode(self.payload)


@contextmanager
def reader(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees one moment of the file and changes nothing, not even beside it: where no writer
    is or was, it reads the bare file. Raises `ConfigError` when a writer came to just that file meanwhile."""
    is_bare = not _has_log(file)
    before = check_regular(file).st_mtime_ns
    uri = f"file:{quote(str(file))}?mode=ro" + ("&immutable=1" if is_bare else "")
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)) as db:
        db.execute("PRAGMA cell_size_check=ON")
        db.execute("BEGIN")
        try:
            yield db
        except (sqlite3.DatabaseError, HaltError) as error:
            if is_bare and _is_touched(file, before):
                raise _disturbed(file) from error
            raise
        if is_bare and _is_touched(file, before):
            raise _disturbed(file)


def read_records(db: sqlite3.Connection, file: Path, name: str, tail: Tail) -> Iterator[Record]:
    """The records of a stream, oldest first. Raises `HaltError` where one was changed, is missing or out of
    place."""
    number, crc, words, base = 0, 0, name.encode(), tail.stream * ROOM
    rows = db.execute(
        "SELECT at, payload, crc FROM records WHERE id > ? AND id <= ? ORDER BY id",
        (base, base + tail.count),
    )
    for at, payload, stored in rows:
        number += 1
        crc = checksum(crc, words, payload) if isinstance(payload, bytes) else -1
        if crc != stored:
            raise damaged(file, f"record {number} of {name} fails its checksum")
        yield Record(number, at, payload)
    if number != tail.count or crc != tail.crc:
        raise damaged(file, f"record {number + 1} of {name} is missing")


def check_witness(
    db: sqlite3.Connection, file: Path, name: str, tail: Tail | None, witness: Tail | None, lock: Path
) -> None:
    """Raises `HaltError` when the stream ends before what its last writer was told is on disk."""
    if witness is None or (tail is not None and witness.stream < tail.stream):
        return  # nobody says, or the stream was written anew since
    if tail is None or tail.stream != witness.stream or tail.count < witness.count:
        raise damaged(
            file,
            f"{name} ends after record {tail.count if tail else 0}, and record {witness.count} was written: "
            "the file or its -wal was cut off, removed, or replaced by an old copy. To go on without what is "
            f"lost, and only when you know that nothing of it is in flight, remove {lock}",
        )
    if witness.count and _crc_at(db, tail.stream * ROOM + witness.count) != witness.crc:
        raise damaged(
            file,
            f"record {witness.count} of {name} is not the one that was written: the file was replaced by "
            f"one with another history. To go on with this one all the same, remove {lock}",
        )


def _crc_at(db: sqlite3.Connection, row: int) -> int:
    found = db.execute("SELECT crc FROM records WHERE id = ?", (row,)).fetchone()
    return int(found[0]) if found else -1


def _has_log(file: Path) -> bool:
    return Path(f"{file}-wal").exists()


def _is_touched(file: Path, before: int) -> bool:
    return _has_log(file) or not file.exists() or file.stat().st_mtime_ns != before


def _disturbed(file: Path) -> ConfigError:
    return ConfigError(
        f"a writer came to the journal {file} while it was read: look again", key="journal.path"
    )
