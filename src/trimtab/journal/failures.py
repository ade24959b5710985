"""What SQLite's errors mean for whoever opens, reads or writes a journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trimtab.errors import ConfigError, HaltError, TrimtabError

_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_SETTING = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")
_DISK = ("SQLITE_FULL", "SQLITE_IOERR")
_ADVICE = {
    _BUSY: "another program holds its write lock: end that one (a database shell, a backup)",
    _SETTING: "file and folder must be yours to write",
    _DISK: "the disk is full or fails: free or mend it",
}


@contextmanager
def reading(file: Path) -> Iterator[None]:
    """Raise `ConfigError` for a file that cannot be used now or so, `HaltError` for one that is damaged or on
    a disk that fails."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter for a name or message with such bytes
        raise _unreadable(file, error) from error


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Raise `HaltError`: a record that could not be written stops everything that depends on it."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        kind = _kind(error)
        advice = _ADVICE.get(kind, "free the disk or mend the file") if kind else "restore it from a copy"
        raise HaltError(
            f"the journal {file} cannot be written ({error}); nothing that depends on it was sent. "
            f"{advice[0].upper()}{advice[1:]}, then start again"
        ) from error


def damaged(file: Path, what: str) -> HaltError:
    """The error for a file whose own checks fail."""
    return HaltError(
        f"the journal {file} is damaged: {what}. Restore it from a copy, or ask for help with this one; "
        "send nothing before"
    )


def _unreadable(file: Path, error: Exception) -> TrimtabError:
    kind = _kind(error)
    if kind is _BUSY or kind is _SETTING:
        return ConfigError(
            f"the journal {file} cannot be opened ({error}): {_ADVICE[kind]}", key="journal.path"
        )
    if kind is _DISK:
        return HaltError(f"the journal {file} cannot be read ({error}): {_ADVICE[kind]}, then start again")
    return HaltError(
        f"the journal {file} cannot be read ({error}): it is damaged or not a journal. "
        "Restore it from a copy; send nothing before"
    )


def _kind(error: Exception) -> tuple[str, ...] | None:
    name = getattr(error, "sqlite_errorname", "")
    return next((kind for kind in _ADVICE if name.startswith(kind)), None)
