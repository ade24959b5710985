"""Quotes of the genuine contracts: equal to the fill at the same block, refused as the fill would be."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.venues.lyra.stage import DAY, Stage

from trimtab.errors import (
    AcceptablePriceError,
    CallRevertedError,
    InsufficientMarginError,
    IntentError,
    MarketClosedError,
    OrderRejectedError,
    RpcError,
    StalePriceError,
    UnknownMarketError,
    VenueError,
)
from trimtab.model.ids import Address
from trimtab.model.market import OptionType
from trimtab.model.order import OptionAction, OptionIntent
from trimtab.venues.lyra import LyraMarketAddresses, TokenStorage
from trimtab.venues.lyra.quote import lend
from trimtab.venues.lyra.venue import Lyra, LyraOptions

STRANGER = Address("0x" + "5a" * 20)
node = pytest.mark.node


def test_funds_are_lent_only_where_storage_is_known() -> None:
    """Balance and allowance slots of the known token alone; where nothing is known nothing is lent."""
    base, quote = Address("0x" + "0b" * 20), Address("0x" + "0c" * 20)
    market = LyraMarketAddresses("ETH", {"OptionMarket": Address("0x" + "0d" * 20)}, base, quote)
    assert lend(STRANGER, market) is None
    lent = lend(STRANGER, replace(market, quote_storage=TokenStorage(0, 1)))
    assert lent is not None
    assert lent.keys() == {quote}
    assert len(lent[quote]["stateDiff"]) == 2


@node
@pytest.mark.parametrize("option_type", list(OptionType))
@pytest.mark.parametrize("iterations", [1, 4])
async def test_open_and_close_cost_what_was_quoted(
    stage: Stage, option_type: OptionType, iterations: int
) -> None:
    """Cost, fee, volatility after, spot and block of the quote are those of the fill, to the wei."""
    opening = await stage.intent(option_type, Decimal("3.7"), iterations=iterations)
    quote, receipt = await stage.trade(stage.trader, opening)
    await stage.check_fill(stage.trader, quote, receipt)
    (position,) = await stage.venue.read_option_positions(stage.trader)
    part = replace(
        opening,
        action=OptionAction.CLOSE,
        amount=Decimal("1.2"),
        position_id=position.position_id,
    )
    quote, receipt = await stage.trade(stage.trader, part)
    await stage.check_fill(stage.trader, quote, receipt)
    rest = replace(part, amount=Decimal("2.5"), set_collateral_to=Decimal(0))
    quote, receipt = await stage.trade(stage.trader, rest)
    await stage.check_fill(stage.trader, quote, receipt)
    assert await stage.venue.read_option_positions(stage.trader) == ()


@node
async def test_force_close_past_the_cutoff(stage: Stage) -> None:
    """Inside the cutoff an ordinary close says MarketClosedError, the force close is quoted and filled."""
    opening = await stage.intent(OptionType.SHORT_PUT_QUOTE, Decimal(2))
    await stage.trade(stage.trader, opening)
    (position,) = await stage.venue.read_option_positions(stage.trader)
    await stage.warp(opening.series.expiry - await stage.now() - DAY // 4)
    close = replace(
        opening,
        action=OptionAction.CLOSE,
        position_id=position.position_id,
        set_collateral_to=Decimal(0),
    )
    with pytest.raises(MarketClosedError, match="force close"):
        await stage.venue.read_option_quote(stage.trader, close)
    quote, receipt = await stage.trade(stage.trader, replace(close, action=OptionAction.FORCE_CLOSE))
    await stage.check_fill(stage.trader, quote, receipt)


@node
async def test_who_owns_nothing_is_quoted_the_same(stage: Stage) -> None:
    """Balance and allowance are lent by state override; without lending the token's refusal is typed."""
    intent = await stage.intent(OptionType.LONG_CALL, Decimal(2))
    rich = await stage.venue.read_option_quote(stage.trader, intent)
    poor = await stage.venue.read_option_quote(STRANGER, intent)
    assert (poor.total_cost, poor.fee) == (rich.total_cost, rich.fee)
    strict = Lyra(stage.client, stage.deployment, LyraOptions(lend_funds=False))
    with pytest.raises(InsufficientMarginError, match="balance is too small"):
        await strict.read_option_quote(STRANGER, intent)
    again = await strict.read_option_quote(stage.trader, intent)
    assert again.total_cost == rich.total_cost


@node
async def test_a_node_without_pending_gets_latest(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that refuses the pending block is asked for the latest one: the quote is a block older."""
    intent = await stage.intent(OptionType.LONG_PUT, Decimal(1))
    exact = await stage.venue.read_option_quote(stage.trader, intent, block="latest")
    real = stage.client.block

    async def no_pending(block: int | str = "latest") -> object:
        if block == "pending":
            raise RpcError("pending is not available", code=-32602)
        return await real(block)

    monkeypatch.setattr(stage.client, "block", no_pending)
    quote = await stage.venue.read_option_quote(stage.trader, intent)
    assert (quote.total_cost, quote.block) == (exact.total_cost, exact.block)


@node
async def test_a_quote_of_the_past(stage: Stage) -> None:
    """At a given block the quote is of that block, whatever came later."""
    intent = await stage.intent(OptionType.LONG_PUT, Decimal(1))
    block = await stage.client.block_number()
    before = await stage.venue.read_option_quote(stage.trader, intent, block=block)
    await stage.set_spot(before.spot_price * Decimal("0.9"))
    assert await stage.venue.read_option_quote(stage.trader, intent, block=block) == before
    assert (await stage.venue.read_option_quote(stage.trader, intent)).total_cost > before.total_cost


@node
async def test_larger_trades_move_volatility(stage: Stage) -> None:
    """Buying raises the strike's volatility, selling lowers it; the quote says to where."""
    state = await stage.strike()
    bought = await stage.venue.read_option_quote(
        stage.trader, await stage.intent(OptionType.LONG_CALL, Decimal(10))
    )
    sold = await stage.venue.read_option_quote(
        stage.trader, await stage.intent(OptionType.SHORT_PUT_QUOTE, Decimal(10))
    )
    assert bought.iv_after is not None
    assert sold.iv_after is not None
    assert sold.iv_after < state.iv < bought.iv_after
    assert bought.price == bought.total_cost / 10
    assert (bought.greeks.delta > 0, bought.greeks.vega > 0) == (True, True)
    assert (sold.greeks.delta > 0, sold.greeks.vega < 0) == (True, True)


async def _refused(stage: Stage, intent: OptionIntent) -> VenueError:
    """The quote's refusal; the trade is refused for the same reason."""
    with pytest.raises(VenueError) as caught:
        await stage.venue.read_option_quote(stage.trader, intent)
    quote = await stage.any_quote(intent)
    refusal = await stage.refusal(stage.trader, stage.venue.encode_option_order(stage.trader, intent, quote))
    assert type(refusal) is type(caught.value)
    return caught.value


@node
async def test_every_refusal_is_typed_with_its_meaning(stage: Stage) -> None:
    """Limit, margin, size, strike and position: each its class, its meaning and the venue's own name."""
    good = await stage.intent(OptionType.LONG_CALL, Decimal(1))
    short = await stage.intent(OptionType.SHORT_CALL_QUOTE, Decimal(1), margin=Decimal("0.99"))
    lost = replace(good, series=replace(good.series, strike_id=999))
    cases = (
        (replace(good, limit_cost=Decimal(1)), AcceptablePriceError, "limit_cost"),
        (short, InsufficientMarginError, "minimum collateral"),
        (replace(good, amount=Decimal(900)), OrderRejectedError, "smaller amount"),
        (lost, UnknownMarketError, "no such strike|no live strike"),
    )
    for intent, kind, text in cases:
        error = await _refused(stage, intent)
        assert type(error) is kind, error
        assert (error.venue, error.market) == ("lyra", "sETH")
        assert any(part in str(error) for part in text.split("|")), error


@node
async def test_an_unknown_position_and_a_foreign_one(stage: Stage) -> None:
    """A position that is not there is UnknownMarketError; another account's is refused by its owner."""
    good = await stage.intent(OptionType.LONG_CALL, Decimal(1))
    await stage.trade(stage.trader, good)
    (mine,) = await stage.venue.read_option_positions(stage.trader)
    close = replace(good, action=OptionAction.CLOSE, position_id=4711)
    with pytest.raises(UnknownMarketError, match="4711"):
        await stage.venue.read_option_quote(stage.trader, close)
    with pytest.raises(OrderRejectedError, match="another account"):
        await stage.venue.read_option_quote(stage.keeper, replace(close, position_id=mine.position_id))
    with pytest.raises(OrderRejectedError, match="larger than"):
        await stage.venue.read_option_quote(
            stage.trader, replace(close, position_id=mine.position_id, amount=Decimal(2))
        )


@node
async def test_an_id_that_means_another_option_is_refused(stage: Stage) -> None:
    """The strike's id decides what is traded, so price and expiry of the intent must be its own."""
    good = await stage.intent(OptionType.LONG_CALL, Decimal(1))
    for series in (
        replace(good.series, strike=good.series.strike + 100),
        replace(good.series, expiry=good.series.expiry + DAY),
    ):
        with pytest.raises(UnknownMarketError, match="the intent says"):
            await stage.venue.read_option_quote(stage.trader, replace(good, series=series))


@node
async def test_closed_markets(stage: Stage) -> None:
    """Frozen board, paused market, all paused, invalid rate, expired and settled board: each its class."""
    intent = await stage.intent(OptionType.LONG_CALL, Decimal(1))
    board, market = intent.series.board_id, stage.at.contracts["OptionMarket"]
    spot = (await stage.venue.read_chain(stage.market)).spot_price

    async def refused_with(kind: type[VenueError], text: str) -> None:
        with pytest.raises(kind, match=text):
            await stage.venue.read_option_quote(stage.trader, intent)

    await stage.as_owner("OptionMarket", "setBoardFrozen", board, True)
    await refused_with(MarketClosedError, "frozen")
    await stage.as_owner("OptionMarket", "setBoardFrozen", board, False)
    await stage.as_owner("SynthetixAdapter", "setMarketPaused", market, True)
    await refused_with(MarketClosedError, "paused")
    await stage.as_owner("SynthetixAdapter", "setMarketPaused", market, False)
    await stage.as_owner("SynthetixAdapter", "setGlobalPaused", True)
    await refused_with(MarketClosedError, "paused")
    await stage.as_owner("SynthetixAdapter", "setGlobalPaused", False)
    await stage.set_spot(spot, is_invalid=True)
    await refused_with(StalePriceError, "invalid")
    await stage.set_spot(spot)
    await stage.warp(intent.series.expiry - await stage.now() + 60)
    await refused_with(MarketClosedError, "expired")
    await stage.send(stage.keeper, stage.venue.keeper.encode_settle_board(stage.market, board))
    await refused_with(MarketClosedError, "settled")


@node
async def test_bad_input_asks_the_node_nothing(stage: Stage) -> None:
    """Too many decimals and an unknown market are refused before any request."""
    good = await stage.intent(OptionType.LONG_CALL, Decimal(1))
    lost = replace(good, series=replace(good.series, market=replace(good.series.market, name="sDOGE")))
    before = stage.requests()
    with pytest.raises(IntentError, match="decimal places"):
        await stage.venue.read_option_quote(stage.trader, replace(good, amount=Decimal("1e-19")))
    with pytest.raises(UnknownMarketError, match="sDOGE"):
        await stage.venue.read_option_quote(stage.trader, lost)
    assert stage.requests() == before


@node
async def test_a_plain_revert_is_explained_by_the_venue(stage: Stage) -> None:
    """What the client raises for a raw call carries the data that explain_revert understands."""
    intent = replace(await stage.intent(OptionType.LONG_CALL, Decimal(1)), limit_cost=Decimal(1))
    (call,) = stage.venue.encode_option_order(stage.trader, intent, await stage.any_quote(intent)).calls
    with pytest.raises(CallRevertedError) as caught:
        await stage.client.call_raw(call, sender=stage.trader, block="pending")
    assert type(stage.venue.explain_revert(caught.value.data, "sETH")) is AcceptablePriceError
