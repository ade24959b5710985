"""Many accounts at one block: by the lens where there are many, one after the other where they are few."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from trimtab.chain.receipt import Block
from trimtab.errors import VenueError
from trimtab.hooks.lens import OptionHoldingReading, OptionReading, OptionRequest, SeriesReading, Unread
from trimtab.hooks.lens_reader import LensReader
from trimtab.model.greeks import Greeks
from trimtab.model.ids import Address
from trimtab.model.market import OptionKind, OptionMarket, OptionSeries
from trimtab.model.position import AccountBook, OptionPosition
from trimtab.model.units import from_wad
from trimtab.venues.lyra.contracts import OPTION_TYPES, POSITION_STATES, VENUE, option_market
from trimtab.venues.lyra.decode import explain_revert
from trimtab.venues.lyra.pricing import Inputs, Marks, intrinsic_marks, marks_of, own_greeks
from trimtab.venues.lyra.read import BlockTag, Reader

LENS_FROM = 2  # accounts; of one, plain reads move fewer bytes than the code of the lens has


class BookReader:
    """Reads of one deployment; a lens of one's own comes in `lens`."""

    def __init__(self, reader: Reader, lens: LensReader) -> None:
        self._reader = reader
        self._lens = lens

    async def read(self, accounts: Sequence[Address], block: BlockTag) -> list[AccountBook | VenueError]:
        """In order, all at one block."""
        head, ref = await self._reader.pin(block)
        if len(accounts) < LENS_FROM:
            return [await self._one(account, head, ref) for account in accounts]
        deployment = self._reader.deployment
        viewer, library = deployment.contracts["OptionMarketViewer"], deployment.contracts["BlackScholes"]
        requests = [
            OptionRequest(viewer, at.contracts["OptionMarket"], library) for at in deployment.markets.values()
        ]
        answer = await self._lens.read(accounts, ref, options=requests)
        books = [_Book(option_market(deployment, name), head) for name in deployment.markets]
        by_account = zip(*(option.accounts for option in answer.options), strict=True)
        return [_book(a, books, found, head) for a, found in zip(accounts, by_account, strict=True)]

    async def _one(self, account: Address, head: Block, ref: BlockTag) -> AccountBook | VenueError:
        try:
            positions = await self._reader.read_positions(account, ref)
        except VenueError as error:
            return error
        return AccountBook(VENUE, account, (), positions, None, head.number)


class _Book:
    """One market at one block. What positions of a series share is worked out once."""

    def __init__(self, market: OptionMarket, head: Block) -> None:
        self.market = market
        self.head = head
        self.marks = cache(self._marks)
        self.greeks = cache(self._greeks)

    def positions(self, account: Address, reading: OptionReading) -> list[OptionPosition]:
        return [self._position(account, held, reading) for held in reading.holdings]

    def _position(self, account: Address, held: OptionHoldingReading, of: OptionReading) -> OptionPosition:
        series, option_type = held.series, OPTION_TYPES[held.option_type]
        is_call, is_live = option_type.kind is OptionKind.CALL, not series.price_at_expiry
        marks = self.marks(series)
        amount = from_wad(held.amount)
        signed = amount * option_type.sign
        own = self.greeks(series, option_type.kind, of.spot, of.rate) if is_live else Greeks()
        return OptionPosition(
            VENUE,
            account,
            held.position_id,
            self._series(series),
            option_type,
            amount,
            from_wad(held.collateral),
            from_wad(held.min_collateral) if is_live and not option_type.is_long else None,
            marks.call_price if is_call else marks.put_price,
            from_wad(series.vol),
            (marks.call if is_call else marks.put) * signed,
            own * signed,
            POSITION_STATES[held.state],
            self.head.number,
        )

    def _series(self, series: SeriesReading) -> OptionSeries:
        strike = from_wad(series.strike_price)
        return OptionSeries(self.market, series.board_id, series.strike_id, strike, series.expiry)

    def _marks(self, series: SeriesReading) -> Marks:
        if series.price_at_expiry:
            return intrinsic_marks(series.strike_price, series.price_at_expiry)
        prices = (series.call_price, series.put_price, series.call_delta, series.put_delta, series.vega)
        return marks_of(*prices)

    def _greeks(self, series: SeriesReading, kind: OptionKind, spot: int, rate: int) -> Greeks:
        seconds = max(series.expiry - self.head.at, 0)
        return own_greeks(kind, Inputs(seconds, series.vol, spot, series.strike_price, rate))


def _book(
    account: Address, books: Sequence[_Book], found: Sequence[OptionReading | Unread], head: Block
) -> AccountBook | VenueError:
    positions: list[OptionPosition] = []
    for book, reading in zip(books, found, strict=True):
        if isinstance(reading, Unread):
            return explain_revert(reading.reason, book.market.name)
        positions += book.positions(account, reading)
    return AccountBook(VENUE, account, (), tuple(positions), None, head.number)
