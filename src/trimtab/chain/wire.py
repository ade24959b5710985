"""A node's JSON objects to typed values: blocks, logs, receipts."""

from __future__ import annotations

from typing import Any

import msgspec

from trimtab.chain.messages import rpc_error
from trimtab.chain.receipt import Block, Log, Receipt
from trimtab.errors import RpcError
from trimtab.model.ids import Address, BlockHash, TxHash


class WireLog(msgspec.Struct, rename="camel", gc=False):
    """A log as JSON. Pending logs have nulls."""

    address: str
    topics: list[str]
    data: str
    block_number: str | None = None
    block_hash: str | None = None
    transaction_hash: str | None = None
    log_index: str | None = None
    removed: bool = False


class LogEntry(msgspec.Struct, rename="camel", gc=False):
    """A log as JSON, without what decoding many at once does not use."""

    address: str
    topics: list[str]
    data: str
    block_number: str | None = None
    transaction_hash: str | None = None
    log_index: str | None = None


class LogResponse(msgspec.Struct, gc=False):
    """A whole response to eth_getLogs."""

    result: list[LogEntry] | None = None
    error: msgspec.Raw = msgspec.Raw(b"")


class WireReceipt(msgspec.Struct, rename="camel", gc=False):
    """A receipt as JSON. The last four fields are an OP stack rollup's: the operator fee's since Isthmus, the
    footprint's since Jovian."""

    transaction_hash: str
    block_number: str
    block_hash: str
    transaction_index: str
    gas_used: str
    logs: list[WireLog]
    sender: str = msgspec.field(name="from")
    status: str | None = None
    to: str | None = None
    contract_address: str | None = None
    effective_gas_price: str | None = None
    l1_fee: str | None = None
    operator_fee_scalar: str | None = None
    operator_fee_constant: str | None = None
    da_footprint_gas_scalar: str | None = None


class WireBlock(msgspec.Struct, rename="camel", gc=False):
    """A header as JSON; some nodes leave out fields when they push it."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    gas_limit: str
    gas_used: str
    base_fee_per_gas: str | None = None


_text = msgspec.json.Decoder(str)
_logs = msgspec.json.Decoder(list[WireLog])
_log_entries = msgspec.json.Decoder(list[LogEntry])
_log_response = msgspec.json.Decoder(LogResponse)
_log = msgspec.json.Decoder(WireLog)
_receipt = msgspec.json.Decoder(WireReceipt | None)
_block = msgspec.json.Decoder(WireBlock | None)


def _malformed(what: str, error: Exception) -> RpcError:
    return RpcError(f"the node's {what} does not have the expected form: {error}", code=-32700)


def _decode(decoder: msgspec.json.Decoder[Any], result: bytes, what: str) -> Any:
    try:
        return decoder.decode(result)
    except (msgspec.DecodeError, ValueError) as error:
        raise _malformed(what, error) from error


def decode_int(result: bytes) -> int:
    """A quantity like "0x1a". Raises `RpcError` when it is none."""
    text = _decode(_text, result, "number")
    try:
        return int(text, 16)
    except ValueError as error:
        raise _malformed("number", error) from error


def decode_bytes(result: bytes) -> bytes:
    """Bytes like "0x1a2b". Raises `RpcError` when they are none."""
    text = _decode(_text, result, "bytes")
    try:
        return bytes.fromhex(text[2:])
    except ValueError as error:
        raise _malformed("bytes", error) from error


def decode_block(result: bytes) -> Block | None:
    """A block, or None for null."""
    wire = _decode(_block, result, "block")
    return None if wire is None else block_of(wire)


def decode_receipt(result: bytes) -> Receipt | None:
    """A receipt, or None for null."""
    wire = _decode(_receipt, result, "receipt")
    return None if wire is None else receipt_of(wire)


def decode_log(result: bytes) -> Log:
    """One log, as a subscription pushes it."""
    return log_of(_decode(_log, result, "log"))


def decode_log_list(result: bytes) -> list[Log]:
    """The logs of eth_getLogs."""
    return [log_of(wire) for wire in _decode(_logs, result, "logs")]


def decode_log_entries(payload: bytes) -> list[LogEntry]:
    """The logs of a response to eth_getLogs, or of its result alone, still as text.

    Raises `RpcError` or `RateLimitedError` when the response holds an error instead.
    """
    if payload.lstrip()[:1] != b"{":
        alone: list[LogEntry] = _decode(_log_entries, payload, "logs")
        return alone
    response: LogResponse = _decode(_log_response, payload, "logs")
    if response.result is None:
        raise rpc_error(bytes(response.error) or b"{}", "eth_getLogs", "the response")
    return response.result


def log_of(wire: WireLog) -> Log:
    return Log(
        Address(wire.address.lower()),
        tuple([bytes.fromhex(topic[2:]) for topic in wire.topics]),
        bytes.fromhex(wire.data[2:]),
        int(wire.block_number or "0x0", 16),
        BlockHash(wire.block_hash or ""),
        TxHash(wire.transaction_hash or ""),
        int(wire.log_index or "0x0", 16),
        wire.removed,
    )


def receipt_of(wire: WireReceipt) -> Receipt:
    return Receipt(
        tx_hash=TxHash(wire.transaction_hash.lower()),
        block=int(wire.block_number, 16),
        block_hash=BlockHash(wire.block_hash),
        index=int(wire.transaction_index, 16),
        status=int(wire.status or "0x1", 16) == 1,
        sender=Address(wire.sender.lower()),
        to=Address(wire.to.lower()) if wire.to else None,
        contract_address=Address(wire.contract_address.lower()) if wire.contract_address else None,
        gas_used=int(wire.gas_used, 16),
        effective_gas_price=int(wire.effective_gas_price or "0x0", 16),
        l1_fee=int(wire.l1_fee or "0x0", 16),
        logs=tuple(log_of(log) for log in wire.logs),
        operator_fee=_operator_fee(wire),
    )


def _operator_fee(wire: WireReceipt) -> int:
    """What the operator took for the gas used (specs.optimism.io: Isthmus and Jovian, "Operator Fee"). Only
    Jovian's receipts tell a footprint, and by Jovian the scalar counts hundreds instead of millionths."""
    scalar, constant = (
        int(wire.operator_fee_scalar or "0x0", 16),
        int(wire.operator_fee_constant or "0x0", 16),
    )
    gas = int(wire.gas_used, 16)
    if wire.da_footprint_gas_scalar is not None:
        return gas * scalar * 100 + constant
    return gas * scalar // 1_000_000 + constant


def block_of(wire: WireBlock) -> Block:
    return Block(
        number=int(wire.number, 16),
        hash=BlockHash(wire.hash),
        parent_hash=BlockHash(wire.parent_hash),
        at=int(wire.timestamp, 16),
        base_fee=int(wire.base_fee_per_gas, 16) if wire.base_fee_per_gas else None,
        gas_limit=int(wire.gas_limit, 16),
        gas_used=int(wire.gas_used, 16),
    )


def block_param(block: int | str) -> Any:
    """A block as a parameter: a number, a tag, or a 32-byte hash (EIP-1898)."""
    if isinstance(block, int):
        return hex(block)
    return {"blockHash": block} if len(block) == 66 else block


def call_object(
    target: Address, data: bytes, value: int, sender: Address | None, gas: int | None
) -> dict[str, str]:
    """The transaction object of eth_call."""
    made = {"to": target, "data": f"0x{data.hex()}"}
    if value:
        made["value"] = hex(value)
    if sender is not None:
        made["from"] = sender
    if gas is not None:
        made["gas"] = hex(gas)
    return made
