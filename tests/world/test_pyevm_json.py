"""py-evm's objects as a node tells them: our own wire codecs read them back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain import wire
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.pyevm_chain import PyEvmChain
from trimtab.world.pyevm_json import (
    decode_bytes,
    decode_data,
    decode_int,
    encode_bytes,
    encode_header,
    encode_receipt,
    encode_transaction,
    is_wanted,
)

OWNER = ACCOUNTS["deployer"].address
# Creation code that logs one topic with no data and deploys nothing: PUSH1 7 PUSH0 PUSH0 LOG1
_LOGGING = bytes.fromhex("60075f5fa1")


def test_a_mined_creation_reads_back() -> None:
    """Receipt, log, header and transaction agree about place, hash, fee and the new contract."""
    chain = PyEvmChain(1_700_000_000, 30_000_000)
    fields = {"to": None, "data": _LOGGING, "value": 0, "gas": 100_000}
    tx_hash = chain.add(chain.sign(decode_bytes(OWNER), fields))
    mined = chain.by_hash[tx_hash]
    receipt = wire.decode_receipt(msgspec.json.encode(encode_receipt(mined)))
    block = wire.decode_block(msgspec.json.encode(encode_header(mined.header, [])))
    assert receipt is not None
    assert block is not None
    assert (
        (receipt.block, receipt.block_hash)
        == (block.number, block.hash)
        == (1, encode_bytes(mined.header.hash))
    )
    assert receipt.sender == OWNER
    assert receipt.to is None
    assert receipt.contract_address is not None
    assert receipt.gas_used == block.gas_used == mined.gas_used
    assert receipt.effective_gas_price == (block.base_fee or 0) + 10**9
    assert [log.topics for log in receipt.logs] == [((7).to_bytes(32, "big"),)]
    told = encode_transaction(mined)
    assert (told["hash"], told["blockNumber"], told["nonce"]) == (receipt.tx_hash, "0x1", "0x0")
    assert decode_bytes(told["input"]) == _LOGGING


LOG = {"address": "0x" + "aa" * 20, "topics": ["0x01", "0x02"]}


@pytest.mark.parametrize(
    ("addresses", "topics", "wanted"),
    [
        (None, [], True),
        ("0x" + "AA" * 20, [], True),
        (["0x" + "bb" * 20, "0x" + "aa" * 20], ["0x01"], True),
        ("0x" + "bb" * 20, [], False),
        (None, [None, "0x02"], True),
        (None, [["0x05", "0x01"]], True),
        (None, ["0x02"], False),
        (None, [["0x05"]], False),
        (None, ["0x01", "0x02", None], False),  # a third topic is asked for, and there is none
    ],
)
def test_which_logs_are_wanted(addresses: Any, topics: list[Any], wanted: bool) -> None:
    """Addresses are one or several; a topic is any, one or several, at its place."""
    assert is_wanted(LOG, addresses, topics) is wanted


@given(st.binary(max_size=40))
def test_bytes_there_and_back(data: bytes) -> None:
    """0x hex and back, under both names that calldata has."""
    assert decode_bytes(encode_bytes(data)) == data
    assert decode_data({"data": encode_bytes(data)}) == decode_data({"input": encode_bytes(data)}) == data
    assert decode_data({}) == b""


def test_quantities() -> None:
    """0x hex as the standard wants it, a plain number as some clients send it, or nothing."""
    assert [decode_int(value) for value in ("0x10", 16, None)] == [16, 16, None]
