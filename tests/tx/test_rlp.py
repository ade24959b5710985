"""RLP encoding against eth-account's own library."""

from __future__ import annotations

import pytest
import rlp as oracle  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from trimtab.tx.rlp import Item, decode, decode_int, encode_bytes, encode_int, encode_list

items: st.SearchStrategy[Item] = st.recursive(
    st.binary(max_size=80), lambda inner: st.lists(inner, max_size=5), max_leaves=12
)


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


@given(items)
def test_what_is_decoded_is_what_was_encoded(item: Item) -> None:
    """Strings and lists of any shape, in the bytes that pyrlp gives them, come back as they were."""
    assert decode(oracle.encode(item)) == item


@given(st.integers(0, 2**600))
def test_an_integer_comes_back(value: int) -> None:
    """Every non-negative integer, zero too, is read from its own bytes."""
    assert decode_int(decode(encode_int(value))) == value


@given(st.binary(max_size=120))
def test_any_bytes_have_one_meaning_or_none(raw: bytes) -> None:
    """What decodes encodes to the same bytes again: no second form is read, and nothing else is raised."""
    try:
        item = decode(raw)
    except ValueError:
        return
    assert oracle.encode(item) == raw


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "ends where"),
        ("0000", "bytes follow"),
        ("8100", "stands for itself"),
        ("83aabb", "of which 2 are there"),
        ("b801aa", "shorter form"),
        ("b90040" + "aa" * 64, "shorter form"),
        ("c2c0", "of which 1 are there"),
        ("c1" + "83", "of which 0 are there"),
        ("c9c8c7c6c5c4c3c2c1c0", "nested"),
    ],
)
def test_bytes_of_another_form_are_refused(raw: str, words: str) -> None:
    """Long forms of short lengths, cut and trailing bytes and deep nesting are refused by name."""
    with pytest.raises(ValueError, match=words):
        decode(bytes.fromhex(raw))


@pytest.mark.parametrize("item", [b"\x00", b"\x00\x01", [b"\x01"]])
def test_an_integer_has_no_leading_zero_and_is_no_list(item: Item) -> None:
    """Two ways to write one number would be two hashes of one transaction."""
    with pytest.raises(ValueError, match="not an RLP integer"):
        decode_int(item)
