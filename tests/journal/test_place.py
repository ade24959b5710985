"""The journal's files: which can be used, and what happens when they are taken away."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journal.files import STREAM, payloads, run_as_nobody, write

from trimtab.errors import ConfigError, HaltError
from trimtab.journal import Journal, place

OPEN = """
try:
    with Journal.open(sys.argv[1], read_only=len(sys.argv) > 2) as journal:
        print(len(list(journal.replay("tx/1/0xabc"))))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def test_a_folder_that_cannot_be_made_is_a_setting_to_mend(tmp_path: Path) -> None:
    """A path below a file is refused with the path."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"j\.db"):
        Journal.open(tmp_path / "file" / "j.db")


def test_a_folder_or_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Said at once: opening a pipe would wait for its other end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        for read_only in (False, True):
            with pytest.raises(ConfigError, match="is a folder or a device"):
                Journal.open(path, read_only=read_only)


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o777), (0o644, 0o555)])
def test_a_read_only_file_or_folder_can_be_read_and_not_written(
    open_folder: Path, file_mode: int, folder_mode: int
) -> None:
    """For writing it is a setting to mend, and nothing is changed; for reading it is enough."""
    path = open_folder / "j.db"
    write(path, [b"1", b"2"])
    path.chmod(file_mode)
    open_folder.chmod(folder_mode)
    try:
        done = run_as_nobody(OPEN, path)
        assert done.stdout.startswith(f"ConfigError the journal {path} cannot be opened for writing"), done
        assert run_as_nobody(OPEN, path, "read").stdout == "2\n"
    finally:
        open_folder.chmod(0o777)
        path.chmod(0o600)
    assert [file.name for file in open_folder.iterdir()] == ["j.db"]
    assert payloads(path) == [b"1", b"2"]


def test_a_file_that_is_gone_is_said_to_whoever_reads(tmp_path: Path) -> None:
    """It was there when it was opened."""
    path = tmp_path / "j.db"
    write(path, [b"1"])
    with Journal.open(path, read_only=True) as journal:
        path.unlink()
        with pytest.raises(ConfigError, match="cannot be opened: No such file"):
            list(journal.replay(STREAM))


def test_two_names_for_one_file_are_refused(tmp_path: Path) -> None:
    """A hard link would have a log and a lock of its own beside it: two writers, two histories."""
    path, other = tmp_path / "j.db", tmp_path / "other.db"
    write(path, [b"1"])
    other.hardlink_to(path)
    for name in (path, other):
        with pytest.raises(ConfigError, match=r"2 names \(hard links\)"):
            Journal.open(name)
    other.unlink()
    assert payloads(path) == [b"1"]


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
@pytest.mark.parametrize("how", ["removed", "moved", "replaced"])
def test_a_file_that_is_taken_away_stops_the_writer_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, how: str
) -> None:
    """A record that nobody would find after a crash is refused; closing brings what was written into the
    file, wherever that is now."""
    monkeypatch.setattr(place, "LOOK_SECONDS", 0.0)
    path = tmp_path / "j.db"
    taken, aside = Path(f"{path}{ending}"), tmp_path / "aside"
    with Journal.open(path) as journal, journal.acquire(STREAM):
        journal.append(STREAM, b"1")
        keep = os.open(taken, os.O_RDONLY)
        taken.rename(aside)
        if how == "replaced":
            shutil.copy(aside, taken)
        if how == "removed" and ending:
            aside.unlink()
        with pytest.raises(HaltError, match="was removed or replaced while in use"):
            journal.append(STREAM, b"2")
    os.close(keep)
    if not ending:
        aside.replace(path)
    assert payloads(path) == [b"1"]


def test_another_program_that_closes_the_file_does_not_take_the_log_with_it(tmp_path: Path) -> None:
    """Two journals of one program on one file, and a second program that comes and goes: the locks that keep
    the log alive are not dropped by the second opening."""
    path = tmp_path / "j.db"
    script = (
        "import sys\nfrom trimtab.journal import Journal\n"
        "with Journal.open(sys.argv[1]) as journal:\n    journal.append('other', b'1')\n"
    )
    with Journal.open(path) as one:
        one.append(STREAM, b"1")
        with Journal.open(path) as two:
            two.append("hedge", b"1")
            subprocess.run([sys.executable, "-c", script, str(path)], check=True, timeout=60)
            log = Path(f"{path}-wal").stat()
            one.append(STREAM, b"2")
            assert Path(f"{path}-wal").stat().st_ino == log.st_ino
    assert payloads(path) == [b"1", b"2"]
    assert payloads(path, "hedge") == payloads(path, "other") == [b"1"]
