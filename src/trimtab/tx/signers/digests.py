"""What signers sign, and what they return: digests in, checked recoverable signatures out. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

from coincurve import PublicKey

from trimtab.chain.address import address_bytes
from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.model.ids import Address
from trimtab.tx.rlp import encode_bytes, encode_int, encode_list

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HALF_ORDER = ORDER // 2
"""Half the order of secp256k1: a higher `s` is malleable and refused by the chain (EIP-2)."""
_AUTHORIZATION = b"\x05"


def public_address(public_key: PublicKey) -> Address:
    """The address of a public key: the last 20 bytes of its keccak."""
    return Address("0x" + keccak256(public_key.format(compressed=False)[1:])[12:].hex())


def typed_data_digest(message: dict[str, Any]) -> bytes:
    """The 32 bytes that are signed for an EIP-712 message: types, primaryType, domain, message.
    Raises `SigningError` when it does not encode."""
    from eth_account.messages import encode_typed_data  # here, because loading it takes a second

    try:
        signable = encode_typed_data(full_message=message)
    except Exception as error:
        # eth-account raises whatever its encoder meets: KeyError, TypeError, its own and eth-abi's errors.
        raise SigningError(f"the typed data does not encode: {type(error).__name__}: {error}") from error
    return keccak256(b"\x19" + signable.version + signable.header + signable.body)


def message_digest(message: bytes) -> bytes:
    """The 32 bytes that are signed for a message that is no transaction (EIP-191, version 0x45: what wallets
    call personal_sign)."""
    return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(message)).encode() + message)


def authorization_digest(chain_id: int, address: Address, nonce: int) -> bytes:
    """The 32 bytes that are signed to delegate to the code at `address` (EIP-7702); chain 0 is any chain."""
    if not (0 <= chain_id < 1 << 256 and 0 <= nonce < (1 << 64) - 1):
        raise SigningError(f"no authorization has chain id {chain_id} and nonce {nonce}: out of range")
    fields = (encode_int(chain_id), encode_bytes(address_bytes(address)), encode_int(nonce))
    return keccak256(_AUTHORIZATION + encode_list(b"".join(fields)))


def recover(digest: bytes, signature: bytes) -> Address:
    """Whose signature it is: r, s and y parity (0 or 1, or 27 and 28) in 65 bytes. Raises `SigningError`."""
    if len(signature) != 65:
        raise SigningError(f"a signature is 65 bytes, got {len(signature)}")
    parity = signature[64] - 27 if signature[64] >= 27 else signature[64]
    try:
        key = PublicKey.from_signature_and_message(
            signature[:64] + bytes([parity & 0xFF]), digest, hasher=None
        )
    except Exception as error:
        # coincurve raises bare Exception for an invalid signature.
        raise SigningError("the signer returned a signature that belongs to no key") from error
    return public_address(key)


def to_recoverable(digest: bytes, r: int, s: int, address: Address) -> bytes:
    """r, low s and the y parity that makes it `address`'s, in 65 bytes: what a token leaves to its user.

    Raises `SigningError` when it is not a signature of the address over the digest, naming the service that
    hashed the digest again.
    """
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise SigningError("the signer returned numbers that are no signature: r or s is out of range")
    low = min(s, ORDER - s)
    for parity in (0, 1):
        signature = r.to_bytes(32, "big") + low.to_bytes(32, "big") + bytes([parity])
        if _belongs(digest, signature, address):
            return signature
        if _belongs(hashlib.sha256(digest).digest(), signature, address):
            raise SigningError(
                "the signer signed sha256(digest) instead of the digest: it hashed once more what was hashed "
                "already (a service that ignores MessageType=DIGEST does), and no chain knows such a "
                f"signature as one of {address}; nothing was sent"
            )
    raise SigningError(f"the signer returned a signature that is not one of {address}; nothing was sent")


def _belongs(digest: bytes, signature: bytes, address: Address) -> bool:
    try:
        return recover(digest, signature) == address
    except SigningError:
        return False
