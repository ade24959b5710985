"""A process that has loaded everything and does nothing, so that a life costs a fork and not an import.

It forks before any event loop or thread exists: one child for each line it reads, one at a time.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time

import msgspec
from tests.tx.kills.life import PATIENCE, Life, live

import trimtab.chain.transports.ipc
import trimtab.chain.transports.websocket  # noqa: F401 - loaded here, once, for every life


def serve() -> None:
    """Lives as JSON lines in, reports as JSON lines out; ends with its input, and so with its parent."""
    report = os.dup(1)
    os.dup2(2, 1)  # whatever prints does not speak into the reports
    gc.collect()
    gc.freeze()
    for line in sys.stdin.buffer:
        life = msgspec.json.decode(line, type=Life)
        child = os.fork()
        if child == 0:
            signal.alarm(int(PATIENCE) + 10)
            live(life, report)
            os._exit(0)
        status = _wait(child, life.kill_after)
        os.write(report, json.dumps({"exit": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


def _wait(child: int, kill_after: float) -> int:
    """The child's status; after `kill_after` seconds (0: never) it is killed wherever it is."""
    if kill_after:
        end = time.monotonic() + kill_after
        while time.monotonic() < end:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status
            time.sleep(0.0005)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


if __name__ == "__main__":
    serve()
