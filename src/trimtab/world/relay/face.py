"""The node as everybody sees it: a proxy with public transactions only, over HTTP and WebSocket.

All but these passes to the node: who takes transactions tells the mempool; pending filters and subscriptions
are served from the mempool, because in the node's own pool private bytes appear while a block is made; what a
node tells of blocks goes through the veil, because blocks are tried and taken back; the methods of a
development node are refused, as everywhere in the world. While the gate is closed, everything waits.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from aiohttp import hdrs, web

from trimtab.errors import ConnectionLostError, IntentError
from trimtab.tx.opening import open_signed
from trimtab.world.faults.calls import Answer, Call, decode_message, encode_all, refusal, result
from trimtab.world.faults.upstream import Upstream
from trimtab.world.relay.face_lines import Line
from trimtab.world.relay.gate import Gate
from trimtab.world.relay.mempool import Mempool
from trimtab.world.relay.record import Received
from trimtab.world.relay.requests import NO_METHOD, params_of
from trimtab.world.relay.serving import serving
from trimtab.world.relay.veil import Stream, Veil

_DEVELOPMENT = ("anvil_", "evm_", "hardhat_", "ganache_", "tenderly_")
_WAITING = ("eth_sendRawTransactionSync", "eth_sendTransactionSync")


class Face:
    """The public side of a builder's node. `log` is all that it was asked."""

    def __init__(self, upstream: Upstream, gate: Gate, veil: Veil, mempool: Mempool) -> None:
        self.url = ""
        self.log: list[Received] = []
        self.upstream = upstream
        self.gate = gate
        self.veil = veil
        self.mempool = mempool
        self._streams: dict[str, Stream] = {}
        self._lines: set[Line] = set()

    @property
    def ws_url(self) -> str:
        return self.url.replace("http://", "ws://", 1)

    @asynccontextmanager
    async def listen(self, port: int = 0) -> AsyncIterator[None]:
        """Serve on a port of loopback, 0 for a free one."""
        app = web.Application(client_max_size=1 << 28)
        app.router.add_route("*", "/{path:.*}", self._respond)
        async with serving(app, port, self._close) as self.url:
            yield

    def _close(self) -> None:
        for line in self._lines:
            line.cut()

    async def answer_all(self, calls: Sequence[Call], path: str = "/") -> list[Answer]:
        """The answers in the order of the calls. Raises `ConnectionLostError` when the node is gone."""
        return [await self.answer(call, path) for call in calls]

    async def answer(self, call: Call, path: str = "/") -> Answer:
        """One call's answer. Raises `ConnectionLostError` when the node is gone."""
        params = params_of(call)
        self.log.append(Received(time.time(), "public", path, call.method, params))
        if call.method.startswith(_DEVELOPMENT) or call.method in _WAITING:
            return refusal(call, NO_METHOD, f"the method {call.method} does not exist/is not available")
        async with self.gate.passing():
            if call.method in ("eth_sendRawTransaction", "eth_sendTransaction"):
                return await self._send(call, params)
            if call.method == "eth_newPendingTransactionFilter":
                return result(call, self.mempool.open_filter())
            if call.method == "eth_getFilterChanges" and params:
                return await self._changes(call, params[0])
            if call.method == "eth_uninstallFilter" and params and self.mempool.has_filter(params[0]):
                self.mempool.close_filter(params[0])
                return result(call, value=True)
            return await self._pass(call)

    async def _pass(self, call: Call) -> Answer:
        return (await self.upstream.forward([call]))[0]

    async def _send(self, call: Call, params: list[Any]) -> Answer:
        """The node judges; what it took is public."""
        answer = await self._pass(call)
        if answer.has_value:
            tx_hash = msgspec.json.decode(answer.result)
            raw = params[0] if call.method == "eth_sendRawTransaction" else await self._raw(tx_hash)
            with suppress(IntentError, ValueError):  # an impersonated account's: it stays the node's alone
                self.mempool.add(open_signed(bytes.fromhex(str(raw)[2:])))
        return answer

    async def _raw(self, tx_hash: str) -> object:
        return await self.upstream.ask("eth_getRawTransactionByHash", [tx_hash])

    async def _changes(self, call: Call, number: Any) -> Answer:
        if self.mempool.has_filter(number):
            return result(call, self.mempool.drain(number))
        answer = await self._pass(call)
        if not answer.has_value:
            return answer
        stream = self._streams.setdefault(str(number), Stream(self.veil))
        return result(call, stream.keep(msgspec.json.decode(answer.result)))

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get(hdrs.UPGRADE, "").lower() == "websocket":
            return await self._serve_line(request)
        payload = await request.read()
        message = decode_message(payload)
        try:
            if message is None:
                async with self.gate.passing():
                    page = await self.upstream.post(payload)
                return web.Response(status=page.status, body=page.body, content_type="application/json")
            answers = await self.answer_all(message.calls, request.path)
        except ConnectionLostError as error:
            return web.Response(status=502, text=str(error))
        body = encode_all([answer.encode() for answer in answers], is_batch=message.is_batch)
        return web.Response(body=body, content_type="application/json")

    async def _serve_line(self, request: web.Request) -> web.StreamResponse:
        async with self.upstream.session.ws_connect(self.upstream.ws_url, max_msg_size=0) as node:
            client = web.WebSocketResponse(max_msg_size=0, timeout=1.0)
            await client.prepare(request)
            line = Line(client, request, node, self)
            self._lines.add(line)
            try:
                async with asyncio.TaskGroup() as tasks:
                    await line.run(tasks)
            finally:
                self._lines.discard(line)
        return client
