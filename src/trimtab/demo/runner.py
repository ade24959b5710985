"""Whoever looks and hedges for the demo: a process of its own, this process, or nobody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from trimtab.chain.client import Client
from trimtab.demo.options import DemoOptions, Engine
from trimtab.demo.protocol import Looked, Start, looked_from
from trimtab.demo.supervisor import Supervisor
from trimtab.demo.wiring import open_hedger
from trimtab.hedging.hedger import Hedger


class Runner(Protocol):
    """Asked once for each step; None when nobody hedges."""

    crashes: int

    async def look(self, reason: str) -> Looked | None: ...


class Idle:
    """Nobody hedges: the unhedged run."""

    crashes = 0

    async def look(self, reason: str) -> None:
        """Does nothing, whatever the occasion."""
        del reason


class InProcess:
    """The hedger in this process, where the chain lives in it too."""

    crashes = 0

    def __init__(self, hedger: Hedger) -> None:
        self._hedger = hedger

    async def look(self, reason: str) -> Looked:
        """One step of the hedger."""
        return looked_from(await self._hedger.step(reason))


@asynccontextmanager
async def open_runner(
    options: DemoOptions, start: Start, client: Client, folder: Path
) -> AsyncIterator[Runner]:
    """The runner that the options ask for; the process logs into `folder`."""
    if not options.is_hedged:
        yield Idle()
    elif options.engine is Engine.PY_EVM:
        async with open_hedger(client, start) as hedger:
            await hedger.reconcile()
            yield InProcess(hedger)
    else:
        async with Supervisor.open(start, folder / "hedger.log") as supervisor:
            yield supervisor
