"""Types parsed from JSON and text."""

from __future__ import annotations

import pytest
from eth_abi.grammar import parse as eth_abi_parse
from hypothesis import given
from tests.chain.abi_strategies import abi_types

from trimtab.chain.abi_types import (
    AbiType,
    Array,
    Tuple,
    Word,
    body_size,
    canonical,
    head_size,
    head_word,
    is_dynamic,
    parse_parameters,
    parse_type,
    split_types,
)
from trimtab.errors import AbiError


def unnamed(kind: AbiType) -> AbiType:
    """The type as its text alone tells it."""
    if isinstance(kind, Array):
        return Array(unnamed(kind.item), kind.length)
    if isinstance(kind, Tuple):
        return Tuple(tuple(map(unnamed, kind.components)), ("",) * len(kind.components))
    return kind


@given(abi_types)
def test_text_and_type_go_both_ways(kind: AbiType) -> None:
    """The canonical name parses back to the same type, and eth-abi agrees on whether it is dynamic."""
    assert parse_type(canonical(kind)) == unnamed(kind)
    assert is_dynamic(kind) == eth_abi_parse(canonical(kind)).is_dynamic


def test_json_components_keep_their_names() -> None:
    """A struct parameter knows its members' names; arrays of structs do too."""
    members = [{"name": "baseToken", "type": "address"}, {"name": "amount", "type": "uint"}]
    parsed = parse_parameters([{"name": "params", "type": "tuple[2][]", "components": members}])
    outer = parsed.components[0]
    assert isinstance(outer, Array)
    assert isinstance(outer.item, Array)
    assert isinstance(outer.item.item, Tuple)
    assert outer.item.item.names == ("baseToken", "amount")
    assert canonical(parsed) == "((address,uint256)[2][])"


def test_sizes_of_heads() -> None:
    """Static types stand in the head with all their words, dynamic ones as one offset."""
    assert head_size(parse_type("(uint8,bytes32[3])")) == 128
    assert head_size(parse_type("(uint8,bytes)")) == 32
    assert body_size(parse_type("(uint8,bytes)")) == 64
    assert body_size(parse_type("uint8[]")) == 32


def test_aliases() -> None:
    """uint is uint256, function is 24 bytes, fixed is fixed128x18."""
    assert parse_type("uint") == Word("uint256", "uint", 256)
    assert parse_type("int") == Word("int256", "int", 256)
    assert parse_type("function") == Word("function", "bytes", 24)
    assert parse_type("fixed") == Word("fixed128x18", "fixed", 128, 18)


@pytest.mark.parametrize(
    "text",
    ["uint7", "uint264", "int0", "bytes0", "bytes33", "uint256[0]", "fixed128x81", "struct", "", "uint256["],
)
def test_what_is_no_type_is_refused(text: str) -> None:
    """Sizes that Solidity has not, and words that are no type, are named in the error."""
    with pytest.raises(AbiError, match=r"ABI type|no items|parentheses"):
        parse_type(text)


def test_signatures_split_at_their_own_commas() -> None:
    """Commas inside tuples do not split."""
    assert split_types("address,(uint256,(bool,bytes))[],string") == [
        "address",
        "(uint256,(bool,bytes))[]",
        "string",
    ]
    assert split_types("") == []
    with pytest.raises(AbiError, match="parentheses"):
        split_types("(uint256")


def test_the_word_of_an_argument() -> None:
    """Static structs and arrays take their size in the head, dynamic ones a word; only a word is found."""
    kind = parse_parameters(
        [
            {"name": "first", "type": "uint256[2]"},
            {"name": "data", "type": "bytes"},
            {
                "name": "params",
                "type": "tuple",
                "components": [{"name": "token", "type": "address"}, {"name": "amount", "type": "uint128"}],
            },
            {"name": "open", "type": "tuple", "components": [{"name": "text", "type": "string"}]},
            {"name": "last", "type": "bool"},
        ]
    )
    found = {path: head_word(kind, path) for path in ("params.token", "params.amount", "last")}
    assert found == {"params.token": 3, "params.amount": 4, "last": 6}
    for path in ("first", "data", "params", "params.none", "open.text", "last.x", "none", ""):
        assert head_word(kind, path) is None
