"""The WebSocket side of the proxy: one line to the node for each line of a client, faults on both ways."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import aiohttp
import msgspec
from aiohttp import web

from trimtab.chain.messages import encode
from trimtab.errors import ConnectionLostError
from trimtab.world.faults import kinds
from trimtab.world.faults.calls import decode_message, encode_all, refusal
from trimtab.world.faults.draws import Fired
from trimtab.world.faults.exchange import BATCH_REFUSED, Course, Exchange
from trimtab.world.faults.kinds import PASSING, PUSHED, Stage, Wire
from trimtab.world.faults.strikes import Strikes
from trimtab.world.faults.upstream import Page, Upstream

_CLOSING = aiohttp.ClientWSTimeout(ws_close=1.0)
_HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
_DATA = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


class Sockets:
    """All lines of one proxy."""

    def __init__(self, upstream: Upstream, exchange: Exchange, strikes: Strikes) -> None:
        self._upstream = upstream
        self._exchange = exchange
        self._strikes = strikes
        self._lines: set[_Line] = set()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One client's line, to its end. Raises `ConnectionLostError` when the node takes none."""
        try:
            node = await self._upstream.session.ws_connect(
                self._upstream.ws_url,
                max_msg_size=0,
                timeout=_CLOSING,
            )
        except (aiohttp.ClientError, OSError) as error:
            message = f"the node at {self._upstream.name} takes no WebSocket ({type(error).__name__})"
            raise ConnectionLostError(message, endpoint=self._upstream.name) from error
        async with node:
            client = web.WebSocketResponse(autoping=False, max_msg_size=0, timeout=1.0)
            await client.prepare(request)
            line = _Line(client, request, node, self._exchange, self._strikes)
            self._lines.add(line)
            try:
                await line.run()
            finally:
                self._lines.discard(line)
        return client

    def close(self) -> None:
        """Cut every line."""
        for line in self._lines:
            line.cut()


class _Line:
    """A client's connection and the node's, and what strikes between them."""

    def __init__(
        self,
        client: web.WebSocketResponse,
        request: web.Request,
        node: aiohttp.ClientWebSocketResponse,
        exchange: Exchange,
        strikes: Strikes,
    ) -> None:
        self._client = client
        self._request = request
        self._node = node
        self._exchange = exchange
        self._strikes = strikes
        self._silent_until = 0.0
        self._answers_pings = True

    async def run(self) -> None:
        """Carry both ways until one side goes. What came from the client by then reaches the node."""
        async with asyncio.TaskGroup() as tasks:
            down = tasks.create_task(self._carry_down())
            await self._carry_up(tasks)
            down.cancel()

    def cut(self) -> None:
        """Break the client's connection, without a word."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _carry_up(self, tasks: asyncio.TaskGroup) -> None:
        async for frame in self._client:
            if frame.type in _DATA:
                await self._take(frame.data, tasks)
            elif frame.type is aiohttp.WSMsgType.PING and (self._answers_pings or not self._is_silent()):
                await self._client.pong(frame.data)

    async def _take(self, payload: str | bytes, tasks: asyncio.TaskGroup) -> None:
        """One message from the client. A clean one passes at once, so that their order stays."""
        message = decode_message(payload)
        if message is None:
            await self._pass_up(payload)
            return
        course = self._exchange.course(message, Wire.WEBSOCKET)
        is_passing = not PASSING.isdisjoint(message.methods)
        if not course.reaches_node:
            await self._deliver(course, Page(200, b""))
        elif course.is_clean or is_passing:  # what the node pushes comes over the line that asked for it
            await self._pass_up(payload)
        else:
            body = payload.encode() if isinstance(payload, str) else payload
            tasks.create_task(self._answer(body, course))

    async def _answer(self, payload: bytes, course: Course) -> None:
        try:
            page = await self._exchange.page(payload, course)
        except ConnectionLostError:
            self.cut()
            return
        await self._exchange.delay(course)
        await self._deliver(course, page)

    async def _deliver(self, course: Course, page: Page) -> None:
        whole = course.whole
        if whole is None or (page.body and whole.fault.needs_batch):
            await self._say(page.body)
            return
        self._exchange.tally.count(whole.kind, course.message.methods[0])
        match whole.fault:
            case kinds.RateLimited(retry_after=seconds):
                await self._say(_limited(course, seconds))
            case kinds.HtmlBody():
                await self._say(_HTML)
            case kinds.RefusedBatch():
                await self._say(BATCH_REFUSED)
            case kinds.GarbageJson():
                await self._say(page.body[: len(page.body) // 2])
            case kinds.RepeatedReply():
                await self._say(page.body)
                await self._say(page.body)
            case kinds.CutBody():
                self._cut_in_the_middle(page.body)
            case kinds.LostAnswer():
                pass
            case kinds.Silence() as silence:
                self._fall_silent(silence)
            case _:
                self.cut()

    async def _carry_down(self) -> None:
        async for frame in self._node:
            if frame.type in _DATA:
                text = frame.data if isinstance(frame.data, str) else frame.data.decode()
                if f'"{PUSHED}"' in text[:200]:
                    await self._push(text)
                else:
                    await self._say(text)
        self.cut()

    async def _push(self, text: str) -> None:
        """Something that the node pushed: as it is, as another view tells it, twice or not at all."""
        self._exchange.tally.requests[PUSHED] += 1
        view = self._exchange.draw(Stage.VIEW, (PUSHED,), Wire.WEBSOCKET)
        told = text if view is None else await self._seen(text, view)
        if told is None:
            return
        fired = self._exchange.draw(Stage.PUSH, (PUSHED,), Wire.WEBSOCKET)
        if fired is None:
            await self._say(told)
            return
        self._exchange.tally.count(fired.kind, PUSHED)
        match fired.fault:
            case kinds.RepeatedNotification():
                await self._say(told)
                await self._say(told)
            case kinds.Silence() as silence:
                self._fall_silent(silence)
            case kinds.Disconnect():
                self.cut()

    async def _seen(self, text: str, view: Fired) -> str | None:
        note: dict[str, Any] = msgspec.json.decode(text)
        item = note["params"]["result"]
        if not (isinstance(item, dict) and "parentHash" in item):
            return text  # not a head
        try:
            head = await self._strikes.pushed_head(item, view)
        except ConnectionLostError:
            return None
        if head is None:
            return None
        note["params"]["result"] = head
        return encode(note).decode()

    async def _pass_up(self, payload: str | bytes) -> None:
        try:
            if isinstance(payload, str):
                await self._node.send_str(payload)
            else:
                await self._node.send_bytes(payload)
        except ConnectionError:
            self.cut()

    async def _say(self, payload: str | bytes) -> None:
        """One text to the client, unless the line is silent or gone."""
        if self._is_silent() or self._client.closed:
            return
        try:
            await self._client.send_str(payload if isinstance(payload, str) else payload.decode())
        except ConnectionError:
            self.cut()

    def _fall_silent(self, silence: kinds.Silence) -> None:
        self._silent_until = asyncio.get_running_loop().time() + silence.seconds
        self._answers_pings = silence.pongs

    def _is_silent(self) -> bool:
        return asyncio.get_running_loop().time() < self._silent_until

    def _cut_in_the_middle(self, body: bytes) -> None:
        """A frame that says its whole length and holds half of it."""
        transport = self._request.transport
        if transport is not None:
            transport.write(_frame_header(len(body)) + body[: len(body) // 2])
            transport.close()


def _frame_header(length: int) -> bytes:
    """How a whole text message of so many bytes begins (RFC 6455, 5.2)."""
    if length < 126:
        return struct.pack("!BB", 0x81, length)
    return (
        struct.pack("!BBH", 0x81, 126, length) if length < 1 << 16 else struct.pack("!BBQ", 0x81, 127, length)
    )


def _limited(course: Course, seconds: float | None) -> bytes:
    """HTTP 429 has no place on an open WebSocket: providers send this instead."""
    data = None if seconds is None else {"rate": {"backoff_seconds": seconds}}
    answers = [refusal(call, -32005, "Too Many Requests", data).encode() for call in course.message.calls]
    return encode_all(answers, is_batch=course.message.is_batch)
