"""Signed bytes back to exact fields and the address that signed them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from trimtab.chain.hashing import keccak256
from trimtab.errors import IntentError, SigningError
from trimtab.model.ids import Address, TxHash
from trimtab.tx.envelope import (
    AccessList,
    AccessListTx,
    Authorization,
    DynamicFeeTx,
    LegacyTx,
    SetCodeTx,
    TxFields,
    attach_signature,
    signing_payload,
)
from trimtab.tx.rlp import Item, decode, decode_int
from trimtab.tx.signers.digests import recover

_SIZES = {0: 9, 1: 11, 2: 12, 4: 13}
"""Items in the outer list, by type, the three of the signature among them."""
_Signed: TypeAlias = tuple[TxFields, int, int, int]


@dataclass(frozen=True, slots=True)
class OpenedTx:
    """A signed transaction as its bytes tell it."""

    raw: bytes
    tx_hash: TxHash
    fields: TxFields
    sender: Address

    @property
    def fee_cap(self) -> int:
        """The most that it pays per gas, wei."""
        fields = self.fields
        return fields.gas_price if isinstance(fields, LegacyTx | AccessListTx) else fields.fee_cap

    def price_at(self, base_fee: int) -> int:
        """Wei per gas in a block of this base fee (EIP-1559)."""
        fields = self.fields
        if isinstance(fields, LegacyTx | AccessListTx):
            return fields.gas_price
        return min(fields.fee_cap, base_fee + fields.tip)


def open_signed(raw: bytes) -> OpenedTx:
    """Fields, hash and sender of a signed transaction of type 0 (with replay protection), 1, 2 or 4. What was
    read gives the very same bytes again. Raises `IntentError` for anything else."""
    try:
        fields, signature = _read_exactly(raw)
        sender = recover(keccak256(signing_payload(fields)), signature)
    except (ValueError, SigningError) as error:
        raise IntentError(
            f"0x{raw[:16].hex()}.. ({len(raw)} bytes) is no signed transaction that trimtab knows: {error}",
            field="raw",
        ) from error
    return OpenedTx(raw, TxHash("0x" + keccak256(raw).hex()), fields, sender)


def _read_exactly(raw: bytes) -> tuple[TxFields, bytes]:
    fields, parity, r, s = _read(raw)
    if parity > 1 or max(r, s) >> 256 or attach_signature(fields, parity, r, s) != raw:
        raise ValueError("its parts do not give these bytes again")
    return fields, r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])


def _read(raw: bytes) -> _Signed:
    kind = raw[0] if raw and raw[0] < 192 else 0
    items = decode(raw[1:] if kind else raw)
    if kind not in _SIZES:
        raise ValueError(f"type {kind}")
    if not isinstance(items, list) or len(items) != _SIZES[kind]:
        raise ValueError(f"type {kind} has {_SIZES[kind]} parts")
    v, r, s = map(decode_int, items[-3:])
    if kind == 0:
        return _legacy(items, v, r, s)
    if kind == 1:
        return _access_list_tx(items), v, r, s
    return _dynamic(items, has_code=kind == 4), v, r, s


def _legacy(items: list[Item], v: int, r: int, s: int) -> _Signed:
    """`v` holds the chain id (EIP-155)."""
    if v < 35:
        raise ValueError("a legacy transaction without a chain id")
    nonce, price, gas, to, value, data = items[:6]
    fields = LegacyTx(
        chain_id=(v - 35) // 2,
        nonce=decode_int(nonce),
        gas_price=decode_int(price),
        gas_limit=decode_int(gas),
        to=_maybe_address(to),
        value=decode_int(value),
        data=_string(data),
    )
    return fields, (v - 35) % 2, r, s


def _access_list_tx(items: list[Item]) -> AccessListTx:
    chain_id, nonce, price, gas, to, value, data, entries = items[:8]
    return AccessListTx(
        chain_id=decode_int(chain_id),
        nonce=decode_int(nonce),
        gas_price=decode_int(price),
        gas_limit=decode_int(gas),
        to=_maybe_address(to),
        value=decode_int(value),
        data=_string(data),
        access_list=_access_list(entries),
    )


def _dynamic(items: list[Item], *, has_code: bool) -> DynamicFeeTx | SetCodeTx:
    chain_id, nonce, tip, fee_cap, gas = map(decode_int, items[:5])
    to, value, data, entries = items[5:9]
    common = (chain_id, nonce, tip, fee_cap, gas)
    rest = (decode_int(value), _string(data), _access_list(entries))
    if not has_code:
        return DynamicFeeTx(*common, _maybe_address(to), *rest)
    return SetCodeTx(*common, _address(to), tuple(map(_authorization, _list(items[9]))), *rest)


def _authorization(item: Item) -> Authorization:
    chain_id, address, *numbers = _list(item)
    if len(numbers) != 4:
        raise ValueError("an authorisation has 6 parts")
    nonce, y_parity, r, s = map(decode_int, numbers)
    return Authorization(decode_int(chain_id), _address(address), nonce, y_parity, r, s)


def _access_list(item: Item) -> AccessList:
    return tuple(_entry(entry) for entry in _list(item))


def _entry(item: Item) -> tuple[Address, tuple[bytes, ...]]:
    address, keys = _list(item)
    return _address(address), tuple(_string(key, size=32) for key in _list(keys))


def _address(item: Item) -> Address:
    return Address("0x" + _string(item, size=20).hex())


def _maybe_address(item: Item) -> Address | None:
    return None if item == b"" else _address(item)


def _string(item: Item, *, size: int | None = None) -> bytes:
    if not isinstance(item, bytes) or (size is not None and len(item) != size):
        raise ValueError(f"{size if size is not None else 'some'} bytes were expected")
    return item


def _list(item: Item) -> list[Item]:
    if isinstance(item, list):
        return item
    raise ValueError("a list was expected")
