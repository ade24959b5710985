"""What WebSocket and IPC share: one connection, requests by id, subscriptions, reconnection on demand."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

import msgspec

from trimtab.chain.messages import (
    Reply,
    decode_notification,
    decode_replies,
    decode_reply,
    encode,
    encode_batch,
    encode_request,
    result_of,
)
from trimtab.chain.transports.base import Request
from trimtab.chain.transports.pending import Pending, gather_batch
from trimtab.errors import ChainError, ConnectionLostError, RpcTimeoutError

_QUEUE_SIZE = 10_000
_CLOSING_SECONDS = 1.0
_SILENT_SECONDS = 1.0  # below, a caller was in a hurry


class Connection(ABC):
    """One open connection: bytes out; messages come in through `Multiplexer.receive`."""

    @abstractmethod
    def write(self, payload: bytes) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    async def wait_closed(self) -> None:
        """Return when nothing of it is left, whatever broke it."""


class Subscription:
    """What the node pushed and nobody read yet. A reader that is too slow loses the stream, never an item."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._items: asyncio.Queue[msgspec.Raw | None] = asyncio.Queue(_QUEUE_SIZE)
        self._lost = False

    def push(self, item: msgspec.Raw) -> None:
        if not self._lost:
            try:
                self._items.put_nowait(item)
            except asyncio.QueueFull:
                self.lose()

    def lose(self) -> None:
        """The connection is gone, or the reader was too slow: the stream ends with an error."""
        self._lost = True
        with suppress(asyncio.QueueFull):
            self._items.put_nowait(None)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> msgspec.Raw:
        if self._lost and self._items.empty():
            raise ConnectionLostError(f"the subscription at {self._endpoint} ended", endpoint=self._endpoint)
        item = await self._items.get()
        if item is None:
            raise ConnectionLostError(f"the subscription at {self._endpoint} ended", endpoint=self._endpoint)
        return item


class Multiplexer:
    """The state of one connection: who waits for what."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.pending = Pending(endpoint)
        self.subscriptions: dict[str, Subscription] = {}
        self.is_open = True
        self.heard = 0
        self._early: dict[str, list[msgspec.Raw]] = {}

    @property
    def expects_more(self) -> bool:
        """True while answers are due or the node may push."""
        return len(self.pending) > 0 or bool(self.subscriptions)

    def receive(self, payload: bytes) -> None:
        """One message from the node."""
        self.heard += 1
        if payload[:1] == b"[":
            self.pending.resolve_batch(decode_replies(payload, self.endpoint))
            return
        reply = decode_reply(payload, self.endpoint)
        if reply.method:
            self._notify(reply)
        else:
            self.pending.resolve(reply)

    def _notify(self, reply: Reply) -> None:
        if reply.method != "eth_subscription":
            return
        note = decode_notification(reply.params)
        subscription = self.subscriptions.get(note.subscription)
        if subscription is not None:
            subscription.push(note.result.copy())
        else:  # pushed before the reply to eth_subscribe was looked at, or after eth_unsubscribe
            self._early.setdefault(note.subscription, []).append(note.result.copy())
            while len(self._early) > 16:
                del self._early[next(iter(self._early))]

    def open_subscription(self, name: str) -> Subscription:
        subscription = self.subscriptions[name] = Subscription(self.endpoint)
        for item in self._early.pop(name, []):
            subscription.push(item)
        return subscription

    def lose(self, why: str) -> None:
        """The connection is gone: tell everyone who waits."""
        if self.is_open:
            self.is_open = False
            message = f"the connection to {self.endpoint} was lost ({why})"
            self.pending.fail(ConnectionLostError(message, endpoint=self.endpoint))
            for subscription in self.subscriptions.values():
                subscription.lose()


class StreamTransport(ABC):
    """A transport over one long-lived connection, opened on first use and again after a loss."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._ids = count(1)
        self._opening = asyncio.Lock()
        self._mux: Multiplexer | None = None
        self._connection: Connection | None = None
        self._is_closed = False

    @abstractmethod
    async def _connect(self, mux: Multiplexer, timeout: float) -> Connection:
        """Open a connection that feeds `mux`, within `timeout`. Foreign errors are mapped here."""

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        """One request, one message."""
        mux, connection = await self._ready(timeout)
        number = next(self._ids)
        future = mux.pending.add(number, timeout)
        connection.write(encode_request(number, method, params))
        heard = mux.heard
        try:
            return await future
        except RpcTimeoutError:
            self._doubt(mux, connection, heard, timeout)
            raise

    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]:
        """All requests in one message; the replies in their order."""
        mux, connection = await self._ready(timeout)
        first = next(self._ids)
        self._ids = count(first + len(requests))
        futures = [mux.pending.add(first + i, timeout) for i in range(len(requests))]
        connection.write(encode_batch(first, requests))
        heard = mux.heard
        try:
            return await gather_batch(futures, first, self.name)
        except RpcTimeoutError:
            self._doubt(mux, connection, heard, timeout)
            raise

    def _doubt(self, mux: Multiplexer, connection: Connection, heard: int, waited: float) -> None:
        """Give up a line on which nothing at all came for the whole wait: it may be dead and not know it, for
        what answers pings may be a proxy. The next request opens another."""
        if mux.is_open and mux.heard == heard and waited >= _SILENT_SECONDS:
            mux.lose(f"nothing came over it for {waited:.3g} s")
            connection.close()

    @asynccontextmanager
    async def subscribe(self, params: bytes, timeout: float) -> AsyncIterator[Subscription]:
        """eth_subscribe, and eth_unsubscribe at the end."""
        reply = await self.send("eth_subscribe", params, timeout)
        name: str = msgspec.json.decode(result_of(reply, "eth_subscribe", self.name))
        mux = self._open_mux()
        if mux is None:
            raise ConnectionLostError(f"{self.name} was lost while subscribing", endpoint=self.name)
        try:
            yield mux.open_subscription(name)
        finally:
            mux.subscriptions.pop(name, None)
            if mux is self._open_mux():
                with suppress(ChainError):
                    await self.send("eth_unsubscribe", encode([name]), min(timeout, 1.0))

    async def close(self) -> None:
        """Close the connection, for good; whoever waits, or asks later, gets `ConnectionLostError`."""
        self._is_closed = True
        connection, mux = self._connection, self._mux
        self._connection = self._mux = None
        if mux is not None:
            mux.lose("closed")
        if connection is not None:
            await self._part_from(connection)

    def _open_mux(self) -> Multiplexer | None:
        return self._mux if self._mux is not None and self._mux.is_open else None

    async def _ready(self, timeout: float) -> tuple[Multiplexer, Connection]:
        mux, connection = self._mux, self._connection
        if mux is not None and connection is not None and mux.is_open:
            return mux, connection
        try:
            async with asyncio.timeout(timeout), self._opening:
                return await self._reconnect(timeout)
        except TimeoutError as error:
            message = f"{self.name} could not be reached within {timeout:.3g} s; is the node up?"
            raise RpcTimeoutError(message, endpoint=self.name) from error

    async def _reconnect(self, timeout: float) -> tuple[Multiplexer, Connection]:
        if self._mux is None or self._connection is None or not self._mux.is_open:
            if self._connection is not None:
                await self._part_from(self._connection)
            self._check_open()
            mux = Multiplexer(self.name)
            connection = await self._connect(mux, timeout)
            if self._is_closed:  # meanwhile
                await self._part_from(connection)
            self._check_open()
            self._connection, self._mux = connection, mux
        return self._mux, self._connection

    def _check_open(self) -> None:
        if self._is_closed:  # a connection that is opened now would never be closed
            raise ConnectionLostError(f"the client of {self.name} is closed; open one", endpoint=self.name)

    async def _part_from(self, connection: Connection) -> None:
        connection.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_SECONDS):
                await connection.wait_closed()
