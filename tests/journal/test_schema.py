"""Which files are journals, and of which format."""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

import pytest
from tests.journal.files import STREAM, execute, payloads, write

from trimtab.errors import ConfigError, HaltError
from trimtab.journal import Journal

FORMAT_1 = """
PRAGMA journal_mode=WAL;
CREATE TABLE IF NOT EXISTS meta (version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
  id INTEGER PRIMARY KEY,
  stream TEXT NOT NULL,
  at REAL NOT NULL,
  payload BLOB NOT NULL,
  crc INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_stream ON records (stream, id);
INSERT INTO meta VALUES (1);
"""


def write_format_1(path: Path, records: list[tuple[str, bytes]]) -> None:
    """A file as the version before wrote it."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(FORMAT_1)
    crcs: dict[str, int] = {}
    for stream, payload in records:
        crc = crcs[stream] = zlib.crc32(payload, zlib.crc32(stream.encode(), crcs.get(stream, 0)))
        db.execute(
            "INSERT INTO records (stream, at, payload, crc) VALUES (?, 1.5, ?, ?)", (stream, payload, crc)
        )
    db.close()


def test_format_1_is_brought_up_once(tmp_path: Path) -> None:
    """All streams come over in order with their times, and go on; a reader alone does not change the file."""
    path = tmp_path / "j.db"
    mixed = [(("hedge", STREAM)[n % 2], b"%d" % n) for n in range(20)]
    write_format_1(path, mixed)
    with pytest.raises(ConfigError, match="open it for writing once"):
        Journal.open(path, read_only=True)
    for _ in range(2):
        assert payloads(path) == [payload for stream, payload in mixed if stream == STREAM]
        assert payloads(path, "hedge") == [payload for stream, payload in mixed if stream == "hedge"]
    write(path, [b"next"])
    with Journal.open(path) as journal, journal.acquire(STREAM):
        records = list(journal.replay(STREAM))
    assert [records[0].at, records[-1].payload] == [1.5, b"next"]


def test_damage_of_format_1_comes_over_as_damage(tmp_path: Path) -> None:
    """Checksums are kept, not made anew."""
    path = tmp_path / "j.db"
    write_format_1(path, [(STREAM, b"1"), (STREAM, b"2")])
    execute(path, "UPDATE records SET payload = x'00' WHERE id = 2")
    for _ in range(2):
        with pytest.raises(HaltError, match="fails its checksum"):
            payloads(path)


def test_a_program_of_format_1_cannot_write_to_it_any_more(tmp_path: Path) -> None:
    """One that still runs when another brings the file up fails at its next commit, before it sends."""
    path = tmp_path / "j.db"
    write_format_1(path, [(STREAM, b"1")])
    old = sqlite3.connect(path, isolation_level=None)
    assert payloads(path) == [b"1"]
    with pytest.raises(sqlite3.Error):
        old.execute(
            "INSERT INTO records (stream, at, payload, crc) VALUES (?, ?, ?, ?)", (STREAM, 1, b"2", 0)
        )
    old.close()


def test_another_format_is_refused(tmp_path: Path) -> None:
    """A journal of a later version says so."""
    path = tmp_path / "j.db"
    write(path, [b"1"])
    execute(path, "UPDATE meta SET version = 99")
    with pytest.raises(ConfigError, match="format 99"):
        Journal.open(path)


def test_a_file_that_is_no_journal_halts(tmp_path: Path) -> None:
    """Somebody's text file is not overwritten."""
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n" * 200)
    with pytest.raises(HaltError, match="not a journal"):
        Journal.open(path)
    assert path.read_text() == "buy milk\n" * 200


@pytest.mark.parametrize(
    "tables", ["CREATE TABLE photos (x)", "CREATE TABLE meta (version); CREATE VIEW records AS SELECT 1"]
)
def test_another_programs_database_is_left_alone(tmp_path: Path, tables: str) -> None:
    """Neither tables nor a log are added to it."""
    path = tmp_path / "photos.db"
    execute(path, tables)
    before = path.read_bytes()
    with pytest.raises((HaltError, ConfigError), match=r"not a journal|format"):
        Journal.open(path)
    assert path.read_bytes() == before


def test_an_empty_file_is_a_new_journal_only_where_nothing_was_written(tmp_path: Path) -> None:
    """A file that was made beforehand is used; one that lost its content is not."""
    path = tmp_path / "j.db"
    path.touch()
    with Journal.open(path) as journal, journal.acquire(STREAM):
        journal.append(STREAM, b"1")
    path.write_bytes(b"")
    with Journal.open(path) as journal, pytest.raises(HaltError, match="ends after record 0, and record 1"):
        journal.acquire(STREAM)


def test_freed_pages_go_back_to_the_disk_in_slices(tmp_path: Path) -> None:
    """New files and those of format 1 can give pages back without being copied as a whole."""
    path, old = tmp_path / "j.db", tmp_path / "old.db"
    write_format_1(old, [(STREAM, b"1")])
    for file in (path, old):
        with Journal.open(file) as journal:
            assert journal._db.execute("PRAGMA auto_vacuum").fetchone() == (2,)
