"""What is hedged and with what: option and perp accounts, joined by their underlying."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.venues.base import OptionVenue, PerpVenue


@dataclass(frozen=True, slots=True)
class OptionLeg:
    """One account's options on one underlying at a venue; `market` is the venue's name for it."""

    venue: OptionVenue
    market: str
    account: Address
    underlying: str


@dataclass(frozen=True, slots=True)
class PerpLeg:
    """One account's perpetual at a venue. The first perp leg of an underlying is what hedges it."""

    venue: PerpVenue
    market: str
    account: Address
    underlying: str


@dataclass(frozen=True, slots=True)
class Book:
    """Everything whose risk is added up. Raises `ConfigError` when it is empty or a leg is named twice."""

    options: tuple[OptionLeg, ...] = ()
    perps: tuple[PerpLeg, ...] = ()

    def __post_init__(self) -> None:
        legs = [(leg.venue.name, leg.market, leg.account) for leg in self.legs]
        if not legs:
            raise ConfigError("the book is empty: name at least one option or perp account")
        twice = {leg for leg in legs if legs.count(leg) > 1}
        if twice:
            raise ConfigError(f"the book counts {sorted(twice)} twice: name each account and market once")

    @property
    def legs(self) -> tuple[OptionLeg | PerpLeg, ...]:
        """Options first."""
        return self.options + self.perps

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Every underlying of the book, sorted."""
        return tuple(sorted({leg.underlying for leg in self.legs}))

    def hedge_leg(self, underlying: str) -> PerpLeg:
        """The perp that hedges `underlying`; `ConfigError` when the book has none."""
        for leg in self.perps:
            if leg.underlying == underlying:
                return leg
        raise ConfigError(f"the book has no perp on {underlying} to hedge with: add one to its perp legs")
