"""A disk that is full, a file that somebody else holds: a clear error, and everything goes on afterwards."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.journal.files import STREAM, payloads, write

from trimtab.errors import ConfigError, HaltError
from trimtab.journal import Journal

FILL = """
import resource, sys
from trimtab.errors import HaltError
from trimtab.journal import Journal
with Journal.open(sys.argv[1]) as journal, journal.acquire(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    written = 0
    try:
        while True:
            journal.append(sys.argv[2], b"%d" % written * 1000)
            written += 1
    except HaltError as error:
        print(error)
    try:
        journal.append(sys.argv[2], b"x" * 100_000)
    except HaltError:
        print(written)
"""


def test_a_disk_that_refuses_halts_and_keeps_what_was_there(tmp_path: Path) -> None:
    """A full disk raises before anything depends on the record; with room again the same journal goes on."""
    path = tmp_path / "j.db"
    with Journal.open(path) as journal, journal.acquire(STREAM):
        journal.append(STREAM, b"1")
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(HaltError, match=r"cannot be written.*full.*Free or mend|disk is full"):
            journal.append(STREAM, b"x" * 100_000)
        journal._db.execute("PRAGMA max_page_count = 1000000")
        journal.append(STREAM, b"2")
    assert payloads(path) == [b"1", b"2"]


def test_a_file_that_may_not_grow_halts_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    """The operating system's own limit: all that was acknowledged is there, and the next life goes on."""
    path = tmp_path / "j.db"
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path), STREAM], capture_output=True, text=True, timeout=60
    )
    words, written = done.stdout.splitlines()
    assert "cannot be written" in words, done.stderr
    assert "Free or mend" in words or "free or mend" in words
    assert len(payloads(path)) == int(written)
    write(path, [b"next"])
    assert payloads(path)[-1] == b"next"


def test_a_program_that_holds_the_file_is_named_as_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database shell in the middle of a transaction: not called damage, and over when it ends."""
    path = tmp_path / "j.db"
    write(path, [b"1"])
    with Journal.open(path) as journal:
        journal._db.execute("PRAGMA busy_timeout = 50")
        shell = sqlite3.connect(path, isolation_level=None)
        shell.execute("BEGIN IMMEDIATE")
        with pytest.raises(HaltError, match="nother program holds its write lock"):
            journal.append(STREAM, b"2")
        assert [record.payload for record in journal.replay(STREAM)] == [b"1"]
        shell.close()
        journal.append(STREAM, b"3")
    monkeypatch.setattr("trimtab.journal.journal.BUSY_SECONDS", 0.05)
    shell = sqlite3.connect(path, isolation_level=None)
    shell.execute("PRAGMA locking_mode = EXCLUSIVE")
    shell.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConfigError, match="nother program holds its write lock"):
        Journal.open(path)
    shell.close()
    assert payloads(path) == [b"1", b"3"]
