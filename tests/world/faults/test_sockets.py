"""The proxy over WebSocket: faults on both ways, on the wire and as the real client sees them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from tests.world.faults.conftest import BUSY, Wires, request, signed, until

from trimtab.chain.client import Client
from trimtab.chain.heads import ReorgNotice
from trimtab.chain.options import ClientOptions
from trimtab.chain.receipt import Block
from trimtab.errors import ConnectionLostError, TransportError
from trimtab.net import BackoffPolicy
from trimtab.world.faults import FaultPlan, FaultProxy, Rule
from trimtab.world.faults.kinds import (
    CutBody,
    Disconnect,
    DroppedNotification,
    DroppedSend,
    Fault,
    GarbageJson,
    HtmlBody,
    LaggingNode,
    LostAnswer,
    NullLie,
    PartialBatch,
    RateLimited,
    RefusedBatch,
    RepeatedNotification,
    RepeatedReply,
    ServerError,
    ShuffledBatch,
    SideBranch,
    Silence,
    SlowAnswer,
)
from trimtab.world.node import AnvilNode

pytestmark = pytest.mark.node

QUICK = ClientOptions(timeout=20.0, poll_interval=0.05, backoff=BackoffPolicy(base=0.01, cap=0.05))
BROKEN: list[Fault] = [Disconnect(), Disconnect(forwarded=True), CutBody(), GarbageJson()]
Line = aiohttp.ClientWebSocketResponse


@asynccontextmanager
async def line(wires: Wires) -> AsyncIterator[Line]:
    async with wires.session.ws_connect(wires.proxy.ws_url) as opened:
        yield opened


async def hear(opened: Line, timeout: float = 20.0) -> Any:
    """The next text, decoded; None when the line is gone."""
    message = await opened.receive(timeout)
    return json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else None


async def subscribed(opened: Line) -> None:
    await opened.send_json(request("eth_subscribe", "newHeads"))
    assert "result" in await hear(opened)


async def hear_number(opened: Line) -> int:
    return int((await hear(opened))["params"]["result"]["number"], 16)


async def test_without_a_plan_both_ways_pass(wires: Wires) -> None:
    """Requests, batches, subscriptions and what is no JSON-RPC: answered by the node."""
    async with line(wires) as opened:
        await opened.send_json([request("eth_chainId", number=4), request("eth_blockNumber", number=5)])
        assert [a["result"] for a in await hear(opened)] == ["0x7a69", "0x0"]
        await subscribed(opened)
        await wires.mine(2)
        assert [await hear_number(opened), await hear_number(opened)] == [1, 2]
        await opened.send_str("nonsense")
        assert "error" in await hear(opened)
    assert wires.proxy.injected == {}


async def test_notifications_twice_or_not_at_all(wires: Wires) -> None:
    """The first head is dropped, the second comes twice."""
    wires.proxy.plan = FaultPlan(
        (Rule(DroppedNotification(), first=1), Rule(RepeatedNotification(), first=1))
    )
    async with line(wires) as opened:
        await subscribed(opened)
        await wires.mine(3)
        assert [await hear_number(opened) for _ in range(3)] == [2, 2, 3]
    assert wires.proxy.injected == {"dropped_notification": 1, "repeated_notification": 1}


async def test_the_line_is_cut(wires: Wires) -> None:
    """In place of an answer, in place of a head, in the middle of a message."""
    for fault, method in ((Disconnect(), "reads"), (Disconnect(), "eth_subscription"), (CutBody(), "reads")):
        wires.inject(fault, methods=(method,))
        async with line(wires) as opened:
            if method == "eth_subscription":
                await subscribed(opened)
                await wires.mine()
            else:
                await opened.send_json(request("eth_chainId"))
            assert await hear(opened) is None
    assert wires.proxy.injected == {"disconnect": 2, "cut_body": 1}


async def test_silence_without_a_close(wires: Wires) -> None:
    """The line stays open, requests reach the node, nothing comes back; then it speaks again."""
    wires.inject(Silence(seconds=1.0), methods=("sends",))
    async with line(wires) as opened:
        start = time.monotonic()
        await opened.send_json(request("eth_sendRawTransaction", signed(0)))
        assert await wires.sees_mined(1)
        await opened.ping()
        with pytest.raises(TimeoutError):
            await opened.receive(max(0.1, 0.8 - (time.monotonic() - start)))
        await until(lambda: time.monotonic() - start > 1.1)
        await opened.send_json(request("eth_chainId", number=9))
        assert (await hear(opened))["id"] == 9


@pytest.mark.parametrize(
    ("fault", "heard"),
    [
        (RateLimited(retry_after=2), "backoff_seconds"),
        (HtmlBody(), "<html>"),
        (GarbageJson(), '{"jsonrpc"'),
        (ServerError(), None),
    ],
)
async def test_what_http_says_by_status(wires: Wires, fault: Fault, heard: str | None) -> None:
    """A limit is a JSON-RPC error, a page is a text, half an answer is no JSON, a gateway's error a close."""
    async with line(wires) as opened:
        wires.inject(fault)
        await opened.send_json(request("eth_getBlockByNumber", "latest", False))
        message = await opened.receive(20)
    assert wires.proxy.injected.total() == 1
    if heard is None:
        assert message.type is not aiohttp.WSMsgType.TEXT
    else:
        assert heard in message.data


@pytest.mark.parametrize("fault", [RateLimited(retry_after=1), ServerError(status=502), HtmlBody()])
async def test_a_handshake_is_refused_as_a_request_is(wires: Wires, fault: Fault) -> None:
    """No line comes about; the next try succeeds."""
    wires.inject(fault, methods=("websocket",), first=1)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await wires.session.ws_connect(wires.proxy.ws_url)
    async with line(wires) as opened:
        await opened.send_json(request("eth_chainId"))
        assert (await hear(opened))["result"] == "0x7a69"


async def test_answers_twice_withheld_and_changed(wires: Wires) -> None:
    """The same message twice; none at all; a null in place of a value; a slow one after a quick one."""
    async with line(wires) as opened:
        wires.inject(RepeatedReply())
        await opened.send_json(request("eth_chainId"))
        assert await hear(opened) == await hear(opened)
        wires.inject(LostAnswer())
        await opened.send_json(request("eth_chainId", number=2))
        await until(lambda: wires.proxy.injected["lost_answer"])
        wires.inject(NullLie())
        await opened.send_json(request("eth_chainId", number=3))
        assert await hear(opened) == {"jsonrpc": "2.0", "id": 3, "result": None}
        wires.inject(SlowAnswer(seconds=0.3), first=1)
        await opened.send_json(request("eth_chainId", number=4))
        await opened.send_json(request("eth_chainId", number=5))
        assert [(await hear(opened))["id"] for _ in range(2)] == [5, 4]


async def test_batches_mixed_up(wires: Wires) -> None:
    """In another order, in part, refused by one object; requests inside are struck one by one."""
    asked = [request("eth_chainId", number=n) for n in range(4)]
    async with line(wires) as opened:
        wires.inject(ShuffledBatch())
        await opened.send_json(asked)
        assert [a["id"] for a in await hear(opened)] != [0, 1, 2, 3]
        wires.inject(PartialBatch(missing=3))
        await opened.send_json(asked)
        assert len(await hear(opened)) == 1
        wires.inject(RefusedBatch())
        await opened.send_json(asked)
        assert (await hear(opened))["error"]["code"] == -32600
        wires.inject(DroppedSend(), skip=1)
        await opened.send_json([request("eth_sendRawTransaction", signed(n), number=n) for n in range(2)])
        assert ["result" in a for a in await hear(opened)] == [True, True]
    assert await wires.sees_mined(1)


async def test_a_lagging_nodes_heads(wires: Wires) -> None:
    """Each head comes two blocks late, and agrees with what the node says then."""
    wires.inject(LaggingNode(blocks=2))
    async with line(wires) as opened:
        await subscribed(opened)
        await wires.mine(4)
        told = [(await hear(opened))["params"]["result"] for _ in range(3)]
    for number, head in enumerate(told):
        true = await wires.truth("eth_getBlockByNumber", hex(number), False)
        assert (head["hash"], head["number"]) == (true["hash"], hex(number))
        assert "transactions" not in head


async def test_a_side_branch_is_a_reorg_to_the_client(wires: Wires) -> None:
    """The head watcher follows the branch, and tells its end as a reorg of that depth."""
    wires.inject(SideBranch(depth=2, period=4))
    async with Client.open(wires.proxy.ws_url, QUICK) as client, aclosing(client.heads()) as heads:
        seen: list[Any] = [await anext(heads)]
        for _ in range(7):
            await wires.mine()
            async with asyncio.timeout(30):
                while not seen or tip(seen) < await client.block_number():
                    seen.append(await anext(heads))
    notices = [item for item in seen if isinstance(item, ReorgNotice)]
    assert [len(notice.dropped) for notice in notices] == [2, 2]
    assert [notice.common_ancestor.number for notice in notices] == [0, 4]


def tip(seen: list[Any]) -> int:
    last = seen[-1]
    return int(last.number) if isinstance(last, Block) else -1


@pytest.mark.parametrize("fault", [*BROKEN, HtmlBody(), ServerError(), RateLimited()])
async def test_the_clients_reads_open_the_line_again(wires: Wires, fault: Fault) -> None:
    """Two lines break one after the other, and the read is answered all the same."""
    async with Client.open(wires.proxy.ws_url, QUICK) as client:
        wires.inject(fault, methods=("reads",), first=2)
        assert await client.balance(BUSY) == 0  # type: ignore[arg-type]
    assert wires.proxy.injected.total() == 2


@pytest.mark.parametrize("fault", [*BROKEN, LostAnswer(), Silence(seconds=9)])
async def test_the_clients_writes_are_sent_once(wires: Wires, fault: Fault) -> None:
    """A broken line is an error of the transport, and nothing was sent again over the next one."""
    async with Client.open(wires.proxy.ws_url, replace(QUICK, timeout=1.0)) as client:
        wires.inject(fault, methods=("sends",))
        with pytest.raises(TransportError):
            await client.request("eth_sendRawTransaction", [signed(0)])
    assert wires.proxy.tally.requests["eth_sendRawTransaction"] == 1


@pytest.mark.parametrize(
    "fault",
    [
        DroppedNotification(),
        RepeatedNotification(),
        Disconnect(),
        Silence(seconds=60),
        Silence(seconds=60, pongs=False),
    ],
)
async def test_the_client_tells_every_head_once(wires: Wires, fault: Fault) -> None:
    """Heads dropped, doubled, lost with the line or swallowed by silence: each comes once, in order."""
    options = replace(QUICK, head_silence=0.5, timeout=2.0)
    async with Client.open(wires.proxy.ws_url, options) as client, aclosing(client.heads()) as heads:
        wires.inject(fault, methods=("eth_subscription",), skip=1, limit=2)
        told = [(await anext(heads)).number]  # type: ignore[union-attr]
        for _ in range(6):
            await wires.mine()
            await asyncio.sleep(0.05)
        async with asyncio.timeout(60):
            while told[-1] < 6:
                told.append((await anext(heads)).number)  # type: ignore[union-attr]
                if told[-1] >= 5:
                    await wires.mine()
    assert told == list(range(told[-1] + 1))
    assert wires.proxy.injected.total() >= 1


async def test_the_node_that_goes_takes_the_lines_with_it() -> None:
    """When the node dies, its clients are not left with a line that says nothing."""
    async with (
        AnvilNode.open() as node,
        FaultProxy.open(node.url) as proxy,
        aiohttp.ClientSession() as session,
    ):
        wires = Wires(node, proxy, session)
        async with line(wires) as opened:
            node._process.kill()
            assert await hear(opened) is None
        with pytest.raises(aiohttp.WSServerHandshakeError, match="502"):
            await session.ws_connect(proxy.ws_url)


async def test_closing_with_lines_open_is_clean(anvil: AnvilNode) -> None:
    """Clients see the end, subscriptions end with an error, and no task is left."""
    before = asyncio.all_tasks()
    async with aiohttp.ClientSession() as session:
        async with FaultProxy.open(anvil.url, FaultPlan((Rule(SlowAnswer(seconds=60)),))) as proxy:
            lines = [await session.ws_connect(proxy.ws_url) for _ in range(5)]
            for opened in lines:
                await opened.send_json(request("eth_chainId"))
            await until(lambda: proxy.injected.total() == 5)
            start = time.monotonic()
        assert time.monotonic() - start < 10
        assert [await hear(opened) for opened in lines] == [None] * 5
    assert asyncio.all_tasks() - before <= {asyncio.current_task()}


async def test_a_client_that_hangs_up_loses_no_send(wires: Wires) -> None:
    """What it had said reaches the node."""
    wires.inject(SlowAnswer(seconds=0.2))
    async with line(wires) as opened:
        await opened.send_json(request("eth_sendRawTransaction", signed(0)))
        await until(lambda: wires.proxy.tally.requests["eth_sendRawTransaction"])
    assert await wires.sees_mined(1)


async def test_errors_of_a_stream_are_of_the_tree(wires: Wires) -> None:
    """A line that is cut under a subscription of the client is a lost connection to whoever reads it."""
    async with Client.open(wires.proxy.ws_url, QUICK) as client:
        (endpoint,) = client.endpoints
        wires.inject(Disconnect(), methods=("eth_subscription",))
        async with endpoint.subscribe(b'["newHeads"]') as stream:
            await wires.mine()
            with pytest.raises(ConnectionLostError):
                await anext(stream)
