"""One WebSocket line of the public face: calls up, subscriptions down."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any, Protocol

import aiohttp
import msgspec
from aiohttp import web

from trimtab.chain.messages import encode
from trimtab.errors import ConnectionLostError
from trimtab.world.faults.calls import Answer, Call, decode_message, encode_all, refusal, result
from trimtab.world.faults.upstream import Upstream
from trimtab.world.relay.gate import Gate
from trimtab.world.relay.mempool import Mempool
from trimtab.world.relay.requests import INVALID_REQUEST, params_of
from trimtab.world.relay.veil import Stream, Veil

_DATA = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
_numbers = count(1)


class PublicSide(Protocol):
    """What a line needs of the face."""

    upstream: Upstream
    gate: Gate
    veil: Veil
    mempool: Mempool

    async def answer(self, call: Call, path: str = "/") -> Answer: ...


class Line:
    """A client's line. Subscriptions to blocks and logs are the node's, over a line of their own to it."""

    def __init__(
        self,
        client: web.WebSocketResponse,
        request: web.Request,
        node: aiohttp.ClientWebSocketResponse,
        face: PublicSide,
    ) -> None:
        self._client = client
        self._request = request
        self._node = node
        self._face = face
        self._streams: dict[str, Stream] = {}
        self._pending: dict[str, asyncio.Task[None]] = {}

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Carry both ways until the client goes."""
        down = tasks.create_task(self._carry_down())
        try:
            async for frame in self._client:
                if frame.type in _DATA:
                    await self._take(frame.data, tasks)
        finally:
            for task in (down, *self._pending.values()):
                task.cancel()

    def cut(self) -> None:
        """Break the line."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _take(self, payload: str | bytes, tasks: asyncio.TaskGroup) -> None:
        message = decode_message(payload)
        if message is None:
            return
        if all(self._is_nodes(call) for call in message.calls):
            text = payload if isinstance(payload, str) else payload.decode()
            await self._node.send_str(text)
            return
        try:
            answers = [await self._answer(call, tasks) for call in message.calls]
        except ConnectionLostError:
            self.cut()
            return
        await self._say(encode_all([a.encode() for a in answers], is_batch=message.is_batch))

    def _is_nodes(self, call: Call) -> bool:
        """Whether the node itself must answer on this line: subscriptions that are not of the mempool."""
        first = _first(call)
        if call.method == "eth_subscribe":
            return first != "newPendingTransactions"
        return call.method == "eth_unsubscribe" and first not in self._pending

    async def _answer(self, call: Call, tasks: asyncio.TaskGroup) -> Answer:
        if self._is_nodes(call):
            return refusal(call, INVALID_REQUEST, "subscribe in a message of its own")
        if call.method == "eth_subscribe":
            number = f"0x{next(_numbers) << 64 | 0x7E17:x}"
            is_full = params_of(call)[1:] == [True]
            self._pending[number] = tasks.create_task(self._tell_pending(number, is_full=is_full))
            await asyncio.sleep(0)  # it listens before the client knows its number
            return result(call, number)
        if call.method == "eth_unsubscribe":
            self._pending.pop(str(_first(call))).cancel()
            return result(call, value=True)
        return await self._face.answer(call)

    async def _tell_pending(self, number: str, *, is_full: bool) -> None:
        with self._face.mempool.listening() as heard:
            while True:
                told: Any = await heard.get()
                if is_full:
                    told = await self._face.upstream.ask("eth_getTransactionByHash", [told])
                await self._say(_push(number, told))

    async def _carry_down(self) -> None:
        """What the node answers and pushes; of blocks, only what stays."""
        async for frame in self._node:
            if frame.type not in _DATA:
                continue
            async with self._face.gate.passing():  # so that it is known which blocks stay
                passes = self._passes(msgspec.json.decode(frame.data))
            if passes:
                await self._say(frame.data if isinstance(frame.data, bytes) else frame.data.encode())
        self.cut()

    def _passes(self, message: Any) -> bool:
        if not isinstance(message, dict) or message.get("method") != "eth_subscription":
            return True
        params = message["params"]
        stream = self._streams.setdefault(params["subscription"], Stream(self._face.veil))
        return stream.passes(params["result"])

    async def _say(self, body: bytes) -> None:
        try:
            await self._client.send_str(body.decode())
        except ConnectionResetError:
            self.cut()


def _first(call: Call) -> object:
    params = params_of(call)
    return params[0] if params else None


def _push(number: str, told: Any) -> bytes:
    params = {"subscription": number, "result": told}
    return encode({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})
