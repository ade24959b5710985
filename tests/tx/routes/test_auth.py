"""The header that relays know us by, against what other implementations sign, and against known mistakes."""

from __future__ import annotations

import pickle
import tomllib
import uuid
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given
from hypothesis import strategies as st
from tests.tx.routes.scripted import ACCOUNT, scripted
from web3 import Web3

from trimtab.chain.address import checksum
from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.auth import HEADER, RelayIdentity, signed_text
from trimtab.tx.routes.private_tx import PrivateTxRoute
from trimtab.tx.signers import LocalSigner
from trimtab.tx.signers.digests import message_digest, recover

VECTORS = tomllib.loads((Path(__file__).parents[2] / "data" / "relay_headers.toml").read_text())["header"]
KEY = "0x" + "07" * 32
IDENTITY = RelayIdentity.from_hex(KEY)


def verify(header: str, body: bytes) -> str:
    """As relays do (flashbots/go-utils): hex without its 0x is no hex; the address must be the signer's."""
    claimed, _, text = header.partition(":")
    if not text.startswith("0x"):
        raise SigningError("invalid signature provided: hex string without 0x prefix")
    signer = recover(message_digest(b"0x" + keccak256(body).hex().encode()), bytes.fromhex(text[2:]))
    if signer != claimed.lower():
        raise SigningError("invalid signature provided: signing address mismatch")
    return claimed


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["by"] for vector in VECTORS])
async def test_the_header_is_the_one_that_others_sign(vector: dict[str, Any]) -> None:
    """ethers, cast, alloy, MetaMask: the same text, to the letter; theirs and ours pass a relay's check."""
    body = vector["body"].encode()
    assert verify(vector["value"], body)
    if "key" in vector:
        assert await RelayIdentity.from_hex(vector["key"]).sign(body) == {HEADER: vector["value"]}


@given(st.binary(max_size=400), st.binary(min_size=32, max_size=32).filter(any))
async def test_any_body_and_key_as_eth_account_signs_it(body: bytes, key: bytes) -> None:
    """Over the hex text with its 0x; the address is checksummed."""
    oracle = Account.sign_message(encode_defunct(text="0x" + keccak256(body).hex()), key)
    value = f"{Account.from_key(key).address}:0x{bytes(oracle.signature).hex()}"
    assert await RelayIdentity(LocalSigner.from_key(key)).sign(body) == {HEADER: value}


async def test_mev_share_25_eth_account_323_the_0x_is_part_of_it() -> None:
    """flashbots/mev-share#25, ApeWorX/eth-account#323, lidofinance/depositor-bot#340: since hexbytes 1 its
    hex has no 0x, so the text that is signed or the signature lacks it, and the relay refuses every request.
    What those programs send is another header than ours, and fails the check that ours passes."""
    body = b'{"jsonrpc":"2.0","method":"mev_sendBundle","params":[],"id":1}'
    ours = (await IDENTITY.sign(body))[HEADER]
    assert verify(ours, body)
    broken = Account.sign_message(encode_defunct(text=Web3.keccak(body).hex()), KEY)
    theirs = f"{Account.from_key(KEY).address}:{broken.signature.hex()}"
    half_mended = f"{Account.from_key(KEY).address}:0x{bytes(broken.signature).hex()}"
    for wrong in (theirs, half_mended):
        assert wrong != ours
        with pytest.raises(SigningError, match="invalid signature provided"):
            verify(wrong, body)
    assert ours.count("0x") == 2
    assert signed_text(body).startswith(b"0x")
    assert len(signed_text(body)) == 66


async def test_the_hash_is_signed_as_text() -> None:
    """Not as its 32 bytes, which relays refuse as "invalid flashbots signature"."""
    body = b"{}"
    raw = Account.sign_message(encode_defunct(primitive=keccak256(body)), KEY)
    wrong = f"{Account.from_key(KEY).address}:0x{bytes(raw.signature).hex()}"
    with pytest.raises(SigningError, match="mismatch"):
        verify(wrong, body)


async def test_what_is_signed_is_what_is_sent() -> None:
    """The header of a request over HTTP belongs to its very bytes, request by request."""
    async with scripted() as script, PrivateTxRoute([script.url], identity=IDENTITY) as route:
        for _ in range(3):
            await route.send(ACCOUNT.parcel(2, Lane.PRIVATE))[0]
        await route.withdraw(ACCOUNT.parcel(1, Lane.PRIVATE))
    assert len({seen.body for seen in script.seen}) == 7, "each request has an id of its own"
    for seen in script.seen:
        assert verify(seen.headers[HEADER], seen.body) == checksum(IDENTITY.address)


async def test_the_identity_is_never_the_accounts_own_key_by_itself() -> None:
    """A route without one makes a fresh one, which is neither the account's nor another route's."""
    found = set()
    async with scripted() as script:
        for _ in range(2):
            async with PrivateTxRoute([script.url]) as route:
                await route.send(ACCOUNT.parcel(1, Lane.PRIVATE))[0]
    for seen in script.seen:
        found.add(verify(seen.headers[HEADER], seen.body).lower())
    assert len(found) == 2
    assert ACCOUNT.signer.address not in found


def test_its_key_is_shown_nowhere() -> None:
    """Not in its repr, not in an error about it, not in a pickle."""
    assert repr(IDENTITY) == f"RelayIdentity({IDENTITY.address})"
    assert "07" * 32 not in repr(IDENTITY)
    with pytest.raises(SigningError) as caught:
        RelayIdentity.from_hex("0x" + "07" * 31 + "zz")
    assert "0707" not in str(caught.value)
    with pytest.raises(TypeError):
        pickle.dumps(IDENTITY)


def test_a_bundles_uuid_is_the_same_in_every_life() -> None:
    """For one key and name; another key or name has another. It reads as version 4, as relays ask."""
    again = RelayIdentity.from_hex(KEY)
    one = IDENTITY.replacement_uuid("hedge-1")
    assert one == again.replacement_uuid("hedge-1") == str(uuid.UUID(one))
    assert uuid.UUID(one).version == 4
    others = {IDENTITY.replacement_uuid("hedge-2"), RelayIdentity.generate().replacement_uuid("hedge-1")}
    assert len(others | {one}) == 3
