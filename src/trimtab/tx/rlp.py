"""Recursive length prefix: the bytes of transactions. Source: Ethereum yellow paper, appendix B."""

from __future__ import annotations

_SHORT = 56


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
