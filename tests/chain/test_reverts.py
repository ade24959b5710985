"""Revert data, and where nodes hide it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.abi import Abi, encode_values
from trimtab.chain.reverts import (
    ERROR_SELECTOR,
    PANIC_SELECTOR,
    PANICS,
    call_reverted,
    decode_revert,
    revert_data,
)
from trimtab.errors import RpcError

VAULT = Abi.parse(
    [
        {"type": "error", "name": "TooSmall", "inputs": [{"type": "uint256", "name": "size"}]},
        {"type": "error", "name": "Named", "inputs": [{"type": "bytes4", "name": "id"}]},
    ]
)


@given(st.text())
def test_reasons_are_read(text: str) -> None:
    """require(condition, "text") gives the text."""
    revert = decode_revert(ERROR_SELECTOR + encode_values(["string"], [text]))
    assert (revert.name, revert.text, revert.args) == ("Error", text, {"message": text})


@given(st.binary(max_size=300))
def test_no_revert_data_can_break_it(data: bytes) -> None:
    """Whatever a contract returns, there is a description."""
    for prefix in (b"", ERROR_SELECTOR, PANIC_SELECTOR, VAULT.error("TooSmall").selector):
        assert decode_revert(prefix + data, [VAULT]).text is not None


@pytest.mark.parametrize("code", PANICS)
def test_panics_have_a_meaning(code: int) -> None:
    """Every code of Solidity's list is explained."""
    revert = decode_revert(PANIC_SELECTOR + code.to_bytes(32, "big"))
    assert (revert.name, revert.args) == ("Panic", {"code": code})
    assert PANICS[code] in revert.text


def test_custom_errors_are_looked_up_in_order() -> None:
    """Name and arguments of the first ABI that knows the selector and fits."""
    data = VAULT.error("TooSmall").encode(5)
    revert = decode_revert(data, [Abi.parse([]), VAULT])
    assert (revert.name, revert.args, revert.text) == ("TooSmall", {"size": 5}, "TooSmall(size=5)")
    assert decode_revert(VAULT.error("Named").encode(b"abcd"), [VAULT]).text == "Named(id=0x61626364)"
    assert decode_revert(data[:-1], [VAULT]).name == "unknown"


def test_what_is_unknown_keeps_its_bytes() -> None:
    """An unknown selector, no data, and a malformed string are told apart."""
    assert decode_revert(b"").name == "no data"
    assert decode_revert(b"\x01\x02\x03\x04rest").args == {"data": b"\x01\x02\x03\x04rest"}
    assert decode_revert(ERROR_SELECTOR + bytes(64) + b"").name == "Error"
    assert decode_revert(ERROR_SELECTOR + b"\xff" * 64).name == "unknown"


def error(code: int, text: str, data: Any = None) -> RpcError:
    return RpcError(f"node refused: {text}", code=code, data=data, text=text)


REVERTS = [
    (error(3, "execution reverted: x", "0x08c379a0"), b"\x08\xc3\x79\xa0"),  # geth, reth, erigon, anvil
    (error(3, "execution reverted"), b""),
    (error(3, "execution reverted", "0x"), b""),
    (error(-32015, "VM execution error.", "Reverted 0x1234"), b"\x12\x34"),  # nethermind, parity
    (error(-32000, "Execution reverted", "0x1234"), b"\x12\x34"),  # besu
    (
        error(-32603, "VM Exception while processing transaction: reverted", {"data": "0x1234"}),
        b"\x12\x34",
    ),  # hardhat
    (error(-32603, "execution reverted", {"data": {"data": "0x1234"}}), b"\x12\x34"),
    (error(-32000, "execution reverted"), b""),  # old geth
    (error(-32000, "execution reverted with data: 0x1234"), b"\x12\x34"),
    (error(-32000, "invalid opcode: INVALID"), b""),
    (error(-32603, "EVM error InvalidFEOpcode"), b""),  # anvil
]


@pytest.mark.parametrize(("failure", "data"), REVERTS, ids=[str(i) for i in range(len(REVERTS))])
def test_every_client_says_revert_in_its_own_way(failure: RpcError, data: bytes) -> None:
    """The data is found wherever the client puts it."""
    assert revert_data(failure) == data


@pytest.mark.parametrize(
    "failure",
    [
        error(-32601, "method not found"),
        error(-32000, "header not found"),
        error(-32602, "invalid params", "0x12"),
        error(-32000, "insufficient funds for gas * price + value"),
    ],
)
def test_other_errors_are_no_reverts(failure: RpcError) -> None:
    """A refusal that is no revert stays an RpcError."""
    assert revert_data(failure) is None


def test_the_error_of_a_read_says_what_where_and_why() -> None:
    """Name of the read, address, decoded reason; the node's own words when there is no data."""
    made = call_reverted("f()", "0xab", VAULT.error("TooSmall").encode(5), [VAULT])
    assert str(made) == "f() at 0xab reverted: TooSmall(size=5)"
    assert (made.reason, made.args_by_name) == ("TooSmall", {"size": 5})
    empty = call_reverted("", "0xab", b"", text="execution reverted: out of gas")
    assert str(empty) == "the call at 0xab reverted: reverted without data (execution reverted: out of gas)"
