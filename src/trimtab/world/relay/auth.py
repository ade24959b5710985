"""The header by which a relay knows who sent a body: `X-Flashbots-Signature: <address>:<signature>`.

What is signed, by EIP-191, is the text "0x" + hex of keccak256(body), of the bytes as they arrived. The words
of a refusal are those of github.com/flashbots/go-utils (signature, rpcserver).
"""

from __future__ import annotations

from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.model.ids import Address
from trimtab.tx.signers.digests import recover
from trimtab.world.relay.requests import INVALID_REQUEST, RefusedError

HEADER = "X-Flashbots-Signature"


def check_signature(header: str | None, body: bytes) -> Address:
    """Who signed the body. Raises `RefusedError`."""
    if not header:
        raise RefusedError("no signature provided", INVALID_REQUEST)
    claimed, found, text = header.partition(":")
    if not found:
        raise _invalid("missing separator")
    if not text.startswith("0x"):
        raise _invalid("hex string without 0x prefix")
    try:
        signature = bytes.fromhex(text[2:])
        signer = recover(signed_digest(body), signature)
    except (ValueError, SigningError) as error:
        raise _invalid(str(error)) from error
    if signer != claimed.lower():
        raise _invalid("signing address mismatch")
    return signer


def signed_digest(body: bytes) -> bytes:
    """The 32 bytes that are signed for a body."""
    text = b"0x" + keccak256(body).hex().encode()
    return keccak256(b"\x19Ethereum Signed Message:\n%d" % len(text) + text)


def _invalid(why: str) -> RefusedError:
    return RefusedError(f"invalid signature provided: {why}", INVALID_REQUEST)
