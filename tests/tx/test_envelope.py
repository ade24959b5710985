"""Typed transactions, byte for byte as eth-account signs them."""

from __future__ import annotations

from typing import Any

from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.chain.address import checksum
from trimtab.model.ids import Address
from trimtab.tx.envelope import AccessListTx, Authorization, DynamicFeeTx, LegacyTx, SetCodeTx, TxFields
from trimtab.tx.signers import LocalSigner, check_signed

keys = st.integers(1, 2**255).map(lambda number: number.to_bytes(32, "big"))
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: Address("0x" + raw.hex()))
maybe_addresses = st.none() | addresses
access_lists = st.lists(
    st.tuples(addresses, st.lists(st.binary(min_size=32, max_size=32), max_size=3).map(tuple)), max_size=3
).map(tuple)
numbers = {
    "chain_id": st.integers(1, 2**32),
    "nonce": st.integers(0, 2**40),
    "gas_limit": st.integers(21_000, 2**40),
    "value": st.integers(0, 2**255),
    "data": st.binary(max_size=300),
}
prices = st.integers(0, 2**80)


def signed_by_oracle(key: bytes, fields: TxFields) -> tuple[bytes, str]:
    common: dict[str, Any] = {
        "chainId": fields.chain_id,
        "nonce": fields.nonce,
        "gas": fields.gas_limit,
        "value": fields.value,
        "data": fields.data,
        "to": b"" if fields.to is None else checksum(fields.to),
    }
    if not isinstance(fields, LegacyTx):
        common["type"] = fields.type
        common["accessList"] = [
            {"address": address, "storageKeys": ["0x" + slot.hex() for slot in slots]}
            for address, slots in fields.access_list
        ]
    if isinstance(fields, LegacyTx | AccessListTx):
        common["gasPrice"] = fields.gas_price
    else:
        common |= {"maxFeePerGas": fields.fee_cap, "maxPriorityFeePerGas": fields.tip}
    if isinstance(fields, SetCodeTx):
        common["authorizationList"] = [
            {
                "chainId": item.chain_id,
                "address": item.address,
                "nonce": item.nonce,
                "yParity": item.y_parity,
                "r": item.r,
                "s": item.s,
            }
            for item in fields.authorizations
        ]
    signed = Account.sign_transaction(common, key)
    return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()


def check_against_oracle(key: bytes, fields: TxFields) -> None:
    ours = LocalSigner.from_key(key).sign_nowait(fields)
    assert (ours.raw, ours.tx_hash) == signed_by_oracle(key, fields)
    check_signed(ours, fields, LocalSigner.from_key(key).address)


@settings(max_examples=60, deadline=None)
@given(
    keys,
    st.builds(
        DynamicFeeTx, **numbers, to=maybe_addresses, tip=prices, fee_cap=prices, access_list=access_lists
    ),
)
def test_type_2_has_the_bytes_and_hash_of_eth_account(key: bytes, fields: DynamicFeeTx) -> None:
    """EIP-1559 transactions of any size and shape equal the oracle's, and pass our own check."""
    check_against_oracle(key, fields)


@settings(max_examples=25, deadline=None)
@given(
    keys,
    st.builds(LegacyTx, **numbers, to=maybe_addresses, gas_price=prices)
    | st.builds(AccessListTx, **numbers, to=maybe_addresses, gas_price=prices, access_list=access_lists),
)
def test_types_0_and_1_have_the_bytes_and_hash_of_eth_account(
    key: bytes, fields: LegacyTx | AccessListTx
) -> None:
    """Legacy transactions with replay protection and access list transactions equal the oracle's."""
    check_against_oracle(key, fields)


@settings(max_examples=25, deadline=None)
@given(keys, st.data())
def test_type_4_has_the_bytes_and_hash_of_eth_account(key: bytes, data: st.DataObject) -> None:
    """Set-code transactions (EIP-7702) with signed authorisations equal the oracle's."""
    signed = Account.sign_authorization(
        {
            "chainId": data.draw(st.integers(0, 2**30)),
            "address": data.draw(addresses),
            "nonce": data.draw(st.integers(0, 2**30)),
        },
        key,
    )
    authorization = Authorization(
        signed.chain_id,
        Address("0x" + bytes(signed.address).hex()),
        signed.nonce,
        signed.y_parity,
        signed.r,
        signed.s,
    )
    fields = data.draw(
        st.builds(
            SetCodeTx,
            **numbers,
            to=addresses,
            tip=prices,
            fee_cap=prices,
            access_list=access_lists,
            authorizations=st.just((authorization,)),
        )
    )
    check_against_oracle(key, fields)
