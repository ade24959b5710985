"""Journals on disk for these tests, and ways to change them behind the journal's back."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from trimtab.journal import Journal
from trimtab.journal.tail import ROOM

STREAM = "tx/1/0xabc"
ROW = {number: ROOM + number for number in range(10)}
"""The rows of the first stream's records in the file."""


def payloads(path: Path, stream: str = STREAM) -> list[bytes]:
    with Journal.open(path) as journal:
        return [record.payload for record in journal.replay(stream)]


def write(path: Path, records: Sequence[bytes], stream: str = STREAM) -> None:
    with Journal.open(path) as journal:
        journal.append_many(stream, records)


def execute(path: Path, statement: str) -> None:
    """Change the file behind the journal's back."""
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(statement)
    db.close()


def copy_files(path: Path, folder: Path, *endings: str) -> Path:
    """A copy as a power cut would leave it: the file and what is beside it, without closing anything."""
    folder.mkdir(exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    for file in path.parent.iterdir():
        if file.name.startswith(path.name) and file.name[len(path.name) :] in ("", *endings):
            shutil.copy(file, folder / file.name)
    return folder / path.name


def run_as_nobody(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python without the right to do everything, which a test run as root has."""
    drop = "import os\nif os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    return subprocess.run(
        [sys.executable, "-c", IMPORTS + drop + script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


IMPORTS = "import sys\nfrom trimtab.journal import Journal\n"
"""Read while the right to read the packages is still there."""
