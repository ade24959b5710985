"""JSON-RPC over HTTP, by aiohttp: one keep-alive pool per node."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

import aiohttp

from trimtab.chain.messages import Reply, decode_batch, decode_reply, encode_batch, encode_request
from trimtab.chain.transports.base import Request
from trimtab.errors import ConnectionLostError, RpcError, RpcTimeoutError
from trimtab.net import mask_url
from trimtab.net.http_errors import check_pace, typed_errors

_HEADERS = {"content-type": "application/json"}
_RESERVE = 8
_SEND = "eth_send"


class HttpTransport:
    """POSTs to one URL. The URL may hold a key and is never shown; `name` is its masked form."""

    def __init__(self, url: str, *, max_connections: int = 64) -> None:
        self.name = mask_url(url)
        self._url = url
        self._limit = max_connections
        # Reads leave some connections free, so that a send never waits behind reads that hang.
        self._reads = asyncio.Semaphore(max(1, max_connections - _RESERVE))
        self._ids = count(1)
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        """One request, one POST."""
        body = encode_request(next(self._ids), method, params)
        payload = await self._post_in_turn(body, timeout, is_send=method.startswith(_SEND))
        return decode_reply(payload, self.name)

    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]:
        """All requests in one POST; the replies in their order."""
        first = next(self._ids)
        self._ids = count(first + len(requests))
        is_send = any(method.startswith(_SEND) for method, _ in requests)
        payload = await self._post_in_turn(encode_batch(first, requests), timeout, is_send=is_send)
        return decode_batch(payload, first, len(requests), self.name)

    async def close(self) -> None:
        """Close every connection, for good: what is asked later fails with `ConnectionLostError`."""
        self._is_closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        if self._is_closed:  # a session that is opened now would never be closed
            raise ConnectionLostError(f"the client of {self.name} is closed; open one", endpoint=self.name)
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._limit),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers=_HEADERS,
            )
        return self._session

    async def _post_in_turn(self, body: bytes, timeout: float, *, is_send: bool) -> bytes:
        if is_send:
            return await self._post(body, timeout)
        if self._reads.locked():
            timeout -= await self._wait_turn(timeout)
        else:
            await self._reads.acquire()
        try:
            return await self._post(body, timeout)
        finally:
            self._reads.release()

    async def _wait_turn(self, timeout: float) -> float:
        """Seconds until a read may go."""
        clock = asyncio.get_running_loop().time
        start = clock()
        try:
            async with asyncio.timeout(timeout):
                await self._reads.acquire()
        except TimeoutError as error:
            message = f"{self.name} left the reads before this one without an answer for {timeout:.3g} s"
            raise RpcTimeoutError(message, endpoint=self.name) from error
        return clock() - start

    async def _post(self, body: bytes, timeout: float) -> bytes:
        session = self._session or self._open_session()
        with typed_errors(self.name, timeout):
            async with session.post(
                self._url,
                data=body,
                timeout=aiohttp.ClientTimeout(total=timeout),
                allow_redirects=False,  # a redirected POST would carry the key elsewhere
            ) as response:
                payload = await response.read()
                if response.status != 200:
                    self._check_status(response, payload)
                return payload

    def _check_status(self, response: aiohttp.ClientResponse, payload: bytes) -> None:
        """Map a status other than 200. A JSON-RPC error in the body is the better answer and passes."""
        status = response.status
        check_pace(self.name, response)
        if payload.lstrip()[:1] in (b"{", b"[") and b'"error"' in payload:
            return
        if status >= 500:
            message = f"{self.name} is not able to answer (HTTP {status})"
            raise ConnectionLostError(message, endpoint=self.name)
        message = f"{self.name} refused the request (HTTP {status}); check the URL and its key"
        raise RpcError(message, code=status)
