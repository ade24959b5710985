"""Where a stream ends, and the sums that hold its records together."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from trimtab.journal.failures import damaged

ROOM = 1 << 40
"""Record numbers of one stream: record n of stream s has the row s * ROOM + n."""
LIVE, DRAFT, DEAD = "live", "draft", "dead"
"""A stream's row is what everybody reads, a shorter telling in the making, or waits to be swept away."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The stream's number in the file, how many records it has, and the checksum of the last."""

    stream: int
    count: int = 0
    crc: int = 0


def checksum(previous: int, name: bytes, payload: bytes) -> int:
    """CRC-32 over the stream's name, the payload and the record before it."""
    return crc32(payload, crc32(name, previous))


def find_tail(db: sqlite3.Connection, file: Path, name: str, role: str = LIVE) -> Tail | None:
    """The row of the stream `name`; None when it has none. Raises `HaltError` when the row was changed."""
    row = db.execute(
        "SELECT id, name, role, count, crc, seal FROM streams WHERE name = ? AND role = ?", (name, role)
    ).fetchone()
    return None if row is None else check_row(file, row)


def check_row(file: Path, row: tuple[object, ...]) -> Tail:
    """Raises `HaltError` unless a row of `streams` is as it was written."""
    number, name, role, count, crc, seal = row
    if not (isinstance(number, int) and isinstance(count, int) and isinstance(crc, int)):
        raise damaged(file, f"the row of the stream {name!r} fails its checksum")
    tail = Tail(number, count, crc)
    if seal != _seal(tail, str(name), str(role)):
        raise damaged(file, f"the row of the stream {name!r} fails its checksum")
    return tail


def new_stream(db: sqlite3.Connection, name: str, role: str) -> Tail:
    """An empty stream; inside a transaction. Numbers are never used again while a row or record of theirs
    is left."""
    last = db.execute("SELECT max(id) FROM streams").fetchone()[0] or 0
    tail = Tail(last + 1)
    seal = _seal(tail, name, role)
    db.execute("INSERT INTO streams VALUES (?, ?, ?, 0, 0, ?)", (tail.stream, name, role, seal))
    return tail


def extend(
    db: sqlite3.Connection, name: str, tail: Tail, rows: Sequence[bytes], at: float, role: str = LIVE
) -> Tail:
    """Add records behind `tail`, inside a transaction; the tail after them."""
    crc, words = tail.crc, name.encode()
    first, made = tail.stream * ROOM + tail.count + 1, []
    for place, payload in enumerate(rows, first):
        crc = checksum(crc, words, payload)
        made.append((place, at, payload, crc))
    db.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", made)
    after = Tail(tail.stream, tail.count + len(rows), crc)
    mark(db, name, after, role)
    return after


def mark(db: sqlite3.Connection, name: str, tail: Tail, role: str) -> None:
    """Write the row of a stream anew."""
    done = db.execute(
        "UPDATE streams SET role = ?, count = ?, crc = ?, seal = ? WHERE id = ?",
        (role, tail.count, tail.crc, _seal(tail, name, role), tail.stream),
    )
    if done.rowcount != 1:
        raise sqlite3.DatabaseError(f"the row of the stream {name} cannot be found by its number")


def check_last(db: sqlite3.Connection, file: Path, name: str, tail: Tail) -> None:
    """Raises `HaltError` unless the last record is where the stream's row says, and none follows it."""
    last = tail.stream * ROOM + tail.count
    rows = db.execute(
        "SELECT id, crc FROM records WHERE id BETWEEN ? AND ? LIMIT 2", (last, last + 1)
    ).fetchall()
    if rows != ([(last, tail.crc)] if tail.count else []):
        raise damaged(file, f"the end of {name} is not where its row says, after record {tail.count}")


def _seal(tail: Tail, name: str, role: str) -> int:
    return crc32(f"{tail.stream} {tail.count} {tail.crc} {role} {name}".encode())
