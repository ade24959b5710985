"""`trimtab greeks`: the book's risk by underlying, ours and the venues' side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli.failures import run
from trimtab.cli.options import AccountOption, ConfigOption, DebugOption, JsonOption
from trimtab.cli.output import DASH, moment, money, number, print_json, print_table

if TYPE_CHECKING:
    from trimtab.cli.wiring import Session
    from trimtab.hedging.book import Book
    from trimtab.hedging.exposure import UnderlyingExposure
    from trimtab.model.ids import Address

UNITS = {
    "delta": "units of underlying",
    "gamma": "delta per 1 of price",
    "vega": "per vol point",
    "theta": "per day",
    "rho": "per rate point",
    "vanna": "delta per vol point",
    "volga": "vega per vol point",
    "charm": "delta per day",
}


def greeks(
    account: AccountOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show the book's risk, ours and the venues' side by side.

    Delta, gamma, vega, theta, rho, vanna, volga and charm of all positions, by underlying.
    """
    run(_greeks(config, account, json), as_json=json, debug=debug)


async def _greeks(config: Path | None, given: str | None, as_json: bool) -> None:
    from trimtab.cli.wiring import open_session
    from trimtab.hedging.exposure import read_exposure

    async with open_session(config) as session:
        book = await whole_book(session, session.trader(given))
        exposure = await read_exposure(book, session.client)
    if as_json:
        parts = [_summary(part) for part in exposure.underlyings]
        print_json({"block": exposure.block, "at": exposure.at, "underlyings": parts})
        return
    for part in exposure.underlyings:
        _print(part)


async def whole_book(session: Session, account: Address) -> Book:
    """Every market of every configured venue, for one account."""
    from trimtab.hedging.book import Book, OptionLeg, PerpLeg

    return Book(
        tuple(
            [
                OptionLeg(venue, market.name, account, market.underlying)
                for venue in session.option_venues()
                for market in await venue.read_option_markets()
            ]
        ),
        tuple(
            [
                PerpLeg(venue, market.name, account, market.underlying)
                for venue in session.perp_venues()
                for market in await venue.read_markets()
            ]
        ),
    )


def _summary(part: UnderlyingExposure) -> dict[str, object]:
    return {
        "underlying": part.underlying,
        "spot_price": part.spot_price,
        "delta": part.delta,
        "perp_delta": part.perp_delta,
        "greeks": part.greeks,
        "venue_greeks": part.venue_greeks,
        "options": len(part.options),
    }


def _rows(part: UnderlyingExposure) -> Iterator[tuple[str, ...]]:
    for field in fields(part.greeks):
        ours, theirs = getattr(part.greeks, field.name), getattr(part.venue_greeks, field.name)
        places = 6 if field.name == "gamma" else 4
        yield (
            field.name,
            number(ours, places),
            number(theirs, places) if theirs or field.name == "delta" else DASH,
            number(getattr(part.option_greeks, field.name), places),
            UNITS[field.name],
        )


def _print(part: UnderlyingExposure) -> None:
    print_table(
        f"{part.underlying}: spot {money(part.spot_price)}, perp delta {number(part.perp_delta)}",
        ("Greek", ">Ours", ">Venues'", ">Options alone", "Unit"),
        list(_rows(part)),
        f"{len(part.options)} option positions, block {part.block}, {moment(part.at)} UTC; long > 0; "
        f"{DASH} where a venue tells none",
    )
