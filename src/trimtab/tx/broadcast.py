"""Signed bytes out to every endpoint at once, and what each of them says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeAlias

from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import ConfigError
from trimtab.tx.chain_clock import ChainClock
from trimtab.tx.events import Send, SendAnswered
from trimtab.tx.routes.base import Route, SendResult
from trimtab.tx.states import Outcome

Answers: TypeAlias = Coroutine[Any, Any, Sequence[SendResult]]


class Broadcaster:
    """Sends once to each endpoint of all routes. `spawn` runs a task of the sender's; `tell` is given what
    one endpoint said, or that it said nothing within `timeout` seconds."""

    def __init__(
        self,
        routes: Sequence[Route],
        clock: ChainClock,
        timeout: float,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        tell: Callable[[Sequence[SendAnswered]], None],
    ) -> None:
        self.endpoints = _names(routes)
        self._routes = tuple(routes)
        self._clock = clock
        self._timeout = timeout
        self._spawn = spawn
        self._tell = tell
        self._sending: set[asyncio.Task[None]] = set()

    def send(self, actions: Sequence[Send]) -> None:
        """What one event sends goes together, lowest nonce first."""
        if not actions:
            return
        ordered = sorted(actions, key=lambda action: action.nonce)
        raws = [action.raw for action in ordered]
        for route in self._routes:
            for endpoint, answers in zip(route.endpoints, route.send(raws), strict=True):
                task = self._spawn(self._take_answers(ordered, endpoint, answers))
                self._sending.add(task)
                task.add_done_callback(partial(self._forget, answers))

    async def wait(self, seconds: float) -> None:
        """Give the answers that are on their way so much time."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)

    def _forget(self, answers: Answers, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        answers.close()  # they never began when the sender was closed at once

    async def _take_answers(self, actions: Sequence[Send], endpoint: str, answers: Answers) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                results = await answers
        except TimeoutError:
            silent = f"no answer in {self._timeout} s"
            results = [SendResult(endpoint, Outcome.AMBIGUOUS, SendClass.AMBIGUOUS, silent)] * len(actions)
        at = self._clock.now()
        self._tell(
            [
                SendAnswered(
                    nonce=action.nonce,
                    tx_hash=action.tx_hash,
                    endpoint=endpoint,
                    outcome=result.outcome,
                    send_class=result.send_class,
                    message=result.message,
                    at=at,
                )
                for action, result in zip(actions, results, strict=True)
            ]
        )


def _names(routes: Sequence[Route]) -> tuple[str, ...]:
    """All endpoints. Raises `ConfigError` when two have one name: their answers would be mixed up."""
    names = [name for route in routes for name in route.endpoints]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"two routes lead to an endpoint named {twice!r}: leave one of them out")
    return tuple(names)
