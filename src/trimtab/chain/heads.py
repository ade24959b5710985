"""New heads, one after the other: by subscription, by polling where there is none; gaps filled, reorgs told.

Every block that joins the canonical chain is given exactly once, in order. When blocks leave it, a
`ReorgNotice` comes first, then the blocks that replaced them.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

import msgspec

from trimtab.chain import wire
from trimtab.chain.messages import encode
from trimtab.chain.options import ClientOptions
from trimtab.chain.receipt import Block
from trimtab.chain.transports.base import StreamingTransport
from trimtab.chain.transports.endpoint import Endpoint
from trimtab.chain.transports.failover import Failover
from trimtab.errors import ConnectionLostError, ReorgError, RpcError, TransportError

_BATCH = 100


@dataclass(frozen=True, slots=True)
class ReorgNotice:
    """Blocks left the chain. `dropped` is in the old order; `added` follows as heads of their own."""

    common_ancestor: Block
    dropped: tuple[Block, ...]
    added: tuple[Block, ...]


Head = Block | ReorgNotice


class HeadTracker:
    """The recent canonical chain, and what a new tip changes in it. Pure."""

    def __init__(self, history: int) -> None:
        self._chain: deque[Block] = deque(maxlen=history)

    @property
    def tip(self) -> Block | None:
        return self._chain[-1] if self._chain else None

    @property
    def oldest(self) -> int:
        """The lowest number remembered."""
        return self._chain[0].number if self._chain else 0

    def find(self, block_hash: str) -> Block | None:
        """A remembered canonical block."""
        return next((block for block in reversed(self._chain) if block.hash == block_hash), None)

    def extend(self, branch: list[Block]) -> list[Head]:
        """Take blocks that join on to a remembered one (or start the chain): what there is to tell."""
        if not self._chain:
            self._chain.extend(branch)
            return list(branch)
        ancestor = self.find(branch[0].parent_hash)
        assert ancestor is not None, "the caller joins the branch to the chain"
        dropped: list[Block] = []
        while self._chain[-1] != ancestor:
            dropped.insert(0, self._chain.pop())
        self._chain.extend(branch)
        notice = [ReorgNotice(ancestor, tuple(dropped), tuple(branch))] if dropped else []
        return [*notice, *branch]


class HeadWatcher:
    """Follows the chain through losses of connection."""

    def __init__(self, failover: Failover, options: ClientOptions) -> None:
        self._failover = failover
        self._options = options
        self._tracker = HeadTracker(options.head_history)
        self._rng = random.Random()

    async def watch(self) -> AsyncGenerator[Head, None]:
        """Heads from the present one on. Raises the last `TransportError` after `outage_timeout` seconds."""
        attempt = 0
        lost_at: float | None = None
        while True:
            try:
                async with aclosing(self._tips()) as tips:
                    async for tip in tips:
                        news = await self._follow(tip)
                        attempt, lost_at = 0, None
                        for head in news:
                            yield head
            except TransportError:
                now = asyncio.get_running_loop().time()
                lost_at = now if lost_at is None else lost_at
                if now - lost_at > self._options.outage_timeout:
                    raise
                await asyncio.sleep(self._options.backoff.delay(attempt, rng=self._rng))
                attempt += 1

    async def _tips(self) -> AsyncGenerator[Block, None]:
        """New tips as the node tells them. Some may be missing, repeated, or from another branch."""
        endpoint = self._streaming_endpoint()
        if endpoint is not None:
            try:
                async with endpoint.subscribe(b'["newHeads"]') as stream:
                    # What was mined before the subscription (or during an outage) is fetched first.
                    yield await self._latest()
                    async for tip in self._pushed(stream):
                        yield tip
            except RpcError:  # this node has no subscriptions
                self._failover.no_subscriptions.add(endpoint)
        while True:
            yield await self._latest()
            await asyncio.sleep(self._options.poll_interval)
            if self._streaming_endpoint() is not None:
                return  # a node that can push has rested long enough: try it again

    async def _pushed(self, stream: AsyncIterator[msgspec.Raw]) -> AsyncIterator[Block]:
        """Pushed heads; a silent stream is doubted and compared with the latest block."""
        while True:
            try:
                async with asyncio.timeout(self._options.head_silence):
                    pushed = await anext(stream)
            except TimeoutError as error:
                latest = await self._latest()
                if self._tracker.tip is not None and self._tracker.find(latest.hash) is None:
                    message = "the subscription to new heads fell silent while the chain went on"
                    raise ConnectionLostError(message) from error
                continue
            block = wire.decode_block(pushed)
            if block is not None:
                yield block

    def _streaming_endpoint(self) -> Endpoint | None:
        candidates = [
            endpoint
            for endpoint in self._failover.endpoints
            if isinstance(endpoint.transport, StreamingTransport)
            and endpoint not in self._failover.no_subscriptions
            and endpoint.breaker.allows()
        ]
        return self._failover.best(candidates) if candidates else None

    async def _latest(self) -> Block:
        result = await self._failover.send("eth_getBlockByNumber", b'["latest",false]')
        return _present(wire.decode_block(result), "latest")

    async def _follow(self, tip: Block) -> list[Head]:
        """What a new tip changes, after fetching the blocks between."""
        known = self._tracker.tip
        if known is None:
            return self._tracker.extend([tip])
        if self._tracker.find(tip.hash) is not None:
            return []  # told already, or a node that lags behind
        if tip.number < self._tracker.oldest:  # pushed so late that it is forgotten: the latest counts
            tip = await self._latest()
            if self._tracker.find(tip.hash) is not None:
                return []
        branch = [tip]
        if tip.number > known.number + 1:
            branch = await self._fill(known.number + 1, tip)
        while self._tracker.find(branch[0].parent_hash) is None:
            if branch[0].number <= self._tracker.oldest:
                depth = self._options.head_history
                message = f"block {branch[0].number} does not join the last {depth}; read all state again"
                raise ReorgError(message, number=branch[0].number, block_hash=branch[0].hash)
            branch.insert(0, await self._by_hash(branch[0].parent_hash))
        return self._tracker.extend(branch)

    async def _fill(self, first: int, tip: Block) -> list[Block]:
        """The blocks from `first` to the tip, read by number and kept as far down as they link."""
        blocks = [tip]
        for end in range(tip.number - 1, first - 1, -_BATCH):
            numbers = range(end, max(first, end - _BATCH + 1) - 1, -1)
            requests = [("eth_getBlockByNumber", encode([hex(n), False])) for n in numbers]
            for result in await self._failover.send_batch(requests):
                if isinstance(result, Exception):
                    raise result
                block = wire.decode_block(result)
                if block is None or block.hash != blocks[0].parent_hash:
                    return blocks  # the chain moved meanwhile: the rest is walked by hash
                blocks.insert(0, block)
        return blocks

    async def _by_hash(self, block_hash: str) -> Block:
        result = await self._failover.send("eth_getBlockByHash", encode([block_hash, False]))
        return _present(wire.decode_block(result), block_hash)


def _present(block: Block | None, asked: str) -> Block:
    """Nodes answer null for a moment while they switch branches: then the walk begins again."""
    if block is None:
        raise ConnectionLostError(f"the node has no block {asked} just now; it may be switching branches")
    return block
