"""`trimtab markets`: what can be traded, and what it shows now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli.failures import run
from trimtab.cli.options import ConfigOption, DebugOption, JsonOption, VenueOption
from trimtab.cli.output import DASH, moment, money, number, percent, print_json, print_table

if TYPE_CHECKING:
    from trimtab.model.market import OptionChain, PerpState


def markets(
    venue: VenueOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Every perp and option market with its prices, funding and open interest."""
    run(_markets(config, venue, json), as_json=json, debug=debug)


async def _markets(config: Path | None, venue: str | None, as_json: bool) -> None:
    from trimtab.cli.wiring import open_session

    async with open_session(config) as session, asyncio.TaskGroup() as group:
        perps = [
            group.create_task(source.read_state(market.name))
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
    print_table("Perpetuals", columns, rows, f"block {states[0].block}, {moment(states[0].at)} UTC")


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
                number(open_interest(chain)),
            )
        )
    caption = f"block {chains[0].block}, {moment(chains[0].at)} UTC; strikes: trimtab chain MARKET"
    print_table("Options", columns, rows, caption)


def open_interest(chain: OptionChain) -> object:
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
        "open_interest": open_interest(chain),
        "block": chain.block,
        "at": chain.at,
    }
