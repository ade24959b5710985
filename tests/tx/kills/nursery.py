"""Lets lives be lived and hears how they ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import msgspec
from tests.tx.kills.life import PATIENCE
from tests.zygote import Zygote

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


class Mortal(Protocol):
    """What a life is told, in so far as its end hangs on it."""

    @property
    def kill_after(self) -> float:
        """Seconds until it is killed from outside, 0 for never."""
        ...


class Nursery:
    """One zygote. Its lives come one after the other."""

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote

    @classmethod
    @asynccontextmanager
    async def open(cls, log: Path, function: str = "tests.tx.kills.life:live") -> AsyncIterator[Self]:
        """`log` takes what lives print; `function` lives them."""
        async with Zygote.open(function, log) as zygote:
            yield cls(zygote)

    async def live(self, life: Mortal) -> Report:
        """One life, killed from outside after its `kill_after` seconds, 0 for never."""
        told: dict[str, Any] = {}
        async with asyncio.timeout(PATIENCE * 2):
            async for line in self._zygote.live(msgspec.json.encode(life)):
                told |= line
                if "born" in line and life.kill_after:
                    asyncio.get_running_loop().call_later(life.kill_after, _kill, line["born"], told)
        killed = str(told.get("killed", ""))
        if told["exit"] == -signal.SIGKILL and not killed:
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


def _kill(pid: int, told: dict[str, Any]) -> None:
    """A process that is still its parent's to wait for: its id is not another's yet."""
    if "exit" not in told:
        with suppress(ProcessLookupError):  # it ended this very moment
            os.kill(pid, signal.SIGKILL)
