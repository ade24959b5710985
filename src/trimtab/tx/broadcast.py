"""Signed bytes out to every endpoint of their lane at once, and what each of them says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import ConfigError
from trimtab.tx.chain_clock import ChainClock
from trimtab.tx.events import Send, SendAnswered, SendBundle, Withdraw
from trimtab.tx.lanes import Lane, Ways
from trimtab.tx.routes.base import LingeringRoute, Parcel, Route, Sending, SendResult, WithdrawingRoute
from trimtab.tx.states import Outcome

logger = logging.getLogger(__name__)


class Broadcaster:
    """Sends once to each endpoint of the routes that serve the lane, and to no other. `spawn` runs a task of
    the sender's; `tell` is given what one endpoint said, or that it said nothing within `timeout` seconds."""

    def __init__(
        self,
        routes: Sequence[Route],
        clock: ChainClock,
        timeout: float,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        tell: Callable[[Sequence[SendAnswered]], None],
    ) -> None:
        self.ways = _ways(routes)
        self._routes = tuple(routes)
        self._clock = clock
        self._timeout = timeout
        self._spawn = spawn
        self._tell = tell
        self._sending: set[asyncio.Task[None]] = set()

    def send(self, actions: Sequence[Send | SendBundle]) -> None:
        """What one event sends in public goes together, lowest nonce first; in private each goes alone, and a
        bundle as a whole."""
        for sends, name in _grouped(actions):
            parcel = _parcel(sends, name)
            for route in self._routes:
                if parcel.lane not in route.lanes:
                    continue
                for endpoint, answers in zip(route.endpoints, route.send(parcel), strict=True):
                    task = self._spawn(self._take_answers(sends, endpoint, answers))
                    self._sending.add(task)
                    task.add_done_callback(partial(self._forget, answers))

    def withdraw(self, action: Withdraw) -> None:
        """Ask, and wait for nobody: what is out stays watched whatever they answer."""
        parcel = Parcel(action.raws, action.hashes, action.lane, name=action.name)
        for route in self._routes:
            if action.lane in route.lanes and isinstance(route, WithdrawingRoute):
                self._spawn(self._ask_to_forget(route, parcel))

    async def wait(self, seconds: float) -> None:
        """Give the answers that are on their way so much time."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)

    async def _ask_to_forget(self, route: WithdrawingRoute, parcel: Parcel) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout):
                await route.withdraw(parcel)

    def _forget(self, answers: Sending, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        answers.close()  # they never began when the sender was closed at once

    async def _take_answers(self, actions: Sequence[Send], endpoint: str, answers: Sending) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                results = await answers
        except TimeoutError:
            silent = f"no answer in {self._timeout} s"
            results = [SendResult(endpoint, Outcome.AMBIGUOUS, SendClass.AMBIGUOUS, silent)] * len(actions)
        except Exception as error:  # noqa: BLE001  a route of somebody's own: whatever it meant, nobody knows
            logger.warning("the route to %s raised %r, which says nothing of the bytes", endpoint, error)
            broken = f"the route raised {type(error).__name__}"
            results = [SendResult(endpoint, Outcome.AMBIGUOUS, SendClass.AMBIGUOUS, broken)] * len(actions)
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


def _grouped(actions: Sequence[Send | SendBundle]) -> list[tuple[Sequence[Send], str]]:
    """What travels together, with its name."""
    open_ones = [item for item in actions if isinstance(item, Send) and not item.lane.is_private]
    groups: list[tuple[Sequence[Send], str]] = []
    if open_ones:
        groups.append((sorted(open_ones, key=lambda send: send.nonce), ""))
    for item in actions:
        if isinstance(item, SendBundle):
            groups.append((item.sends, item.name))
        elif item.lane.is_private:
            groups.append(((item,), item.name))
    return groups


def _parcel(sends: Sequence[Send], name: str) -> Parcel:
    first = sends[0]
    deadlines = [send.deadline for send in sends if send.deadline is not None]
    return Parcel(
        raws=tuple(send.raw for send in sends),
        hashes=tuple(send.tx_hash for send in sends),
        lane=first.lane,
        target=first.target,
        last_block=first.last_block,
        name=name,
        deadline=min(deadlines, default=None),
        deadlines=tuple(send.deadline for send in sends),
    )


def _ways(routes: Sequence[Route]) -> Ways:
    """All endpoints by lane. Raises `ConfigError` when two have one name: their answers would be mixed up."""
    names = [name for route in routes for name in route.endpoints]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"two routes lead to an endpoint named {twice!r}: leave one of them out")
    return Ways(
        {
            lane: tuple(name for route in routes if lane in route.lanes for name in route.endpoints)
            for lane in Lane
        },
        {
            name: route.lingers
            for route in routes
            if isinstance(route, LingeringRoute) and route.lingers is not None
            for name in route.endpoints
        },
    )
