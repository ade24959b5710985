"""The public mempool as others see it: what was sent to everybody, and who wants to hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count

from trimtab.tx.opening import OpenedTx
from trimtab.world.relay.offers import Kind, Offer, Step


class Mempool:
    """Public transactions in their order of arrival. The node says which are still there; we know the bytes,
    and tell each listener of each transaction once."""

    def __init__(self, turns: Iterator[int]) -> None:
        self._turns = turns
        self._waiting: dict[str, tuple[int, OpenedTx]] = {}
        self._announced: set[str] = set()
        self._filters: dict[str, list[str]] = {}
        self._listeners: list[asyncio.Queue[str]] = []
        self._numbers = count(1)

    def add(self, tx: OpenedTx) -> None:
        """The node took it: everybody sees it from now on."""
        self._waiting.setdefault(tx.tx_hash, (next(self._turns), tx))
        if tx.tx_hash not in self._announced:
            self._announced.add(tx.tx_hash)
            for heard in self._filters.values():
                heard.append(tx.tx_hash)
            for listener in self._listeners:
                listener.put_nowait(tx.tx_hash)

    def has_seen(self, tx_hash: str) -> bool:
        """Whether it ever was public."""
        return tx_hash in self._announced

    def knows(self, tx_hash: str) -> bool:
        """Whether its bytes are at hand."""
        return tx_hash in self._waiting

    def keep_only(self, hashes: Iterable[str]) -> None:
        """The others are mined, replaced or dropped."""
        kept = set(hashes)
        self._waiting = {h: entry for h, entry in self._waiting.items() if h in kept}

    def offers(self) -> list[Offer]:
        """Each transaction for itself. It was promised nothing, so that it may also revert."""
        return [
            Offer(tx_hash, Kind.PUBLIC, (Step(tx, may_revert=True),), turn)
            for tx_hash, (turn, tx) in self._waiting.items()
        ]

    def raws(self) -> list[bytes]:
        """The bytes of all, in their order of arrival."""
        return [tx.raw for _, tx in sorted(self._waiting.values(), key=lambda entry: entry[0])]

    def open_filter(self) -> str:
        """A new eth_newPendingTransactionFilter: its id."""
        number = f"0x{next(self._numbers) << 64 | 0x7E17:x}"  # not one that the node would give
        self._filters[number] = []
        return number

    def has_filter(self, number: object) -> bool:
        return number in self._filters

    def drain(self, number: str) -> list[str]:
        """The hashes since the last time."""
        heard, self._filters[number] = self._filters[number], []
        return heard

    def close_filter(self, number: str) -> None:
        del self._filters[number]

    @contextmanager
    def listening(self) -> Iterator[asyncio.Queue[str]]:
        """A queue of the hashes that become public from now on."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            yield queue
        finally:
            self._listeners.remove(queue)
