"""The JSON that nodes speak, from and to py-evm's objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.chain.address import create_address
from trimtab.world.pyevm_chain import CHAIN_ID, MinedTransaction

_EMPTY_BLOOM = "0x" + "00" * 256


def encode_header(header: Any, transactions: list[Any]) -> dict[str, Any]:
    """A block as a node tells it, with hashes or whole transactions."""
    return {
        "number": hex(header.block_number),
        "hash": encode_bytes(header.hash),
        "parentHash": encode_bytes(header.parent_hash),
        "stateRoot": encode_bytes(header.state_root),
        "transactionsRoot": encode_bytes(header.transaction_root),
        "receiptsRoot": encode_bytes(header.receipt_root),
        "miner": encode_bytes(header.coinbase),
        "timestamp": hex(header.timestamp),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "logsBloom": f"0x{header.bloom:0512x}",
        "transactions": transactions,
    }


def encode_fields(tx: Any) -> dict[str, Any]:
    """A transaction, mined or waiting."""
    return {
        "type": hex(getattr(tx, "type_id", None) or 0),
        "hash": encode_bytes(tx.hash),
        "nonce": hex(tx.nonce),
        "from": encode_bytes(tx.sender),
        "to": encode_bytes(tx.to) if tx.to else None,
        "value": hex(tx.value),
        "gas": hex(tx.gas),
        "input": encode_bytes(tx.data),
        "maxFeePerGas": hex(tx.max_fee_per_gas),
        "maxPriorityFeePerGas": hex(tx.max_priority_fee_per_gas),
        "chainId": hex(CHAIN_ID),
    }


def _encode_place(mined: MinedTransaction) -> dict[str, str]:
    return {
        "blockNumber": hex(mined.header.block_number),
        "blockHash": encode_bytes(mined.header.hash),
        "transactionIndex": hex(mined.index),
    }


def encode_transaction(mined: MinedTransaction) -> dict[str, Any]:
    """A mined transaction."""
    return encode_fields(mined.transaction) | _encode_place(mined)


def encode_receipt(mined: MinedTransaction) -> dict[str, Any]:
    """A receipt."""
    tx, base_fee = mined.transaction, mined.header.base_fee_per_gas
    price = min(tx.max_fee_per_gas, base_fee + tx.max_priority_fee_per_gas)
    return _encode_place(mined) | {
        "transactionHash": encode_bytes(tx.hash),
        "type": hex(getattr(tx, "type_id", None) or 0),
        "from": encode_bytes(tx.sender),
        "to": encode_bytes(tx.to) if tx.to else None,
        "contractAddress": None if tx.to else _created(tx),
        "status": hex(mined.succeeded),
        "gasUsed": hex(mined.gas_used),
        "cumulativeGasUsed": hex(mined.cumulative_gas),
        "effectiveGasPrice": hex(price),
        "logsBloom": _EMPTY_BLOOM,
        "logs": encode_logs(mined),
    }


def encode_logs(mined: MinedTransaction) -> list[dict[str, Any]]:
    """The logs of one transaction."""
    place = _encode_place(mined) | {"transactionHash": encode_bytes(mined.transaction.hash), "removed": False}
    return [
        place
        | {
            "address": encode_bytes(log.address),
            "topics": [f"0x{topic:064x}" for topic in log.topics],
            "data": encode_bytes(log.data),
            "logIndex": hex(mined.first_log + index),
        }
        for index, log in enumerate(mined.logs)
    ]


def is_wanted(log: Mapping[str, Any], addresses: Any, topics: Any) -> bool:
    """Whether eth_getLogs shall return a log: `topics` holds None, one topic or several at each place."""
    wanted = [addresses] if isinstance(addresses, str) else addresses
    if wanted and log["address"] not in [a.lower() for a in wanted]:
        return False
    if len(topics) > len(log["topics"]):
        return False
    pairs = zip(topics, log["topics"], strict=False)
    return all(t is None or topic == t or (isinstance(t, list) and topic in t) for t, topic in pairs)


def _created(tx: Any) -> str:
    return create_address(encode_bytes(tx.sender), tx.nonce)


def decode_data(tx: Mapping[str, Any]) -> bytes:
    """Calldata, under either of its two names."""
    return decode_bytes(tx.get("data") or tx.get("input") or "0x")


def decode_bytes(text: str) -> bytes:
    """Bytes of 0x hex."""
    return bytes.fromhex(text[2:])


def encode_bytes(data: bytes) -> str:
    """0x hex of bytes."""
    return f"0x{data.hex()}"


def decode_int(value: Any) -> int | None:
    """A quantity, or a number as some clients send it."""
    return int(value, 16) if isinstance(value, str) else value
