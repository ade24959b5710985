"""One writer per stream, across processes, and no stale lock after a crash."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trimtab.errors import ConfigError, HaltError
from trimtab.journal import Journal

STREAM = "tx/1/0xabc"
HOLDER = """
import sys
from trimtab.journal import Journal
with Journal.open(sys.argv[1]) as journal, journal.acquire(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


def start_holder(path: Path) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), STREAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def stop(holder: subprocess.Popen[bytes]) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.communicate()


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    """The message names the other process; its other streams stay open to us."""
    path = tmp_path / "j.db"
    holder = start_holder(path)
    try:
        with Journal.open(path) as journal:
            with pytest.raises(ConfigError, match=f"process {holder.pid}"):
                journal.acquire(STREAM)
            with journal.acquire("tx/1/0xdef"):
                journal.append("tx/1/0xdef", b"1")
    finally:
        stop(holder)


def test_the_death_of_the_holder_frees_the_lock(tmp_path: Path) -> None:
    """SIGKILL leaves no stale lock behind."""
    path = tmp_path / "j.db"
    stop(start_holder(path))
    with Journal.open(path) as journal, journal.acquire(STREAM) as lock:
        assert lock.path.read_text().split()[0] == str(os.getpid())


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    """Two senders of one account in one program are two writers too; after release it is free."""
    with Journal.open(tmp_path / "j.db") as journal:
        with journal.acquire(STREAM), pytest.raises(ConfigError, match=str(os.getpid())):
            journal.acquire(STREAM)
        journal.acquire(STREAM).release()


def test_a_link_to_the_journal_has_the_same_lock(tmp_path: Path) -> None:
    """Another name for the file is no way round the writer that has it."""
    path, link = tmp_path / "j.db", tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    with Journal.open(path) as journal, journal.acquire(STREAM):
        link.symlink_to(path)
        with Journal.open(link) as other, pytest.raises(ConfigError, match="is being written"):
            other.acquire(STREAM)


def test_a_second_writer_behind_a_lock_that_was_removed_stops_the_first(tmp_path: Path) -> None:
    """Compare-and-swap at each append: the stream must end where this writer left it."""
    path = tmp_path / "j.db"
    with Journal.open(path) as journal, journal.acquire(STREAM) as lock:
        journal.append(STREAM, b"1")
        lock.path.unlink()
        with Journal.open(path) as other, other.acquire(STREAM):
            other.append(STREAM, b"2")
        with pytest.raises(HaltError, match=f"another process wrote to {STREAM}"):
            journal.append(STREAM, b"3")
    with Journal.open(path) as journal, journal.acquire(STREAM):
        assert [record.payload for record in journal.replay(STREAM)] == [b"1", b"2"]


def test_a_writer_that_was_overtaken_before_its_first_record_is_stopped_too(tmp_path: Path) -> None:
    """It read the stream when it took the lock; what it would write is about that."""
    path = tmp_path / "j.db"
    with Journal.open(path) as journal, journal.acquire(STREAM):
        with Journal.open(path) as other:
            other.append(STREAM, b"1")
        with pytest.raises(HaltError, match="another process wrote"):
            journal.append(STREAM, b"2")


def test_after_release_others_may_write(tmp_path: Path) -> None:
    """One journal, two turns: the second begins where the other left off."""
    path = tmp_path / "j.db"
    with Journal.open(path) as journal:
        with journal.acquire(STREAM):
            journal.append(STREAM, b"1")
        with Journal.open(path) as other, other.acquire(STREAM):
            other.append(STREAM, b"2")
        with journal.acquire(STREAM):
            journal.append(STREAM, b"3")
        assert len(list(journal.replay(STREAM))) == 3


def test_a_lock_file_that_is_removed_at_the_wrong_moment_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its opening and its locking: the lock is taken on the file that others will find."""
    path, taken = tmp_path / "j.db", fcntl.flock

    def remove_once(fd: int, how: int) -> None:
        monkeypatch.setattr("trimtab.journal.lock.fcntl.flock", taken)
        next(tmp_path.glob("*.lock")).unlink()
        taken(fd, how)

    with Journal.open(path) as journal:
        monkeypatch.setattr("trimtab.journal.lock.fcntl.flock", remove_once)
        with journal.acquire(STREAM) as lock:
            assert lock.path.exists()
            with pytest.raises(ConfigError, match="is being written"):
                journal.acquire(STREAM)


def test_a_lock_that_cannot_be_made_is_a_setting_to_mend(tmp_path: Path) -> None:
    """A folder or a link in its place: said with its name, and what the link leads to is not touched."""
    path = tmp_path / "j.db"
    with Journal.open(path) as journal:
        lock = tmp_path / "j.db.tx-1-0xabc.lock"
        lock.mkdir()
        with pytest.raises(ConfigError, match=r"the lock .*\.lock cannot be opened"):
            journal.acquire(STREAM)
        lock.rmdir()
        precious = tmp_path / "precious"
        precious.write_text("mine")
        lock.symlink_to(precious)
        with pytest.raises(ConfigError, match=r"the lock .*\.lock cannot be opened"):
            journal.acquire(STREAM)
        assert precious.read_text() == "mine"


@pytest.mark.parametrize("words", [b"", b"4711", b"junk" * 50, bytes(200)])
def test_a_lock_file_of_a_dead_process_is_no_obstacle(tmp_path: Path, words: bytes) -> None:
    """Whatever it holds: a power cut may have torn it, an older version wrote only its process."""
    path = tmp_path / "j.db"
    (tmp_path / "j.db.tx-1-0xabc.lock").write_bytes(words)
    with Journal.open(path) as journal, journal.acquire(STREAM):
        journal.append(STREAM, b"1")
