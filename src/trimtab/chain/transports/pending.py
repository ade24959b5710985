"""Requests in flight on one connection: replies find their callers by id, deadlines are kept for all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from trimtab.chain.messages import Reply, order_batch
from trimtab.errors import RpcTimeoutError, TransportError

_TICK = 0.05


class Pending:
    """Futures by request id. One timer watches every deadline: a request costs no timer of its own."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int | str | None, tuple[asyncio.Future[Reply], float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, number: int, timeout: float) -> asyncio.Future[Reply]:
        """The future of a reply; it fails with `RpcTimeoutError` after `timeout` seconds."""
        loop = self._loop
        future: asyncio.Future[Reply] = loop.create_future()
        self._waiting[number] = (future, loop.time() + timeout)
        if self._timer is None:
            self._timer = loop.call_later(_TICK, self._sweep)
        return future

    def resolve(self, reply: Reply) -> None:
        """Give a reply to its caller, who may be gone."""
        waiting = self._waiting.pop(reply.id, None)
        if waiting is not None and not waiting[0].done():
            waiting[0].set_result(reply)

    def resolve_batch(self, replies: Sequence[Reply]) -> None:
        """Give every reply of a batch to its caller."""
        for reply in replies:
            self.resolve(reply)

    def fail(self, error: TransportError) -> None:
        """The connection is gone: nobody waiting will be answered."""
        waiting, self._waiting = self._waiting, {}
        for future, _ in waiting.values():
            if not future.done():
                future.set_exception(type(error)(str(error), endpoint=error.endpoint))
                future.exception()  # a caller that was cancelled never asks
        self.close()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sweep(self) -> None:
        now = self._loop.time()
        late = [n for n, (future, deadline) in self._waiting.items() if now >= deadline or future.done()]
        for number in late:
            future, _ = self._waiting.pop(number)
            if not future.done():
                message = f"{self._endpoint} did not answer in time"
                future.set_exception(RpcTimeoutError(message, endpoint=self._endpoint))
        self._timer = self._loop.call_later(_TICK, self._sweep) if self._waiting else None


async def gather_batch(futures: Sequence[asyncio.Future[Reply]], first: int, endpoint: str) -> list[Reply]:
    """The replies of a batch in the order of its requests."""
    replies = await asyncio.gather(*futures)
    return order_batch(replies, first, len(futures), endpoint)
