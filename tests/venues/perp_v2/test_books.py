"""Books of many accounts: each what single reads tell, also where it cannot be read."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from tests.venues.perp_v2.stage import Stage

from trimtab.errors import RpcError, StalePriceError
from trimtab.hooks.lens import NEVER, PerpMarketReading, PerpReading, Unread
from trimtab.model.ids import Address, BlockHash
from trimtab.model.position import AccountBook
from trimtab.venues.perp_v2 import PerpV2, PerpV2Deployment
from trimtab.venues.perp_v2.books import LENS_FROM, book_from, request_of
from trimtab.world.crowd import CrowdOptions, gather_crowd
from trimtab.world.world import World

NOBODY = Address("0x" + "5a" * 20)
HEAD: Any = SimpleNamespace(number=7, at=9, hash=BlockHash("0x"))


async def single(venue: PerpV2, account: Address, block: int) -> AccountBook:
    positions = await venue.read_positions(account, block=block)
    margin = await venue.read_margin(account, block=block)
    return AccountBook(venue.name, account, tuple(positions), (), margin, block)


@pytest.mark.node
async def test_books_are_what_single_reads_tell(world: World) -> None:
    """Traders, makers, WETH, two markets, after a crash; the past stays readable."""
    venue = PerpV2(world.client, world.perp)
    crowd = [*await gather_crowd(world, CrowdOptions(traders=12, makers=4)), NOBODY]
    before = await world.client.block_number()
    await world.set_price("ETH", Decimal(1_500))
    await world.warp(1_000)
    for block in (before, await world.client.block_number()):
        assert await venue.read_books(crowd, block=block) == [await single(venue, a, block) for a in crowd]


@pytest.mark.node
async def test_few_accounts_are_read_plainly(world: World) -> None:
    """Below the number from which the lens pays, the answer is the same; of none, nothing."""
    venue = PerpV2(world.client, world.perp)
    crowd = await gather_crowd(world, CrowdOptions(traders=3, makers=0))
    many = await venue.read_books(crowd)
    block = await world.client.block_number()
    assert await venue.read_books(crowd[: LENS_FROM - 1], block=block) == list(many[: LENS_FROM - 1])
    assert await venue.read_books([]) == []


@pytest.mark.node
async def test_the_pending_block(world: World) -> None:
    """Read as the single reads see it."""
    venue = PerpV2(world.client, world.perp)
    crowd = await gather_crowd(world, CrowdOptions(traders=2, makers=0))
    books = await venue.read_books(crowd, block="pending")
    for book in books:
        assert isinstance(book, AccountBook)
        assert book.block == await world.client.block_number() + 1
        assert book.margin == await venue.read_margin(book.account, block="pending")


@pytest.mark.node
async def test_a_market_without_a_mark_is_each_ones_error(world: World) -> None:
    """Whoever reads it alone meets StalePriceError: so it stands in the place of each."""
    stage = Stage(world)
    crowd = await gather_crowd(world, CrowdOptions(traders=2, makers=0))
    config = world.perp.contracts["ClearingHouseConfig"]
    await stage.as_owner(config, "setMarkPriceMarketTwapInterval", 10**6)
    books = await stage.venue.read_books(crowd)
    assert [type(book) for book in books] == [StalePriceError, StalePriceError]
    with pytest.raises(StalePriceError):
        await stage.venue.read_positions(crowd[0])


@pytest.mark.node
async def test_a_block_that_is_not_there(world: World) -> None:
    """An RpcError, as of any read."""
    with pytest.raises(RpcError):
        await PerpV2(world.client, world.perp).read_books([NOBODY, NOBODY], block=10**9)


def test_a_reading_in_nouns(deployment: PerpV2Deployment) -> None:
    """An empty reading is an account of zeros; an unread one is the venue's typed error."""
    request = request_of(deployment)
    assert request.base_tokens == tuple(m.base_token for m in deployment.markets.values())
    assert request.collaterals == (deployment.collateral["WETH"].token,)
    markets = [PerpMarketReading(token, 1, 1) for token in request.base_tokens]
    empty = PerpReading(0, 0, 0, 0, NEVER, 0, 0, (), ())
    book = book_from(deployment, NOBODY, empty, markets, HEAD)
    assert isinstance(book, AccountBook)
    assert (book.perps, book.block) == ((), 7)
    assert book.margin is not None
    assert book.margin.equity == 0
    assert book.margin.health is None
    assert len(book.margin.collateral) == 2
    old = (
        bytes.fromhex("08c379a0")
        + (32).to_bytes(32, "big")
        + (3).to_bytes(32, "big")
        + b"OLD".ljust(32, b"\0")
    )
    assert isinstance(book_from(deployment, NOBODY, Unread(old), markets, HEAD), StalePriceError)
