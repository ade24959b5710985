"""Several nodes as one: reads go to the healthiest and move on when it fails; writes go once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from typing import TypeVar

import msgspec

from trimtab.chain.options import ClientOptions
from trimtab.chain.transports.base import Request
from trimtab.chain.transports.endpoint import Endpoint, Settled, Stats
from trimtab.errors import ConnectionLostError, RateLimitedError, RpcError, TransportError, WrongChainError
from trimtab.net import Lane

T = TypeVar("T")

# Only what is known to change nothing is ever repeated: an unknown method counts as a write.
READ_METHODS = frozenset(
    [
        *("eth_accounts", "eth_blobBaseFee", "eth_blockNumber", "eth_call", "eth_chainId"),
        *("eth_createAccessList", "eth_estimateGas", "eth_feeHistory", "eth_gasPrice", "eth_getBalance"),
        *("eth_getBlockByHash", "eth_getBlockByNumber", "eth_getBlockReceipts", "eth_getCode"),
        *("eth_getBlockTransactionCountByHash", "eth_getBlockTransactionCountByNumber", "eth_getLogs"),
        *("eth_getProof", "eth_getStorageAt", "eth_getTransactionByBlockHashAndIndex"),
        *("eth_getTransactionByBlockNumberAndIndex", "eth_getTransactionByHash"),
        *("eth_getTransactionCount", "eth_getTransactionReceipt", "eth_maxPriorityFeePerGas"),
        *("eth_simulateV1", "eth_syncing", "net_version", "web3_clientVersion", "web3_sha3"),
        *("debug_traceCall", "debug_traceTransaction", "debug_traceBlockByNumber"),
        *("debug_traceBlockByHash", "trace_block", "trace_call", "trace_transaction"),
        *("txpool_content", "txpool_contentFrom", "txpool_status", "anvil_nodeInfo"),
    ]
)

# The node is behind, or has pruned: another node may know.
_LAGGING = ("header not found", "missing trie node", "unknown block", "block not found", "is not available")


class Failover:
    """The endpoints of one chain. Reads are retried inside a deadline; everything else is sent once."""

    def __init__(self, endpoints: Sequence[Endpoint], options: ClientOptions, stats: Stats) -> None:
        self.endpoints = tuple(endpoints)
        self._options = options
        self._stats = stats
        self._rng = random.Random()
        self.no_subscriptions: set[Endpoint] = set()
        self.lane = Lane.NORMAL

    def in_lane(self, lane: Lane) -> Failover:
        """The same endpoints, for reads that go in another lane."""
        view = copy(self)
        view.lane = lane
        return view

    async def send(
        self, method: str, params: bytes, *, timeout: float | None = None, lane: Lane | None = None
    ) -> msgspec.Raw:
        """The result as JSON. `lane` decides who goes first where the rate is limited; writes always do."""
        limit = self._options.timeout if timeout is None else timeout
        chosen = self.lane if lane is None else lane
        if method in READ_METHODS:
            return await self._read(lambda endpoint, left: endpoint.send(method, params, left, chosen), limit)
        endpoint = self.best(self.endpoints)
        await self._verify(endpoint, limit)
        return await endpoint.send(method, params, limit, Lane.URGENT)

    async def send_batch(self, requests: Sequence[Request], *, lane: Lane | None = None) -> list[Settled]:
        """One JSON-RPC batch, retried (also when a part of it was not answered) only when all are reads. What
        a node will not read together is asked one by one. With a write all of it goes first, and once."""
        limit = self._options.timeout
        chosen = self.lane if lane is None else lane
        if all(method in READ_METHODS for method, _ in requests):
            return await self._read(lambda node, left: _read_batch(node, requests, left, chosen), limit)
        endpoint = self.best(self.endpoints)
        await self._verify(endpoint, limit)
        return await endpoint.send_batch(requests, limit, Lane.URGENT)

    async def open(self) -> int:
        """The chain id, from the first endpoint that answers. Raises `WrongChainError`."""

        async def check(endpoint: Endpoint, left: float) -> int:
            return await endpoint.check_chain(endpoint.expected_chain, left)

        chain_id = await self._read(check, self._options.timeout)
        for endpoint in self.endpoints:
            endpoint.expected_chain = chain_id
        return chain_id

    async def close(self) -> None:
        """Close every transport."""
        for endpoint in self.endpoints:
            await endpoint.transport.close()

    def best(self, candidates: Sequence[Endpoint]) -> Endpoint:
        """The quickest of those that do not rest and whose breaker lets through; the first to come back when
        none does."""
        if len(candidates) == 1:
            return candidates[0]
        open_ones = [e for e in candidates if e.breaker.allows() and not e.is_resting]
        if open_ones:
            return min(open_ones, key=lambda e: e.score)
        return min(candidates, key=lambda e: e.rests_until)

    async def _verify(self, endpoint: Endpoint, timeout: float) -> None:
        if endpoint.chain_id is None and endpoint.expected_chain is not None:
            await endpoint.check_chain(endpoint.expected_chain, timeout)

    async def _read(self, ask: Callable[[Endpoint, float], Awaitable[T]], timeout: float) -> T:
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        untried = self._awake()
        attempt = 0
        stray: WrongChainError | None = None
        while True:
            endpoint = self.best(untried)
            await self._let_rest(endpoint, deadline - clock())
            left = deadline - clock()
            if len(self.endpoints) > 1:  # leave time for the others
                left = min(left, self._options.attempt_timeout)
            try:
                if endpoint.chain_id is None:
                    await self._verify(endpoint, left)
                self._claim(endpoint)
                return await ask(endpoint, left)
            except (TransportError, RpcError, WrongChainError) as error:
                if not self._may_move_on(error, endpoint, len(untried)):
                    raise
                if isinstance(error, WrongChainError):
                    stray = error
                untried.remove(endpoint)
                wait = 0.0
                if not untried:  # a whole round failed: slow down before the next
                    untried = self._awake()
                    rest = min(other.limited_for for other in untried) or None
                    wait = self._options.backoff.delay(attempt, rng=self._rng, retry_after=rest)
                    attempt += 1
                if attempt >= self._options.max_attempts or clock() + wait >= deadline:
                    if stray is None or stray is error:
                        raise
                    raise stray from error  # a wrong setting is the better news
                self._stats.retries += 1
                await asyncio.sleep(wait)

    def _awake(self) -> list[Endpoint]:
        """Who may be asked in a round: all that do not rest, else the first to come back."""
        awake = [endpoint for endpoint in self.endpoints if not endpoint.is_resting]
        return awake or [min(self.endpoints, key=lambda endpoint: endpoint.rests_until)]

    async def _let_rest(self, endpoint: Endpoint, left: float) -> None:
        """Ask nothing of a node before it said that it may be asked. Raises `RateLimitedError` when that is
        past the deadline."""
        rest = endpoint.limited_for
        if rest >= left:
            message = f"{endpoint.name} asked to slow down, and may be asked again in {rest:.3g} s"
            raise RateLimitedError(message, endpoint=endpoint.name, retry_after=rest)
        if rest:
            await asyncio.sleep(rest)

    def _claim(self, endpoint: Endpoint) -> None:
        """With one node there is nowhere else to go: it is always tried, and back-off alone spares it."""
        if not endpoint.breaker.acquire() and len(self.endpoints) > 1:
            message = f"{endpoint.name} failed repeatedly and rests for a moment; is the node up?"
            raise ConnectionLostError(message, endpoint=endpoint.name)

    def _may_move_on(self, error: Exception, endpoint: Endpoint, untried: int) -> bool:
        if isinstance(error, WrongChainError):  # it is asked again after a while: it may be set right
            endpoint.shun(self._options.breaker.cap)
            return untried > 1
        if isinstance(error, RpcError):
            words = error.text.lower()
            return untried > 1 and any(w in words for w in _LAGGING)
        return True


async def _read_batch(
    endpoint: Endpoint, requests: Sequence[Request], timeout: float, lane: Lane
) -> list[Settled]:
    """A batch of reads from one node. Raises `TransportError` when a part of it was not answered."""
    results = await endpoint.send_batch(requests, timeout, lane)
    if len(results) > 1 and isinstance(results[0], RpcError) and all(r is results[0] for r in results):
        alone = (endpoint.send(method, params, timeout, lane) for method, params in requests)
        results = [_settled(result) for result in await asyncio.gather(*alone, return_exceptions=True)]
    for result in results:
        if isinstance(result, TransportError):
            raise result
    return results


def _settled(result: msgspec.Raw | BaseException) -> Settled:
    if isinstance(result, BaseException) and not isinstance(result, RpcError | TransportError):
        raise result
    return result
