"""The hedger's process as the demo sees it: started, asked, and started again when it was killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from trimtab.demo.protocol import (
    Answer,
    Failed,
    Hedge,
    Look,
    Looked,
    Order,
    Ready,
    Start,
    Stop,
    decode_answer,
    encode_line,
)
from trimtab.errors import HaltError

A = TypeVar("A", Ready, Looked)
ANSWER_SECONDS = 180.0  # py-evm on a busy machine is that slow
EXIT_SECONDS = 10.0
MAX_KILLS = 5
"""Kills in a row before a hedger is ready: more is the machine's doing, not a drill."""
_LINE_LIMIT = 2**20


class _KilledError(Exception):
    """The process is gone by SIGKILL: start it again."""


class Supervisor:
    """Keeps one hedger process alive over SIGKILLs. Made by `Supervisor.open`.

    `crashes` counts the kills survived, `resolved` holds the hedges that a restart found open and resolved.
    """

    def __init__(self, start: Start, log: Path) -> None:
        self._start = start
        self._log = log
        self._process: Process | None = None
        self.crashes = 0
        self.resolved: list[Hedge] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, start: Start, log: Path) -> AsyncIterator[Supervisor]:
        """Start the hedger and wait until it has reconciled. What it prints goes to the file `log`."""
        supervisor = cls(start, log)
        try:
            await supervisor._revive()
            yield supervisor
            await supervisor._stop()
        finally:
            await supervisor._kill()

    async def look(self, reason: str) -> Looked:
        """One step of the hedger, over its death if need be: the occasion's hedge is never sent twice.
        Raises `HaltError` when the hedger gave up, does not answer, or dies of anything but SIGKILL."""
        while True:
            await self._revive()
            try:
                return await self._ask(Look(reason), Looked)
            except _KilledError:
                self._count_kill()

    async def _revive(self) -> None:
        """A process that is ready, though it be killed while it recovers; `HaltError` after `MAX_KILLS`."""
        kills = 0
        while self._process is None:
            try:
                await self._spawn()
            except _KilledError:
                self._count_kill()
                kills += 1
                if kills == MAX_KILLS:
                    raise HaltError(
                        f"the hedger was killed {kills} times at its start; see {self._log}"
                    ) from None

    def _count_kill(self) -> None:
        self.crashes += 1
        self._process = None
        self._start = replace(self._start, crash_at=None)

    async def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "trimtab.demo.hedger_process",
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                limit=_LINE_LIMIT,
                start_new_session=True,  # Ctrl-C is the demo's to answer
            )
        ready = await self._ask(self._start, Ready)
        if ready.resolved is not None:
            self.resolved.append(ready.resolved)

    async def _ask(self, order: Order, kind: type[A]) -> A:
        process = self._alive()
        try:
            await self._tell(order)
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await process.stdout.readline()  # type: ignore[union-attr]
        except TimeoutError:
            raise HaltError(f"the hedger did not answer in {ANSWER_SECONDS:.0f} s; see {self._log}") from None
        except (BrokenPipeError, ConnectionResetError):
            line = b""
        if not line:
            await self._explain_death(process)
        answer: Answer = decode_answer(line)
        if isinstance(answer, Failed):
            raise HaltError(f"the hedger stopped: {answer.error}: {answer.message}")
        if not isinstance(answer, kind):
            raise HaltError(f"the hedger answered {type(answer).__name__} to {type(order).__name__}")
        return answer

    async def _explain_death(self, process: Process) -> None:
        try:
            async with asyncio.timeout(EXIT_SECONDS):
                code = await process.wait()
        except TimeoutError:
            raise HaltError(f"the hedger closed its answers and lives on; see {self._log}") from None
        if code == -signal.SIGKILL:
            raise _KilledError
        raise HaltError(f"the hedger's process ended with code {code}; see {self._log}")

    async def _tell(self, order: Order) -> None:
        stdin = self._alive().stdin
        assert stdin is not None
        stdin.write(encode_line(order) + b"\n")
        await stdin.drain()

    async def _stop(self) -> None:
        process = self._alive()
        await self._tell(Stop())
        async with asyncio.timeout(EXIT_SECONDS):
            await process.wait()

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _alive(self) -> Process:
        if self._process is None:
            raise HaltError("the hedger's process was not started")
        return self._process
