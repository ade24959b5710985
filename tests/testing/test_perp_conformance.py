"""The suite of perp venues finds what is wrong: broken venues do not pass it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.venues.perp_v2.stage import Stage

from trimtab.chain.receipt import Receipt
from trimtab.errors import UnsupportedActionError
from trimtab.model.ids import Address
from trimtab.model.order import Fill, PerpQuote, Side
from trimtab.model.position import LiquidityRange
from trimtab.testing.perp_conformance import PerpStage, PerpVenueConformance
from trimtab.venues.base import Capability, ChainPlan
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.world import World

pytestmark = pytest.mark.node

ACCOUNT, DELEGATE = Address("0x" + "a1" * 20), Address("0x" + "d1" * 20)
SUITE = PerpVenueConformance()
WEI = Decimal("1e-18")


class FeeOffByAWei(PerpV2):
    """Quotes a wei too little."""

    async def read_quote(self, *args: Any, **named: Any) -> PerpQuote:
        quote = await super().read_quote(*args, **named)
        return replace(quote, fee=quote.fee - WEI)


class EquityOffByACent(PerpV2):
    """Foretells an account that does not come."""

    async def read_quote(self, *args: Any, **named: Any) -> PerpQuote:
        quote = await super().read_quote(*args, **named)
        return replace(quote, equity_after=quote.equity_after + Decimal("0.01"))


class WrongSide(PerpV2):
    """Signs its fills the wrong way round."""

    def decode_fills(self, receipt: Receipt, account: Address) -> tuple[Fill, ...]:
        return tuple(replace(fill, size=-fill.size) for fill in super().decode_fills(receipt, account))


class NoLimit(PerpV2):
    """Forgets the acceptable price on the way to calldata."""

    def encode_order(self, account: Address, intent: Any, quote: PerpQuote) -> ChainPlan:
        return super().encode_order(account, replace(intent, acceptable_price=None), quote)


class SilentMaker(PerpV2):
    """Does not declare maker liquidity, yet answers."""

    capabilities = PerpV2.capabilities - {Capability.MAKER_LIQUIDITY}


class HonestTaker(SilentMaker):
    """Does not declare maker liquidity, and says so."""

    async def read_liquidity(self, *_args: Any, **_named: Any) -> Sequence[LiquidityRange]:
        raise UnsupportedActionError("no making here", venue=self.name)


@pytest.fixture
async def desk(world: World) -> Stage:
    made = Stage(world)
    await made.prepare([ACCOUNT, DELEGATE])
    await made.deposit(ACCOUNT, "USDC", Decimal(10_000))
    return made


def stage_of(desk: Stage, kind: type[PerpV2]) -> PerpStage:
    venue = kind(desk.client, desk.deployment)
    return PerpStage(venue, desk.client, "vETH", ACCOUNT, DELEGATE, desk.send)


@pytest.mark.parametrize("kind", [FeeOffByAWei, EquityOffByACent, WrongSide])
async def test_a_wrong_quote_or_fill_is_found(desk: Stage, kind: type[PerpV2]) -> None:
    """A wei in the fee, a cent in the account, a sign."""
    with pytest.raises(AssertionError):
        await SUITE.test_the_quote_is_the_fill(stage_of(desk, kind), Side.BUY, "size")


async def test_a_limit_that_is_dropped_is_found(desk: Stage) -> None:
    """The suite waits for a refusal that does not come."""
    with pytest.raises(pytest.fail.Exception, match="AcceptablePriceError"):
        await SUITE.test_the_acceptable_price(stage_of(desk, NoLimit), Side.BUY)


async def test_what_is_not_declared_must_be_refused(desk: Stage) -> None:
    """Answering is as wrong as failing; saying so passes."""
    with pytest.raises(pytest.fail.Exception, match="UnsupportedActionError"):
        await SUITE.test_maker_liquidity(stage_of(desk, SilentMaker))
    await SUITE.test_maker_liquidity(stage_of(desk, HonestTaker))
