"""A relay's HTTP side: signatures and faults before its methods, status API and event stream beside."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

import msgspec
from aiohttp import hdrs, web

from trimtab.errors import TrimtabError
from trimtab.model.ids import Address
from trimtab.tx.opening import OpenedTx
from trimtab.world.faults import kinds
from trimtab.world.faults.calls import Answer, Call, Message, decode_message, encode_all, refusal, result
from trimtab.world.faults.draws import Draws, Fired
from trimtab.world.faults.kinds import Stage, reaches_node
from trimtab.world.faults.plan import FaultPlan
from trimtab.world.faults.tally import Tally
from trimtab.world.relay import kinds as own
from trimtab.world.relay.auth import HEADER, check_signature
from trimtab.world.relay.builder import Builder
from trimtab.world.relay.doors import DOORS
from trimtab.world.relay.methods import SIGNED, Asked, Methods
from trimtab.world.relay.pool import Pool
from trimtab.world.relay.record import Received
from trimtab.world.relay.requests import INVALID_PARAMS, INVALID_REQUEST, RefusedError, params_of, read_tx
from trimtab.world.relay.serving import serving
from trimtab.world.relay.status import status_page
from trimtab.world.relay.stream import PATH, EventStream

_HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class Server:
    """Answers for one relay by a plan of faults, which may be changed at any time."""

    def __init__(
        self, name: str, builder: Builder, pool: Pool, seed: int | str, *, passes_on: bool = False
    ) -> None:
        self.name = name
        self.log: list[Received] = []
        self.tally = Tally()
        self.stream = EventStream()
        self._builder = builder
        self._pool = pool
        self._seed = seed
        self._methods = Methods(name, builder, pool, self.stream, passes_on=passes_on)
        self._closing = asyncio.Event()
        self.follow(FaultPlan())

    def follow(self, plan: FaultPlan) -> None:
        """Start a plan from its beginning. Raises `ConfigError` for a fault that no relay has."""
        own.check_plan(plan)
        self.plan = plan
        self._draws = Draws(plan, self._seed)
        self._began_at = time.monotonic()

    def draw(self, stage: Stage, *methods: str) -> Fired | None:
        """The fault that strikes these methods now."""
        return self._draws.draw(stage, methods, time.monotonic() - self._began_at)

    @asynccontextmanager
    async def listen(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on a port of loopback, 0 for a free one: the URL."""
        app = web.Application(client_max_size=1 << 24)
        app.router.add_get("/tx/{hash}", self._status)
        app.router.add_get(PATH, self.stream.serve)
        app.router.add_get(PATH + "/api/v1/history", self._history)
        app.router.add_get(PATH + "/api/v1/history/info", self._history_info)
        for door in DOORS.values():
            app.router.add_post(door.path, self._respond)
        async with serving(app, port, self._close) as url:
            yield url

    def _close(self) -> None:
        self._closing.set()
        self.stream.close()

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        message = decode_message(body)
        if message is None:
            return _page(refusal(Call(""), INVALID_REQUEST, "invalid request").encode())
        whole = self.draw(Stage.MESSAGE, *message.methods)
        late = self.draw(Stage.DELAY, *message.methods)
        if whole is not None and not reaches_node(whole.fault):
            self._note(request, message, None, [whole.kind] * len(message.calls))
            return await self._deliver(request, message, whole, b"")
        answers = await self._answer_all(request, body, message, whole or late)
        if late is not None and isinstance(late.fault, kinds.SlowAnswer):
            self.tally.count(late.kind, message.methods[0])
            await self._rest(late.fault.seconds)
        page = encode_all([answer.encode() for answer in answers], is_batch=message.is_batch)
        return _page(page) if whole is None else await self._deliver(request, message, whole, page)

    async def _answer_all(
        self, request: web.Request, body: bytes, message: Message, besides: Fired | None
    ) -> list[Answer]:
        fired = [self.draw(Stage.CALL, method) for method in message.methods]
        named = [None if first is None else first.kind for first in (f or besides for f in fired)]
        try:
            signer = _signer(request, body, message)
        except RefusedError as error:
            self._note(request, message, None, named)
            return [refusal(Call(call.method), error.code, str(error)) for call in message.calls]
        self._note(request, message, signer, named)
        door, query = DOORS[request.path], tuple(request.query.items())
        return [
            await self._answer(call, Asked(call.method, params_of(call), door, signer, query), fault)
            for call, fault in zip(message.calls, fired, strict=True)
        ]

    def _note(
        self, request: web.Request, message: Message, signer: Address | None, named: Sequence[str | None]
    ) -> None:
        now = time.time()
        for call, kind in zip(message.calls, named, strict=True):
            self.log.append(
                Received(now, self.name, request.path_qs, call.method, params_of(call), signer, kind)
            )

    async def _answer(self, call: Call, asked: Asked, fired: Fired | None) -> Answer:
        """One call's answer, with what strikes it."""
        fault = fired.fault if fired else None
        if fired is not None:
            self.tally.count(fired.kind, call.method)
        if isinstance(fault, own.Refused) and not fault.forwarded:
            return refusal(call, -32000, fault.message)
        if isinstance(fault, own.Leaked):
            for tx in _transactions(asked):
                await self._builder.publish(tx)
        methods = self._methods
        if isinstance(fault, own.Ignored):  # it answers as if, from a copy of what it holds
            methods = methods.with_pool(deepcopy(self._pool))
        answer = await self._run(call, asked, methods)
        return refusal(call, -32000, fault.message) if isinstance(fault, own.Refused) else answer

    async def _run(self, call: Call, asked: Asked, methods: Methods) -> Answer:
        if call.method not in methods:
            return await self._builder.face.answer(call, f"{asked.door.path} of {self.name}")
        try:
            return result(call, await methods.answer(asked))
        except RefusedError as error:
            return refusal(call, error.code, str(error))
        except (AttributeError, TypeError, ValueError) as error:  # parameters of another shape
            return refusal(call, INVALID_PARAMS, f"invalid params: {error}")
        except TrimtabError as error:
            return refusal(call, -32603, f"{type(error).__name__}: {error}")

    async def _deliver(
        self, request: web.Request, message: Message, fired: Fired, page: bytes
    ) -> web.StreamResponse:
        """A message's answer as the fault leaves it."""
        self.tally.count(fired.kind, message.methods[0])
        match fired.fault:
            case kinds.RateLimited(retry_after=seconds):
                headers = {} if seconds is None else {hdrs.RETRY_AFTER: f"{seconds:g}"}
                return web.Response(status=429, text="Too Many Requests", headers=headers)
            case kinds.ServerError(status=status):
                return web.Response(status=status, body=_HTML, content_type="text/html")
            case kinds.HtmlBody():
                return web.Response(body=_HTML, content_type="text/html")
            case kinds.GarbageJson():
                return _page(page[: len(page) // 2])
            case kinds.LostAnswer(seconds=seconds) | own.Unanswered(seconds=seconds):
                await self._rest(seconds)
        return _cut(request)

    async def _rest(self, seconds: float) -> None:
        """So long, or until the relay closes."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _status(self, request: web.Request) -> web.Response:
        tx_hash = request.match_info["hash"].lower()
        story = self._pool.stories.get(tx_hash)
        page = status_page(tx_hash, story, is_public=self._builder.mempool.has_seen(tx_hash))
        fired = self.draw(Stage.ANSWER, "status")
        kind = fired.kind if fired else None
        self.log.append(Received(time.time(), self.name, request.path, "status", [tx_hash], fault=kind))
        whole = self.draw(Stage.MESSAGE, "status")
        if whole is not None:
            message = Message((Call("status"),), is_batch=False)
            deliver = await self._deliver(request, message, whole, msgspec.json.encode(page))
            assert isinstance(deliver, web.Response)
            return deliver
        if fired is not None and isinstance(fired.fault, own.BadStatus):
            self.tally.count(fired.kind, "status")
            page["status"] = fired.fault.state
        return web.json_response(page)

    async def _history(self, request: web.Request) -> web.Response:
        return web.json_response(self.stream.history(request.query))

    async def _history_info(self, _request: web.Request) -> web.Response:
        return web.json_response(self.stream.history_info())


def _signer(request: web.Request, body: bytes, message: Message) -> Address | None:
    """Who signed the body; None when nothing in it needs that."""
    if SIGNED.isdisjoint(message.methods):
        return None
    return check_signature(request.headers.get(HEADER), body)


def _transactions(asked: Asked) -> list[OpenedTx]:
    """All signed transactions in the parameters, wherever they are."""
    found: list[OpenedTx] = []

    def look(value: Any) -> None:
        if isinstance(value, str) and len(value) > 200:
            try:
                found.append(read_tx(value))
            except RefusedError:
                return
        elif isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                look(part)

    look(list(asked.params))
    return found


def _page(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _cut(request: web.Request) -> web.Response:
    """The line goes; the response that is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
