"""The files that a journal is made of: found, made, and watched while it is in use."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from trimtab.errors import ConfigError, HaltError
from trimtab.journal.failures import damaged

LOOK_SECONDS = 0.05
"""Between two looks at the files: a look costs a tenth of a commit."""


def make(file: Path) -> None:
    """Create the file with mode 0600, or check that an old one can be a journal. Raises `ConfigError`.

    An old file is never opened here: closing any descriptor of it would drop the locks that SQLite holds on
    it for another journal of this process. Raises `HaltError` when the file is gone or empty and its log is
    not: SQLite would take the log for a stranger's, and remove it.
    """
    _check_log(file)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        _check_old(file)
    except OSError as error:
        raise _unusable(file, "cannot be opened for writing", error) from error


def check_regular(file: Path) -> os.stat_result:
    """Raises `ConfigError` unless this is one plain file under one name: SQLite keeps its log by name, so two
    names would be two logs of one file."""
    try:
        found = file.stat()
    except OSError as error:
        raise _unusable(file, "cannot be opened", error) from error
    if not stat.S_ISREG(found.st_mode):
        raise _unusable(file, "is a folder or a device, not a file")
    if found.st_nlink > 1:
        raise _unusable(
            file, f"has {found.st_nlink} names (hard links): remove the others, or copy the file instead"
        )
    return found


class Place:
    """The file and its companions as they were when they were opened."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known = {path: _identity(path) for path in (str(file), f"{file}-wal", f"{file}-shm")}
        self._looked = 0.0

    def check(self) -> None:
        """Raises `HaltError` when one of them was moved, removed or replaced: what is written now would be
        found by nobody after a crash. (A close in good order still brings it into the file.)"""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        for path, known in self._known.items():
            if _identity(path) != known:
                raise HaltError(
                    f"the journal {self.file} cannot be written: {path} was removed or replaced while in "
                    "use. Nothing that depends on it was sent. Put the file back where it was, then start "
                    "again"
                )


def _check_old(file: Path) -> None:
    found = check_regular(file)
    if not (os.access(file, os.R_OK | os.W_OK) and os.access(file.parent, os.W_OK | os.X_OK)):
        raise _unusable(file, "cannot be opened for writing: file and folder must be yours to write")
    if stat.S_IMODE(found.st_mode) & 0o177:
        try:
            file.chmod(0o600)
        except OSError as error:
            raise _unusable(file, "cannot be kept from others' eyes", error) from error


def _check_log(file: Path) -> None:
    log = Path(f"{file}-wal")
    if _size(log) and not _size(file):
        raise damaged(
            file, f"it is empty or gone, and its log {log} is not: put the file back that belongs to it"
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  on the way of each commit: Path costs twice as much
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _unusable(file: Path, what: str, error: OSError | None = None) -> ConfigError:
    reason = f": {error.strerror}" if error is not None else ""
    return ConfigError(f"the journal {file} {what}{reason}", key="journal.path")
