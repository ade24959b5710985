"""Reads of the genuine contracts: each equal to the protocol's own view, at one block."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.venues.lyra.stage import DAY, Stage
from tests.venues.lyra.views import Views

from trimtab.errors import MarketClosedError, StalePriceError, UnknownMarketError
from trimtab.model.market import OptionType

pytestmark = pytest.mark.node


async def test_a_fresh_market_reads_as_the_protocol_shows_it(stage: Stage) -> None:
    """Chain, cache, pool and positions, to the wei."""
    views = Views(stage)
    await views.check_all([stage.trader])
    assert views.compared > 30


async def test_reads_ask_few_times(stage: Stage) -> None:
    """A chain is three requests whatever the number of strikes: the block, the viewer, the marks."""
    await stage.venue.read_chain(stage.market)
    before = stage.requests()
    await stage.venue.read_chain(stage.market)
    assert stage.requests() - before == 3
    before = stage.requests()
    await stage.venue.read_option_positions(stage.trader)
    assert stage.requests() - before <= 3


@pytest.mark.parametrize("option_type", list(OptionType))
async def test_a_position_of_each_type(stage: Stage, option_type: OptionType) -> None:
    """Amount, collateral, minimum, mark and Greeks are the protocol's; ours agree within 1e-9."""
    intent = await stage.intent(option_type, Decimal("2.5"))
    await stage.trade(stage.trader, intent)
    (position,) = await Views(stage).check_positions(stage.trader, await stage.client.block_number())
    assert (position.type, position.amount, position.collateral) == (
        option_type,
        Decimal("2.5"),
        intent.set_collateral_to,
    )
    assert abs(position.greeks.delta / position.venue_greeks.delta - 1) < Decimal("1e-9")
    assert abs(position.greeks.vega / position.venue_greeks.vega - 1) < Decimal("1e-9")
    assert position.mark_value == position.signed_amount * position.mark_price


async def test_positions_in_two_markets(stage: Stage) -> None:
    """One read shows both, each with its own market's numbers."""
    await stage.trade(stage.trader, await stage.intent(OptionType.LONG_CALL, Decimal(1)))
    other = Stage(stage.client, stage.deployment, "sBTC")
    await other.approve(stage.trader)
    await other.trade(stage.trader, await other.intent(OptionType.LONG_PUT, Decimal("0.1")))
    positions = await Views(stage).check_positions(stage.trader, await stage.client.block_number())
    assert {p.series.market.name for p in positions} == {"sETH", "sBTC"}


async def test_the_cutoff_and_the_freeze_are_shown(stage: Stage) -> None:
    """A frozen board says so; the cutoff lies half a day before expiry."""
    board = (await stage.venue.read_chain(stage.market)).boards[0]
    assert board.expiry - board.trading_cutoff_at == DAY // 2
    await stage.as_owner("OptionMarket", "setBoardFrozen", board.board_id, True)
    assert (await stage.venue.read_chain(stage.market)).boards[0].is_frozen


async def test_a_pause_and_a_bad_price_are_typed(stage: Stage) -> None:
    """Paused is MarketClosedError, an invalid rate StalePriceError, from chain and positions alike."""
    await stage.trade(stage.trader, await stage.intent(OptionType.LONG_CALL, Decimal(1)))
    market = stage.at.contracts["OptionMarket"]
    await stage.as_owner("SynthetixAdapter", "setMarketPaused", market, True)
    for work in (stage.venue.read_chain(stage.market), stage.venue.read_option_positions(stage.trader)):
        with pytest.raises(MarketClosedError, match="paused"):
            await work
    await stage.as_owner("SynthetixAdapter", "setMarketPaused", market, False)
    await stage.set_spot(Decimal(1700), is_invalid=True)
    for work in (stage.venue.read_chain(stage.market), stage.venue.read_option_positions(stage.trader)):
        with pytest.raises(StalePriceError, match="invalid"):
            await work


async def test_unknown_and_settled_strikes(stage: Stage) -> None:
    """A strike that never was, and one whose board is settled, are UnknownMarketError."""
    with pytest.raises(UnknownMarketError, match="no live strike 999"):
        await stage.venue.read_series(stage.market, 999)
    chain = await stage.venue.read_chain(stage.market)
    first = min(chain.boards, key=lambda b: b.expiry)
    await stage.warp(first.expiry - chain.at + 60)
    await stage.send(stage.keeper, stage.venue.keeper.encode_settle_board(stage.market, first.board_id))
    with pytest.raises(UnknownMarketError):
        await stage.venue.read_series(stage.market, first.strikes[0].series.strike_id)


async def test_settlement_pays_what_the_mark_says(stage: Stage) -> None:
    """On a settled board each mark is the intrinsic value, and that is what is paid."""
    for kind in OptionType:
        await stage.trade(stage.trader, await stage.intent(kind, Decimal(2)))
    series = (await stage.strike()).series
    await stage.set_spot(series.strike + 123)
    await stage.warp(series.expiry - await stage.now() + 60)
    await stage.send(stage.keeper, stage.venue.keeper.encode_settle_board(stage.market, series.board_id))
    positions = await Views(stage).check_positions(stage.trader, await stage.client.block_number())
    assert {p.mark_price for p in positions} == {Decimal(123), Decimal(0)}
    plan = stage.venue.keeper.encode_settle_positions(stage.market, [p.position_id for p in positions])
    receipt = await stage.send(stage.keeper, plan)
    assert receipt is not None
    settled = {s.position_id: s for s in stage.venue.decoder.decode_settlements(receipt, stage.trader)}
    for p in positions:
        paid = settled[p.position_id].paid
        if p.type is not OptionType.SHORT_CALL_BASE:  # that one pays in base, less the exchange fee
            assert paid == p.mark_value + p.collateral
    assert await stage.venue.read_option_positions(stage.trader) == ()


async def test_what_may_be_liquidated_is_found(stage: Stage) -> None:
    """After a jump the thin short is found, liquidated, and found no more; a healthy one is refused."""
    intent = await stage.intent(OptionType.SHORT_CALL_QUOTE, Decimal(3), margin=Decimal("1.05"))
    await stage.trade(stage.trader, intent)
    await stage.trade(stage.trader, replace(intent, set_collateral_to=intent.set_collateral_to * 20))
    thin, fat = await stage.venue.read_option_positions(stage.trader)
    views = Views(stage)
    assert await views.check_liquidatable(await stage.client.block_number()) == set()
    await stage.set_spot((await stage.venue.read_chain(stage.market)).spot_price * Decimal("1.25"))
    assert await views.check_liquidatable(await stage.client.block_number()) == {thin.position_id}
    keeper = stage.venue.keeper
    plan = keeper.encode_liquidate(stage.market, fat.position_id, stage.keeper)
    assert "minimum collateral" in str(await stage.refusal(stage.keeper, plan))
    plan = keeper.encode_liquidate(stage.market, thin.position_id, stage.keeper)
    receipt = await stage.send(stage.keeper, plan)
    assert receipt is not None
    (liquidation,) = stage.venue.decoder.decode_liquidations(receipt, stage.trader)
    parts = (
        liquidation.returned,
        liquidation.pool_premium,
        liquidation.pool_fee,
        liquidation.liquidator_fee,
        liquidation.security_module_fee,
    )
    assert sum(parts) == thin.collateral
    assert await views.check_liquidatable(await stage.client.block_number()) == set()


async def test_min_collateral_of_what_is_not_held(stage: Stage) -> None:
    """Longs need none; shorts of any size read as OptionGreekCache.getMinCollateral says."""
    series = (await stage.strike()).series
    assert await stage.venue.read_min_collateral(series, OptionType.LONG_PUT, Decimal(1)) == 0
    small = await stage.venue.read_min_collateral(series, OptionType.SHORT_PUT_QUOTE, Decimal("0.1"))
    large = await stage.venue.read_min_collateral(series, OptionType.SHORT_PUT_QUOTE, Decimal(10))
    assert (small, large > 1000) == (Decimal("0.1") * series.strike, True)
