"""One writer per stream: an OS lock on a sidecar file, which the death of its process releases.

The file also bears witness: it says where the stream ended at the last commit, without waiting for the disk.
A journal that ends before that was truncated, damaged or replaced by an old copy.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from trimtab.errors import ConfigError
from trimtab.journal.tail import Tail

_HOLDER = 32
"""Bytes for the process's number, padded; the witness follows."""
_WITNESS = 96


class WriterLock:
    """Held from `acquire` until `release`; use it as a context manager. `tail` is where its stream ends, as
    its holder last wrote it.

    The file stays behind when the lock is released: removing it would let two processes lock two files of
    one name.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.tail: Tail | None = None
        self._fd: int | None = fd

    @classmethod
    def acquire(cls, path: Path, stream: str) -> WriterLock:
        """Raises `ConfigError` naming the other process when the lock is taken, or the file when it cannot be
        made."""
        while True:
            fd = _open(path)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(fd, _HOLDER, 0).decode(errors="replace").strip() or "unknown"
                os.close(fd)
                raise ConfigError(
                    f"{stream} is being written by process {holder} (lock {path}): one writer at a time; "
                    "stop that process, or use another account",
                    key="journal.path",
                ) from None
            except OSError as error:
                os.close(fd)
                raise ConfigError(
                    f"{path} cannot be locked ({error.strerror}): keep the journal on a local disk",
                    key="journal.path",
                ) from error
            if _is_at(fd, path):
                break
            os.close(fd)  # removed between opening and locking: that lock would keep nobody out
        with suppress(OSError):  # a full disk: the lock holds all the same
            os.pwrite(fd, str(os.getpid()).encode().ljust(_HOLDER - 1) + b"\n", 0)
        return cls(path, fd)

    @property
    def is_held(self) -> bool:
        return self._fd is not None

    def advance(self, tail: Tail | None) -> None:
        """The stream ends here now. Not forced to disk: after a power cut the witness may be late, which is
        harmless; it is never ahead."""
        self.tail = tail
        if self._fd is None or tail is None:
            return
        words = f"{tail.stream} {tail.count} {tail.crc}".encode()
        line = words + f" {zlib.crc32(words)}".encode()
        with suppress(OSError):  # on a full disk too
            os.pwrite(self._fd, line.ljust(_WITNESS - 1) + b"\n", _HOLDER)

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)  # closing the last descriptor drops the lock
            self._fd = None

    def __enter__(self) -> WriterLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def read_witness(path: Path) -> Tail | None:
    """Where the stream of this lock ended at its last commit; None when nobody says."""
    try:
        line = path.read_bytes()[_HOLDER : _HOLDER + _WITNESS]
        words, _, check = line.strip().rpartition(b" ")
        if zlib.crc32(words) != int(check):
            return None
        stream, count, crc = map(int, words.split())
    except (OSError, ValueError):
        return None
    return Tail(stream, count, crc)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(
            f"the lock {path} cannot be opened for writing: {error.strerror}", key="journal.path"
        ) from error


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False
