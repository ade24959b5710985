"""The node behind a proxy: bytes to it and back, over one pool of connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec

from trimtab.chain.messages import encode, encode_request
from trimtab.errors import ConfigError, ConnectionLostError
from trimtab.net import mask_url
from trimtab.world.faults.calls import Answer, Call, decode_answers, encode_all

_HEADERS = {"content-type": "application/json"}
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10.0)  # whoever asked has a deadline of its own


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP answer; `retry_after` is the header as it came."""

    status: int
    body: bytes
    retry_after: str | None = None


class Upstream:
    """A node by its URL, which may hold a key and is never shown. Made by `Upstream.open`."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self.ws_url = both_urls(url)
        self.name = mask_url(url)
        self.session = session

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Raises `ConfigError` for what is not http(s):// or ws(s)://; connects when asked."""
        both_urls(url)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=_TIMEOUT
        ) as session:
            yield cls(url, session)

    async def post(self, payload: bytes, url: str | None = None) -> Page:
        """One message, sent once, to the node (or to another one). Raises `ConnectionLostError`."""
        try:
            async with self.session.post(url or self.url, data=payload, headers=_HEADERS) as response:
                body = await response.read()
                return Page(response.status, body, response.headers.get("Retry-After"))
        except (aiohttp.ClientError, OSError, RuntimeError) as error:  # RuntimeError: the session is closed
            message = f"the node at {self.name} could not be reached ({type(error).__name__}); is it up?"
            raise ConnectionLostError(message, endpoint=self.name) from error

    async def forward(self, calls: Sequence[Call], url: str | None = None) -> list[Answer]:
        """Calls in one message, answered in their order. Raises `ConnectionLostError`."""
        page = await self.post(encode_all([call.encode() for call in calls], is_batch=len(calls) > 1), url)
        answers = decode_answers(page.body, calls)
        if answers is None:
            message = f"the node at {self.name} answered {len(calls)} requests with what is no JSON-RPC"
            raise ConnectionLostError(f"{message} (HTTP {page.status})", endpoint=self.name)
        return answers

    async def ask(self, method: str, params: Sequence[Any] = ()) -> Any:
        """A result as Python objects, None for an error. Raises `ConnectionLostError`."""
        return (await self._answer(method, params)).get("result")

    async def order(self, method: str, params: Sequence[Any] = ()) -> bool:
        """Let a development node do something; False when it does not. Raises `ConnectionLostError`."""
        answer = await self._answer(method, params)
        return "result" in answer and not answer.get("error")

    async def _answer(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        page = await self.post(encode_request(0, method, encode(list(params))))
        try:
            answer = msgspec.json.decode(page.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return answer if isinstance(answer, dict) else {}

    async def head(self) -> int:
        """The number of the latest block."""
        return int(await self.ask("eth_blockNumber") or "0x0", 16)


def both_urls(url: str) -> tuple[str, str]:
    """The HTTP and the WebSocket form of a node's URL. Raises `ConfigError`."""
    parts = urlsplit(url)
    pairs = {"http": ("http", "ws"), "https": ("https", "wss"), "ws": ("http", "ws"), "wss": ("https", "wss")}
    if parts.scheme not in pairs or not parts.netloc:
        raise ConfigError(
            f"{mask_url(url)!r} is not a node: give its http(s):// or ws(s):// URL", key="upstream"
        )
    http, ws = pairs[parts.scheme]
    return parts._replace(scheme=http).geturl(), parts._replace(scheme=ws).geturl()
