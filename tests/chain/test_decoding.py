"""Decoders, with eth-abi as the oracle."""

from __future__ import annotations

import copy
import pickle
from contextlib import suppress
from typing import Any

import pytest
from eth_abi import abi as eth_abi
from hypothesis import example, given
from hypothesis import strategies as st
from tests.chain.abi_strategies import arguments

from trimtab.chain.abi_types import Tuple, canonical, parse_type
from trimtab.chain.decoding import DecoderSource, struct_type
from trimtab.errors import AbiError


def decoder(kind: Tuple, *, unwrap: bool = False) -> Any:
    return DecoderSource().compile_value(kind, "f", unwrap=unwrap)


def types_of(kind: Tuple) -> list[str]:
    return [canonical(c) for c in kind.components]


@given(arguments())
def test_every_type_decodes_as_eth_abi_does(case: tuple[Tuple, tuple[Any, ...]]) -> None:
    """Encoded by eth-abi, decoded by us: the same values, structs equal to tuples."""
    kind, values = case
    data = eth_abi.encode(types_of(kind), values)
    assert decoder(kind)(data) == eth_abi.decode(types_of(kind), data) == values


@given(arguments(), st.data())
def test_truncated_data_is_refused(case: tuple[Tuple, tuple[Any, ...]], data: st.DataObject) -> None:
    """Cut anywhere, it raises like eth-abi and never gives a shorter value."""
    kind, values = case
    encoded = eth_abi.encode(types_of(kind), values)
    cut = encoded[: data.draw(st.integers(0, len(encoded) - 1))]
    with pytest.raises(AbiError, match="f: cannot decode"):
        decoder(kind)(cut)
    with pytest.raises(Exception):  # noqa: B017 - eth-abi raises several classes
        eth_abi.decode(types_of(kind), cut)


@given(arguments(), st.data())
@example((Tuple((parse_type("bytes"),), ("a",)), (b"x",)), None)
def test_damaged_data_is_judged_as_eth_abi_judges_it(
    case: tuple[Tuple, tuple[Any, ...]], data: st.DataObject | None
) -> None:
    """One changed byte: the same value as eth-abi's, or an error where eth-abi has one."""
    kind, values = case
    encoded = bytearray(eth_abi.encode(types_of(kind), values))
    place = data.draw(st.integers(0, len(encoded) - 1)) if data else len(encoded) - 1
    encoded[place] = data.draw(st.integers(0, 255)) if data else 1
    try:
        expected = eth_abi.decode(types_of(kind), bytes(encoded))
    except Exception:  # noqa: BLE001 - eth-abi raises several classes, OverflowError among them
        with pytest.raises(AbiError):
            decoder(kind)(bytes(encoded))
    else:
        assert decoder(kind)(bytes(encoded)) == expected


@given(arguments(), st.binary(max_size=300))
def test_any_bytes_give_a_value_or_an_abi_error(case: tuple[Tuple, Any], data: bytes) -> None:
    """Random bytes never raise anything else."""
    kind, _ = case
    with suppress(AbiError):
        decoder(kind)(data)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("uint8", 256),
        ("int8", 128),
        ("int24", 2**255),
        ("bool", 2),
        ("address", 2**160),
        ("bytes4", 1),
        ("uint128", 2**128),
    ],
)
def test_dirty_words_are_refused(text: str, word: int) -> None:
    """Bits outside the type are an error, not cut off in silence."""
    with pytest.raises(AbiError, match=f"is not a valid {text}"):
        decoder(Tuple((parse_type(text),), ("x",)))(word.to_bytes(32, "big"))


def test_a_huge_length_costs_nothing() -> None:
    """A length beyond the data is refused before anything is built."""
    data = (32).to_bytes(32, "big") + (2**200).to_bytes(32, "big")
    for text in ("uint256[]", "bytes", "string", "(uint8,bytes)[]"):
        with pytest.raises(AbiError, match="are needed"):
            decoder(Tuple((parse_type(text),), ("x",)))(data)


def test_one_output_comes_bare_and_several_with_names() -> None:
    """A single value needs no unpacking; several are a tuple with attributes; unnamed ones a plain tuple."""
    word = (7).to_bytes(32, "big")
    assert decoder(Tuple((parse_type("uint256"),), ("x",)), unwrap=True)(word) == 7
    pair = decoder(Tuple((parse_type("uint256"),) * 2, ("size", "count")), unwrap=True)(word * 2)
    assert (pair.size, pair.count) == (7, 7)
    assert pair == (7, 7)
    plain = decoder(Tuple((parse_type("uint256"),) * 2, ("", "")), unwrap=True)(word * 2)
    assert type(plain) is tuple
    assert decoder(Tuple((), ()), unwrap=True)(b"") == ()


def test_structs_are_values() -> None:
    """Equal to tuples, hashable, copied, pickled, shown with names; a wrong member says what there is."""
    made: Any = struct_type(("from", "_x", "index"))((1, 2, 3))
    assert hash(made) == hash((1, 2, 3))
    assert (getattr(made, "from"), made._x, made.index) == (1, 2, 3)
    assert made.as_dict() == {"from": 1, "_x": 2, "index": 3}
    assert repr(made) == "(from=1, _x=2, index=3)"
    again = pickle.loads(pickle.dumps(made))
    assert again == copy.copy(made) == made
    assert again._x == 2
    with pytest.raises(AttributeError, match="there are from, _x, index"):
        _ = made.y
