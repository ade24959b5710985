"""Signed bytes give back exactly what was signed, and by whom."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tx.test_envelope import access_lists, addresses, keys, maybe_addresses, numbers, prices

from trimtab.errors import IntentError
from trimtab.model.ids import Address
from trimtab.tx.envelope import (
    AccessListTx,
    Authorization,
    DynamicFeeTx,
    LegacyTx,
    SetCodeTx,
    TxFields,
    attach_signature,
)
from trimtab.tx.opening import open_signed
from trimtab.tx.rlp import encode_bytes, encode_list
from trimtab.tx.signers import LocalSigner

words = st.integers(0, 2**256 - 1)
authorizations = st.builds(
    Authorization,
    chain_id=st.integers(0, 2**64),
    address=addresses,
    nonce=st.integers(0, 2**63),
    y_parity=st.integers(0, 1),
    r=words,
    s=words,
)
transactions: st.SearchStrategy[TxFields] = st.one_of(
    st.builds(LegacyTx, **numbers, to=maybe_addresses, gas_price=prices),
    st.builds(AccessListTx, **numbers, to=maybe_addresses, gas_price=prices, access_list=access_lists),
    st.builds(
        DynamicFeeTx, **numbers, to=maybe_addresses, tip=prices, fee_cap=prices, access_list=access_lists
    ),
    st.builds(
        SetCodeTx,
        **numbers,
        to=addresses,
        tip=prices,
        fee_cap=prices,
        access_list=access_lists,
        authorizations=st.lists(authorizations, max_size=3).map(tuple),
    ),
)
SHOP = Address("0x" + "12" * 20)
KEY = bytes([7] * 32)


@settings(max_examples=200)
@given(keys, transactions)
def test_every_type_comes_back_from_the_signers_own_bytes(key: bytes, fields: TxFields) -> None:
    """Fields, hash and sender of what a signer signed, whatever it holds."""
    signer = LocalSigner.from_key(key)
    signed = signer.sign_nowait(fields)
    opened = open_signed(signed.raw)
    assert (opened.fields, opened.tx_hash, opened.raw) == (fields, signed.tx_hash, signed.raw)
    assert opened.sender == signer.address


@settings(max_examples=200)
@given(transactions, st.data())
def test_bytes_that_were_changed_are_another_transaction_or_none(
    fields: TxFields, data: st.DataObject
) -> None:
    """A flipped byte is refused, or read as what it now says: never as what was signed by whom."""
    signer = LocalSigner.from_key(KEY)
    raw = bytearray(signer.sign_nowait(fields).raw)
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    try:
        opened = open_signed(bytes(raw))
    except IntentError:
        return
    assert (opened.fields, opened.sender) != (fields, signer.address)


@given(st.binary(max_size=200))
def test_any_bytes_at_all_are_refused_in_words(raw: bytes) -> None:
    """Noise is an `IntentError` that says what it is not."""
    with pytest.raises(IntentError, match="is no signed transaction"):
        open_signed(raw)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\x03" + encode_list(b""), "type 3"),
        (b"\x02" + encode_list(b"\x80" * 11), "type 2 has 12 parts"),
        (b"\x02" + encode_bytes(b"cat"), "type 2 has 12 parts"),
        (encode_list(b"\x80" * 6 + b"\x1b\x01\x01"), "without a chain id"),
        (b"\x02" + encode_list(b"\x80" * 8 + b"\x80" + b"\x80\x01\x01"), "a list was expected"),
        (b"\x02" + encode_list(b"\x80" * 5 + b"\x01" + b"\x80" * 2 + b"\xc0\x80\x01\x01"), "20 bytes"),
        (attach_signature(DynamicFeeTx(1, 0, 0, 0, 0, SHOP), 0, 0, 1), "belongs to no key"),
    ],
)
def test_each_flaw_is_told_by_its_name(raw: bytes, words: str) -> None:
    """Blob transactions, missing parts, replayable ones and impossible signatures."""
    with pytest.raises(IntentError, match=words):
        open_signed(raw)


def test_the_price_in_a_block_is_the_cap_or_base_fee_and_tip() -> None:
    """EIP-1559: the tip is cut where the cap is reached; older types pay their gas price."""
    signer = LocalSigner.from_key(KEY)

    def opened(fields: TxFields) -> tuple[int, int, int]:
        tx = open_signed(signer.sign_nowait(fields).raw)
        return tx.fee_cap, tx.price_at(10), tx.price_at(95)

    assert opened(DynamicFeeTx(1, 0, 7, 100, 21_000, SHOP)) == (100, 17, 100)
    assert opened(LegacyTx(1, 0, 120, 21_000, SHOP)) == (120, 120, 120)
