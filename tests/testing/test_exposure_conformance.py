"""The exposure part of the perp suite finds what is wrong: broken venues do not pass it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.venues.perp_v2.stage import Stage

from trimtab.model.exposure import Remedies, SandwichExposure
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, PerpQuote, Side
from trimtab.testing.exposure_conformance import ExposureCheck
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.world import World

pytestmark = pytest.mark.node

ACCOUNT = Address("0x" + "a1" * 20)


class DeafToLimits(PerpV2):
    """Forgets the acceptable price."""

    async def read_exposure(self, account: Address, quote: PerpQuote, **named: Any) -> SandwichExposure:
        bare = replace(quote, intent=replace(quote.intent, acceptable_price=None))
        found = await super().read_exposure(account, bare, **named)
        return replace(found, intent=quote.intent)


class ForgetsGas(PerpV2):
    """Tells what the attacker earns before its gas."""

    async def read_exposure(self, *args: Any, **named: Any) -> SandwichExposure:
        found = await super().read_exposure(*args, **named)
        return replace(found, worst_profit=found.worst_profit + found.gas_cost)


class LooseRemedies(PerpV2):
    """Lets the whole go at once."""

    async def read_remedies(self, account: Address, quote: PerpQuote, *args: Any, **named: Any) -> Remedies:
        found = await super().read_remedies(account, quote, *args, **named)
        return replace(found, amount=quote.intent.size)


@pytest.fixture
async def desk(world: World) -> Stage:
    made = Stage(world)
    await made.prepare([ACCOUNT])
    return made


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [(DeafToLimits, "quoted price"), (ForgetsGas, "that pays has a size"), (LooseRemedies, "a part of")],
)
async def test_a_wrong_exposure_is_found(desk: Stage, kind: type[PerpV2], complaint: str) -> None:
    """A limit or a cost that is left out, an amount that is too large."""
    check = ExposureCheck(kind(desk.client, desk.deployment), ACCOUNT)
    with pytest.raises(AssertionError, match=complaint):
        await check.check_order(PerpIntent("vETH", Side.BUY, size=Decimal(700)))


async def test_an_order_that_is_not_exposed_proves_nothing(desk: Stage) -> None:
    """The suite asks for one that is."""
    check = ExposureCheck(desk.venue, ACCOUNT)
    with pytest.raises(AssertionError, match="exposed_size"):
        await check.check_order(PerpIntent("vETH", Side.BUY, size=Decimal(1)))
