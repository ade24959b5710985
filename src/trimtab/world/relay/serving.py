"""One HTTP server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from trimtab.errors import ConfigError

_SHUTDOWN_SECONDS = 1.0
_KEEPALIVE_SECONDS = 3600.0  # a line that we closed while it was idle would cost a request without a fault


@asynccontextmanager
async def serving(app: web.Application, port: int, closing: Callable[[], None]) -> AsyncIterator[str]:
    """Listen on a port, 0 for a free one: the URL. At the end `closing` lets go who waits. Raises
    `ConfigError` for a port that is taken."""
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, keepalive_timeout=_KEEPALIVE_SECONDS
    )
    await runner.setup()
    try:
        await _start(web.TCPSite(runner, "127.0.0.1", port), port)
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        closing()
        await runner.cleanup()


async def _start(site: web.TCPSite, port: int) -> None:
    try:
        await site.start()
    except (OSError, OverflowError) as error:
        message = f"port {port} cannot be used ({getattr(error, 'strerror', error)}); 0 takes a free one"
        raise ConfigError(message, key="port") from error
