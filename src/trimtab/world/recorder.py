"""Stands before a public endpoint and keeps all that is sent to it: what it saw, everybody may have seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from aiohttp import web

from trimtab.errors import ConnectionLostError
from trimtab.world.faults.upstream import Upstream


class Recorder:
    """A proxy of a node on loopback, over HTTP. Made by `Recorder.open`; asked by what it has seen."""

    def __init__(self, upstream: Upstream) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self._upstream = upstream

    @classmethod
    @asynccontextmanager
    async def open(cls, upstream_url: str) -> AsyncIterator[Self]:
        """Listen on a free port before the node at `upstream_url`. Raises `ConfigError` for what is no
        URL."""
        async with Upstream.open(upstream_url) as upstream:
            recorder = cls(upstream)
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
        text = raw.hex().encode()
        return any(text in body for body in self.bodies)

    async def _pass_on(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(body.lower())
        try:
            page = await self._upstream.post(body)
        except ConnectionLostError as error:
            return web.Response(status=502, text=str(error))
        return web.Response(status=page.status, body=page.body, content_type="application/json")
