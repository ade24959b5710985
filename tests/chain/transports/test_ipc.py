"""IPC's own: paths, streams without newlines, nonsense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from trimtab.chain.transports.ipc import IpcTransport
from trimtab.errors import ConnectionLostError

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(path: Path, behaviour: Behaviour) -> AsyncIterator[IpcTransport]:
    server = await asyncio.start_unix_server(behaviour, str(path))
    transport = IpcTransport(str(path))
    try:
        yield transport
    finally:
        await transport.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("separator", [b"\n", b""])
async def test_geth_and_anvil_are_both_understood(tmp_path: Path, separator: bytes) -> None:
    """A newline after each answer or none, and an answer in many small pieces."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in (1, 2):
            assert await reader.readline()
            reply = b'{"id":%d,"result":"0x%s"}' % (number, b"ab" * 100) + separator
            for place in range(0, len(reply), 50):
                writer.write(reply[place : place + 50])
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    async with serving(tmp_path / "s", answer) as transport:
        for _ in range(2):
            reply = await transport.send("m", b"[]", 2.0)
            assert bytes(reply.result) == b'"0x' + b"ab" * 100 + b'"'


async def test_nonsense_ends_the_connection(tmp_path: Path) -> None:
    """A socket that is not a node's is lost at once."""

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"{hello}\n")
        await writer.drain()
        writer.close()

    async with serving(tmp_path / "s", nonsense) as transport:
        with pytest.raises(ConnectionLostError, match="not JSON-RPC"):
            await transport.send("m", b"[]", 2.0)


async def test_a_path_without_a_node_is_said(tmp_path: Path) -> None:
    """No socket, or a file that is none: the path is in the message, it is no secret."""
    plain = tmp_path / "plain"
    plain.write_text("x")
    for path in (tmp_path / "absent", plain):
        with pytest.raises(ConnectionLostError, match="no node listens at"):
            await IpcTransport(str(path)).send("m", b"[]", 1.0)
