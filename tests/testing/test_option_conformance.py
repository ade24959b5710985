"""The suite of option venues finds what is wrong: broken venues do not pass it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trimtab.chain.receipt import Receipt
from trimtab.errors import UnsupportedActionError
from trimtab.model.ids import Address
from trimtab.model.market import OptionType
from trimtab.model.order import Fill, OptionQuote
from trimtab.model.position import OptionPosition
from trimtab.testing.option_conformance import OptionStage, OptionVenueConformance
from trimtab.venues.base import Capability, ChainPlan
from trimtab.venues.lyra import Lyra
from trimtab.world.world import World

pytestmark = pytest.mark.node


def _stage(world: World, venue: Lyra) -> OptionStage:
    async def submit(account: Address, plan: ChainPlan) -> Receipt | None:
        receipt = None
        for call in plan.calls:
            receipt = await world.operator.transact(account, call)
        return receipt

    return OptionStage(venue, world.client, "sETH", world.accounts["trader"].address, submit)


async def _approved(stage: OptionStage) -> OptionStage:
    plan = await stage.venue.encode_approvals(stage.account, stage.market)
    await stage.submit(stage.account, plan)
    return stage


class OffByAWei(Lyra):
    """Quotes a millionth of a millionth too much."""

    async def read_option_quote(self, *args: Any, **named: Any) -> OptionQuote:
        quote = await super().read_option_quote(*args, **named)
        return replace(quote, total_cost=quote.total_cost + Decimal("1e-18"))


class WrongSide(Lyra):
    """Signs its fills the wrong way round."""

    def decode_fills(self, receipt: Receipt, account: Address) -> tuple[Fill, ...]:
        return tuple(replace(fill, size=-fill.size) for fill in super().decode_fills(receipt, account))


class StaleGreeks(Lyra):
    """Shows a delta that is a percent off."""

    async def read_option_positions(self, *args: Any, **named: Any) -> Sequence[OptionPosition]:
        positions = await super().read_option_positions(*args, **named)
        return tuple(replace(p, greeks=p.greeks * Decimal("1.01")) for p in positions)


class Boaster(Lyra):
    """Does not force close, although it says so."""

    async def read_option_quote(self, account: Any, intent: Any, **named: Any) -> OptionQuote:
        if intent.action == "force_close":
            raise UnsupportedActionError("no", venue=self.name)
        return await super().read_option_quote(account, intent, **named)


class Modest(Boaster):
    """Does not force close, and says so."""

    capabilities = Lyra.capabilities - {Capability.FORCE_CLOSE}


async def test_an_honest_venue_passes(world: World) -> None:
    """The control: the same checks pass on the adapter as it is."""
    stage = await _approved(_stage(world, Lyra(world.client, world.lyra)))
    await OptionVenueConformance().test_the_quote_is_the_fill(stage, OptionType.LONG_CALL)


@pytest.mark.parametrize("broken", [OffByAWei, WrongSide, StaleGreeks])
async def test_a_broken_venue_fails(world: World, broken: type[Lyra]) -> None:
    """A cost one wei off, a wrong sign and a wrong Greek are each found."""
    stage = await _approved(_stage(world, broken(world.client, world.lyra)))
    with pytest.raises(AssertionError):
        await OptionVenueConformance().test_the_quote_is_the_fill(stage, OptionType.LONG_CALL)


async def test_what_is_declared_must_work(world: World) -> None:
    """Declared and refused fails the suite; undeclared and refused as unsupported passes it."""
    suite = OptionVenueConformance()
    boaster = await _approved(_stage(world, Boaster(world.client, world.lyra)))
    with pytest.raises(pytest.fail.Exception, match="declared"):
        await suite.test_force_close_is_declared_or_unsupported(boaster)


async def test_what_is_not_declared_must_be_refused(world: World) -> None:
    """UnsupportedActionError for the undeclared part is what the suite wants to see."""
    modest = await _approved(_stage(world, Modest(world.client, world.lyra)))
    await OptionVenueConformance().test_force_close_is_declared_or_unsupported(modest)


async def test_an_address_without_code_is_found(world: World) -> None:
    """A deployment that points into the void fails the check of addresses."""
    deployment = replace(
        world.lyra, contracts={**world.lyra.contracts, "LyraRegistry": Address("0x" + "5a" * 20)}
    )
    stage = _stage(world, Lyra(world.client, deployment))
    with pytest.raises(AssertionError, match="LyraRegistry"):
        await OptionVenueConformance().test_every_address_has_code(stage)
