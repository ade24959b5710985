"""A stream told anew: at every instant the old or the new, and the disk gets its space back."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.journal.files import STREAM, copy_files, execute, payloads, write

from trimtab.errors import ConfigError, HaltError
from trimtab.journal import Journal

OLD = [b"%04d" % number * 100 for number in range(500)]
NEW = [b"new", b"and", b"short"]


def test_the_new_takes_the_place_of_the_old(tmp_path: Path) -> None:
    """Appends follow it, other streams stay, and it survives the next openings."""
    path = tmp_path / "j.db"
    write(path, OLD)
    write(path, [b"h"], "hedge")
    with Journal.open(path) as journal, journal.acquire(STREAM):
        with journal.rewrite(STREAM) as rewrite:
            rewrite.write(NEW[:2])
            journal.append(STREAM, b"meanwhile")
            assert journal.count(STREAM) == len(OLD) + 1
            rewrite.finish(NEW[2:])
        assert journal.count(STREAM) == 3
        journal.append(STREAM, b"next")
    for _ in range(2):
        assert payloads(path) == [*NEW, b"next"]
        assert payloads(path, "hedge") == [b"h"]
    with Journal.open(path) as journal, journal.acquire(STREAM), journal.rewrite(STREAM) as rewrite:
        rewrite.finish([b"again"])
    assert payloads(path) == [b"again"]


def test_the_file_shrinks(tmp_path: Path) -> None:
    """In slices, of which none is long; what is left takes what it needs."""
    path = tmp_path / "j.db"
    write(path, [b"first"])
    small = path.stat().st_size
    with Journal.open(path) as journal, journal.acquire(STREAM):
        journal.append_many(STREAM, OLD * 10)
        journal._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert path.stat().st_size > 30 * small
        with journal.rewrite(STREAM) as rewrite:
            rewrite.finish(NEW)
        slices = 0
        while journal.sweep():
            slices += 1
        assert 10 < slices < 40
        assert path.stat().st_size <= 2 * small
        assert Path(f"{path}-wal").stat().st_size < 1_000_000
    assert payloads(path) == NEW


def test_a_draft_that_is_given_up_leaves_the_old(tmp_path: Path) -> None:
    """An error in the middle, or a crash: the next writer has the old stream and the draft is swept away."""
    path = tmp_path / "j.db"
    write(path, OLD)

    def fail_in_the_middle(journal: Journal) -> None:
        with journal.rewrite(STREAM) as rewrite:
            rewrite.write(NEW)
            _ = 1 // 0

    with Journal.open(path) as journal, journal.acquire(STREAM), pytest.raises(ZeroDivisionError):
        fail_in_the_middle(journal)
    with Journal.open(path) as journal, journal.acquire(STREAM):
        assert [record.payload for record in journal.replay(STREAM)] == OLD
        while journal.sweep():
            pass
        assert journal._db.execute("SELECT count(*) FROM streams").fetchone() == (1,)
        assert journal._db.execute("SELECT count(*) FROM records").fetchone() == (len(OLD),)


KILLED = """
import os, sqlite3, sys
from trimtab.journal import Journal
path, stream, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
journal = Journal.open(path)
lock = journal.acquire(stream)
done = 0
def count(statement):
    global done
    if statement == "COMMIT":
        done += 1
        if done > last:
            os.kill(os.getpid(), 9)
journal._db.set_trace_callback(count)
with journal.rewrite(stream) as rewrite:
    rewrite.write([b"new", b"and"])
    rewrite.finish([b"short"])
while journal.sweep(200):
    pass
journal._db.set_trace_callback(None)
print("done", flush=True)
"""


def test_a_kill_at_any_commit_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """SIGKILL right before each commit of a rewriting and of the sweeping after it."""
    path, seen = tmp_path / "j.db", []
    write(path, OLD)
    for last in range(12):
        work = copy_files(path, tmp_path / "work")
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(work), STREAM, str(last)], capture_output=True, timeout=60
        )
        with Journal.open(work) as journal, journal.acquire(STREAM):
            found = [record.payload for record in journal.replay(STREAM)]
            assert found in (OLD, NEW)
            seen.append(found == NEW)
            while journal.sweep():
                pass
            assert journal._db.execute("SELECT count(*) FROM streams").fetchone() == (1,)
            journal.append(STREAM, b"next")
        assert payloads(work) == [*found, b"next"]
        if done.stdout == b"done\n":
            break
    assert seen == sorted(seen)
    assert {False, True} == set(seen)
    assert done.returncode == 0


def test_a_stream_that_another_process_wrote_to_is_not_replaced(tmp_path: Path) -> None:
    """Where locks do not hold (a network file system, a removed lock file), its records are not lost."""
    path = tmp_path / "j.db"
    with Journal.open(path) as journal, journal.acquire(STREAM) as lock:
        journal.append(STREAM, b"1")
        lock.path.unlink()
        with Journal.open(path) as other, other.acquire(STREAM):
            other.append(STREAM, b"2")
        with pytest.raises(HaltError, match="another process wrote"), journal.rewrite(STREAM) as rewrite:
            rewrite.finish([b"gone"])
    assert payloads(path) == [b"1", b"2"]


def test_only_the_writer_may_rewrite(tmp_path: Path) -> None:
    """Without the stream's lock nothing begins."""
    path = tmp_path / "j.db"
    write(path, OLD)
    with (
        Journal.open(path) as journal,
        pytest.raises(ConfigError, match="acquire it"),
        journal.rewrite(STREAM),
    ):
        pass


def test_a_full_disk_leaves_the_old(tmp_path: Path) -> None:
    """A rewriting needs room for the new beside the old; without it nothing is lost."""
    path = tmp_path / "j.db"
    write(path, OLD)
    with Journal.open(path) as journal, journal.acquire(STREAM):
        pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
        journal._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(HaltError, match="full"), journal.rewrite(STREAM) as rewrite:
            rewrite.write(OLD)
        journal._db.execute("PRAGMA max_page_count = 1000000")
    assert payloads(path) == OLD


def test_damage_in_what_is_swept_halts_nothing_else(tmp_path: Path) -> None:
    """What is dead is not read any more."""
    path = tmp_path / "j.db"
    write(path, OLD)
    with Journal.open(path) as journal, journal.acquire(STREAM), journal.rewrite(STREAM) as rewrite:
        rewrite.finish(NEW)
    execute(path, "UPDATE records SET payload = x'00' WHERE id = (SELECT min(id) FROM records)")
    assert payloads(path) == NEW
    with Journal.open(path) as journal:
        while journal.sweep():
            pass
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM records").fetchone() == (3,)
    db.close()
