"""The signer role, and the check that every signature passes before its bytes are used."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NoReturn, Protocol, runtime_checkable

from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.model.ids import Address, TxHash
from trimtab.tx.envelope import (
    Authorization,
    LegacyTx,
    SignedTx,
    TxFields,
    attach_signature,
    signing_payload,
)
from trimtab.tx.signers.digests import (
    HALF_ORDER,
    authorization_digest,
    message_digest,
    recover,
    typed_data_digest,
)


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

    async def sign_authorization(self, chain_id: int, address: Address, nonce: int) -> Authorization:
        """The account's leave to run the code at `address` as its own (EIP-7702). `chain_id` 0: any chain."""
        ...


@runtime_checkable
class MessageSigner(Protocol):
    """Signs messages that are no transactions: who somebody is to a service. Every `DigestSigner` can."""

    @property
    def address(self) -> Address: ...

    async def sign_message(self, message: bytes) -> bytes:
        """The 65-byte signature (r, s, v of 27 or 28) of EIP-191's version 0x45. Raises `SigningError`."""
        ...


class DigestSigner(ABC):
    """A signer for whatever key signs a digest: payloads, low s and checks are here, once for all of them."""

    __slots__ = ("address",)

    address: Address

    @abstractmethod
    async def _sign_digest(self, digest: bytes) -> bytes:
        """r, s and y parity (0 or 1) in 65 bytes. Raises `SigningError`."""

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        """The signed transaction, read back. Raises `SigningError`; then nothing was exposed."""
        signed = assemble(fields, await self._sign_digest(keccak256(signing_payload(fields))))
        check_signed(signed, fields, self.address)
        return signed

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        """The 65-byte signature (r, s, v of 27 or 28) of an EIP-712 message, read back."""
        signature = await self._sign_checked(typed_data_digest(message))
        return signature[:64] + bytes([27 + signature[64]])

    async def sign_message(self, message: bytes) -> bytes:
        """The 65-byte signature (r, s, v of 27 or 28) of a message (EIP-191), read back."""
        signature = await self._sign_checked(message_digest(message))
        return signature[:64] + bytes([27 + signature[64]])

    async def sign_authorization(self, chain_id: int, address: Address, nonce: int) -> Authorization:
        """The account's leave to run the code at `address` as its own (EIP-7702). `chain_id` 0: any chain;
        `nonce`: the account's own, one higher when it sends the transaction itself."""
        signature = await self._sign_checked(authorization_digest(chain_id, address, nonce))
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return Authorization(chain_id, address, nonce, signature[64], r, s)

    async def _sign_checked(self, digest: bytes) -> bytes:
        signature = await self._sign_digest(digest)
        check_signature(digest, signature, self.address)
        return signature

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is not pickled or copied: its key stays in one place")


def check_signature(digest: bytes, signature: bytes, address: Address) -> None:
    """Raise `SigningError` unless the 65 bytes (r, low s, v) are a signature of `address` over `digest`."""
    _check_owner(recover(digest, signature), address)
    _check_low(int.from_bytes(signature[32:64], "big"))


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
    _check_low(s)
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    _check_owner(recover(keccak256(signing_payload(fields)), signature), address)


def _check_low(s: int) -> None:
    if not 0 < s <= HALF_ORDER:
        raise SigningError("the signer returned a malleable signature (high s); the chain would refuse it")


def _check_owner(sender: Address, address: Address) -> None:
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
