"""The records of each intent, as they became durable: for those who follow it, and for compactions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from trimtab.tx import records as r

RECENT = 256
"""Stories of intents that have ended which stay in memory; older ones are read from the journal."""
ALONE: frozenset[type] = frozenset(
    {
        r.Archived,
        r.NonceRaised,
        r.GapFound,
        r.ChainNamed,
        r.Halted,
        r.Resumed,
        r.Paused,
        r.Unpaused,
        r.Forgone,
        r.GivenUp,
        r.NoncesNoted,
    }
)
"""Records that belong to no intent, or are all that is known of one."""
_ENDS: frozenset[type] = frozenset({r.Final, r.Released, r.Refused})


class Stories:
    """`flying` are the stories of intents without an end yet, each since it was last submitted."""

    def __init__(self) -> None:
        self.flying: dict[str, list[r.Durable]] = {}
        self.size = 0
        self._ended: dict[str, list[r.Durable]] = {}
        self._holders: dict[int, str] = {}
        self._readers: dict[str, asyncio.Event] = {}
        self._stopped: Exception | None = None

    def take(self, record: r.Durable) -> None:
        """A record that is durable."""
        if type(record) in ALONE:
            return
        key = self._key_of(record)
        if isinstance(record, r.Submitted):
            self.size -= len(self.flying.get(key, ()))
            self.flying[key] = []
        elif isinstance(record, r.Reclaimed) and key not in self.flying:  # else it was wanted again
            self.flying[key] = self._ended.pop(key, [])
            self.size += len(self.flying[key])
        self.flying[key].append(record)
        self.size += 1
        if type(record) in _ENDS:
            self._end(key)
        if self._readers and (reader := self._readers.pop(key, None)) is not None:
            reader.set()

    def through(self, records: Iterable[r.Durable]) -> Iterator[r.Durable]:
        """The same records, taken on the way."""
        for record in records:
            self.take(record)
            yield record

    def of(self, key: str) -> list[r.Durable] | None:
        """The story of `key`, which grows; None when it is not in memory."""
        return self.flying.get(key) or self._ended.get(key)

    async def grow(self, key: str) -> None:
        """Wait for the next record of `key`. Raises what stopped the sender."""
        if self._stopped is not None:
            raise self._stopped
        await self._readers.setdefault(key, asyncio.Event()).wait()
        if self._stopped is not None:
            raise self._stopped

    def stop(self, reason: Exception) -> None:
        """No record comes any more: let whoever waits know why."""
        self._stopped = self._stopped or reason
        readers, self._readers = self._readers, {}
        for reader in readers.values():
            reader.set()

    def _key_of(self, record: Any) -> str:
        match record:
            case r.Reserved(nonce=nonce, key=key) | r.Reclaimed(nonce=nonce, key=key):
                self._holders[nonce] = key
                return key
            case r.Released(nonce=nonce) | r.Final(nonce=nonce):
                return self._holders.pop(nonce)
        return getattr(record, "key", None) or self._holders[record.nonce]

    def _end(self, key: str) -> None:
        story = self.flying.pop(key)
        self.size -= len(story)
        self._ended.pop(key, None)
        self._ended[key] = story
        if len(self._ended) > RECENT:
            del self._ended[next(iter(self._ended))]


def pick_story(records: Iterable[r.Durable], key: str) -> Iterator[r.Durable | None]:
    """The records of `key` as they pass by, of all its tries; None for each that is another's."""
    nonce: int | None = None
    for record in records:
        match record:
            case r.Reserved() | r.Reclaimed() if record.key == key:
                nonce = record.nonce
            case r.Archived(intent=intent) if intent.key == key:
                yield record
                continue
        holds = type(record) not in ALONE and nonce is not None and getattr(record, "nonce", None) == nonce
        yield record if holds or getattr(record, "key", None) == key else None
        if holds and isinstance(record, r.Released | r.Final):
            nonce = None
