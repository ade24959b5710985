"""Starts lives and hears how they ended."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
from tests.tx.kills.life import PATIENCE, Life

_ROOT = Path(__file__).parents[3]
_LINE = 1 << 20
BY_CLOCK = "any time: by the clock"


@dataclass(frozen=True)
class Report:
    """How a life ended. `killed` is the boundary it died at, empty for one that came to its end; `hashes` are
    those of the request at that boundary."""

    killed: str
    hashes: tuple[str, ...]
    met: dict[str, int]
    sent: tuple[str, ...]
    ends: dict[str, str]
    fault: str


class Nursery:
    """One zygote. Its lives come one after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def open(cls, log: Path) -> AsyncIterator[Self]:
        """`log` takes what lives print."""
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.tx.kills.zygote"),
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

    async def live(self, life: Life) -> Report:
        """Raises `AssertionError` when the zygote itself is gone."""
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(life) + b"\n")
        told: dict[str, Any] = {}
        while "exit" not in told:
            told |= await self._read()
        killed = str(told.get("killed", ""))
        if told["exit"] < 0 and not killed:
            killed = BY_CLOCK
        fault = str(told.get("fault", ""))
        if not killed and not fault and told["exit"] != 0:
            fault = f"it ended with {told['exit']} and said nothing"
        return Report(
            killed=killed,
            hashes=tuple(told.get("hashes", ())),
            met=told.get("met", {}),
            sent=tuple(told.get("sent", ())),
            ends=told.get("ends", {}),
            fault=fault,
        )

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE * 2):
            line = await self._process.stdout.readline()
        assert line, "the zygote is gone"
        return dict(msgspec.json.decode(line))
