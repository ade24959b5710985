"""JSON-RPC over a Unix socket: the fastest way to a node on the same machine."""

from __future__ import annotations

import asyncio
from typing import cast

from trimtab.chain.transports.framing import JsonFramer
from trimtab.chain.transports.stream import Connection, Multiplexer, StreamTransport
from trimtab.errors import ConnectionLostError, TransportError


class _IpcConnection(asyncio.Protocol, Connection):
    def __init__(self, mux: Multiplexer) -> None:
        self._mux = mux
        self._framer = JsonFramer()
        self._transport: asyncio.WriteTransport | None = None
        self._gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        try:
            for document in self._framer.feed(data):
                self._mux.receive(document)
        except TransportError as error:
            self._mux.lose(str(error))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._mux.lose(type(exc).__name__ if exc else "the node closed it")

    def write(self, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.write(payload + b"\n")

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def wait_closed(self) -> None:
        await self._gone.wait()


class IpcTransport(StreamTransport):
    """A connection to the node's IPC socket at `path`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"ipc:{path}")
        self._path = path

    async def _connect(self, mux: Multiplexer, timeout: float) -> Connection:  # noqa: ARG002 - local: at once
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_unix_connection(lambda: _IpcConnection(mux), self._path)
        except OSError as error:
            message = f"no node listens at {self._path} ({error.strerror or error}); is it up?"
            raise ConnectionLostError(message, endpoint=self.name) from error
        return connection
