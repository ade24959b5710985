"""Addresses."""

from __future__ import annotations

import pytest
import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.address import (
    address_bytes,
    checksum,
    create2_address,
    create_address,
    is_address_text,
    parse_address,
)
from trimtab.errors import AbiError, ConfigError

RIGHT = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
raw_addresses = st.binary(min_size=20, max_size=20)


@given(raw_addresses)
def test_checksums_equal_eth_utils(raw: bytes) -> None:
    """The display form is EIP-55's, and goes back through the parser."""
    shown = checksum("0x" + raw.hex())
    assert shown == to_checksum_address(raw)
    assert parse_address(shown) == "0x" + raw.hex()
    assert address_bytes(shown) == raw


@pytest.mark.parametrize(
    "text",
    [
        RIGHT[:-1] + "D",
        RIGHT[:-1],
        RIGHT + "00",
        RIGHT[2:],
        "0x" + "g" * 40,
        "0x" + "a" * 38 + "  ",
        " " + RIGHT,
        "",
        None,
        5,
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """A wrong checksum, length or digit is refused for users and for calldata alike."""
    assert not is_address_text(text)
    with pytest.raises(ConfigError, match=r"not an address|wrong checksum"):
        parse_address(text)
    with pytest.raises(AbiError, match="is not an address"):
        address_bytes(text)


def test_a_wrong_checksum_names_the_right_one() -> None:
    """The error shows the form that would have been right."""
    with pytest.raises(ConfigError, match=f"did you mean {RIGHT}"):
        parse_address(RIGHT.replace("aA", "Aa"))


@pytest.mark.parametrize("text", [RIGHT, RIGHT.lower(), "0x" + RIGHT[2:].upper(), "0x" + "12" * 20])
def test_one_case_needs_no_checksum(text: str) -> None:
    """All lower, all upper, digits only, or the right mix."""
    assert parse_address(text) == text.lower()
    assert address_bytes(text).hex() == text[2:].lower()


@given(raw_addresses, st.integers(0, 2**64 - 1))
def test_create_addresses_equal_the_rule(raw: bytes, nonce: int) -> None:
    """keccak(rlp([deployer, nonce])), for every length of nonce."""
    assert create_address("0x" + raw.hex(), nonce) == "0x" + keccak(rlp.encode([raw, nonce]))[12:].hex()


def test_create2_is_eip_1014() -> None:
    """Example 2 of EIP-1014."""
    made = create2_address("0xdeadbeef00000000000000000000000000000000", bytes(32), b"\x00")
    assert made == "0xb928f69bb1d91cd65274e3c79d8986362984fda3"
