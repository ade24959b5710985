"""What a venue that reads many accounts at once must keep: part of both suites."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.model.ids import Address
from trimtab.model.position import AccountBook
from trimtab.testing.capabilities import Staged, has
from trimtab.venues.base import BookVenue, Capability, OptionVenue, PerpVenue


async def check_books(stage: Staged, accounts: Sequence[Address]) -> None:
    """Each book is what single reads tell at its block, whether one account is asked for or many. Nothing,
    where the capability is not declared."""
    venue = stage.venue
    if not has(stage, Capability.BOOKS):
        return
    assert isinstance(venue, BookVenue)
    many = await venue.read_books([*accounts, *accounts])
    assert [book.account for book in many if isinstance(book, AccountBook)] == [*accounts, *accounts]
    for account, book in zip(accounts, many, strict=False):
        assert isinstance(book, AccountBook)
        assert await venue.read_books([account], block=book.block) == [book]
        assert book.venue == venue.name
        if isinstance(venue, PerpVenue):
            assert list(book.perps) == list(await venue.read_positions(account, block=book.block))
            assert book.margin == await venue.read_margin(account, block=book.block)
        if isinstance(venue, OptionVenue):
            options = await venue.read_option_positions(account, block=book.block)
            assert list(book.options) == list(options)
