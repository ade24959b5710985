"""The tables of a journal's file: made, recognised, and brought up from the format before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from trimtab.errors import ConfigError
from trimtab.journal.failures import damaged
from trimtab.journal.tail import LIVE, ROOM, Tail, check_row, mark, new_stream

SCHEMA_VERSION = 2
_TABLES = {
    "meta": "CREATE TABLE meta (version INTEGER NOT NULL)",
    "records": (
        "CREATE TABLE records "
        "(id INTEGER PRIMARY KEY, at REAL NOT NULL, payload BLOB NOT NULL, crc INTEGER NOT NULL)"
    ),
    "streams": (
        "CREATE TABLE streams (id INTEGER PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, "
        "count INTEGER NOT NULL, crc INTEGER NOT NULL, seal INTEGER NOT NULL)"
    ),
}
_TABLES_1 = {"meta", "records", "records_by_stream"}
INCREMENTAL = 2


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """One commit, or nothing. The write lock is taken at once, so that what is read inside still holds."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def prepare(db: sqlite3.Connection, file: Path) -> None:
    """Make the tables of a new file, or check those of an old one. Raises `ConfigError` for another format,
    `HaltError` for what is damaged or no journal."""
    db.execute("PRAGMA cell_size_check=ON")
    db.execute("PRAGMA synchronous=FULL")
    if not _objects(db):
        # Freed pages go back to the disk in slices: VACUUM would hold up every commit while it copies all.
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        db.execute("PRAGMA journal_mode=WAL")
        _create(db)
    if _version(db, file) == 1:
        _upgrade(db)
    check(db, file)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA journal_size_limit=16777216")
    if db.execute("PRAGMA auto_vacuum").fetchone()[0] != INCREMENTAL:
        with suppress(sqlite3.OperationalError):  # somebody reads: the next opening does it
            db.execute("PRAGMA auto_vacuum=INCREMENTAL")
            db.execute("VACUUM")


def check(db: sqlite3.Connection, file: Path) -> None:
    """Raises unless the tables are ours, in our format, every stream's row is as it was written, and no
    record is without a stream."""
    if _version(db, file) == 1:
        raise ConfigError(
            f"the journal {file} has format 1: open it for writing once, which brings it to format 2",
            key="journal.path",
        )
    if _objects(db) != _TABLES:
        raise damaged(file, "its tables are not those of a journal")
    rows = db.execute("SELECT id, name, role, count, crc, seal FROM streams ORDER BY id").fetchall()
    known = {check_row(file, row).stream for row in rows}
    number = -1
    while True:
        first = db.execute(
            "SELECT id FROM records WHERE id >= ? ORDER BY id LIMIT 1", ((number + 1) * ROOM,)
        ).fetchone()
        if first is None:
            return
        if first[0] // ROOM <= number:
            raise damaged(file, f"row {first[0]} is out of place")
        number = first[0] // ROOM
        if number not in known:
            raise damaged(file, f"row {first[0]} belongs to no stream")


def _objects(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, sql FROM sqlite_schema"))


def _version(db: sqlite3.Connection, file: Path) -> int:
    names = _objects(db).keys()
    if "meta" not in names or not names & {"records"}:
        raise damaged(file, "it is another program's database, not a journal")
    rows = db.execute("SELECT * FROM meta").fetchall()
    if len(rows) != 1 or len(rows[0]) != 1:
        raise damaged(file, "it does not say its format")
    version = rows[0][0]
    if version == SCHEMA_VERSION or (version == 1 and names == _TABLES_1):
        return int(version)
    raise ConfigError(
        f"the journal {file} has format {version}, this trimtab writes format {SCHEMA_VERSION}: "
        "use the version that wrote it, or start a new file",
        key="journal.path",
    )


def _create(db: sqlite3.Connection) -> None:
    with transaction(db):
        if _objects(db):
            return  # another process made them meanwhile
        for statement in _TABLES.values():
            db.execute(statement)
        db.execute("INSERT INTO meta VALUES (?)", (SCHEMA_VERSION,))


def _upgrade(db: sqlite3.Connection) -> None:
    """Format 1 had the stream's name in each record, and an index over it. Checksums stay as they are."""
    with transaction(db):
        if "streams" in _objects(db):
            return
        db.execute("ALTER TABLE records RENAME TO old")
        for name in ("records", "streams"):
            db.execute(_TABLES[name])
        for (name,) in db.execute("SELECT DISTINCT stream FROM old ORDER BY stream").fetchall():
            stream = new_stream(db, name, LIVE).stream
            db.execute(
                "INSERT INTO records SELECT ? + row_number() OVER (ORDER BY id), at, payload, crc "
                "FROM old WHERE stream = ? ORDER BY id",
                (stream * ROOM, name),
            )
            query = "SELECT id - ?, crc FROM records ORDER BY id DESC LIMIT 1"
            count, crc = db.execute(query, (stream * ROOM,)).fetchone()
            mark(db, name, Tail(stream, count, crc), LIVE)
        db.execute("DROP TABLE old")
        db.execute("UPDATE meta SET version = ?", (SCHEMA_VERSION,))
