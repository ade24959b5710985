"""JSON over HTTP to one service: a request, an answer with its status, and no opinion on either."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

from trimtab.errors import ConfigError, ConnectionLostError
from trimtab.net.http_errors import check_pace, typed_errors
from trimtab.net.urls import mask_url

_LARGEST = 16 << 20
_DEEPEST = 200
_BRACKETS = re.compile(r"[\[\]{}]")


@dataclass(frozen=True, slots=True)
class Answer:
    """`content` is the decoded body, or its text where it is no JSON, or nested beyond reason."""

    status: int
    content: Any

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body in short, for messages."""
        said = self.content if isinstance(self.content, str) else json.dumps(self.content)
        return said if len(said) <= 300 else said[:300] + "..."


class JsonHttp:
    """One keep-alive pool for one service. Sends each request once; URL and headers may hold a key and are
    never shown: `name` is the masked URL. No answer is read beyond `max_size` bytes. An async context
    manager."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 15.0,
        max_size: int = _LARGEST,
    ) -> None:
        self.name = mask_url(url)
        self._url = url.rstrip("/")
        self._headers = dict(headers or {})
        self._timeout = timeout
        self._max_size = max_size
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Answer:
        """GET. Raises `TransportError` when there is no answer, or one of the server's own trouble."""
        answer = await self._ask("GET", path, params=query or {})
        if answer.status >= 500:
            raise ConnectionLostError(
                f"{self.name} is not able to answer (HTTP {answer.status})", endpoint=self.name
            )
        return answer

    async def post(self, path: str, content: Any) -> Answer:
        """POST, once. Raises `TransportError` when there is no answer: then it may have been taken."""
        return await self._ask("POST", path, json=content)

    async def post_bytes(
        self, body: bytes, headers: Mapping[str, str], query: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """POST exactly these bytes of JSON to the URL itself, once: somebody may have signed them. `query` is
        added to the URL's own. Raises like `post`."""
        typed = {"Content-Type": "application/json", **headers}
        return await self._ask("POST", "", data=body, headers=typed, params=list(query))

    async def _ask(self, method: str, path: str, **content: Any) -> Answer:
        if self._session is None:
            raise ConfigError(f"the session with {self.name} is not open: use it in `async with`")
        with typed_errors(self.name, self._timeout):
            # A redirect would carry the key elsewhere.
            async with self._session.request(
                method, self._url + path, allow_redirects=False, **content
            ) as response:
                body = await self._read_body(response)
        check_pace(self.name, response)
        return Answer(response.status, _decoded(body))

    async def _read_body(self, response: aiohttp.ClientResponse) -> str:
        body = bytearray()
        async for chunk in response.content.iter_chunked(1 << 16):
            body += chunk
            if len(body) > self._max_size:
                raise ConnectionLostError(
                    f"{self.name} answers more than {self._max_size} bytes; check the URL",
                    endpoint=self.name,
                )
        return body.decode(errors="replace")


def _decoded(body: str) -> Any:
    if _is_deep(body):
        return body
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body


def _is_deep(body: str) -> bool:
    """Whether it is nested so that decoding it could run out of stack, which no error would tell of."""
    if body.count("[") + body.count("{") <= _DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(body):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > _DEEPEST:
            return True
    return False
