"""Hides what the node tells of blocks that were only tried: nobody but the builder shall see those. Pure.

A trial block and the block that is made of it in the end can be the same to the last byte. So a hash is
hidden until a block of that hash stays, and what a stream has told once it does not tell again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

_MEMORY = 4096


class Veil:
    """What must not be seen."""

    def __init__(self) -> None:
        self._hidden: set[str] = set()

    def hide(self, block_hash: str) -> None:
        """A block was tried and taken back."""
        self._hidden.add(block_hash)

    def show(self, block_hash: str) -> None:
        """A block stays."""
        self._hidden.discard(block_hash)

    def is_hidden(self, item: Any) -> bool:
        """Whether a block's hash, a head or a log belongs to a block that was only tried."""
        return _block_of(item) in self._hidden


class Stream:
    """What one filter or one subscription has told."""

    def __init__(self, veil: Veil) -> None:
        self._veil = veil
        self._told: OrderedDict[object, None] = OrderedDict()

    def passes(self, item: Any) -> bool:
        """Whether the item may be told, which it is by that."""
        if self._veil.is_hidden(item):
            return False
        key = _key(item)
        if key is None:
            return True
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > _MEMORY:
            self._told.popitem(last=False)
        return True

    def keep(self, items: Iterable[Any]) -> list[Any]:
        """Those that may be told."""
        return [item for item in items if self.passes(item)]


def _block_of(item: Any) -> object:
    if isinstance(item, Mapping):
        return item.get("blockHash") or item.get("hash")
    return item


def _key(item: Any) -> object:
    """What makes an item itself; None for what may be told twice (a log that is taken back)."""
    if not isinstance(item, Mapping):
        return item
    if "logIndex" in item:
        return None if item.get("removed") else (item.get("blockHash"), item.get("logIndex"))
    return item.get("hash")
