"""One node as the client sees it: its transport, its rate, its health, what was sent to it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trimtab.chain.messages import Reply, encode, result_of
from trimtab.chain.options import ClientOptions
from trimtab.chain.transports.base import Request, StreamingTransport, Transport
from trimtab.errors import (
    ConnectionLostError,
    RateLimitedError,
    RpcError,
    RpcTimeoutError,
    TransportError,
    WrongChainError,
)
from trimtab.net import CircuitBreaker, Lane, RateLimiter, TokenBucket


@dataclass(slots=True)
class Stats:
    """What went over the wire. `requests` by method; a batch is one round trip of several requests."""

    requests: Counter[str] = field(default_factory=Counter)
    round_trips: int = 0
    retries: int = 0
    failures: int = 0


_HALF_LIFE = 30.0
_FAILURE_SECONDS = 0.1  # a node that fails at once, but often, is worth less than one that is slow
_LONGEST_REST = 60.0  # a Retry-After beyond it is looked into again: it may have been a mistake

Settled = msgspec.Raw | RpcError | TransportError
"""What became of one request of a batch."""


class Endpoint:
    """Requests to one node, each sent once. Broadcasts use it directly, so that nothing repeats a write."""

    def __init__(
        self,
        transport: Transport,
        options: ClientOptions,
        stats: Stats,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.transport = transport
        self.name = transport.name
        self.breaker = CircuitBreaker(options.breaker, clock)
        self.latency = 0.0
        self._measured_at = clock()
        self.limited_until = 0.0
        self.shunned_until = 0.0
        self.chain_id: int | None = None
        self.expected_chain = options.chain_id
        self._options = options
        self._stats = stats
        self._clock = clock
        self._limiter: RateLimiter | None = None
        if options.requests_per_second is not None:
            self._limiter = RateLimiter(TokenBucket(options.requests_per_second, options.burst, clock))

    def __repr__(self) -> str:
        return f"<Endpoint {self.name} {self.breaker.state}>"

    @property
    def score(self) -> float:
        """What nodes are chosen by, smaller is better: seconds of latency and for failures, half forgotten
        every `_HALF_LIFE`, so that a node that was unwell once is tried again."""
        return float(self.latency * 0.5 ** ((self._clock() - self._measured_at) / _HALF_LIFE))

    @property
    def limited_for(self) -> float:
        """Seconds that the node asked to be left alone yet."""
        return max(0.0, self.limited_until - self._clock())

    @property
    def rests_until(self) -> float:
        """When it may be chosen again, on its clock."""
        return max(self.limited_until, self.shunned_until, self.breaker.retry_at)

    @property
    def is_resting(self) -> bool:
        """Whether reads should go elsewhere: it asked for it, or it was found on another chain."""
        return max(self.limited_until, self.shunned_until) > self._clock()

    def shun(self, seconds: float) -> None:
        """Let reads go elsewhere for so long."""
        self.shunned_until = self._clock() + seconds

    async def request(self, method: str, params: Sequence[Any] = (), *, timeout: float | None = None) -> Any:
        """The result as Python objects, after checking the chain; never retried."""
        limit = self._options.timeout if timeout is None else timeout
        if self.chain_id is None and self.expected_chain is not None:
            await self.check_chain(self.expected_chain, limit)
        return msgspec.json.decode(await self.send(method, encode(list(params)), limit, Lane.URGENT))

    async def request_batch(
        self, requests: Sequence[tuple[str, Sequence[Any]]], *, timeout: float | None = None
    ) -> list[Any]:
        """Like `request` for several at once, as one JSON-RPC batch if they are more than one: the errors of
        single requests are returned in their places. Raises `TransportError` when no answer came."""
        limit = self._options.timeout if timeout is None else timeout
        if self.chain_id is None and self.expected_chain is not None:
            await self.check_chain(self.expected_chain, limit)
        encoded = [(method, encode(list(params))) for method, params in requests]
        if len(encoded) == 1:
            try:
                return [msgspec.json.decode(await self.send(*encoded[0], limit, Lane.URGENT))]
            except RpcError as error:
                return [error]
        results = await self.send_batch(encoded, limit, Lane.URGENT)
        return [item if isinstance(item, Exception) else msgspec.json.decode(item) for item in results]

    async def check_chain(self, expected: int | None, timeout: float) -> int:
        """Ask for the chain id once. Raises `WrongChainError` when it is not the expected one (None: any)."""
        if self.chain_id is None:
            result = msgspec.json.decode(await self.send("eth_chainId", b"[]", timeout))
            try:
                self.chain_id = int(result, 16)
            except (TypeError, ValueError) as error:
                message = f"{self.name} says that its chain id is {result!r}; is it a node?"
                raise ConnectionLostError(message, endpoint=self.name) from error
        if expected is not None and self.chain_id != expected:
            actual, self.chain_id = self.chain_id, None
            raise WrongChainError(
                f"{self.name} serves chain {actual}, expected {expected}; check its URL or the chain id",
                expected=expected,
                actual=actual,
            )
        return self.chain_id

    async def send(self, method: str, params: bytes, timeout: float, lane: Lane = Lane.NORMAL) -> msgspec.Raw:
        """The result as JSON. Raises `TransportError` or `RpcError`."""
        start = self._clock()
        if self._limiter is not None:
            timeout -= await self._wait_turn(timeout, 1, lane)
        self._stats.requests[method] += 1
        self._stats.round_trips += 1
        try:
            result = result_of(await self.transport.send(method, params, timeout), method, self.name)
        except TransportError as error:
            self._note_failure(error)
            raise
        except RpcError:
            self.breaker.record_success()  # it answered
            raise
        self.breaker.record_success()
        remembered = self.score
        self._measure(remembered + (self._clock() - start - remembered) * 0.2)
        return result

    async def send_batch(
        self, requests: Sequence[Request], timeout: float, lane: Lane = Lane.NORMAL
    ) -> list[Settled]:
        """Results as JSON, with the errors of single requests in their places. A node that answers the whole
        batch with one error gives that one error object in all places."""
        if self._limiter is not None:
            timeout -= await self._wait_turn(timeout, len(requests), lane)
        self._stats.requests.update(method for method, _ in requests)
        self._stats.round_trips += 1
        try:
            replies = await self.transport.send_batch(requests, timeout)
        except TransportError as error:
            self._note_failure(error)
            raise
        if len(replies) > 1 and all(reply is replies[0] for reply in replies):
            settled = [self._settle(replies[0], requests[0][0])] * len(replies)
        else:
            settled = [self._settle(r, method) for (method, _), r in zip(requests, replies, strict=True)]
        failure = next((s for s in settled if isinstance(s, TransportError)), None)
        if failure is None:
            self.breaker.record_success()
        else:
            self._note_failure(failure)
        return settled

    @asynccontextmanager
    async def subscribe(self, params: bytes) -> AsyncIterator[AsyncIterator[msgspec.Raw]]:
        """A subscription on a streaming transport, after checking the chain. It raises
        `ConnectionLostError` when the connection is lost."""
        assert isinstance(self.transport, StreamingTransport)
        if self.chain_id is None and self.expected_chain is not None:
            await self.check_chain(self.expected_chain, self._options.timeout)
        self._stats.requests["eth_subscribe"] += 1
        self._stats.round_trips += 1
        async with AsyncExitStack() as stack:
            try:
                stream = await stack.enter_async_context(
                    self.transport.subscribe(params, self._options.timeout)
                )
            except TransportError as error:
                self._note_failure(error)
                raise
            self.breaker.record_success()
            yield stream

    def _settle(self, reply: Reply, method: str) -> Settled:
        try:
            return result_of(reply, method, self.name)
        except (RpcError, TransportError) as error:
            return error

    async def _wait_turn(self, timeout: float, tokens: int, lane: Lane) -> float:
        """Seconds spent waiting for our own rate limit. Raises `RateLimitedError` past the deadline."""
        assert self._limiter is not None
        start = self._clock()
        try:
            async with asyncio.timeout(timeout):
                await self._limiter.acquire(tokens, lane)
        except TimeoutError as error:
            message = f"our own limit of {self._options.requests_per_second} requests/s to {self.name}"
            raise RateLimitedError(
                f"{message} left no turn in {timeout:.3g} s", endpoint=self.name
            ) from error
        return self._clock() - start

    def _note_failure(self, error: TransportError) -> None:
        self._stats.failures += 1
        if isinstance(error, RateLimitedError):
            rest = min(error.retry_after or 0.0, _LONGEST_REST)
            self.limited_until = max(self.limited_until, self._clock() + rest)
            if self._limiter is not None and rest:
                self._limiter.pause(rest)
        else:
            self.breaker.record_failure()
            self._measure(self.score + (1.0 if isinstance(error, RpcTimeoutError) else _FAILURE_SECONDS))

    def _measure(self, latency: float) -> None:
        self.latency = latency
        self._measured_at = self._clock()
