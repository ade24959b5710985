"""A node's proxy on loopback that injects faults: HTTP and WebSocket, single requests and batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from aiohttp import hdrs, web

from trimtab.errors import ConfigError, ConnectionLostError
from trimtab.net import mask_url
from trimtab.runtime.tasks import open_tasks
from trimtab.world.faults import kinds
from trimtab.world.faults.calls import decode_message, repeat_first
from trimtab.world.faults.exchange import BATCH_REFUSED, Exchange
from trimtab.world.faults.kinds import Wire
from trimtab.world.faults.plan import FaultPlan
from trimtab.world.faults.sockets import Sockets
from trimtab.world.faults.strikes import Strikes
from trimtab.world.faults.tally import Tally
from trimtab.world.faults.upstream import Page, Upstream

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_SHUTDOWN_SECONDS = 1.0
_KEEPALIVE_SECONDS = 3600.0  # a line that we closed while it was idle would cost a request without a fault


class FaultProxy:
    """Stands before a node and lets a plan's faults happen. Made by `FaultProxy.open`.

    What the node itself cannot answer is passed on, or told as HTTP 502, and is no injected fault.
    """

    def __init__(self, upstream: Upstream, exchange: Exchange, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.ws_url = f"ws://127.0.0.1:{port}"
        self.name = mask_url(self.url)
        self.upstream_name = upstream.name
        self._exchange = exchange

    @classmethod
    @asynccontextmanager
    async def open(
        cls, upstream_url: str, plan: FaultPlan | None = None, *, seed: int | str = 0, port: int = 0
    ) -> AsyncIterator[Self]:
        """Listen on loopback (`port` 0 takes a free one) before the node at `upstream_url`. One seed and one
        order of requests give the same faults. Raises `ConfigError` for a URL or a port that does not do."""
        async with Upstream.open(upstream_url) as upstream, open_tasks() as tasks:
            tally = Tally()
            strikes = Strikes(upstream, tally, tasks)
            exchange = Exchange(upstream, tally, strikes, seed)
            exchange.follow(plan or FaultPlan())
            try:
                async with _Server(upstream, exchange, strikes).listen(port) as listening:
                    yield cls(upstream, exchange, listening)
            finally:
                strikes.close()

    def __repr__(self) -> str:
        return f"<FaultProxy {self.name} before {self.upstream_name}>"

    @property
    def plan(self) -> FaultPlan:
        """What goes wrong now. Another one may be set at any time, and begins then; `FaultPlan()` is none."""
        return self._exchange.plan

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        self._exchange.follow(plan)

    @property
    def tally(self) -> Tally:
        """Everything that was counted, live."""
        return self._exchange.tally

    @property
    def injected(self) -> Counter[str]:
        """How often each kind of fault really happened, live."""
        return self._exchange.tally.injected


class _Server:
    """The HTTP side, and the door to the WebSocket side."""

    def __init__(self, upstream: Upstream, exchange: Exchange, strikes: Strikes) -> None:
        self._upstream = upstream
        self._exchange = exchange
        self._sockets = Sockets(upstream, exchange, strikes)

    @asynccontextmanager
    async def listen(self, port: int) -> AsyncIterator[int]:
        """The port listened on; whoever waits at the end gets a closed line."""
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", self._respond)
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, keepalive_timeout=_KEEPALIVE_SECONDS
        )
        await runner.setup()
        try:
            await _start(web.TCPSite(runner, "127.0.0.1", port), port)
            yield runner.addresses[0][1]
        finally:
            self._exchange.closing.set()
            self._sockets.close()
            await runner.cleanup()

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        try:
            if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
                return await self._upgrade(request)
            if request.method == hdrs.METH_GET:
                return self._status()
            return await self._exchange_over_http(request)
        except ConnectionLostError as error:
            return web.Response(status=502, text=str(error))
        except ConnectionResetError:  # whoever asked has gone: this reaches nobody
            return web.Response()

    async def _exchange_over_http(self, request: web.Request) -> web.StreamResponse:
        payload = await request.read()
        message = decode_message(payload)
        if message is None:
            return _response(await self._upstream.post(payload))
        course = self._exchange.course(message, Wire.HTTP)
        page = None
        if course.reaches_node:
            page = await self._exchange.page(payload, course)
            await self._exchange.delay(course)
        if course.whole is None or (page and course.whole.fault.needs_batch):
            assert page is not None
            return _response(page)
        self._exchange.tally.count(course.whole.kind, message.methods[0])
        return await self._deliver(request, course.whole.fault, page or Page(200, b""))

    async def _upgrade(self, request: web.Request) -> web.StreamResponse:
        """A handshake is refused as a request is, by the faults that do without an answer."""
        fired = self._exchange.draw(kinds.Stage.MESSAGE, (kinds.HANDSHAKE,), Wire.HTTP)
        if fired is None:
            return await self._sockets.serve(request)
        self._exchange.tally.count(fired.kind, kinds.HANDSHAKE)
        return await self._deliver(request, fired.fault, Page(200, b""))

    async def _deliver(self, request: web.Request, fault: kinds.Fault, page: Page) -> web.StreamResponse:
        match fault:
            case kinds.RateLimited(retry_after=seconds):
                headers = {} if seconds is None else {hdrs.RETRY_AFTER: f"{seconds:g}"}
                return web.Response(status=429, text="Too Many Requests", headers=headers)
            case kinds.ServerError(status=status):
                return web.Response(status=status, body=_HTML, content_type="text/html")
            case kinds.HtmlBody():
                return web.Response(body=_HTML, content_type="text/html")
            case kinds.RefusedBatch():
                return _response(Page(200, BATCH_REFUSED))
            case kinds.GarbageJson():
                return _response(Page(page.status, page.body[: len(page.body) // 2]))
            case kinds.RepeatedReply():
                return _response(Page(page.status, repeat_first(page.body)))
            case kinds.CutBody():
                return await _cut_in_the_middle(request, page.body)
            case kinds.LostAnswer(seconds=seconds):
                await self._exchange.rest(seconds)
        return _cut(request)

    def _status(self) -> web.Response:
        """What a browser sees."""
        tally = self._exchange.tally
        return web.json_response(
            {"upstream": self._upstream.name, "injected": tally.injected, "requests": tally.requests}
        )


async def _start(site: web.TCPSite, port: int) -> None:
    try:
        await site.start()
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"port {port} cannot be used ({getattr(error, 'strerror', error)}); 0 takes a free one",
            key="port",
        ) from error


def _response(page: Page) -> web.Response:
    headers = {} if page.retry_after is None else {hdrs.RETRY_AFTER: page.retry_after}
    return web.Response(status=page.status, body=page.body, headers=headers, content_type="application/json")


def _cut(request: web.Request) -> web.Response:
    """The line goes; the response that is returned reaches nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _cut_in_the_middle(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={hdrs.CONTENT_LENGTH: str(len(body))})
    response.content_type = "application/json"
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
