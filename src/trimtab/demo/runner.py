"""Whoever looks and hedges for the demo: a process of its own, or nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from trimtab.demo.options import DemoOptions
from trimtab.demo.protocol import Looked, Start
from trimtab.demo.supervisor import Supervisor


class Runner(Protocol):
    """Asked once for each step; None when nobody hedges. `crashes` counts the kills survived."""

    crashes: int

    async def look(self, reason: str) -> Looked | None: ...


class Idle:
    """Nobody hedges: the unhedged run."""

    crashes = 0

    async def look(self, reason: str) -> None:
        """Does nothing, whatever the occasion."""
        del reason


@asynccontextmanager
async def open_runner(options: DemoOptions, start: Start, folder: Path) -> AsyncIterator[Runner]:
    """The runner that the options ask for; the process logs into `folder`."""
    if not options.is_hedged:
        yield Idle()
        return
    async with Supervisor.open(start, folder / "hedger.log") as supervisor:
        yield supervisor
