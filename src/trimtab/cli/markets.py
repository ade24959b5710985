"""`trimtab markets`: what can be traded, and what it shows now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.failures import run
from trimtab.cli.options import ConfigOption, DebugOption, JsonOption, VenueOption
from trimtab.cli.output import DASH, moment, money, number, percent, print_json, print_table

if TYPE_CHECKING:
    from trimtab.model.market import OptionChain, PerpState
    from trimtab.venues.base import PerpVenue

InterestOption = Annotated[
    bool,
    typer.Option(
        "--open-interest",
        help="Add it up from all events where a venue does not tell it: slow on a long chain.",
    ),
]


def markets(
    open_interest: InterestOption = False,
    venue: VenueOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show all perps and options with prices and funding.

    Mark, index, basis, funding per day, open interest and fee of each perp; spot, expiries and open
    interest of each option market.
    """
    run(_markets(config, venue, open_interest, json), as_json=json, debug=debug)


async def _markets(config: Path | None, venue: str | None, adds_interest: bool, as_json: bool) -> None:
    import asyncio

    from trimtab.cli.wiring import open_session

    async with open_session(config) as session, asyncio.TaskGroup() as group:
        perps = [
            group.create_task(_read_state(source, market.name, adds_interest))
            for source in session.perp_venues(venue)
            for market in await source.read_markets()
        ]
        options = [
            group.create_task(source.read_chain(market.name))
            for source in session.option_venues(venue)
            for market in await source.read_option_markets()
        ]
    states, chains = [task.result() for task in perps], [task.result() for task in options]
    if as_json:
        print_json({"perps": states, "options": [_summary(chain) for chain in chains]})
        return
    if states:
        _print_perps(states)
    if chains:
        _print_options(chains)


async def _read_state(source: PerpVenue, market: str, adds_interest: bool) -> PerpState:
    state = await source.read_state(market)
    add_up = getattr(source, "read_open_interest", None)
    if not adds_interest or add_up is None or state.open_interest_long is not None:
        return state
    long, short = await add_up(market)
    return replace(state, open_interest_long=long, open_interest_short=short)


def _print_perps(states: Sequence[PerpState]) -> None:
    columns = (
        *("Venue", "Market", ">Mark", ">Index", ">Basis", ">Funding / day", ">OI long", ">OI short"),
        *(">Fee", "Open"),
    )
    rows = [
        (
            s.market.venue,
            s.market.name,
            money(s.mark_price),
            money(s.index_price),
            percent(s.basis / s.index_price) if s.index_price else DASH,
            percent(s.funding_rate, 4),
            number(s.open_interest_long),
            number(s.open_interest_short),
            percent(s.fee_rate),
            "yes" if s.is_open else "no",
        )
        for s in states
    ]
    hidden = any(s.open_interest_long is None for s in states)
    note = "; OI: add it up from events with --open-interest" if hidden else ""
    caption = f"block {states[0].block}, {moment(states[0].at)} UTC{note}"
    print_table("Perpetuals", columns, rows, caption)


def _print_options(chains: Sequence[OptionChain]) -> None:
    columns = ("Venue", "Market", ">Spot", ">Boards", ">Strikes", "First expiry", "Last expiry", ">OI")
    rows = []
    for chain in chains:
        expiries = sorted(board.expiry for board in chain.boards)
        rows.append(
            (
                chain.market.venue,
                chain.market.name,
                money(chain.spot_price),
                number(len(chain.boards)),
                number(sum(len(board.strikes) for board in chain.boards)),
                moment(expiries[0]) if expiries else DASH,
                moment(expiries[-1]) if expiries else DASH,
                number(total_interest(chain)),
            )
        )
    caption = f"block {chains[0].block}, {moment(chains[0].at)} UTC; strikes: trimtab chain MARKET"
    print_table("Options", columns, rows, caption)


def total_interest(chain: OptionChain) -> object:
    """All options held by traders, long and short, in units of underlying."""
    return sum(
        s.long_call_oi + s.long_put_oi + s.short_call_oi + s.short_put_oi
        for board in chain.boards
        for s in board.strikes
    )


def _summary(chain: OptionChain) -> dict[str, object]:
    return {
        "market": chain.market,
        "spot_price": chain.spot_price,
        "rate": chain.rate,
        "boards": [
            {"board_id": b.board_id, "expiry": b.expiry, "base_iv": b.base_iv, "strikes": len(b.strikes)}
            for b in chain.boards
        ],
        "open_interest": total_interest(chain),
        "block": chain.block,
        "at": chain.at,
    }
