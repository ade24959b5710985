"""RLP encoding against eth-account's own library."""

from __future__ import annotations

import pytest
import rlp as oracle  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from trimtab.tx.rlp import encode_bytes, encode_int, encode_list


@given(st.integers(0, 2**600))
def test_integers_encode_as_the_oracle_does(value: int) -> None:
    """Every non-negative integer, also past 55 bytes, has the bytes that pyrlp gives it."""
    assert encode_int(value) == oracle.encode(value)


@given(st.binary(max_size=400))
def test_strings_encode_as_the_oracle_does(value: bytes) -> None:
    """Short, long and single-byte strings have the bytes that pyrlp gives them."""
    assert encode_bytes(value) == oracle.encode(value)


@given(st.lists(st.binary(max_size=80), max_size=12))
def test_lists_encode_as_the_oracle_does(items: list[bytes]) -> None:
    """A list is the prefix of its joined items."""
    assert encode_list(b"".join(map(encode_bytes, items))) == oracle.encode(items)


def test_a_string_of_70000_bytes_has_a_three_byte_length() -> None:
    """Large calldata crosses every width of the length prefix."""
    assert encode_bytes(b"\x01" * 70_000) == oracle.encode(b"\x01" * 70_000)


def test_a_negative_integer_is_refused() -> None:
    """RLP has no sign: a negative value is a bug of the caller."""
    with pytest.raises(ValueError, match="negative"):
        encode_int(-1)
