"""Transactions as nodes take them in `eth_call`, `eth_simulateV1` and `debug_traceCall`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab.tx.envelope import AccessList, AccessListTx, Authorization, LegacyTx, SetCodeTx
from trimtab.tx.opening import OpenedTx


def object_of(tx: OpenedTx) -> dict[str, Any]:
    """Every field of a signed transaction, and its sender: what the bytes say, and nothing that a node would
    fill in."""
    fields = tx.fields
    made: dict[str, Any] = {"from": tx.sender, "type": hex(fields.type), "chainId": hex(fields.chain_id)}
    made |= {"nonce": hex(fields.nonce), "gas": hex(fields.gas_limit), "value": hex(fields.value)}
    made["data"] = "0x" + fields.data.hex()
    if fields.to is not None:
        made["to"] = fields.to
    if isinstance(fields, LegacyTx | AccessListTx):
        made["gasPrice"] = hex(fields.gas_price)
    else:
        made |= {"maxFeePerGas": hex(fields.fee_cap), "maxPriorityFeePerGas": hex(fields.tip)}
    if not isinstance(fields, LegacyTx):
        made["accessList"] = access_list_object(fields.access_list)
    if isinstance(fields, SetCodeTx):
        made["authorizationList"] = authorization_objects(fields.authorizations)
    return made


def access_list_object(entries: AccessList) -> list[dict[str, Any]]:
    """An access list as JSON (EIP-2930)."""
    return [
        {"address": address, "storageKeys": ["0x" + key.hex() for key in keys]} for address, keys in entries
    ]


def authorization_objects(items: Sequence[Authorization]) -> list[dict[str, Any]]:
    """Signed delegations as JSON (EIP-7702)."""
    return [
        {
            "chainId": hex(item.chain_id),
            "address": item.address,
            "nonce": hex(item.nonce),
            "yParity": hex(item.y_parity),
            "r": hex(item.r),
            "s": hex(item.s),
        }
        for item in items
    ]
