"""The MEV-Share event stream (server-sent events), and its history."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from trimtab.chain.messages import encode
from trimtab.world.relay.requests import matching_hash

PATH = "/events"
_PING_SECONDS = 15.0
_HISTORY_LIMIT = 500


class EventStream:
    """Tells events to whoever listens, and keeps them. `names`: what an event's hash is of."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.closing = asyncio.Event()
        self._history: list[dict[str, Any]] = []
        self._listeners: list[asyncio.Queue[bytes]] = []

    @property
    def has_listeners(self) -> bool:
        return bool(self._listeners)

    def add(self, name: str, event: Mapping[str, Any], block: int, at: int) -> None:
        """Tell an event of what is called `name`, at a block and a unix time."""
        self.names[matching_hash(name)] = name
        self._history.append({"block": block, "timestamp": at, "hint": event})
        for listener in self._listeners:
            listener.put_nowait(b"data: " + encode(event) + b"\n\n")

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One listener, until he goes."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        )
        await response.prepare(request)
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            await response.write(b":ping\n\n")
            while not self.closing.is_set():
                await response.write(await self._next(queue))
        except ConnectionResetError:
            pass
        finally:
            self._listeners.remove(queue)
        return response

    async def _next(self, queue: asyncio.Queue[bytes]) -> bytes:
        try:
            async with asyncio.timeout(_PING_SECONDS):
                return await queue.get()
        except TimeoutError:
            return b":ping\n\n"

    def close(self) -> None:
        """Let every listener go."""
        self.closing.set()
        for listener in self._listeners:
            listener.put_nowait(b":bye\n\n")

    def history(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Past events, by the parameters of the API."""
        low, high = int(query.get("blockStart", "0")), int(query.get("blockEnd", str(1 << 62)))
        begin, end = int(query.get("timestampStart", "0")), int(query.get("timestampEnd", str(1 << 62)))
        found = [e for e in self._history if low <= e["block"] <= high and begin <= e["timestamp"] <= end]
        start = int(query.get("offset", "0"))
        return found[start : start + min(int(query.get("limit", str(_HISTORY_LIMIT))), _HISTORY_LIMIT)]

    def history_info(self) -> dict[str, int]:
        """What the history holds."""
        blocks = [entry["block"] for entry in self._history] or [0]
        times = [entry["timestamp"] for entry in self._history] or [0]
        return {
            "count": len(self._history),
            "minBlock": min(blocks),
            "maxBlock": max(blocks),
            "minTimestamp": min(times),
            "maxTimestamp": max(times),
            "maxLimit": _HISTORY_LIMIT,
        }
