"""The suite of perp venues on the genuine Perp v2."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.venues.perp_v2.stage import Stage

from trimtab.model.ids import Address
from trimtab.testing.perp_conformance import PerpStage, PerpVenueConformance
from trimtab.venues.perp_v2.ticks import tick_at_price
from trimtab.world.world import World

ACCOUNT, DELEGATE = Address("0x" + "a1" * 20), Address("0x" + "d1" * 20)


@pytest.mark.node
class TestPerpV2(PerpVenueConformance):
    @pytest.fixture
    async def stage(self, world: World) -> PerpStage:
        desk = Stage(world)
        await desk.prepare([ACCOUNT, DELEGATE])
        await desk.deposit(ACCOUNT, "USDC", Decimal(10_000))
        state = await desk.venue.read_state("vETH")
        tick = tick_at_price(state.spot_price, 60)
        return PerpStage(
            venue=desk.venue,
            client=world.client,
            market="vETH",
            account=ACCOUNT,
            delegate=DELEGATE,
            submit=desk.send,
            ticks=(tick - 600, tick + 660),
            exposed_size=Decimal(700),
        )
