"""Processes for killing: one that has loaded everything and does nothing, so that a life costs a fork and no
import. It forks before any event loop or thread exists: one child for each line it reads, one at a time.

    python -m tests.zygote package.module:function     # function(order: bytes, report: int) -> None
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import msgspec

_ROOT = Path(__file__).parents[1]
_LINE = 1 << 22
OLDEST = 900
"""Seconds that a life lasts at most, should its parent forget it."""


class Zygote:
    """The parent's side. `open` starts the process; `live` gives the lines of one life, from {"born": pid} to
    {"exit": code} (-9 for SIGKILL), with what the life itself tells between them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def open(cls, function: str, log: Path) -> AsyncIterator[Self]:
        """`log` takes what lives print."""
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.zygote", function),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
                limit=_LINE,
            )
            try:
                yield cls(process)
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()

    async def live(self, order: bytes) -> AsyncIterator[dict[str, Any]]:
        """Raises `AssertionError` when the zygote itself is gone."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(order + b"\n")
        while True:
            line = await stdout.readline()
            assert line, "the zygote is gone"
            told = dict(msgspec.json.decode(line))
            yield told
            if "exit" in told:
                return


def tell(report: int, what: dict[str, Any]) -> None:
    """One line to whoever watches a life."""
    line = json.dumps(what).encode() + b"\n"
    while line:
        line = line[os.write(report, line) :]


def serve(live: Callable[[bytes, int], None]) -> None:
    """The zygote's side; it ends with its input, and so with its parent."""
    report = os.dup(1)
    os.dup2(2, 1)  # whatever prints does not speak into the reports
    gc.collect()
    gc.freeze()
    gate = os.pipe()
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            signal.alarm(OLDEST)
            os.read(gate[0], 1)  # not before its birth was told
            live(line, report)
            os._exit(0)
        tell(report, {"born": child})
        os.write(gate[1], b".")
        tell(report, {"exit": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])})


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    serve(getattr(import_module(module), name))
