"""One writer per stream: an OS lock on a sidecar file, which the death of its process releases."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from trimtab.errors import ConfigError


class WriterLock:
    """Held from `acquire` until `release`; use it as a context manager.

    The file stays behind when the lock is released: removing it would let two processes lock two files of
    one name.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self._fd: int | None = fd

    @classmethod
    def acquire(cls, path: Path, stream: str) -> WriterLock:
        """Raises `ConfigError` naming the other process when the lock is taken."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            raise ConfigError(
                f"{stream} is being written by process {holder} (lock {path}): one writer at a time; "
                "stop that process, or use another account",
                key="journal.path",
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        return cls(path, fd)

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
