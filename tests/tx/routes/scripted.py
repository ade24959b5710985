"""A relay that answers by script, over real HTTP: requests are kept, and answers are what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from trimtab.chain.hashing import keccak256
from trimtab.testing.route_conformance import Account, Reply
from trimtab.tx.routes.base import Route
from trimtab.tx.signers import LocalSigner

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ACCOUNT = Account(LocalSigner.from_key(KEY), 31337, nonce=0, target=101)
BUNDLE_HASH = "0x" + "b1" * 32
BUNDLES = ("eth_sendBundle", "mev_sendBundle")


@dataclass
class Seen:
    """A request as it came."""

    body: bytes
    content: Any
    headers: dict[str, str]
    path: str
    query: list[tuple[str, str]]

    @property
    def method(self) -> str:
        return str(self.content["method"])

    @property
    def params(self) -> Any:
        return self.content["params"]


@dataclass
class Script:
    """What the relay says next, and what it has heard. `answer` decides for a request; None is `reply`."""

    url: str = ""
    reply: Reply = Reply.YES
    answer: Callable[[Seen], web.StreamResponse | None] = lambda seen: None
    statuses: dict[str, Any] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    @property
    def raws(self) -> list[bytes]:
        """The transactions of all that was sent, in order."""
        calls = [call for seen in self.seen for call in _calls(seen.content)]
        return [bytes.fromhex(raw[2:]) for call in calls for raw in raws_of(call)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return await self._tell(request)
        body = await request.read()
        seen = Seen(
            body, await request.json(), dict(request.headers), request.path, list(request.query.items())
        )
        if not _is_read(seen.content):
            self.seen.append(seen)
        chosen = self.answer(seen)
        return chosen if chosen is not None else await self._say(request, seen.content)

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        if self.reply in (Reply.TROUBLE, Reply.SILENCE, Reply.CUT):
            return await self._say(request, {})
        tx_hash = request.path.rpartition("/")[2]
        return web.json_response(self.statuses.get(tx_hash, {"status": "UNKNOWN", "hash": tx_hash}))

    async def _say(self, request: web.Request, content: Any) -> web.StreamResponse:
        if _is_read(content):
            return web.json_response({"jsonrpc": "2.0", "id": content["id"], "result": "0x7a69"})
        match self.reply:
            case Reply.TROUBLE:
                return web.Response(status=503, text="<html>already known, insufficient funds</html>")
            case Reply.SILENCE:
                await asyncio.sleep(600)
            case Reply.CUT:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
        answers = [self._one(call) for call in _calls(content)]
        return web.json_response(answers if isinstance(content, list) else answers[0])

    def _one(self, call: Any) -> Any:
        head = {"jsonrpc": "2.0", "id": call.get("id")}
        if self.reply is Reply.NO:
            return head | {"error": {"code": -32000, "message": "insufficient funds for gas * price + value"}}
        if self.reply is Reply.UNKNOWN:
            return head | {"error": {"code": -32000, "message": f"the moon is full over {call['method']}"}}
        return head | {"result": yes_to(call)}


def yes_to(call: Any) -> Any:
    """What a relay answers to a send that it takes."""
    if call["method"] in BUNDLES:
        return {"bundleHash": BUNDLE_HASH}
    raws = raws_of(call)
    return "0x" + keccak256(bytes.fromhex(raws[0][2:])).hex() if raws else True


def raws_of(call: Any) -> list[str]:
    """The raw transactions in a call that sends some."""
    params = call["params"]
    match call["method"]:
        case "eth_sendRawTransaction" | "eth_sendRawTransactionConditional":
            return [params[0]]
        case "eth_sendPrivateTransaction":
            return [params[0]["tx"]]
        case "eth_sendBundle":
            return list(params[0]["txs"])
        case "mev_sendBundle":
            return [part["tx"] for part in params[0]["body"]]
    return []


def _calls(content: Any) -> Sequence[Any]:
    return content if isinstance(content, list) else [content]


def _is_read(content: Any) -> bool:
    return isinstance(content, dict) and content.get("method") == "eth_chainId"


@asynccontextmanager
async def scripted() -> AsyncIterator[Script]:
    """A relay on a port of its own."""
    script = Script()
    app = web.Application()

    async def serve(request: web.Request) -> web.StreamResponse:
        return await script.serve(request)  # looked up anew: a test may put another in its place

    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    script.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield script
    finally:
        await runner.cleanup()


@dataclass
class ScriptedStage:
    """A route over a scripted relay, for the conformance suite."""

    script: Script
    route: Route
    impatient: Route
    account: Account = ACCOUNT

    async def will(self, reply: Reply) -> None:
        self.script.reply = reply

    async def arrived(self) -> Sequence[bytes]:
        return self.script.raws
