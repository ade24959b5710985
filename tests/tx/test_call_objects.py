"""Signed transactions in the form in which nodes take calls: every field of the bytes, and no other."""

from __future__ import annotations

from hypothesis import given
from tests.tx.test_opening import transactions

from trimtab.tx.call_objects import access_list_object, authorization_objects, object_of
from trimtab.tx.envelope import AccessListTx, DynamicFeeTx, LegacyTx, SetCodeTx, TxFields
from trimtab.tx.opening import open_signed
from trimtab.tx.signers import LocalSigner

SIGNER = LocalSigner.from_key(bytes([9] * 32))


@given(transactions)
def test_every_field_of_the_bytes_is_in_the_call(fields: TxFields) -> None:
    """A node that is told everything fills in nothing of its own."""
    made = object_of(open_signed(SIGNER.sign_nowait(fields).raw))
    numbers = {
        "type": fields.type,
        "chainId": fields.chain_id,
        "nonce": fields.nonce,
        "gas": fields.gas_limit,
        "value": fields.value,
    }
    if isinstance(fields, LegacyTx | AccessListTx):
        numbers["gasPrice"] = fields.gas_price
    else:
        numbers |= {"maxFeePerGas": fields.fee_cap, "maxPriorityFeePerGas": fields.tip}
    expected = {name: hex(value) for name, value in numbers.items()}
    expected |= {"from": SIGNER.address, "data": "0x" + fields.data.hex()}
    if fields.to is not None:
        expected["to"] = fields.to
    lists = {}
    if isinstance(fields, AccessListTx | DynamicFeeTx | SetCodeTx):
        lists["accessList"] = access_list_object(fields.access_list)
    if isinstance(fields, SetCodeTx):
        lists["authorizationList"] = authorization_objects(fields.authorizations)
    assert made == expected | lists
    entries, signed = getattr(fields, "access_list", ()), getattr(fields, "authorizations", ())
    assert access_list_object(entries) == [
        {"address": address, "storageKeys": ["0x" + key.hex() for key in keys]} for address, keys in entries
    ]
    for item, told in zip(signed, authorization_objects(signed), strict=True):
        assert told.pop("address") == item.address
        assert {name: int(value, 16) for name, value in told.items()} == {
            "chainId": item.chain_id,
            "nonce": item.nonce,
            "yParity": item.y_parity,
            "r": item.r,
            "s": item.s,
        }
