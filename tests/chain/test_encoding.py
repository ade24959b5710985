"""Encoders, with eth-abi as the oracle."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
from eth_abi import abi as eth_abi
from hypothesis import given
from hypothesis import strategies as st
from tests.chain.abi_strategies import arguments

from trimtab.chain.abi_types import Tuple, canonical, parse_parameters, parse_type
from trimtab.chain.encoding import EncoderSource, explain, find_fault
from trimtab.errors import AbiError


def encoder(kind: Tuple, prefix: bytes = b"") -> Any:
    return EncoderSource().compile_arguments(kind, prefix, "f")


def one(text: str) -> Tuple:
    return Tuple((parse_type(text),), ("amount",))


@given(arguments())
def test_every_type_encodes_as_eth_abi_does(case: tuple[Tuple, tuple[Any, ...]]) -> None:
    """Byte for byte the same, for nested tuples, arrays, bytes and strings."""
    kind, values = case
    assert encoder(kind)(*values) == eth_abi.encode([canonical(c) for c in kind.components], values)


@given(arguments())
def test_a_value_that_fits_has_no_fault(case: tuple[Tuple, tuple[Any, ...]]) -> None:
    """The slow checker that words the errors accepts what the fast encoder accepts."""
    kind, values = case
    assert find_fault(kind, values, "args") is None


class Side(IntEnum):
    LONG = 1


WRONG = [
    ("uint8", 256), ("uint8", -1), ("uint256", 2**256), ("uint256", -1), ("int8", 128), ("int8", -129),
    ("int256", 2**255), ("int24", -(2**23) - 1), ("uint256", 1.0), ("int128", 1.5), ("uint256", True),
    ("int256", False), ("uint256", "1"), ("uint256", None), ("uint256", Decimal(1)), ("int24", float("nan")),
    ("uint256", np.float64(1.0)), ("uint256", np.int64(1)), ("bool", 1), ("bool", 0), ("bool", None),
    ("bool", "true"), ("address", "0x12"), ("address", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD"),
    ("address", None), ("address", b"\0" * 20), ("address", 0), ("bytes32", b"\0" * 31),
    ("bytes32", b"\0" * 33), ("bytes4", "0x12345678"), ("bytes4", [1, 2, 3, 4]), ("bytes", "0x12"),
    ("bytes", 5), ("bytes", [1]), ("string", b"x"), ("string", 5), ("string", "\ud800"),
    ("uint256[]", 5), ("uint256[]", {1: 2}), ("uint256[]", "12"), ("uint256[]", [1, 1.0]),
    ("uint256[2]", [1]), ("uint256[2]", [1, 2, 3]), ("(uint256,bool)", (1,)), ("(uint256,bool)", 5),
    ("(uint256,bool)", (1, True, 2)), ("(uint256,bool)", {"a": 1, "b": True}), ("(string,string)", "ab"),
    ("(bytes,uint256)[]", [(b"", 1), (b"", -1)]), ("(uint256)", {1}), ("ufixed8x1", Decimal("25.6")),
    ("fixed128x18", 1.5), ("fixed8x1", Decimal("0.05")), ("fixed8x1", Decimal("NaN")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), WRONG, ids=[f"{t}-{v!r}" for t, v in WRONG])
def test_what_does_not_fit_raises_with_its_name(text: str, value: Any) -> None:
    """Out of range, a float, a wrong length, a bad address: function, argument and value are named."""
    with pytest.raises(AbiError, match=r"^f: amount"):
        encoder(one(text))(value)


@given(st.floats())
def test_no_float_reaches_calldata(value: float) -> None:
    """Whatever the float, no numeric type takes it, alone or deep inside."""
    for text, shaped in (
        ("uint256", value), ("int256", value), ("uint8", value), ("int24", value), ("fixed128x18", value),
        ("int64[]", [1, value]), ("(uint256,(bool,int256))", (1, (True, value))),
    ):  # fmt: skip
        with pytest.raises(AbiError):
            encoder(one(text))(shaped)


@given(arguments(), st.data())
def test_the_slow_checker_and_the_encoder_agree_on_foreign_values(
    case: tuple[Tuple, tuple[Any, ...]], data: st.DataObject
) -> None:
    """A value drawn for another type is refused by both or by none."""
    kind, _ = case
    _, others = data.draw(arguments())
    fault = find_fault(Tuple(kind.components, kind.names), others, "args")
    if fault is None:
        encoder(kind)(*others)
    else:
        with pytest.raises(AbiError):
            encoder(kind)(*others)


def test_structs_encode_from_tuple_list_and_dict() -> None:
    """All three give the same bytes; a dict goes by component name, in any order, nested too."""
    inner = [{"name": "x", "type": "uint256"}, {"name": "y", "type": "bytes"}]
    kind = parse_parameters(
        [
            {
                "name": "s",
                "type": "tuple",
                "components": [
                    {"name": "flag", "type": "bool"},
                    {"name": "in_", "type": "tuple", "components": inner},
                ],
            }
        ]
    )
    encode = encoder(kind)
    expected = encode((True, (1, b"ab")))
    assert encode([True, [1, b"ab"]]) == expected
    assert encode({"in_": {"y": b"ab", "x": 1}, "flag": True}) == expected
    with pytest.raises(AbiError, match=r"s lacks \['flag'\] or has unknown \['flga'\]"):
        encode({"in_": {"y": b"ab", "x": 1}, "flga": True})


def test_the_path_to_a_deep_fault_is_named() -> None:
    """An error inside an array of structs says which item and which member."""
    kind = Tuple((parse_type("(uint256,uint8[])[]"),), ("orders",))
    with pytest.raises(AbiError, match=r"orders\[1\]\.1\[2\] is 300, outside uint8 \(0 to 255\)"):
        encoder(kind)([(1, [1]), (2, [1, 2, 300])])


def test_a_wrong_number_of_arguments_lists_them() -> None:
    """The message shows what the function takes."""
    with pytest.raises(AbiError, match=r"f takes 1 arguments \(uint256 amount\), got 2"):
        encoder(one("uint256"))(1, 2)


def test_integer_kinds_pass() -> None:
    """An IntEnum is an integer; a bytearray is bytes."""
    assert encoder(one("uint8"))(Side.LONG) == (1).to_bytes(32, "big")
    assert encoder(one("bytes2"))(bytearray(b"ab")) == b"ab".ljust(32, b"\0")


@given(st.decimals(min_value=-(10**20), max_value=10**20, places=18))
def test_fixed_point_is_exact(value: Decimal) -> None:
    """fixed128x18 takes a Decimal and gives eth-abi's bytes, without rounding."""
    assert encoder(one("fixed128x18"))(value) == eth_abi.encode(["fixed128x18"], [value])


def test_an_unexplained_refusal_still_names_the_function() -> None:
    """Should the fast path refuse what the checker finds in order, the error keeps function and values."""
    assert str(explain(one("uint256"), (5,), "f")) == "f: the arguments (5,) do not fit (uint256)"
