"""Recursive length prefix: the bytes of transactions. Source: Ethereum yellow paper, appendix B."""

from __future__ import annotations

from typing import TypeAlias

Item: TypeAlias = "bytes | list[Item]"

_SHORT = 56
_DEEPEST = 8
"""Lists in lists that are read: a transaction nests them four deep."""


def encode_int(value: int) -> bytes:
    """A non-negative integer, big endian without leading zeros; 0 is the empty string."""
    if value < 128:
        if value < 0:
            raise ValueError(f"RLP has no negative integers, got {value}")
        return b"\x80" if value == 0 else value.to_bytes(1, "big")
    size = (value.bit_length() + 7) >> 3
    if size < _SHORT:
        return (128 + size).to_bytes(1, "big") + value.to_bytes(size, "big")
    return encode_bytes(value.to_bytes(size, "big"))


def encode_bytes(value: bytes) -> bytes:
    """A byte string with its length prefix; a single byte below 128 stands for itself."""
    size = len(value)
    if size == 1 and value[0] < 128:
        return value
    return prefix(size, 128) + value


def encode_list(items: bytes) -> bytes:
    """A list, from its already encoded items joined."""
    return prefix(len(items), 192) + items


def prefix(size: int, base: int) -> bytes:
    """The length prefix of a payload: base 128 for a string, 192 for a list."""
    if size < _SHORT:
        return (base + size).to_bytes(1, "big")
    width = (size.bit_length() + 7) >> 3
    return (base + _SHORT - 1 + width).to_bytes(1, "big") + size.to_bytes(width, "big")


def decode(raw: bytes) -> Item:
    """What the bytes hold: a byte string, or a list of such. Only the one encoding that each value has is
    read. Raises `ValueError`."""
    item, end = _decode_at(raw, 0, len(raw), 0)
    if end != len(raw):
        raise ValueError(f"{len(raw) - end} bytes follow the RLP item")
    return item


def decode_int(item: Item) -> int:
    """A non-negative integer without leading zeros. Raises `ValueError`."""
    if not isinstance(item, bytes) or item[:1] == b"\x00":
        raise ValueError(f"not an RLP integer: {item!r}")
    return int.from_bytes(item, "big")


def _decode_at(raw: bytes, at: int, limit: int, depth: int) -> tuple[Item, int]:
    start, end = _bounds(raw, at, limit)
    if raw[at] < 192:
        return raw[start:end], end
    if depth == _DEEPEST:
        raise ValueError(f"RLP lists nested more than {_DEEPEST} deep")
    items: list[Item] = []
    while start < end:
        item, start = _decode_at(raw, start, end, depth + 1)
        items.append(item)
    return items, end


def _bounds(raw: bytes, at: int, limit: int) -> tuple[int, int]:
    """Where the payload of the item at `at` begins and ends."""
    if at >= limit:
        raise ValueError("RLP ends where an item should begin")
    head = raw[at]
    if head < 128:
        return at, at + 1
    start, size = at + 1, head - (128 if head < 192 else 192)
    if size >= _SHORT:
        start += size - _SHORT + 1
        width = raw[at + 1 : min(start, limit)]
        size = int.from_bytes(width, "big")
        if width[:1] in (b"", b"\x00") or size < _SHORT:
            raise ValueError("RLP length that has a shorter form")
    if start + size > limit:
        raise ValueError(f"RLP item of {size} bytes, of which {max(limit - start, 0)} are there")
    if head == 129 and raw[start] < 128:
        raise ValueError("RLP byte that stands for itself, with a length before it")
    return start, start + size
