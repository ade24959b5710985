"""Books of many accounts: each what single reads tell, also where it cannot be read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.venues.lyra.stage import DAY, Stage

from trimtab.errors import MarketClosedError, StalePriceError
from trimtab.model.ids import Address
from trimtab.model.market import OptionType
from trimtab.model.position import AccountBook
from trimtab.venues.lyra import Lyra
from trimtab.venues.lyra.books import LENS_FROM
from trimtab.world.crowd import CrowdOptions, gather_crowd
from trimtab.world.world import World

pytestmark = pytest.mark.node
NOBODY = Address("0x" + "5a" * 20)


async def check(venue: Lyra, accounts: list[Address], block: int) -> list[AccountBook]:
    """Every book beside the single read of its account."""
    books = await venue.read_books(accounts, block=block)
    for account, book in zip(accounts, books, strict=True):
        options = tuple(await venue.read_option_positions(account, block=block))
        assert book == AccountBook(venue.name, account, (), options, None, block)
    return [book for book in books if isinstance(book, AccountBook)]


async def test_books_are_what_single_reads_tell(world: World) -> None:
    """All types over several strikes, at another price, between expiry and settlement, and settled."""
    venue = Lyra(world.client, world.lyra)
    crowd = [*await gather_crowd(world, CrowdOptions(traders=0, makers=0, holders=10)), NOBODY]
    stage = Stage(world.client, world.lyra)
    await world.set_price("ETH", Decimal(2_300))
    await check(venue, crowd, await world.client.block_number())
    await world.warp(29 * DAY)
    await check(venue, crowd, await world.client.block_number())
    await stage.mine(stage.keeper, venue.keeper.encode_settle_board("sETH", 1).calls[0])
    books = await check(venue, crowd, await world.client.block_number())
    assert any(p.series.board_id == 1 for book in books for p in book.options)


async def test_positions_in_two_markets(stage: Stage) -> None:
    """One book shows both; the order is the deployment's."""
    await stage.trade(stage.trader, await stage.intent(OptionType.SHORT_CALL_BASE, Decimal(1)))
    other = Stage(stage.client, stage.deployment, "sBTC")
    await other.approve(stage.trader)
    await other.trade(stage.trader, await other.intent(OptionType.LONG_PUT, Decimal("0.1")))
    books = await check(stage.venue, [stage.trader, NOBODY], await stage.client.block_number())
    assert [p.series.market.name for p in books[0].options] == ["sETH", "sBTC"]


async def test_one_account_is_read_plainly(stage: Stage) -> None:
    """Below the number from which the lens pays, the answer is the same; of none, nothing."""
    await stage.trade(stage.trader, await stage.intent(OptionType.LONG_CALL, Decimal(1)))
    block = await stage.client.block_number()
    (book, _) = await stage.venue.read_books([stage.trader, NOBODY], block=block)
    accounts = [stage.trader][: LENS_FROM - 1]
    assert await stage.venue.read_books(accounts, block=block) == [book]
    assert await stage.venue.read_books([]) == []


async def test_a_price_that_is_missing_is_each_holders_error(stage: Stage) -> None:
    """Invalid rate or paused market: the typed error in the holder's place, an empty book in the other's."""
    await stage.trade(stage.trader, await stage.intent(OptionType.LONG_CALL, Decimal(1)))
    accounts = [stage.trader, NOBODY]
    await stage.set_spot(Decimal(1_700), is_invalid=True)
    failed, empty = await stage.venue.read_books(accounts)
    assert isinstance(failed, StalePriceError)
    assert isinstance(empty, AccountBook)
    await stage.set_spot(Decimal(1_700))
    market = stage.at.contracts["OptionMarket"]
    await stage.as_owner("SynthetixAdapter", "setMarketPaused", market, True)
    failed, empty = await stage.venue.read_books(accounts)
    assert isinstance(failed, MarketClosedError)
    assert isinstance(empty, AccountBook)
    (alone,) = await stage.venue.read_books([stage.trader])
    assert isinstance(alone, MarketClosedError)
