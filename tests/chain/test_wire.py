"""A node's JSON to typed values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.chain import wire
from trimtab.errors import RpcError

LOG = {
    "address": "0xAB" + "00" * 19, "topics": ["0x" + "11" * 32], "data": "0x1234", "blockNumber": "0x10",
    "blockHash": "0xbb", "transactionHash": "0xcc", "transactionIndex": "0x0", "logIndex": "0x2",
    "removed": False,
}  # fmt: skip
RECEIPT = {
    "transactionHash": "0xCC", "blockNumber": "0x10", "blockHash": "0xbb", "transactionIndex": "0x1",
    "gasUsed": "0x5208", "effectiveGasPrice": "0x2", "from": "0x" + "AA" * 20, "to": None,
    "contractAddress": "0x" + "BB" * 20, "status": "0x0", "logs": [LOG], "type": "0x2", "l1Fee": "0x7",
}  # fmt: skip
BLOCK = {
    "number": "0x10", "hash": "0xbb", "parentHash": "0xaa", "timestamp": "0x64", "gasLimit": "0x1c9c380",
    "gasUsed": "0x0", "baseFeePerGas": "0x9", "transactions": [], "extra": {"unknown": 1},
}  # fmt: skip


def encoded(value: Any, **changes: Any) -> bytes:
    merged = {k: v for k, v in {**value, **changes}.items() if v != "absent"}
    return json.dumps(merged).encode()


def test_a_receipt_has_every_fact() -> None:
    """Addresses in lower case, numbers as ints, a rollup's data fee, and the logs."""
    receipt = wire.decode_receipt(encoded(RECEIPT))
    assert receipt is not None
    assert (receipt.tx_hash, receipt.block, receipt.index, receipt.status) == ("0xcc", 16, 1, False)
    assert (receipt.sender, receipt.to) == ("0x" + "aa" * 20, None)
    assert receipt.contract_address == "0x" + "bb" * 20
    assert receipt.fee_wei == 21000 * 2 + 7
    assert receipt.logs[0].address == "0xab" + "00" * 19
    assert receipt.logs[0].log_index == 2


@pytest.mark.parametrize(
    ("fields", "operator_fee"),
    [
        ({"operatorFeeScalar": hex(439_000_000), "operatorFeeConstant": hex(5)}, 21_000 * 439 + 5),
        ({"operatorFeeScalar": "0x1", "operatorFeeConstant": "0x0"}, 0),  # rounded down, as it is charged
        (
            {"operatorFeeScalar": "0x2", "operatorFeeConstant": "0x5", "daFootprintGasScalar": "0x190"},
            21_000 * 200 + 5,
        ),
        ({"operatorFeeScalar": None, "daFootprintGasScalar": "0x190"}, 0),
    ],
)
def test_a_rollups_operator_fee_is_paid_too(fields: dict[str, str], operator_fee: int) -> None:
    """Isthmus counts millionths per gas, Jovian (receipts with a footprint) hundreds, and a constant."""
    receipt = wire.decode_receipt(encoded(RECEIPT, **fields))
    assert receipt is not None
    assert receipt.operator_fee == operator_fee
    assert receipt.fee_wei == 21_000 * 2 + 7 + operator_fee


def test_what_nodes_leave_out_has_a_default() -> None:
    """No status before Byzantium, no effective price before London, no base fee, pending logs with nulls."""
    changes = {"status": "absent", "effectiveGasPrice": "absent", "l1Fee": "absent"}
    receipt = wire.decode_receipt(encoded(RECEIPT, **changes))
    assert receipt is not None
    assert (receipt.status, receipt.fee_wei) == (True, 0)
    block = wire.decode_block(encoded(BLOCK, baseFeePerGas="absent"))
    assert block is not None
    assert block.base_fee is None
    log = wire.decode_log(encoded(LOG, blockNumber=None, blockHash=None, transactionHash=None, logIndex=None))
    assert (log.block, log.log_index, log.topics, log.data) == (0, 0, (b"\x11" * 32,), b"\x12\x34")


def test_null_is_none() -> None:
    """A block or receipt that is not there."""
    assert wire.decode_block(b"null") is None
    assert wire.decode_receipt(b"null") is None
    assert wire.decode_log_list(b"[]") == []


def test_a_block_is_read_with_unknown_fields() -> None:
    """Every chain adds fields of its own."""
    block = wire.decode_block(encoded(BLOCK))
    assert block is not None
    assert (block.number, block.at, block.base_fee, block.gas_limit) == (16, 100, 9, 30_000_000)


@pytest.mark.parametrize(
    ("decode", "payload"),
    [
        (wire.decode_int, b'"0xzz"'),
        (wire.decode_int, b"12"),
        (wire.decode_int, b"null"),
        (wire.decode_bytes, b'"0x123"'),
        (wire.decode_bytes, b"null"),
        (wire.decode_block, b'{"number":"0x1"}'),
        (wire.decode_receipt, b'"0x"'),
        (wire.decode_log_list, b'{"a":1}'),
    ],
)
def test_malformed_answers_are_refused(decode: Any, payload: bytes) -> None:
    """A field of another type or missing is an error of the node, not a wrong value."""
    with pytest.raises(RpcError, match="does not have the expected form"):
        decode(payload)


def test_numbers_and_bytes() -> None:
    """Quantities and data."""
    assert wire.decode_int(b'"0x1a"') == 26
    assert wire.decode_bytes(b' "0x1a2B" ') == b"\x1a\x2b"
    assert wire.decode_bytes(b'"0x"') == b""


def test_blocks_as_parameters() -> None:
    """Numbers, tags, and hashes by EIP-1898."""
    assert wire.block_param(26) == "0x1a"
    assert wire.block_param("pending") == "pending"
    assert wire.block_param("0x" + "aa" * 32) == {"blockHash": "0x" + "aa" * 32}
