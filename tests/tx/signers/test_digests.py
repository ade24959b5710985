"""Digests as the standards define them, and r and s made into the one signature that the chain takes."""

from __future__ import annotations

import hashlib

import pytest
from coincurve import PrivateKey
from eth_account.messages import _hash_eip191_message, encode_defunct
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.model.ids import Address
from trimtab.tx.rlp import encode_bytes, encode_int, encode_list
from trimtab.tx.signers.digests import (
    HALF_ORDER,
    ORDER,
    authorization_digest,
    message_digest,
    public_address,
    recover,
    to_recoverable,
    typed_data_digest,
)

KEY = PrivateKey(b"\x07" * 32)
ADDRESS = public_address(KEY.public_key)
DIGESTS = st.binary(min_size=32, max_size=32)


def signed(digest: bytes, key: PrivateKey = KEY) -> tuple[int, int]:
    """r and s, as a token returns them."""
    signature = key.sign_recoverable(digest, hasher=None)
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


@given(st.binary(max_size=300))
def test_messages_are_digested_as_wallets_do(message: bytes) -> None:
    """EIP-191 version 0x45, as eth-account has it: the length stands in decimal before the bytes."""
    oracle = _hash_eip191_message(encode_defunct(primitive=message))
    assert message_digest(message) == oracle


def test_the_example_of_eip_712() -> None:
    """The digest of the standard's own example, a mail from Cow to Bob."""
    person = [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}]
    domain = [{"name": n, "type": t} for n, t in (("name", "string"), ("version", "string"))]
    domain += [{"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}]
    mail = [{"name": n, "type": t} for n, t in (("from", "Person"), ("to", "Person"), ("contents", "string"))]
    message = {
        "types": {"EIP712Domain": domain, "Person": person, "Mail": mail},
        "primaryType": "Mail",
        "domain": {
            "name": "Ether Mail",
            "version": "1",
            "chainId": 1,
            "verifyingContract": "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC",
        },
        "message": {
            "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
            "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
            "contents": "Hello, Bob!",
        },
    }
    expected = "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    assert typed_data_digest(message).hex() == expected


def test_an_authorization_is_hashed_as_eip_7702_says() -> None:
    """keccak(0x05 || rlp([chain_id, address, nonce])); tests/tx/signers/test_local.py has the oracle's."""
    rlp = encode_list(encode_int(10) + encode_bytes(b"\xab" * 20) + encode_int(300))
    assert authorization_digest(10, Address("0x" + "ab" * 20), 300) == keccak256(b"\x05" + rlp)


@given(DIGESTS)
def test_v_is_found_and_s_is_low(digest: bytes) -> None:
    """From either of the two signatures with that r, both as tokens may return them."""
    r, s = signed(digest)
    for given_s in (s, ORDER - s):
        signature = to_recoverable(digest, r, given_s, ADDRESS)
        assert recover(digest, signature) == ADDRESS
        assert int.from_bytes(signature[32:64], "big") <= HALF_ORDER


@given(DIGESTS)
def test_a_digest_that_was_hashed_again_is_named(digest: bytes) -> None:
    """A service that ignores MessageType=DIGEST is told apart from any other fault."""
    with pytest.raises(SigningError, match=r"sha256\(digest\).*ignores MessageType=DIGEST"):
        to_recoverable(digest, *signed(hashlib.sha256(digest).digest()), ADDRESS)


@given(DIGESTS, st.integers(1, 2**128))
def test_another_key_is_refused(digest: bytes, number: int) -> None:
    """A signature by any other key, and one over any other digest."""
    other = PrivateKey.from_int(number)
    for r, s in (signed(digest, other), signed(keccak256(digest))):
        with pytest.raises(SigningError, match=f"not one of {ADDRESS}"):
            to_recoverable(digest, r, s, ADDRESS)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (-1, 1), (1, 2**256)])
def test_what_is_no_signature_is_refused(r: int, s: int) -> None:
    """Numbers outside of the curve's order."""
    with pytest.raises(SigningError, match="out of range"):
        to_recoverable(b"\x01" * 32, r, s, ADDRESS)


@pytest.mark.parametrize("signature", [b"", b"\x01" * 64, b"\x01" * 66, b"\x00" * 65, b"\xff" * 65])
def test_bytes_that_are_no_signature_recover_to_nobody(signature: bytes) -> None:
    """Any length, any content: a `SigningError`."""
    with pytest.raises(SigningError):
        recover(b"\x01" * 32, signature)
