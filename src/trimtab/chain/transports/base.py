"""What a transport is: JSON-RPC bytes out, replies back, each request sent exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

import msgspec

from trimtab.chain.messages import Reply

Request = tuple[str, bytes]
"""A method and its parameters as a JSON array."""


@runtime_checkable
class Transport(Protocol):
    """A way to one node. It retries nothing; its errors are `TransportError`s that never show a secret.

    `name` is fit for logs. A reply with a JSON-RPC error is returned, not raised.
    """

    name: str

    async def send(self, method: str, params: bytes, timeout: float) -> Reply: ...
    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]: ...
    async def close(self) -> None: ...


@runtime_checkable
class StreamingTransport(Transport, Protocol):
    """A transport on which the node can push."""

    def subscribe(
        self, params: bytes, timeout: float
    ) -> AbstractAsyncContextManager[AsyncIterator[msgspec.Raw]]:
        """eth_subscribe. The stream raises `ConnectionLostError` when the connection is lost."""
        ...
