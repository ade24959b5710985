"""The signer role, and the check that every signature passes before its bytes are used."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from coincurve import PublicKey

from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.model.ids import Address, TxHash
from trimtab.tx.envelope import LegacyTx, SignedTx, TxFields, attach_signature, signing_payload

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half the order of secp256k1: a higher `s` is malleable and refused by the chain (EIP-2)."""


@runtime_checkable
class Signer(Protocol):
    """Holds a key and signs; nothing else. A remote signer waits for its device, so signing is async."""

    @property
    def address(self) -> Address: ...

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        """The signed transaction. Raises `SigningError`; then nothing was exposed."""
        ...

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        """The 65-byte signature of an EIP-712 message (types, primaryType, domain, message)."""
        ...


def public_address(public_key: PublicKey) -> Address:
    """The address of a public key: the last 20 bytes of its keccak."""
    return Address("0x" + keccak256(public_key.format(compressed=False)[1:])[12:].hex())


def assemble(fields: TxFields, signature: bytes) -> SignedTx:
    """A signed transaction from a 65-byte recoverable signature (r, s, y parity)."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    raw = attach_signature(fields, signature[64], r, s)
    return SignedTx(raw, TxHash("0x" + keccak256(raw).hex()), fields)


def check_signed(signed: SignedTx, fields: TxFields, address: Address) -> None:
    """Raise `SigningError` unless `signed` holds exactly `fields`, signed by `address`, under its own hash.

    A signer outside this process may be wrong or replaced; the signature is read back from the raw bytes.
    """
    parity, r, s = _read_signature(signed.raw, fields)
    if max(r, s) >> 256 or attach_signature(fields, parity, r, s) != signed.raw:
        raise SigningError("the signer returned bytes of another transaction; nothing was sent")
    if "0x" + keccak256(signed.raw).hex() != signed.tx_hash:
        raise SigningError(f"the signer returned a hash ({signed.tx_hash}) that is not that of its bytes")
    if not 0 < s <= HALF_ORDER:
        raise SigningError("the signer returned a malleable signature (high s); the chain would refuse it")
    sender = _recover(signing_payload(fields), parity, r, s)
    if sender != address:
        raise SigningError(f"the signature recovers to {sender}, not to the signer's own {address}")


def _read_signature(raw: bytes, fields: TxFields) -> tuple[int, int, int]:
    """y parity, r and s: the three integers that follow the payload of `fields` inside the outer list."""
    start = 0 if isinstance(fields, LegacyTx) else 1
    prefix = raw[start] if len(raw) > start else 0
    start += 1 if prefix < 0xF8 else 1 + prefix - 0xF7
    payload = fields.payload()
    if raw[start : start + len(payload)] != payload:
        raise SigningError("the signer returned bytes of another transaction; nothing was sent")
    numbers, rest = [], raw[start + len(payload) :]
    for _ in range(3):
        number, rest = _first_int(rest)
        numbers.append(number)
    v, r, s = numbers
    return (v - 35) & 1 if isinstance(fields, LegacyTx) else v, r, s


def _first_int(raw: bytes) -> tuple[int, bytes]:
    head = raw[0] if raw else 255
    if head < 128:
        return head, raw[1:]
    size = head - 128
    if size > 32 or len(raw) <= size:
        raise SigningError("the signer returned bytes that do not end in a signature; nothing was sent")
    return int.from_bytes(raw[1 : size + 1], "big"), raw[size + 1 :]


def _recover(payload: bytes, parity: int, r: int, s: int) -> Address:
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        key = PublicKey.from_signature_and_message(signature, keccak256(payload), hasher=None)
    except Exception as error:
        # coincurve raises bare Exception for an invalid signature.
        raise SigningError("the signer returned a signature that belongs to no key") from error
    return public_address(key)
