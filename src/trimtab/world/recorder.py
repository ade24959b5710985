"""Stands before a public endpoint and keeps all that is sent to it: what it saw, everybody may have seen."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from trimtab.errors import ConnectionLostError
from trimtab.world.faults.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Request:
    """One request's body as it came, and the unix second at which it was whole."""

    at: float
    body: bytes

    def holds(self, raw: bytes) -> bool:
        """Whether these bytes are in it: as hex in either case, in base64, or as they are."""
        return any(
            (raw.hex().encode() in self.body.lower(), base64.b64encode(raw) in self.body, raw in self.body)
        )


class Recorder:
    """A proxy of a node on loopback, over HTTP. Made by `Recorder.open`; asked by what it has seen."""

    def __init__(self, upstream: Upstream, watch: Callable[[Request], None] | None = None) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self._upstream = upstream
        self._watch = watch

    @classmethod
    @asynccontextmanager
    async def open(
        cls, upstream_url: str, watch: Callable[[Request], None] | None = None
    ) -> AsyncIterator[Self]:
        """Listen on a free port before the node at `upstream_url`. `watch` is told of each request before it
        is passed on. Raises `ConfigError` for what is no URL."""
        async with Upstream.open(upstream_url) as upstream:
            recorder = cls(upstream, watch)
            app = web.Application(client_max_size=1 << 28)
            app.router.add_post("/{path:.*}", recorder._pass_on)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                recorder.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield recorder
            finally:
                await runner.cleanup()

    def has_seen(self, raw: bytes) -> bool:
        """Whether the signed transaction stood in any request, whatever its method."""
        return any(request.holds(raw) for request in self.requests)

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        seen = Request(time.time(), body)
        self.requests.append(seen)
        if self._watch is not None:
            self._watch(seen)
        try:
            page = await self._upstream.post(body)
        except ConnectionLostError as error:
            return web.Response(status=502, text=str(error))
        return web.Response(status=page.status, body=page.body, content_type="application/json")
