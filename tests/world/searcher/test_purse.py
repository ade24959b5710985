"""Margin for whoever hunts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.searcher import post_margin
from trimtab.world.world import World


@pytest.mark.node
async def test_margin_comes_from_nothing(world: World) -> None:
    """The account, which owned none, has exactly the amount at the venue, and again that much."""
    account, venue = world.accounts["searcher"], PerpV2(world.client, world.perp)
    for times in (1, 2):
        await post_margin(world, account, Decimal(1_234))
        assert (await venue.read_margin(account.address)).equity == 1_234 * times
