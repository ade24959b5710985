"""What is read is what was written, or an error: for every kind of damage, and beside a writer at work."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.journal.files import ROW, STREAM, copy_files, execute, payloads, write

from trimtab.errors import ConfigError, HaltError
from trimtab.journal import Journal

RECORDS = [b"%d:" % number + bytes([number]) * 300 for number in range(40)]
HEADER, PAGE = 100, 4096
SWAP = (
    "UPDATE records SET id = -1 WHERE id = {2}; UPDATE records SET id = {2} WHERE id = {3}; "
    "UPDATE records SET id = {3} WHERE id = -1"
)
LOCK = "tx-1-0xabc.lock"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET payload = x'00' WHERE id = {1}",
        "UPDATE records SET crc = crc + 1 WHERE id = {2}",
        "DELETE FROM records WHERE id = {1}",
        "DELETE FROM records WHERE id = {3}",
        "DELETE FROM records WHERE id = {4}",
        "DELETE FROM records",
        "UPDATE records SET id = id + 9 WHERE id = {1}",
        SWAP,
        "INSERT INTO records SELECT id + 1, at, payload, crc FROM records WHERE id = {4}",
        "UPDATE records SET payload = x'00' WHERE id = {4}",
        "UPDATE streams SET name = 'tx/1/0xabd'",
        "UPDATE streams SET count = 3",
        "UPDATE streams SET role = 'dead'",
        "UPDATE streams SET crc = 0",
        "DELETE FROM streams",
        "INSERT INTO streams SELECT id + 1, name, role, count, crc, seal FROM streams",
        "DELETE FROM meta",
        "DROP TABLE streams",
        "ALTER TABLE records ADD COLUMN more TEXT",
    ],
)
def test_damage_halts(tmp_path: Path, statement: str) -> None:
    """A changed, missing, moved, doubled or relabelled record stops everything, the last one too, because
    its bytes may have been sent; and so does a stream that is not what it was, also in a bare copy."""
    path, copy = tmp_path / "j.db", tmp_path / "copy.db"
    write(path, [b"1", b"2", b"3", b"4"])
    execute(path, statement.format(*ROW.values()))
    copy.write_bytes(path.read_bytes())
    for file in (path, copy):
        with pytest.raises(HaltError, match="is damaged"):
            read(file)
        with contextlib.suppress(HaltError), Journal.open(file, read_only=True) as journal:
            assert [record.payload for record in journal.replay(STREAM)] == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("cut", [0.05, 0.5, 0.9])
def test_a_cut_off_file_halts_or_keeps_a_prefix(tmp_path: Path, cut: float) -> None:
    """A file that lost its end is never read as another history."""
    path = tmp_path / "j.db"
    records = [b"%04d" % number * 50 for number in range(300)]
    write(path, records)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(int(size * cut))
    with contextlib.suppress(HaltError):
        kept = payloads(path)
        assert kept == records[: len(kept)]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal as a killed process leaves it: half in the file, half in the log, its lock beside it."""
    script = (
        "import os, sys\nfrom trimtab.journal import Journal\n"
        "records = [b'%d:' % number + bytes([number]) * 300 for number in range(40)]\n"
        "journal = Journal.open(sys.argv[1])\n"
        "lock = journal.acquire(sys.argv[2])\n"
        "for record in records[:20]: journal.append(sys.argv[2], record)\n"
        "journal._db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()\n"
        "for record in records[20:]: journal.append(sys.argv[2], record)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = tmp_path_factory.mktemp("crashed") / "j.db"
    done = subprocess.run([sys.executable, "-c", script, str(path), STREAM], timeout=60)
    assert done.returncode == -signal.SIGKILL
    return path


@pytest.fixture(scope="module")
def closed(crashed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after a life that ended in good order: all in the file."""
    path = copy_files(crashed, tmp_path_factory.mktemp("closed") / "work", "-wal", f".{LOCK}")
    assert read(path) == RECORDS
    return path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "work"


def read(path: Path) -> list[bytes]:
    """What a new writer would start from. Raises what it would raise."""
    with Journal.open(path) as journal, journal.acquire(STREAM):
        return [record.payload for record in journal.replay(STREAM)]


def outcome(path: Path) -> str:
    """ "whole", or the error's name; never another history."""
    try:
        found = read(path)
    except (HaltError, ConfigError) as error:
        return type(error).__name__ if str(path) in str(error) else "an error without the file's name"
    assert found == RECORDS, f"read {len(found)} records of {len(RECORDS)}"
    return "whole"


def flip(file: Path, place: int, mask: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ mask]))


def test_what_a_killed_process_leaves_is_whole(crashed: Path, work: Path) -> None:
    """The ground on which the flipped bytes below stand."""
    assert outcome(copy_files(crashed, work, "-wal", "-shm", f".{LOCK}")) == "whole"


PLACES = {
    "header": ("", range(HEADER)),
    "page headers": ("", [page * PAGE + (0 if page else HEADER) + n for page in range(7) for n in range(10)]),
    "cells": ("", range(PAGE - 1, 7 * PAGE, 97)),
    "keys of the tree": ("", range(4 * PAGE - 40, 4 * PAGE)),
    "log header": ("-wal", range(32)),
    "frame headers": ("-wal", [32 + frame * (PAGE + 24) + n for frame in (0, 5, 39) for n in range(24)]),
    "frames": ("-wal", range(60, 40 * (PAGE + 24), 4_001)),
}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("mask", [0xFF, pytest.param(0x01, marks=pytest.mark.soak)])
def test_a_flipped_byte_is_an_error_or_changes_nothing(
    crashed: Path, closed: Path, work: Path, kind: str, mask: int
) -> None:
    """In the file's header, its pages' headers, the records and their checksums, the log's header and its
    frames: never another history, also not a shorter one."""
    ending, places = PLACES[kind]
    found = set()
    for place in places:
        path = copy_files(crashed if ending else closed, work, "-wal", f".{LOCK}")
        flip(Path(f"{path}{ending}"), place, mask)
        found.add(outcome(path))
    assert "HaltError" in found
    assert found <= {"whole", "HaltError", "ConfigError"}


@pytest.mark.soak
@pytest.mark.parametrize("ending", ["", "-wal"])
def test_every_byte_of_file_and_log(crashed: Path, closed: Path, work: Path, ending: str) -> None:
    """The same for each byte that there is, of the log every fifth."""
    source = crashed if ending else closed
    for place in range(0, Path(f"{source}{ending}").stat().st_size, 5 if ending else 1):
        path = copy_files(source, work, "-wal", f".{LOCK}")
        flip(Path(f"{path}{ending}"), place, 0x5A)
        outcome(path)


@pytest.mark.parametrize("page", [0, 2, 3, 4, 5, 6])
def test_a_zeroed_page_halts(closed: Path, work: Path, page: int) -> None:
    """A sector that the disk gave up; page 1 only says where pages are referred to, and is not read."""
    path = copy_files(closed, work, f".{LOCK}")
    with path.open("r+b") as file:
        file.seek(page * PAGE)
        file.write(bytes(PAGE))
    assert outcome(path) == "HaltError"


def test_a_log_that_is_gone_or_cut_off_halts(crashed: Path, work: Path) -> None:
    """Records that were acknowledged are missing: the lock file bears witness, and the error says how to go
    on without them."""
    path = copy_files(crashed, work, f".{LOCK}")
    with pytest.raises(HaltError, match=r"ends after record 20, and record 40 was written.*remove .*\.lock"):
        read(path)
    for size in (0, 31, 32, 5_000, 80_000):
        path = copy_files(crashed, work, "-wal", f".{LOCK}")
        os.truncate(f"{path}-wal", size)
        assert outcome(path) == "HaltError"


@pytest.mark.parametrize("left", [0, 100, PAGE, 2 * PAGE, 3 * PAGE - 1])
def test_a_file_that_was_cut_off_halts(closed: Path, work: Path, left: int) -> None:
    """Also one that was emptied: it is not taken for a new journal."""
    path = copy_files(closed, work, f".{LOCK}")
    os.truncate(path, left)
    assert outcome(path) == "HaltError"


@pytest.mark.parametrize("how", ["emptied", "removed"])
def test_a_log_without_its_file_is_left_for_whoever_puts_it_back(crashed: Path, work: Path, how: str) -> None:
    """SQLite would remove it; with the file back where it was, nothing is lost."""
    path = copy_files(crashed, work, "-wal", f".{LOCK}")
    whole = path.read_bytes()
    if how == "emptied":
        path.write_bytes(b"")
    else:
        path.unlink()
    assert outcome(path) == "HaltError"
    path.write_bytes(whole)
    assert outcome(path) == "whole"


def test_an_old_copy_is_known_as_one(tmp_path: Path) -> None:
    """A journal from before today's transactions is not started from; without the lock file, which a person
    removes, it is."""
    path, old = tmp_path / "j.db", tmp_path / "old.db"
    with Journal.open(path) as journal, journal.acquire(STREAM):
        journal.append(STREAM, b"1")
    shutil.copy(path, old)
    with Journal.open(path) as journal, journal.acquire(STREAM) as lock:
        journal.append(STREAM, b"2")
    shutil.copy(old, path)
    with pytest.raises(HaltError, match="replaced by an old copy"):
        read(path)
    lock.path.unlink()
    assert read(path) == [b"1"]


def test_a_copy_with_another_past_halts(tmp_path: Path) -> None:
    """As many records as the last writer left, but others."""
    path, other = tmp_path / "j.db", tmp_path / "other.db"
    with Journal.open(path) as journal, journal.acquire(STREAM):
        journal.append(STREAM, b"1")
    write(other, [b"2"])
    shutil.copy(other, path)
    with pytest.raises(HaltError, match="another history"):
        read(path)


@settings(max_examples=60, deadline=None)
@given(cut=st.floats(0, 1))
def test_a_power_cut_leaves_a_prefix(
    crashed: Path, tmp_path_factory: pytest.TempPathFactory, cut: float
) -> None:
    """Whatever part of the log reached the disk: recovery opens, has what was whole, and goes on."""
    path = copy_files(crashed, tmp_path_factory.mktemp("cut") / "work", "-wal")
    log = Path(f"{path}-wal")
    os.truncate(log, int(log.stat().st_size * cut))
    found = read(path)
    assert len(found) >= 20
    assert found == RECORDS[: len(found)]
    write(path, [b"next"])
    assert read(path) == [*found, b"next"]


def test_a_reader_looks_beside_a_writer_and_touches_nothing(tmp_path: Path) -> None:
    """Another process reads what a running writer has committed, without its lock; the file stays as it
    is."""
    path = tmp_path / "j.db"
    script = (
        "import sys\nfrom trimtab.journal import Journal\n"
        "with Journal.open(sys.argv[1], read_only=True) as journal:\n"
        "    print(len(list(journal.replay(sys.argv[2]))), journal.count(sys.argv[2]), journal.streams())\n"
    )
    with Journal.open(path) as journal, journal.acquire(STREAM):
        for number in range(3):
            journal.append(STREAM, b"%d" % number)
        before = path.stat()
        done = subprocess.run(
            [sys.executable, "-c", script, str(path), STREAM], capture_output=True, text=True, timeout=60
        )
        assert done.stdout == f"3 3 ('{STREAM}',)\n", done.stderr
        after = path.stat()
        assert (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
        journal.append(STREAM, b"3")
    assert payloads(path) == [b"0", b"1", b"2", b"3"]


def test_a_reader_leaves_a_closed_journal_alone(tmp_path: Path) -> None:
    """No file is made, none is changed, and none may be written through it."""
    path = tmp_path / "j.db"
    write(path, [b"1"])
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with Journal.open(path, read_only=True) as journal:
        assert [record.payload for record in journal.replay(STREAM)] == [b"1"]
        for forbidden in (lambda: journal.append(STREAM, b"2"), lambda: journal.acquire(STREAM)):
            with pytest.raises(ConfigError, match="reading only"):
                forbidden()
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
    with pytest.raises(ConfigError, match="cannot be opened"):
        Journal.open(tmp_path / "none.db", read_only=True)
    assert not (tmp_path / "none.db").exists()


def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    """What is appended, rewritten and swept while somebody reads is not in what he reads."""
    path = tmp_path / "j.db"
    with Journal.open(path) as journal, journal.acquire(STREAM):
        for number in range(50):
            journal.append(STREAM, b"%d" % number)
        with Journal.open(path, read_only=True) as reader:
            records = reader.replay(STREAM)
            found = [next(records).payload]
            with journal.rewrite(STREAM) as rewrite:
                rewrite.finish([b"short"])
            while journal.sweep():
                pass
            found += [record.payload for record in records]
            assert found == [b"%d" % number for number in range(50)]
            assert [record.payload for record in reader.replay(STREAM)] == [b"short"]


def test_a_writer_that_comes_to_a_bare_file_is_noticed(tmp_path: Path) -> None:
    """Where no writer was, the bare file is read; one that comes meanwhile may have changed it."""
    path = tmp_path / "j.db"
    write(path, RECORDS)
    with Journal.open(path, read_only=True) as reader:
        records = reader.replay(STREAM)
        next(records)
        write(path, RECORDS)
        with pytest.raises(ConfigError, match="look again"):
            list(records)
        assert len(list(reader.replay(STREAM))) == 2 * len(RECORDS)
