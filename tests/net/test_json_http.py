"""One request, one answer: statuses are told, silence and lost connections are typed, keys are not shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from trimtab.errors import ConfigError, ConnectionLostError, RateLimitedError, RpcTimeoutError
from trimtab.net.json_http import JsonHttp

DEEP = {
    "wide": "[" + ", ".join(["[[]]"] * 1000) + "]",
    "nested": "[" * 200 + "]" * 200,
    "deep": '{"a": ' * 201 + "1" + "}" * 201,
    "open": "[" * 500_000,
}


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A service whose path says what it does."""
    seen = {"posts": 0}

    async def answer(request: web.Request) -> web.Response:
        what = request.match_info["what"]
        if what == "echo":
            seen["posts"] += 1
            body = await request.json() if request.method == "POST" else None
            return web.json_response(
                {"body": body, "query": dict(request.query), "key": request.headers.get("X-Key"), **seen}
            )
        if what == "slow":
            await asyncio.sleep(60)
        if what == "cut":
            assert request.transport is not None
            request.transport.abort()
        if what == "limit":
            return web.Response(status=429, headers={"Retry-After": "7"})
        if what == "away":
            return web.Response(status=302, headers={"Location": "/echo"})
        if what == "raw":
            return web.json_response(
                {
                    "body": (await request.read()).decode(),
                    "type": request.content_type,
                    "query": list(request.query.items()),
                    "key": request.headers.get("X-Key"),
                }
            )
        if what in DEEP:
            return web.Response(text=DEEP[what])
        if what == "flood":
            return web.Response(text="x" * 200_000)
        if what == "text":
            return web.Response(status=400, text="<html>" + "x" * 1000)
        return web.Response(status=int(what))

    app = web.Application()
    app.router.add_route("*", "/{what}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_json_there_and_back(url: str) -> None:
    """Bodies, queries and headers arrive; each POST is sent once."""
    async with JsonHttp(url + "/", headers={"X-Key": "s3cret"}) as http:
        posted = await http.post("/echo", {"a": [1]})
        assert posted.is_ok
        assert posted.content == {"body": {"a": [1]}, "query": {}, "key": "s3cret", "posts": 1}
        assert (await http.read("/echo", {"q": "1"})).content["query"] == {"q": "1"}


async def test_signed_bytes_arrive_as_they_are(url: str) -> None:
    """Not a blank of them is changed, headers and a query are added to the URL's own, each name as often as
    it is given."""
    body = b'{"b":1,  "a": [ ]}\n'
    async with JsonHttp(url + "/raw?auth=1") as http:
        answer = await http.post_bytes(body, {"X-Key": "signed"}, [("hint", "hash"), ("hint", "logs")])
    assert answer.content == {
        "body": body.decode(),
        "type": "application/json",
        "query": [["auth", "1"], ["hint", "hash"], ["hint", "logs"]],
        "key": "signed",
    }


async def test_a_flood_is_not_read(url: str) -> None:
    """An answer beyond `max_size` is a lost connection, whatever it would say."""
    async with JsonHttp(url, max_size=100_000) as http:
        with pytest.raises(ConnectionLostError, match="more than 100000 bytes"):
            await http.post("/flood", {})


async def test_what_is_nested_beyond_reason_is_no_json(url: str) -> None:
    """Decoding it would end the process without a word; what is only wide is decoded."""
    async with JsonHttp(url) as http:
        assert len((await http.read("/wide")).content) == 1000
        assert isinstance((await http.read("/nested")).content, list)
        assert (await http.read("/deep")).content == DEEP["deep"]
        assert (await http.read("/open")).content == DEEP["open"]


async def test_a_status_is_an_answer(url: str) -> None:
    """404 and 400 are the caller's to understand, and so is 502 for a POST; text is shortened."""
    async with JsonHttp(url) as http:
        assert (await http.read("/404")).status == 404
        assert (await http.post("/502", {})).status == 502
        refused = await http.read("/text")
        assert refused.status == 400
        assert len(refused.text) < 310


async def test_no_answer_is_typed(url: str) -> None:
    """Silence, a cut connection, a server in trouble, a request to slow down, nobody there."""
    async with JsonHttp(url, timeout=0.3) as http:
        with pytest.raises(RpcTimeoutError, match=r"0\.3 s"):
            await http.post("/slow", {})
        with pytest.raises(ConnectionLostError):
            await http.post("/cut", {})
        with pytest.raises(ConnectionLostError, match="503"):
            await http.read("/503")
        with pytest.raises(RateLimitedError) as caught:
            await http.read("/limit")
    assert caught.value.retry_after == 7
    async with JsonHttp("http://127.0.0.1:9") as http:
        with pytest.raises(ConnectionLostError, match="could not be reached"):
            await http.read("/echo")


async def test_a_redirect_is_not_followed(url: str) -> None:
    """It would carry the key elsewhere."""
    async with JsonHttp(url, headers={"X-Key": "s3cret"}) as http:
        assert (await http.read("/away")).status == 302


async def test_keys_in_a_url_are_not_shown() -> None:
    """Neither in the name nor in an error."""
    async with JsonHttp("http://user:hunter2@127.0.0.1:9/v1/KEY") as http:
        with pytest.raises(ConnectionLostError) as caught:
            await http.read("/echo")
    assert "hunter2" not in f"{http.name}{caught.value}"
    assert "KEY" not in f"{http.name}{caught.value}"


async def test_it_must_be_open() -> None:
    """Outside of its block there is no pool."""
    with pytest.raises(ConfigError, match="async with"):
        await JsonHttp("http://127.0.0.1:9").read("/echo")
