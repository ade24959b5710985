"""The risk of a book on the genuine contracts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest

from trimtab.errors import UnknownMarketError
from trimtab.hedging.exposure import read_exposure
from trimtab.model.order import PerpIntent, Side
from trimtab.world.world import World

D = Decimal
OpenHedging = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.mark.node
async def test_options_and_perp_add_up_at_one_block(
    open_hedging: OpenHedging, write_calls: Callable[..., Any], world: World
) -> None:
    """Net delta is the options' plus the perp's size; ours and the venue's agree to nine digits; and an
    older block is read as it was, whatever happened since."""
    async with open_hedging() as hedging:
        desk = hedging.desk
        await write_calls(desk)
        buy = PerpIntent("vETH", Side.BUY, size=D("1.5"))
        await desk.executor.execute_perp(desk.perp, desk.account, buy, key="buy")
        exposure = (await read_exposure(hedging.book, world.client)).of("ETH")
        (option,) = await desk.lyra.read_option_positions(desk.account, block=exposure.block)
        assert exposure.delta == option.greeks.delta + D("1.5")
        assert abs(exposure.delta - exposure.venue_greeks.delta) < D("1e-9")
        assert exposure.greeks.gamma < 0 < exposure.greeks.theta
        assert exposure.spot_price == D(2000)
        await world.set_price("ETH", D(2100))
        later = await read_exposure(hedging.book, world.client)
        assert later.of("ETH").delta < exposure.delta
        assert (await read_exposure(hedging.book, world.client, block=exposure.block)).of("ETH") == exposure
        with pytest.raises(UnknownMarketError, match="nothing on BTC; it has ETH"):
            later.of("BTC")
