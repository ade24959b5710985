"""What WebSocket and IPC share, on both, against a real node behind a line that can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from aiohttp import WSMsgType, web
from tests.chain.conftest import Deployed, relay_to

from trimtab.chain.messages import encode
from trimtab.chain.transports.base import StreamingTransport
from trimtab.chain.transports.ipc import IpcTransport
from trimtab.chain.transports.stream import Multiplexer, StreamTransport, Subscription
from trimtab.chain.transports.websocket import WebSocketTransport
from trimtab.errors import ConnectionLostError, RpcTimeoutError

pytestmark = pytest.mark.node


def made(node: Deployed, wire: str) -> StreamTransport:
    return WebSocketTransport(node.ws_url) if wire == "ws" else IpcTransport(node.ipc_path)


@asynccontextmanager
async def serving(accept: Any) -> AsyncIterator[str]:
    """A WebSocket server on a free port."""
    app = web.Application()
    app.router.add_get("/", accept)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("wire", ["ws", "ipc"])
async def test_requests_batches_and_subscriptions_share_one_line(node: Deployed, wire: str) -> None:
    """All three at once: nothing is mixed up, and the subscription ends with eth_unsubscribe."""
    transport = made(node, wire)
    assert isinstance(transport, StreamingTransport)
    async with transport.subscribe(b'["newHeads"]', 2.0) as stream:
        single, batch = await asyncio.gather(
            transport.send("eth_chainId", b"[]", 2.0),
            transport.send_batch([("eth_chainId", b"[]"), ("net_version", b"[]")], 2.0),
        )
        assert msgspec.json.decode(single.result) == "0x7a69"
        assert [msgspec.json.decode(r.result) for r in batch] == ["0x7a69", "31337"]
        for _ in range(3):
            await transport.send("evm_mine", b"[]", 2.0)
        numbers = [int(msgspec.json.decode(await anext(stream))["number"], 16) for _ in range(3)]
        assert numbers == list(range(numbers[0], numbers[0] + 3))
    assert transport._mux is not None
    assert transport._mux.subscriptions == {}
    await transport.close()


@pytest.mark.parametrize("wire", ["ws", "ipc"])
async def test_closing_tells_who_waits(node: Deployed, wire: str) -> None:
    """A request in flight and a subscription both end with ConnectionLostError."""
    transport = made(node, wire)
    async with transport.subscribe(b'["newHeads"]', 2.0) as stream:
        waiting = asyncio.create_task(anext(stream))
        request = asyncio.create_task(transport.send("evm_mine", b"[]", 2.0))
        await asyncio.sleep(0)
        await transport.close()
        with pytest.raises(ConnectionLostError, match="closed"):
            await request
        with pytest.raises(ConnectionLostError, match="ended"):
            await waiting
        with pytest.raises(ConnectionLostError):
            await anext(stream)


async def test_a_cut_line_fails_and_the_next_request_connects_again(node: Deployed) -> None:
    """The request in flight is lost (never repeated by the transport); the next one opens a new line."""
    async with relay_to(node.url) as relay:
        transport = WebSocketTransport(f"ws://127.0.0.1:{relay.port}")
        assert (await transport.send("eth_chainId", b"[]", 2.0)).result
        slow = asyncio.create_task(transport.send("evm_mine", b"[]", 2.0))
        await asyncio.sleep(0)
        relay.cut()
        with pytest.raises(ConnectionLostError, match="was lost"):
            await slow
        replies = await asyncio.gather(*(transport.send("eth_chainId", b"[]", 2.0) for _ in range(5)))
        assert len(replies) == 5
        assert relay.connections == 2
        await transport.close()


async def test_a_node_that_accepts_and_says_nothing_is_a_timeout() -> None:
    """A handshake that never ends does not outlast the request's deadline."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        transport = WebSocketTransport(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        with pytest.raises(
            RpcTimeoutError, match=r"did not finish the WebSocket handshake|could not be reached within"
        ):
            await transport.send("eth_chainId", b"[]", 0.2)
        await transport.close()


async def test_what_is_pushed_early_is_kept() -> None:
    """A notification that overtakes the handling of its eth_subscribe reply is not lost."""
    mux = Multiplexer("node")
    push = encode({"method": "eth_subscription", "params": {"subscription": "0x1", "result": {"n": 1}}})
    mux.receive(push)
    mux.receive(encode({"method": "other_thing", "params": {}}))
    stream = mux.open_subscription("0x1")
    assert msgspec.json.decode(await anext(stream)) == {"n": 1}
    mux.lose("test")


async def test_forgotten_subscriptions_do_not_fill_memory() -> None:
    """Pushes that nobody claims are kept for a few subscriptions only."""
    mux = Multiplexer("node")
    for number in range(100):
        params = {"subscription": hex(number), "result": 1}
        mux.receive(encode({"method": "eth_subscription", "params": params}))
    assert len(mux._early) <= 16
    mux.lose("test")


async def test_a_reader_too_slow_loses_the_stream_not_an_item() -> None:
    """When the queue is full the stream ends with an error after what was queued, so that the gap is seen."""
    stream = Subscription("node")
    for _ in range(10_001):
        stream.push(msgspec.Raw(b"1"))
    for _ in range(10_000):
        assert msgspec.json.decode(await anext(stream)) == 1
    with pytest.raises(ConnectionLostError, match="ended"):
        await anext(stream)


@pytest.mark.parametrize(("waited", "is_replaced"), [(1.1, True), (0.3, False)])
async def test_a_line_that_only_swallows_is_given_up(waited: float, is_replaced: bool) -> None:
    """When nothing came for a whole wait of a second or more the next request opens another line; a caller in
    a hurry takes no line from the others."""
    lines = 0

    async def accept(request: web.Request) -> web.WebSocketResponse:
        nonlocal lines
        lines += 1
        number = lines
        socket = web.WebSocketResponse()  # it answers pings
        await socket.prepare(request)
        async for message in socket:
            if number > 1 and message.type == WSMsgType.TEXT:
                await socket.send_json({"id": message.json()["id"], "result": "0x1"})
        return socket

    async with serving(accept) as url:
        transport = WebSocketTransport(url)
        for _ in range(2):
            with pytest.raises(RpcTimeoutError):
                await transport.send("eth_chainId", b"[]", waited)
            if is_replaced:
                break
        if is_replaced:
            assert bytes((await transport.send("eth_chainId", b"[]", 5.0)).result) == b'"0x1"'
        assert lines == (2 if is_replaced else 1)
        await transport.close()
