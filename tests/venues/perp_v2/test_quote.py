"""Quotes on the genuine contracts: the fill is the oracle, and the venue's own Quoter beside it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.venues.perp_v2.stage import Stage

from trimtab.errors import (
    IntentError,
    OrderRejectedError,
    StalePriceError,
    UnknownMarketError,
)
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, PerpQuote, Side
from trimtab.model.units import from_wad
from trimtab.venues.perp_v2 import PerpV2, contracts
from trimtab.venues.perp_v2.encode import swap_amount
from trimtab.world.world import World

pytestmark = pytest.mark.node

ALICE, WHALE = Address("0x" + "a1" * 20), Address("0x" + "b2" * 20)


@pytest.fixture
async def stage(world: World) -> Stage:
    made = Stage(world)
    await made.prepare([ALICE])
    await made.prepare([WHALE], usdc=100_000_000)
    await made.deposit(ALICE, "USDC", Decimal(10_000))
    await made.deposit(WHALE, "USDC", Decimal(100_000_000))
    return made


async def fill_of(stage: Stage, account: Address, intent: PerpIntent) -> PerpQuote:
    """Trades and checks that the fill is the quote."""
    quote, fill = await stage.trade(account, intent)
    assert (fill.size, fill.price, fill.fee) == (quote.size, quote.price, quote.fee)
    return quote


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("terms", [{"size": Decimal("1.25")}, {"notional": Decimal("2500.01")}])
async def test_the_venues_quoter_agrees(stage: Stage, side: Side, terms: dict[str, Decimal]) -> None:
    """Size and notional are those of the Quoter lens; without a discount its fee agrees to some wei."""
    intent = PerpIntent("vETH", side, **terms)  # type: ignore[arg-type]
    quote = await stage.venue.read_quote(ALICE, intent, block="latest")
    amount, is_exact_input = swap_amount(intent)
    token = stage.deployment.markets["vETH"].base_token
    params = (token, side is Side.SELL, is_exact_input, amount, 0)
    lens = contracts.QUOTER.function("swap").read(stage.deployment.contracts["Quoter"], params)
    found = await stage.client.call(lens)
    assert quote.size == from_wad(found.exchangedPositionSize)
    assert abs(quote.notional - abs(from_wad(found.exchangedPositionNotional))) <= Decimal("1e-18")
    total = quote.notional + quote.fee * side.sign
    assert abs(total - from_wad(found.deltaAvailableQuote)) <= Decimal("1e-17")


async def test_one_request_to_open_two_to_close(stage: Stage) -> None:
    """A close has to know the position before it can ask."""
    stats = stage.client.stats
    before = stats.round_trips
    await stage.venue.read_quote(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    assert stats.round_trips == before + 1
    await stage.trade(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    before = stats.round_trips
    await stage.venue.read_quote(ALICE, PerpIntent("vETH", Side.SELL, close=True))
    assert stats.round_trips == before + 2


async def test_price_impact_is_signed_against_the_pool(stage: Stage) -> None:
    """A buyer pays above the pool's price, a seller gets below, more so for more."""
    impacts = []
    for side, size in ((Side.BUY, 1), (Side.BUY, 200), (Side.SELL, 1), (Side.SELL, 200)):
        intent = PerpIntent("vETH", side, size=Decimal(size))
        impacts.append((await stage.venue.read_quote(WHALE, intent)).price_impact)
    assert 0 < impacts[0] < impacts[1]
    assert 0 > impacts[2] > impacts[3]


async def test_a_discounted_trader_pays_the_discounted_fee(stage: Stage) -> None:
    """The registry's discount for one account is in its quote, given by size and by notional."""
    registry = stage.deployment.contracts["MarketRegistry"]
    plain = await stage.venue.read_quote(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    owner = await stage.owner_of(registry)
    await stage.as_owner(registry, "setFeeManager", owner, True)
    await stage.as_owner(registry, "setFeeDiscountRatio", ALICE, 400_000)
    cheap = await fill_of(stage, ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    assert cheap.fee == pytest.approx(plain.fee * Decimal("0.6"), rel=Decimal("0.001"))
    await fill_of(stage, ALICE, PerpIntent("vETH", Side.BUY, notional=Decimal(1000)))
    await fill_of(stage, ALICE, PerpIntent("vETH", Side.SELL, notional=Decimal(1000)))


@pytest.mark.parametrize("by", ["size", "notional"])
@pytest.mark.parametrize("side", list(Side))
async def test_a_stale_price_limit_does_not_refuse(stage: Stage, side: Side, by: str) -> None:
    """After a 9 % move the bare swap would measure the block's limit from the old tick. The order does not,
    and neither does the quote: its fee comes from OrderBook's own replay, exact to the wei."""
    spot = (await stage.venue.read_state("vETH")).spot_price
    await stage.world.set_price("ETH", (spot * (1 + side.sign * Decimal("0.085"))).quantize(Decimal("1e-8")))
    await stage.world.warp(16)
    amount = Decimal(400) if by == "size" else Decimal(800_000)
    intent = PerpIntent("vETH", side, **{by: amount})  # type: ignore[arg-type]
    while abs((await stage.venue.read_quote(WHALE, intent)).price_impact) < Decimal("0.011"):
        amount *= 2
        intent = PerpIntent("vETH", side, **{by: amount})  # type: ignore[arg-type]
    before = stage.client.stats.round_trips
    await stage.venue.read_quote(WHALE, intent)
    assert stage.client.stats.round_trips > before + 1, "the bare swap was enough: the move was too small"
    await fill_of(stage, WHALE, intent)


async def test_a_position_too_large_for_one_block_closes_in_part(stage: Stage) -> None:
    """closePosition stops at the block's price limit; the quote says how far it will get."""
    spot = (await stage.venue.read_state("vETH")).spot_price
    size = Decimal(500)
    while (
        await stage.venue.read_quote(WHALE, PerpIntent("vETH", Side.BUY, size=size))
    ).price_impact < Decimal("0.02"):
        size *= 2
    for _ in range(3):
        await fill_of(stage, WHALE, PerpIntent("vETH", Side.BUY, size=size))
        await stage.world.warp(16)
        moved = (await stage.venue.read_state("vETH")).spot_price
        await stage.post_oracle("vETH", moved)
    held = (await stage.venue.read_position(WHALE, "vETH")).size
    assert held == 3 * size
    await stage.post_oracle("vETH", spot)
    quote = await fill_of(stage, WHALE, PerpIntent("vETH", Side.SELL, close=True))
    left = (await stage.venue.read_position(WHALE, "vETH")).size
    assert left == held + quote.size
    assert 0 < left < held


async def test_beyond_the_spread_or_the_limit_is_refused(stage: Stage) -> None:
    """An order that would push the price over what the venue allows has no quote, and the code says which."""
    reasons = set()
    for size in (Decimal(10_000), Decimal(20_000), Decimal(10) ** 9):
        with pytest.raises(OrderRejectedError) as caught:
            await stage.venue.read_quote(WHALE, PerpIntent("vETH", Side.BUY, size=size))
        reasons.add(caught.value.reason)
    assert reasons <= {"EX_OPB", "EX_OPLAS", "UB_UOA"}


async def test_a_stale_oracle_is_refused(stage: Stage) -> None:
    """Older than its feed allows: no quote, unless the caller takes that risk as the venue does."""
    await stage.world.warp(3 * 3600)
    intent = PerpIntent("vETH", Side.BUY, size=Decimal(1))
    with pytest.raises(StalePriceError, match="older than its feed allows"):
        await stage.venue.read_quote(ALICE, intent)
    bold = PerpV2(stage.client, stage.deployment, refuse_stale_index=False)
    assert (await bold.read_quote(ALICE, intent)).is_margin_sufficient


async def test_the_chainlink_feed_is_found_where_it_is_not_given(stage: Stage) -> None:
    """A deployment that names only the dispatcher still refuses a stale oracle."""
    bare = stage.without_chainlink_feeds()
    await bare.read_quote(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    await stage.world.warp(3 * 3600)
    with pytest.raises(StalePriceError):
        await bare.read_quote(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(1)))


async def test_bad_intents_cost_no_request(stage: Stage) -> None:
    """Unknown market, too many decimals: refused before the node is asked."""
    before = stage.client.stats.round_trips
    with pytest.raises(UnknownMarketError):
        await stage.venue.read_quote(ALICE, PerpIntent("ETH", Side.BUY, size=Decimal(1)))
    with pytest.raises(IntentError):
        await stage.venue.read_quote(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal("1e-19")))
    assert stage.client.stats.round_trips == before


async def test_closing_nothing_and_on_the_wrong_side(stage: Stage) -> None:
    """CH_PSZ without a position; a long is closed by a sale."""
    with pytest.raises(OrderRejectedError) as caught:
        await stage.venue.read_quote(ALICE, PerpIntent("vETH", Side.SELL, close=True))
    assert caught.value.reason == "CH_PSZ"
    await stage.trade(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    with pytest.raises(OrderRejectedError, match="closed by a sell"):
        await stage.venue.read_quote(ALICE, PerpIntent("vETH", Side.BUY, close=True))


async def test_an_account_without_margin_still_gets_terms(stage: Stage) -> None:
    """The bare swap tells them; the margin is said not to suffice."""
    quote = await stage.venue.read_quote(
        Address("0x" + "77" * 20), PerpIntent("vETH", Side.BUY, size=Decimal(1))
    )
    assert not quote.is_margin_sufficient
    rich = await stage.venue.read_quote(WHALE, PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    assert (quote.size, quote.price, quote.fee) == (rich.size, rich.price, rich.fee)
