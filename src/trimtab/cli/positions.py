"""`trimtab positions`: what an account holds, and how safe it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli.failures import run
from trimtab.cli.options import AccountOption, ConfigOption, DebugOption, JsonOption, VenueOption
from trimtab.cli.output import moment, money, number, percent, print_json, print_table, to_plain

if TYPE_CHECKING:
    from trimtab.model.ids import Address
    from trimtab.model.position import MarginAccount, OptionPosition, PerpPosition


def positions(
    account: AccountOption = None,
    venue: VenueOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show margin, perps and options of an account.

    Perps with liquidation price and health, options with collateral and Greeks.
    """
    run(_positions(config, account, venue, json), as_json=json, debug=debug)


async def _positions(config: Path | None, given: str | None, venue: str | None, as_json: bool) -> None:
    import asyncio

    from trimtab.cli.wiring import open_session

    async with open_session(config) as session, asyncio.TaskGroup() as group:
        account = session.trader(given)
        perp_tasks = [group.create_task(v.read_positions(account)) for v in session.perp_venues(venue)]
        margin_tasks = [group.create_task(v.read_margin(account)) for v in session.perp_venues(venue)]
        option_tasks = [
            group.create_task(v.read_option_positions(account)) for v in session.option_venues(venue)
        ]
    perps = [position for task in perp_tasks for position in task.result() if position.size]
    margins = [task.result() for task in margin_tasks]
    options = [position for task in option_tasks for position in task.result()]
    if as_json:
        accounts = [{**to_plain(m), "health": m.health, "leverage": m.leverage} for m in margins]
        print_json({"account": account, "margin": accounts, "perps": perps, "options": options})
        return
    _print_margin(account, margins)
    _print_perps(perps)
    _print_options(options)


def _print_margin(account: Address, margins: Sequence[MarginAccount]) -> None:
    columns = ("Venue", ">Equity", ">Free", ">Maintenance", ">Health", ">Leverage", "Collateral")
    rows = [
        (
            m.venue,
            money(m.equity),
            money(m.free_collateral),
            money(m.maintenance_margin),
            number(m.health, 2),
            number(m.leverage, 2),
            ", ".join(f"{number(c.amount)} {c.currency}" for c in m.collateral if c.amount),
        )
        for m in margins
    ]
    caption = "health = equity / maintenance margin; below 1 is liquidatable"
    print_table(f"Margin of {account}", columns, rows, caption)


def _print_perps(perps: Sequence[PerpPosition]) -> None:
    columns = ("Venue", "Market", ">Size", ">Entry", ">Mark", ">P&L", ">Funding due", ">Liquidation")
    rows = [
        (
            p.venue,
            p.market,
            number(p.size, 6),
            money(p.entry_price),
            money(p.mark_price),
            money(p.unrealized_pnl),
            money(p.pending_funding),
            money(p.liquidation_price),
        )
        for p in perps
    ]
    print_table("Perpetuals", columns, rows)


def _print_options(options: Sequence[OptionPosition]) -> None:
    columns = (
        *(">Id", "Market", "Type", ">Strike", "Expiry", ">Amount", ">Mark", ">Value", ">IV", ">Delta"),
        *(">Collateral", ">Least", "State"),
    )
    rows = [
        (
            str(p.position_id),
            p.series.market.name,
            p.type.value,
            number(p.series.strike, 2),
            moment(p.series.expiry),
            number(p.amount),
            money(p.mark_price),
            money(p.mark_value),
            percent(p.iv, 1),
            number(p.greeks.delta, 3),
            number(p.collateral),
            number(p.min_collateral),
            p.state,
        )
        for p in options
    ]
    print_table("Options", columns, rows)
