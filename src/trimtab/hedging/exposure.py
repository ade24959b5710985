"""The risk of a book at one block, by underlying: our Greeks and the venues' own side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.errors import UnknownMarketError
from trimtab.hedging.book import Book, OptionLeg, PerpLeg
from trimtab.model.greeks import Greeks
from trimtab.model.market import PerpState
from trimtab.model.position import OptionPosition, PerpPosition

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class UnderlyingExposure:
    """All positions on one underlying at one block. Signed, long > 0; see `Greeks` for the units.

    `spot_price` is the hedging perp's index price, `mark_price` its mark; both None when the book has no
    perp on this underlying.
    """

    underlying: str
    block: int
    at: int
    spot_price: Decimal | None
    mark_price: Decimal | None
    options: tuple[OptionPosition, ...]
    perps: tuple[PerpPosition, ...]

    @property
    def perp_delta(self) -> Decimal:
        """A perp's delta is its size."""
        return sum((position.size for position in self.perps), _ZERO)

    @property
    def option_greeks(self) -> Greeks:
        """Of the options alone, by our model."""
        return sum((position.greeks for position in self.options), Greeks())

    @property
    def greeks(self) -> Greeks:
        """Of everything, by our model."""
        return self.option_greeks + Greeks(delta=self.perp_delta)

    @property
    def venue_greeks(self) -> Greeks:
        """Of everything, as the venues say it; their caches may be older than the block."""
        return sum((p.venue_greeks for p in self.options), Greeks(delta=self.perp_delta))

    @property
    def delta(self) -> Decimal:
        """Net delta by our model, in units of underlying: what the hedger steers."""
        return self.greeks.delta


@dataclass(frozen=True, slots=True)
class Exposure:
    """The whole book at one block."""

    block: int
    at: int
    underlyings: tuple[UnderlyingExposure, ...]

    def of(self, underlying: str) -> UnderlyingExposure:
        """The part on `underlying`; `UnknownMarketError` when the book has none."""
        for part in self.underlyings:
            if part.underlying == underlying:
                return part
        known = ", ".join(part.underlying for part in self.underlyings)
        raise UnknownMarketError(f"the book has nothing on {underlying}; it has {known}", market=underlying)


async def read_exposure(book: Book, client: Client, *, block: int | None = None) -> Exposure:
    """Every leg of the book at ONE block (the latest unless given), so that no two parts disagree."""
    header = await client.block("latest" if block is None else block)
    async with asyncio.TaskGroup() as group:
        options = [group.create_task(_read_options(leg, header.number)) for leg in book.options]
        perps = [group.create_task(_read_perp(leg, header.number)) for leg in book.perps]
    held = [position for task in options for position in task.result()]
    traded = [task.result() for task in perps]
    parts = tuple(
        _part(
            underlying,
            header.number,
            header.at,
            [p for p in held if p.series.market.underlying == underlying],
            [pair for pair in traded if pair[0].market.underlying == underlying],
        )
        for underlying in book.underlyings
    )
    return Exposure(header.number, header.at, parts)


def _part(
    underlying: str,
    block: int,
    at: int,
    options: Sequence[OptionPosition],
    perps: Sequence[tuple[PerpState, PerpPosition]],
) -> UnderlyingExposure:
    first = perps[0][0] if perps else None
    return UnderlyingExposure(
        underlying,
        block,
        at,
        first.index_price if first else None,
        first.mark_price if first else None,
        tuple(options),
        tuple(position for _, position in perps),
    )


async def _read_options(leg: OptionLeg, block: int) -> list[OptionPosition]:
    positions = await leg.venue.read_option_positions(leg.account, block=block)
    return [position for position in positions if position.series.market.name == leg.market]


async def _read_perp(leg: PerpLeg, block: int) -> tuple[PerpState, PerpPosition]:
    async with asyncio.TaskGroup() as group:
        state = group.create_task(leg.venue.read_state(leg.market, block=block))
        position = group.create_task(leg.venue.read_position(leg.account, leg.market, block=block))
    return state.result(), position.result()
