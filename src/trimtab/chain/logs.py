"""Event logs over any range: ranges split themselves when a node refuses; ordered, no gap, no duplicate."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Sequence
from typing import Any

from trimtab.chain import wire
from trimtab.chain.messages import encode
from trimtab.chain.options import ClientOptions
from trimtab.chain.receipt import Log
from trimtab.chain.transports.failover import Failover
from trimtab.errors import ReorgError, RpcError, RpcTimeoutError
from trimtab.model.ids import Address
from trimtab.net import Lane

Topic = bytes | str | Sequence[bytes | str] | None
"""One topic, any of several, or None for any."""

# How nodes and providers say "ask for less", by their own words. geth: "query returned more than 10000
# results" (-32005), "query timeout exceeded"; Alchemy: "log response size exceeded"; Infura: "query returned
# more than"; QuickNode: "limited to a 10,000 range"; Erigon and Nethermind: "range"; Ankr, BSC: "exceed
# maximum block range"; Cloudflare: "response too large"; reth: "query exceeds max".
REFUSALS = (
    "more than",
    "block range",
    "range is too",
    "range too",
    "range limit",
    "max range",
    "range exceed",
    "limited to",
    "size exceeded",
    "size limit",
    "too large",
    "too many",
    "too big",
    "exceeds max",
    "exceed max",
    "max results",
    "limit exceeded",
    "query timeout",
    "timed out",
    "timeout",
    "deadline exceeded",
)
# Words that contain one of the above but that no smaller range can mend.
_NOT_REFUSALS = ("beyond", "invalid block range", "future", "reverted")

_SUGGESTED = re.compile(r"\[\s*0x([0-9a-fA-F]+)\s*,\s*0x([0-9a-fA-F]+)\s*\]")


def is_refusal(error: RpcError) -> bool:
    """True when the node asks for a smaller range."""
    words = error.text.lower()
    if any(w in words for w in _NOT_REFUSALS):
        return False
    return error.code == -32005 or any(w in words for w in REFUSALS)


def split_range(first: int, last: int, error: Exception) -> int:
    """The last block of the first part: the node's own suggestion when it makes one, else the middle."""
    if isinstance(error, RpcError) and (match := _SUGGESTED.search(error.text)):
        low, high = int(match[1], 16), int(match[2], 16)
        if low == first and first <= high < last:
            return high
    return (first + last) // 2


def topic_filter(topics: Sequence[Topic]) -> list[Any]:
    """Topics as JSON-RPC wants them."""
    return [_topic(topic) for topic in topics]


def _topic(topic: Topic) -> Any:
    if topic is None or isinstance(topic, str):
        return topic
    if isinstance(topic, (bytes, bytearray)):
        return f"0x{topic.hex()}"
    return [_topic(one) for one in topic]


class LogReader:
    """Reads logs in parts, a few at a time, and learns how large a part the node takes."""

    def __init__(self, failover: Failover, options: ClientOptions) -> None:
        self._failover = failover
        self._options = options
        self._range = options.log_range
        self._rng = random.Random()
        # Much is read at once: it lets others go first, unless the caller chose a lane.
        self._lane = Lane.BACKGROUND if failover.lane is Lane.NORMAL else failover.lane

    async def read(
        self,
        addresses: Address | Sequence[Address],
        topics: Sequence[Topic],
        from_block: int,
        to_block: int,
    ) -> list[Log]:
        """Logs in order of block and index. Raises `ReorgError` when the chain changed while reading."""
        rule: dict[str, Any] = {"topics": topic_filter(topics)}
        if addresses:
            rule["address"] = addresses if isinstance(addresses, str) else list(addresses)
        turns = asyncio.Semaphore(self._options.log_concurrency)
        step = self._range
        parts = [(first, min(first + step - 1, to_block)) for first in range(from_block, to_block + 1, step)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._read_part(rule, *part, to_block, turns)) for part in parts]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        self._range = min(self._options.log_range, self._range * 2)
        logs = [log for task in tasks for log in task.result()]
        check_one_chain(logs)
        return logs

    async def _read_part(
        self, rule: dict[str, Any], first: int, last: int, end: int, turns: asyncio.Semaphore
    ) -> list[Log]:
        """One range, halved as often as the node refuses it."""
        try:
            async with turns:
                query = {**rule, "fromBlock": hex(first), "toBlock": hex(last)}
                if last == end:
                    result = await self._ask_at_head(query, end)
                else:
                    result = await self._failover.send("eth_getLogs", encode([query]), lane=self._lane)
        except (RpcError, RpcTimeoutError) as error:
            if first == last or (isinstance(error, RpcError) and not is_refusal(error)):
                raise
            middle = split_range(first, last, error)
            self._range = max(1, min(self._range, middle - first + 1))
        else:
            return in_order(wire.decode_log_list(result), first, last)
        before = await self._read_part(rule, first, middle, end, turns)
        return before + await self._read_part(rule, middle + 1, last, end, turns)

    async def _ask_at_head(self, query: dict[str, Any], end: int) -> bytes:
        """The part that ends the range, from a node that has come that far: one that lags behind (another
        endpoint, another machine behind the same URL) would answer without the newest logs, silently."""
        requests = [("eth_blockNumber", b"[]"), ("eth_getLogs", encode([query]))]
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._options.timeout
        attempt = 0
        while True:
            number, result = await self._failover.send_batch(requests, lane=self._lane)
            if isinstance(number, Exception):
                raise number
            if isinstance(result, Exception):
                raise result
            head = wire.decode_int(number)
            if head >= end:
                return result
            wait = self._options.backoff.delay(attempt, rng=self._rng)
            if clock() + wait >= deadline:
                message = f"the node's head is {head}, so logs up to {end} would be incomplete; wait for it"
                raise RpcError(message, code=-32001, method="eth_getLogs")
            await asyncio.sleep(wait)
            attempt += 1


def in_order(logs: Sequence[Log], first: int, last: int) -> list[Log]:
    """Logs of the asked range sorted by block and index, each once."""
    by_place = {(log.block, log.log_index): log for log in logs if first <= log.block <= last}
    return [by_place[place] for place in sorted(by_place)]


def check_one_chain(logs: Sequence[Log]) -> None:
    """Raises `ReorgError` when two logs of one block number come from different blocks."""
    seen: dict[int, str] = {}
    for log in logs:
        if seen.setdefault(log.block, log.block_hash) != log.block_hash:
            raise ReorgError(
                f"block {log.block} changed while its logs were read; read the range again",
                number=log.block,
                block_hash=seen[log.block],
            )
