"""Typed transactions: fields in, signing payload and signed bytes out. A closed union, one class per type.

Blob transactions (type 3) would be one class more: their sidecar travels beside the payload that is signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from trimtab.chain.address import address_bytes
from trimtab.model.ids import Address, TxHash
from trimtab.tx.rlp import encode_bytes, encode_int, encode_list

AccessList: TypeAlias = tuple[tuple[Address, tuple[bytes, ...]], ...]
"""Addresses with the 32-byte storage keys that a transaction will touch (EIP-2930)."""


@dataclass(frozen=True, slots=True)
class LegacyTx:
    """Type 0 with replay protection (EIP-155). `to` None creates a contract; prices in wei."""

    type: ClassVar[int] = 0
    chain_id: int
    nonce: int
    gas_price: int
    gas_limit: int
    to: Address | None
    value: int = 0
    data: bytes = b""

    def payload(self) -> bytes:
        return b"".join(
            (
                encode_int(self.nonce),
                encode_int(self.gas_price),
                encode_int(self.gas_limit),
                _encode_to(self.to),
                encode_int(self.value),
                encode_bytes(self.data),
            )
        )


@dataclass(frozen=True, slots=True)
class AccessListTx:
    """Type 1 (EIP-2930): a gas price and an access list."""

    type: ClassVar[int] = 1
    chain_id: int
    nonce: int
    gas_price: int
    gas_limit: int
    to: Address | None
    value: int = 0
    data: bytes = b""
    access_list: AccessList = ()

    def payload(self) -> bytes:
        return b"".join(
            (
                encode_int(self.chain_id),
                encode_int(self.nonce),
                encode_int(self.gas_price),
                encode_int(self.gas_limit),
                _encode_to(self.to),
                encode_int(self.value),
                encode_bytes(self.data),
                _encode_access_list(self.access_list),
            )
        )


@dataclass(frozen=True, slots=True)
class DynamicFeeTx:
    """Type 2 (EIP-1559): what the sender sends. `tip` and `fee_cap` are wei per gas."""

    type: ClassVar[int] = 2
    chain_id: int
    nonce: int
    tip: int
    fee_cap: int
    gas_limit: int
    to: Address | None
    value: int = 0
    data: bytes = b""
    access_list: AccessList = ()

    def payload(self) -> bytes:
        return _dynamic_payload(self, self.to)


@dataclass(frozen=True, slots=True)
class Authorization:
    """A signed delegation of an account's code (EIP-7702). `chain_id` 0 means any chain."""

    chain_id: int
    address: Address
    nonce: int
    y_parity: int
    r: int
    s: int

    def encode(self) -> bytes:
        numbers = (self.nonce, self.y_parity, self.r, self.s)
        head = encode_int(self.chain_id) + _encode_to(self.address)
        return encode_list(head + b"".join(map(encode_int, numbers)))


@dataclass(frozen=True, slots=True)
class SetCodeTx:
    """Type 4 (EIP-7702): type 2 with authorisations. It cannot create a contract."""

    type: ClassVar[int] = 4
    chain_id: int
    nonce: int
    tip: int
    fee_cap: int
    gas_limit: int
    to: Address
    authorizations: tuple[Authorization, ...]
    value: int = 0
    data: bytes = b""
    access_list: AccessList = ()

    def payload(self) -> bytes:
        signed = b"".join(item.encode() for item in self.authorizations)
        return _dynamic_payload(self, self.to) + encode_list(signed)


TxFields: TypeAlias = LegacyTx | AccessListTx | DynamicFeeTx | SetCodeTx


@dataclass(frozen=True, slots=True)
class SignedTx:
    """The bytes that go on the wire, and the hash the chain will know them by."""

    raw: bytes
    tx_hash: TxHash
    fields: TxFields


def signing_payload(fields: TxFields) -> bytes:
    """The bytes whose keccak-256 is signed."""
    if isinstance(fields, LegacyTx):
        # EIP-155: the chain id stands where the signature will be.
        return encode_list(fields.payload() + encode_int(fields.chain_id) + b"\x80\x80")
    return fields.type.to_bytes(1, "big") + encode_list(fields.payload())


def attach_signature(fields: TxFields, y_parity: int, r: int, s: int) -> bytes:
    """The signed transaction, ready for `eth_sendRawTransaction`."""
    tail = encode_int(r) + encode_int(s)
    if isinstance(fields, LegacyTx):
        v = encode_int(fields.chain_id * 2 + 35 + y_parity)
        return encode_list(fields.payload() + v + tail)
    signed = fields.payload() + (b"\x01" if y_parity else b"\x80") + tail
    return fields.type.to_bytes(1, "big") + encode_list(signed)


def _dynamic_payload(tx: DynamicFeeTx | SetCodeTx, to: Address | None) -> bytes:
    return b"".join(
        (
            encode_int(tx.chain_id),
            encode_int(tx.nonce),
            encode_int(tx.tip),
            encode_int(tx.fee_cap),
            encode_int(tx.gas_limit),
            _encode_to(to),
            encode_int(tx.value),
            encode_bytes(tx.data),
            _encode_access_list(tx.access_list) if tx.access_list else b"\xc0",
        )
    )


def _encode_to(to: Address | None) -> bytes:
    return b"\x80" if to is None else b"\x94" + address_bytes(to)


def _encode_access_list(entries: AccessList) -> bytes:
    return encode_list(
        b"".join(
            encode_list(_encode_to(address) + encode_list(b"".join(map(encode_bytes, keys))))
            for address, keys in entries
        )
    )
