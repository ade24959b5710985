"""What a node says of a simulation is read strictly, and its refusals are told apart."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import ConnectionLostError, RpcError
from trimtab.tx.answers import (
    is_unsupported,
    malformed_as_error,
    read_address,
    read_data,
    read_quantity,
)


@pytest.mark.parametrize(
    ("code", "words", "is_off"),
    [
        (-32601, "the method eth_simulateV1 does not exist/is not available", True),
        (-32601, "Method not found", True),
        (-32602, "too many arguments, want at most 3", True),
        (-32000, "Unsupported method: debug_traceCall", True),
        (-32004, "Method not supported", True),
        (-32600, "debug_traceCall is not available on the Free tier - upgrade for access", True),
        (-32000, "method eth_simulateV1 is not whitelisted", True),
        (-32000, "required historical state unavailable (reexec=128)", False),
        (-32000, "state 0xab is not available", False),
        (-32000, "header not found", False),
        (-32602, "BlockOutOfRangeError: block height is 4 but requested was 9", False),
        (-32001, "block not found: 0x9", False),
        (3, "execution reverted: account does not exist", False),
        (-32000, "insufficient funds for gas * price + value", False),
    ],
)
def test_a_method_that_is_missing_is_told_from_a_block_that_is(code: int, words: str, is_off: bool) -> None:
    """By what geth, anvil, Erigon, Hardhat and providers say; a node that is behind has the method."""
    assert is_unsupported(RpcError(words, code=code)) is is_off


def test_only_a_nodes_no_says_that_a_method_is_missing() -> None:
    """A lost connection and a plain result say nothing of it."""
    assert not is_unsupported(ConnectionLostError("method not found"))
    assert not is_unsupported({"error": "method not found"})


@given(st.integers(0, 2**256 - 1))
def test_numbers_and_bytes_are_what_they_say(number: int) -> None:
    """Hex quantities and plain ones, words and addresses."""
    assert read_quantity(hex(number)) == read_quantity(number) == number
    word = number.to_bytes(32, "big")
    assert read_data("0x" + word.hex(), size=32) == word
    assert read_address("0x" + word[12:].hex().upper()) == "0x" + word[12:].hex()


@pytest.mark.parametrize(
    "value", [None, "", "0x", "12", "-0x1", "0x1_0", " 0x1", "0x" + "1" * 65, -1, 1.5, True, []]
)
def test_what_is_no_quantity_is_refused(value: Any) -> None:
    """Python's own `int` would take several of them."""
    with pytest.raises(ValueError, match="no quantity"):
        read_quantity(value)


@pytest.mark.parametrize("value", [None, "", "0x1", "0xzz", "0x 1", 5, {}, "0x" + "11" * 19])
def test_what_are_no_bytes_is_refused(value: Any) -> None:
    """Odd digits, spaces, other types, and an address of another size."""
    with pytest.raises(ValueError, match="are no 20 bytes"):
        read_address(value)


@pytest.mark.parametrize("error", [KeyError("a"), IndexError(), TypeError(), ValueError(), AttributeError()])
def test_another_shape_is_the_nodes_failure(error: Exception) -> None:
    """Whatever breaks while an answer is read becomes an `RpcError` of code -32700."""
    with pytest.raises(RpcError, match="expected form") as caught, malformed_as_error():
        raise error
    assert caught.value.code == -32700
