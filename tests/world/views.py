"""Reads that several tests of the world share."""

from __future__ import annotations

from typing import Any

from trimtab.model.ids import Address
from trimtab.world.world import World


async def read(world: World, contract: str, address: Address, function: str, *args: object) -> Any:
    """One view of a contract of the world."""
    return await world.client.call(world.artifacts.abi(contract).function(function).read(address, *args))
