"""What must hold on the chain after a hedge that goes through a door: from the policy's word to terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.errors import CallRevertedError, VenueError
from trimtab.execution.doors import Door, find_probe
from trimtab.execution.terms import DeltaBand, Terms
from trimtab.hedging.book import Book, PerpLeg
from trimtab.hedging.exposure import UnderlyingExposure
from trimtab.hedging.policy import HedgeDecision
from trimtab.hooks.probes import read_probe
from trimtab.model.ids import Address
from trimtab.model.units import from_wad

_BEYOND = Decimal("0.1")
"""Of the half-width: how far beyond its own aim a hedge to the edge, or one cut by limits, may end."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A leg of the book as a probe reads it."""

    name: str
    probe: Address
    account: Address


def watch_book(book: Book, underlying: str, door: Door) -> tuple[Watched, ...]:
    """Every account of the book on this underlying, each probe and account once. Raises `ConfigError` for a
    leg without a probe."""
    found = []
    for leg in book.legs:
        if leg.underlying == underlying:
            name, probe = find_probe(door, leg.venue.name, leg.market)
            found.append(Watched(name, probe, leg.account))
    return tuple(dict.fromkeys(found))


async def read_probed_delta(
    client: Client, watched: Sequence[Watched], underlying: str, block: int
) -> Decimal:
    """The book's delta as the chain measures it, by the venues' own Greeks. Raises `VenueError` where a probe
    cannot tell."""
    reads = [read_probe(one.probe, one.account) for one in watched]
    answers = await client.read_many(reads, block=block)
    total = 0
    for one, answer in zip(watched, answers, strict=True):
        if isinstance(answer, CallRevertedError):
            raise VenueError(f"the probe {one.name} cannot read {one.account} now: {answer}") from answer
        total += answer.delta_in(underlying)
    return from_wad(total)


def hedge_terms(
    wanted: HedgeDecision,
    before: UnderlyingExposure,
    size: Decimal,
    probed_delta: Decimal,
    watched: Sequence[Watched],
    leg: PerpLeg,
    min_health: Decimal | None,
) -> Terms:
    """The delta ends in the policy's band, or where the hedge aims where that is not inside of it. The band
    is moved by what the probes measure otherwise than we do: they know the venues' Greeks only."""
    gap, end, beyond = probed_delta - before.delta, before.delta + size, wanted.band * _BEYOND
    band = DeltaBand(
        wanted.underlying,
        min(wanted.target - wanted.band, end - beyond) + gap,
        max(wanted.target + wanted.band, end + beyond) + gap,
        tuple((one.name, one.account) for one in watched),
    )
    name = next(one.name for one in watched if one.name.split("/")[0] == leg.venue.name)
    floor = None if min_health is None else {name: min_health}
    return Terms(prices=False, bands=(band,), min_health=floor)  # the order itself has its limit price
