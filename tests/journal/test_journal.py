"""The journal: what was appended is there again, and damage is never read as truth."""

from __future__ import annotations

import stat
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journal.files import STREAM, payloads, write

from trimtab.errors import HaltError
from trimtab.journal import Journal


def test_records_come_back_in_order(tmp_path: Path) -> None:
    """Across openings, oldest first."""
    path = tmp_path / "j.db"
    write(path, [b"1", b"2"])
    write(path, [b"3"])
    assert payloads(path) == [b"1", b"2", b"3"]


def test_streams_do_not_mix(tmp_path: Path) -> None:
    """Each room reads its own records; interleaved appends keep both checksums whole."""
    path = tmp_path / "j.db"
    with Journal.open(path) as journal:
        for number in range(3):
            journal.append("hedge", {"step": number, "size": Decimal("0.5")})
            journal.append(STREAM, b"%d" % number)
    with Journal.open(path) as journal:
        assert [record.decode() for record in journal.replay("hedge")] == [
            {"step": number, "size": "0.5"} for number in range(3)
        ]
        assert journal.streams() == ("hedge", STREAM)
    assert payloads(path) == [b"0", b"1", b"2"]


def test_two_journals_on_one_file_keep_a_stream_whole(tmp_path: Path) -> None:
    """Appends that alternate between two openings (two rooms of one program) still make one chain."""
    path = tmp_path / "j.db"
    with Journal.open(path) as one, Journal.open(path) as two:
        for number in range(6):
            (one, two)[number % 2].append("hedge", b"%d" % number)
    assert payloads(path, "hedge") == [b"%d" % number for number in range(6)]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.binary(max_size=60), max_size=4), max_size=6))
def test_any_bytes_survive(tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]]) -> None:
    """Whatever is appended, in whatever commits, is what is replayed."""
    path = tmp_path_factory.mktemp("any") / "j.db"
    with Journal.open(path) as journal:
        for batch in batches:
            journal.append_many(STREAM, batch)
    assert payloads(path) == [record for batch in batches for record in batch]


def test_a_torn_commit_is_dropped_and_the_next_one_follows_the_rest(tmp_path: Path) -> None:
    """A crash in the middle of a commit leaves the records before it, whole, wherever the cut falls."""
    path, copy = tmp_path / "j.db", tmp_path / "copy.db"
    with Journal.open(path) as journal:
        sizes = []
        for record in (b"1", b"2", b"torn"):
            journal.append(STREAM, record)
            sizes.append(Path(f"{path}-wal").stat().st_size)
        database, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    for cut in (sizes[1], sizes[1] + 10, sizes[1] + 24, (sizes[1] + sizes[2]) // 2, sizes[2] - 1):
        copy.write_bytes(database)
        Path(f"{copy}-wal").write_bytes(log[:cut])
        assert payloads(copy) == [b"1", b"2"]
        write(copy, [b"3"])
        assert payloads(copy) == [b"1", b"2", b"3"]
        for file in tmp_path.glob("copy.db*"):
            file.unlink()


def test_a_disk_that_refuses_halts_and_keeps_what_was_there(tmp_path: Path) -> None:
    """A full disk (here: SQLite's own page limit) raises before anything depends on the record."""
    path = tmp_path / "j.db"
    with Journal.open(path) as journal:
        journal.append(STREAM, b"1")
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(HaltError, match="cannot be written"):
            journal.append(STREAM, b"x" * 100_000)
        journal._db.execute("PRAGMA max_page_count = 1000000")
        journal.append(STREAM, b"2")
    assert payloads(path) == [b"1", b"2"]


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """The file and its companions have mode 0600, also when it was created too open."""
    path = tmp_path / "j.db"
    path.touch(mode=0o644)
    with Journal.open(path) as journal, journal.acquire(STREAM):
        journal.append(STREAM, b"1")
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


def test_every_commit_is_forced_to_disk(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: a record survives the loss of power once append returned."""
    with Journal.open(tmp_path / "j.db") as journal:
        assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
