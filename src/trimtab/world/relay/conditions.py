"""What a conditional transaction demands of accounts (ERC-7796): their storage, asked of the chain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.chain.client import Client

COST_LIMIT = 1000
"""What op-geth allows one transaction to demand, in look-ups."""


def cost_of(known_accounts: Mapping[str, object]) -> int:
    """Look-ups: one for each slot, one for each storage root."""
    return sum(len(slots) if isinstance(slots, Mapping) else 1 for slots in known_accounts.values())


async def holds(client: Client, known_accounts: Mapping[str, object]) -> bool:
    """Whether each account's slots, or its storage root, are as demanded at the head."""
    for address, demanded in known_accounts.items():
        if isinstance(demanded, Mapping):
            for slot, value in demanded.items():
                found = await client.request("eth_getStorageAt", [address, slot, "latest"])
                if _number(found) != _number(value):
                    return False
        else:
            proof = await client.request("eth_getProof", [address, [], "latest"])
            if _number(proof["storageHash"]) != _number(demanded):
                return False
    return True


def _number(value: Any) -> int:
    return int(str(value), 16)
