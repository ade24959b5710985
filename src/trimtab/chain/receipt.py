"""Blocks, logs and receipts as typed values."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.ids import Address, BlockHash, TxHash


@dataclass(frozen=True, slots=True)
class Log:
    """One event log. `topics` and `data` are raw bytes."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block: int
    block_hash: BlockHash
    tx_hash: TxHash
    log_index: int
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a transaction was mined and what it did. Fees in wei; `l1_fee` is a rollup's data fee and
    `operator_fee` its operator's, else 0."""

    tx_hash: TxHash
    block: int
    block_hash: BlockHash
    index: int
    status: bool
    sender: Address
    to: Address | None
    contract_address: Address | None
    gas_used: int
    effective_gas_price: int
    l1_fee: int
    logs: tuple[Log, ...]
    operator_fee: int = 0

    @property
    def fee_wei(self) -> int:
        """All that was paid, beside the value."""
        return self.gas_used * self.effective_gas_price + self.l1_fee + self.operator_fee


@dataclass(frozen=True, slots=True)
class Block:
    """A block's header, as far as trimtab uses it. `base_fee` in wei, None before London."""

    number: int
    hash: BlockHash
    parent_hash: BlockHash
    at: int
    base_fee: int | None
    gas_limit: int
    gas_used: int
