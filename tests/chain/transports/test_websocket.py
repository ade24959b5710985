"""WebSocket's own: addresses, fragments, hostile servers."""

from __future__ import annotations

import asyncio
import base64
import gc
import socket
import time
from typing import Any

import picows
import pytest
from aiohttp import WSMsgType, web
from tests.chain.conftest import Deployed, ScriptedNode

from trimtab.chain.transports import make_transport
from trimtab.chain.transports.websocket import WebSocketTransport, split_userinfo
from trimtab.errors import ConfigError, ConnectionLostError


def test_user_and_password_become_a_header() -> None:
    """picows does not send them from the URL; the header does, percent-encoding undone."""
    url, headers = split_userinfo("wss://me:p%40ss@node.example:8546/v1?k=1")
    assert url == "wss://node.example:8546/v1?k=1"
    assert base64.b64decode(headers["Authorization"].removeprefix("Basic ")) == b"me:p@ss"
    assert split_userinfo("ws://node.example") == ("ws://node.example", {})


async def test_an_http_server_refuses_the_handshake(scripted: ScriptedNode) -> None:
    """A plain HTTP endpoint is said to be none, without the URL's secret."""
    transport = WebSocketTransport(scripted.url.replace("http://", "ws://") + "/SECRET")
    with pytest.raises(ConnectionLostError, match="refused the WebSocket handshake") as caught:
        await transport.send("eth_chainId", b"[]", 2.0)
    assert "SECRET" not in f"{caught.value!r} {caught.value.__cause__!r}"
    await transport.close()


@pytest.mark.parametrize("url", ["ws://", "ws://host:port/SECRET", "http://host:99999999/SECRET"])
def test_a_malformed_url_is_a_setting(url: str) -> None:
    """Its text is not repeated."""
    with pytest.raises(ConfigError, match="no host, or a port that is none") as caught:
        make_transport(url)
    assert "SECRET" not in str(caught.value)


async def serve(behaviour: Any) -> tuple[web.AppRunner, str]:
    async def accept(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                await behaviour(socket, message.json())
        return socket

    app = web.Application()
    app.router.add_get("/", accept)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    return runner, f"ws://127.0.0.1:{port}/"


async def test_fragmented_messages_are_put_together() -> None:
    """A large answer that the server sends in several frames arrives whole."""

    async def fragments(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        text = f'{{"id":{request["id"]},"result":"{"ab" * 5000}"}}'.encode()
        writer = socket._writer
        transport = writer.transport  # type: ignore[union-attr]
        for place in range(0, len(text), 3000):
            part = text[place : place + 3000]
            is_last = place + 3000 >= len(text)
            first = (0x80 if is_last else 0) | (1 if place == 0 else 0)
            transport.write(bytes([first, 126]) + len(part).to_bytes(2, "big") + part)

    runner, url = await serve(fragments)
    transport = WebSocketTransport(url)
    for _ in range(2):
        assert bytes((await transport.send("m", b"[]", 2.0)).result) == b'"' + b"ab" * 5000 + b'"'
    await transport.close()
    await runner.cleanup()


async def test_nonsense_ends_the_connection() -> None:
    """A server that talks something else is lost at once, not waited for."""

    async def nonsense(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await socket.send_str("<html>not json</html>")

    runner, url = await serve(nonsense)
    transport = WebSocketTransport(url)
    with pytest.raises(ConnectionLostError, match="not JSON-RPC"):
        await transport.send("m", b"[]", 2.0)
    await transport.close()
    await runner.cleanup()


async def test_a_broken_frame_is_a_loss_and_leaves_no_warning() -> None:
    """A frame against the protocol ends the connection; the next request opens another, and what broke the
    first one is nobody's unretrieved exception."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def break_once(socket: web.WebSocketResponse, request: Any) -> None:
        if request["id"] == 1:
            assert socket._req is not None
            assert socket._req.transport is not None
            socket._req.transport.write(b"\x81\x7f" + bytes(7) + b"\x05hello")  # 5 in the longest form
        else:
            await socket.send_json({"id": request["id"], "result": "0x1"})

    runner, url = await serve(break_once)
    transport = WebSocketTransport(url)
    try:
        with pytest.raises(ConnectionLostError):
            await transport.send("eth_chainId", b"[]", 5.0)
        assert bytes((await transport.send("eth_chainId", b"[]", 5.0)).result) == b'"0x1"'
        await transport.close()
        with pytest.raises(ConnectionLostError, match="is closed"):
            await transport.send("eth_chainId", b"[]", 5.0)
    finally:
        await runner.cleanup()
        for _ in range(20):  # the broken line's own tasks end first
            await asyncio.sleep(0.01)
        gc.collect()
        asyncio.get_running_loop().set_exception_handler(None)
    assert told == []


async def test_a_polite_close_is_a_loss_too() -> None:
    """A close frame instead of an answer: whoever waits is told."""

    async def goodbye(socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        await socket.close()

    runner, url = await serve(goodbye)
    transport = WebSocketTransport(url)
    with pytest.raises(ConnectionLostError):
        await transport.send("m", b"[]", 2.0)
    await transport.close()
    await runner.cleanup()


def test_picows_still_reports_a_dead_handshake_this_way() -> None:
    """The transport relies on `is_disconnected` after ws_connect: an update that drops it is noticed here."""
    assert hasattr(picows.WSTransport, "is_disconnected")


@pytest.mark.node
@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="the kernel has no TCP_QUICKACK")
async def test_many_answers_do_not_wait_for_delayed_acknowledgements(node: Deployed) -> None:
    """anvil leaves Nagle's algorithm on: without quick acknowledgements a burst of calls takes 40 ms more."""
    transport = WebSocketTransport(node.ws_url)
    durations = []
    for _ in range(15):
        start = time.perf_counter()
        await asyncio.gather(*(transport.send("eth_chainId", b"[]", 5.0) for _ in range(20)))
        durations.append(time.perf_counter() - start)
    await transport.close()
    assert sorted(durations)[3] < 0.04  # not the median: others use the machine too
