"""What a searcher needs before it begins: margin at the venue."""

from __future__ import annotations

from decimal import Decimal

from trimtab.model.units import to_base_exact
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.accounts import Account
from trimtab.world.world import World

_MINT = "mint(address,uint256)"


async def post_margin(world: World, account: Account, amount: Decimal) -> None:
    """Mint the settlement currency, as everybody may in a world, and deposit it. For a node that mines each
    transaction at once."""
    settlement = world.perp.settlement
    asset = world.perp.collateral[settlement]
    mint = world.artifacts.abi("MintableERC20").function(_MINT)
    units = to_base_exact(amount, asset.decimals, "amount")
    await world.transact(account.name, mint.at(asset.token, account.address, units))
    plan = await PerpV2(world.client, world.perp).encode_deposit(account.address, settlement, amount)
    for call in plan.calls:
        await world.transact(account.name, call)
