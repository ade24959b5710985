"""HTTP: statuses, headers and losses to typed errors."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any

import pytest
from aiohttp import web
from tests.chain.conftest import ScriptedNode, refusal, result

from trimtab.chain.transports.http import HttpTransport
from trimtab.errors import ConfigError, ConnectionLostError, RateLimitedError, RpcError, RpcTimeoutError


async def ask(url: str, timeout: float = 2.0) -> Any:
    transport = HttpTransport(url)
    try:
        return await transport.send("eth_blockNumber", b"[]", timeout)
    finally:
        await transport.close()


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (429, "", RateLimitedError, "asks to slow down"),
        (500, "oops", ConnectionLostError, "HTTP 500"),
        (502, "<html>", ConnectionLostError, "HTTP 502"),
        (503, "", ConnectionLostError, "HTTP 503"),
        (401, "", RpcError, "check the URL and its key"),
        (403, "forbidden", RpcError, "HTTP 403"),
        (404, "<html>", RpcError, "HTTP 404"),
        (301, "", RpcError, "HTTP 301"),
        (200, "<html>", ConnectionLostError, "not JSON-RPC"),
        (200, "", ConnectionLostError, "not JSON-RPC"),
    ],
)
async def test_statuses_are_typed(
    scripted: ScriptedNode, status: int, body: str, error: type[Exception], words: str
) -> None:
    """Each status is the error that a caller would act on."""
    headers = {"Location": "http://127.0.0.1:1/"} if status == 301 else {}
    scripted.answer = lambda _: web.Response(status=status, text=body, headers=headers)
    with pytest.raises(error, match=words):
        await ask(scripted.url)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("nonsense", None), (None, None)])
async def test_retry_after_is_passed_on(
    scripted: ScriptedNode, header: str | None, seconds: float | None
) -> None:
    """How long to wait comes from the server's header."""
    headers = {"Retry-After": header} if header else {}
    scripted.answer = lambda _: web.Response(status=429, headers=headers)
    with pytest.raises(RateLimitedError) as caught:
        await ask(scripted.url)
    assert caught.value.retry_after == seconds


async def test_a_json_rpc_error_wins_over_the_status(scripted: ScriptedNode) -> None:
    """Some nodes answer 400 or 500 with a proper JSON-RPC error: that is the better answer."""

    def answer(request: dict[str, Any]) -> web.Response:
        made = refusal(request, -32000, "nonce too low")
        made.set_status(500)
        return made

    scripted.answer = answer
    assert b"nonce too low" in bytes((await ask(scripted.url)).error)


async def test_no_answer_in_time(scripted: ScriptedNode) -> None:
    """The deadline holds for the whole answer."""

    async def answer(request: dict[str, Any]) -> web.Response:
        await asyncio.sleep(5)
        return result(request, "0x1")

    scripted.answer = answer
    with pytest.raises(RpcTimeoutError, match=r"did not answer within 0\.1 s"):
        await ask(scripted.url, 0.1)


async def test_a_connection_that_breaks_is_lost() -> None:
    """A server that hangs up in the middle of its answer."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionLostError):
            await ask(f"http://127.0.0.1:{port}")


async def test_user_and_password_are_sent_and_not_shown(scripted: ScriptedNode) -> None:
    """Basic authentication from the URL works; the name does not show it."""
    url = scripted.url.replace("http://", "http://user:pass@")
    assert "pass" not in HttpTransport(url).name
    assert bytes((await ask(url)).result) == b'"0x1"'


async def test_a_url_without_a_host_is_a_setting_to_fix() -> None:
    """The URL itself is not in the message."""
    with pytest.raises((ConfigError, ConnectionLostError)) as caught:
        await ask("http://:80/SECRET")
    assert "SECRET" not in str(caught.value)


async def test_a_batch_is_one_post(scripted: ScriptedNode) -> None:
    """All requests together, replies in order although the server shuffles them."""

    def answer(batch: list[dict[str, Any]]) -> web.Response:
        return web.json_response([{"id": r["id"], "result": r["method"]} for r in reversed(batch)])

    scripted.answer = answer  # type: ignore[assignment]
    transport = HttpTransport(scripted.url)
    for _ in range(2):
        replies = await transport.send_batch([("a", b"[]"), ("b", b"[1]"), ("c", b"[]")], 2.0)
        assert [bytes(reply.result) for reply in replies] == [b'"a"', b'"b"', b'"c"']
    await transport.close()
    assert scripted.methods == ["a", "b", "c"] * 2


async def test_a_server_that_talks_no_http_does_not_reveal_the_url() -> None:
    """aiohttp puts the URL into this error: neither message nor traceback shows it."""

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await writer.drain()
        writer.close()

    secret = "k3y9" * 4  # not as it stands here: the traceback shows the lines of this file
    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionLostError, match="is not HTTP") as caught:
            await ask(f"http://127.0.0.1:{port}/{secret}")
    assert secret not in "".join(traceback.format_exception(caught.value))


async def test_closing_under_reads_is_a_lost_connection_to_each(scripted: ScriptedNode) -> None:
    """More reads than there are connections hang, and the transport is closed: every one gets the same typed
    error, those that were waiting for a turn too."""

    async def hang(request: Any) -> web.Response:
        await asyncio.sleep(60)
        return result(request, "0x1")

    scripted.answer = hang
    transport = HttpTransport(scripted.url, max_connections=12)
    reads = [asyncio.create_task(transport.send("eth_call", b"[]", 30.0)) for _ in range(20)]
    async with asyncio.timeout(30):
        while len(scripted.requests) < 4:  # noqa: ASYNC110 - the others wait for their turn
            await asyncio.sleep(0.01)
    await transport.close()
    ends = await asyncio.gather(*reads, return_exceptions=True)
    assert {type(end) for end in ends} == {ConnectionLostError}
    assert len(scripted.requests) == 4


async def test_a_read_that_never_gets_its_turn_is_a_timeout(scripted: ScriptedNode) -> None:
    """The wait for a free connection counts, and the error says what is in the way."""

    async def hang(request: Any) -> web.Response:
        await asyncio.sleep(60)
        return result(request, "0x1")

    scripted.answer = hang
    transport = HttpTransport(scripted.url, max_connections=9)
    first = asyncio.create_task(transport.send("eth_call", b"[]", 30.0))
    async with asyncio.timeout(30):
        while not scripted.requests:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    with pytest.raises(RpcTimeoutError, match="left the reads before this one without an answer"):
        await transport.send("eth_call", b"[]", 0.2)
    await transport.close()
    await asyncio.gather(first, return_exceptions=True)
