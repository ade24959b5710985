"""One writer per stream, across processes, and no stale lock after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trimtab.errors import ConfigError
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
        assert lock.path.read_text() == str(os.getpid())


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
