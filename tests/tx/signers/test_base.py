"""Every signature is read back before use: what a wrong or hostile signer returns is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.model.ids import Address, TxHash
from trimtab.tx.envelope import DynamicFeeTx, SignedTx, attach_signature
from trimtab.tx.signers import LocalSigner, check_signed
from trimtab.tx.signers.base import DigestSigner, assemble, check_signature
from trimtab.tx.signers.digests import HALF_ORDER, ORDER, recover

SIGNER = LocalSigner.from_key(b"\x07" * 32)
FIELDS = DynamicFeeTx(1, 5, 10, 100, 90_000, Address("0x" + "ab" * 20), 3, b"\x01\x02" * 40)
SIGNED = SIGNER.sign_nowait(FIELDS)


def rehashed(raw: bytes) -> SignedTx:
    return SignedTx(raw, TxHash("0x" + keccak256(raw).hex()), FIELDS)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**40), st.binary(max_size=100))
def test_every_genuine_signature_passes(nonce: int, data: bytes) -> None:
    """No short r or s and no length of the payload makes the reader refuse a good signature."""
    fields = replace(FIELDS, nonce=nonce, data=data)
    check_signed(SIGNER.sign_nowait(fields), fields, SIGNER.address)


@given(st.integers(0, len(SIGNED.raw) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(position: int, change: int) -> None:
    """One byte that is not as signed, anywhere, is found even when the hash fits the changed bytes."""
    raw = bytearray(SIGNED.raw)
    raw[position] ^= change
    with pytest.raises(SigningError):
        check_signed(rehashed(bytes(raw)), FIELDS, SIGNER.address)


@given(st.integers(0, len(SIGNED.raw) - 1))
def test_cut_off_bytes_are_refused(size: int) -> None:
    """A torn answer of a remote signer is no transaction."""
    with pytest.raises(SigningError):
        check_signed(rehashed(SIGNED.raw[:size]), FIELDS, SIGNER.address)


def test_another_transaction_is_refused() -> None:
    """A signer that signs more value than asked is caught."""
    greedy = SIGNER.sign_nowait(replace(FIELDS, value=10**18))
    with pytest.raises(SigningError, match="another transaction"):
        check_signed(greedy, FIELDS, SIGNER.address)


def test_another_key_is_refused() -> None:
    """A signature of a key that is not the account's is caught."""
    stranger = LocalSigner.from_key(b"\x08" * 32).sign_nowait(FIELDS)
    with pytest.raises(SigningError, match="recovers to"):
        check_signed(stranger, FIELDS, SIGNER.address)


def test_a_wrong_hash_is_refused() -> None:
    """The hash that we would wait for must be that of the bytes."""
    with pytest.raises(SigningError, match="hash"):
        check_signed(replace(SIGNED, tx_hash=TxHash("0x" + "00" * 32)), FIELDS, SIGNER.address)


def test_a_malleable_signature_is_refused() -> None:
    """The other of the two valid signatures has another hash, and the chain refuses it (EIP-2)."""
    signature = SIGNER._key.sign_recoverable(
        keccak256(b"\x02" + SIGNED.raw[1:]), hasher=None
    )  # only its shape matters: the mirrored s is refused before recovery
    s = int.from_bytes(signature[32:64], "big")
    mirrored = 2 * HALF_ORDER + 1 - s
    raw = attach_signature(FIELDS, signature[64] ^ 1, int.from_bytes(signature[:32], "big"), mirrored)
    with pytest.raises(SigningError, match="malleable"):
        check_signed(rehashed(raw), FIELDS, SIGNER.address)


class Stranger(DigestSigner):
    """Claims the address of one key, and signs with another: a signer of somebody's own, gone wrong."""

    def __init__(self) -> None:
        self.address = SIGNER.address

    async def _sign_digest(self, digest: bytes) -> bytes:
        return await LocalSigner.from_key(b"\x08" * 32)._sign_digest(digest)


async def test_what_a_signer_of_ones_own_returns_is_read_back() -> None:
    """Whatever is signed, by whatever class: transaction, typed data, authorization."""
    stranger = Stranger()
    typed = {"types": {"EIP712Domain": [], "A": []}, "primaryType": "A", "domain": {}, "message": {}}
    for asked in (
        stranger.sign_transaction(FIELDS),
        stranger.sign_typed_data(typed),
        stranger.sign_authorization(1, SIGNER.address, 0),
    ):
        with pytest.raises(SigningError, match="recovers to"):
            await asked


async def test_a_malleable_signature_of_typed_data_is_refused() -> None:
    """The mirrored s recovers to the same address, and is refused all the same."""
    digest = keccak256(b"message")
    signature = await SIGNER._sign_digest(digest)
    check_signature(digest, signature, SIGNER.address)
    mirrored = ORDER - int.from_bytes(signature[32:64], "big")
    high = signature[:32] + mirrored.to_bytes(32, "big") + bytes([signature[64] ^ 1])
    assert recover(digest, high) == SIGNER.address
    with pytest.raises(SigningError, match="malleable"):
        check_signature(digest, high, SIGNER.address)


def test_a_signature_of_no_key_is_refused() -> None:
    """r and s that belong to no public key are a `SigningError`."""
    with pytest.raises(SigningError):
        check_signed(
            assemble(FIELDS, b"\x00" * 31 + b"\x05" + b"\x00" * 31 + b"\x05\x00"), FIELDS, SIGNER.address
        )
