"""`trimtab chain`: an option market's boards and strikes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.failures import run
from trimtab.cli.options import ConfigOption, DebugOption, JsonOption, VenueOption
from trimtab.cli.output import moment, money, number, percent, print_json, print_table

if TYPE_CHECKING:
    from trimtab.model.greeks import Greeks
    from trimtab.model.market import OptionBoard, OptionChain, OptionKind, OptionSeriesState

MarketArgument = Annotated[str, typer.Argument(help="Option market, for example sETH.")]
BoardOption = Annotated[int | None, typer.Option("--board", "-b", help="Only this board (expiry).")]


def chain(
    market: MarketArgument,
    board: BoardOption = None,
    venue: VenueOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show an option chain: IV, prices and Greeks by strike.

    One table for each expiry, with skew and open interest.
    """
    run(_chain(config, market, board, venue, json), as_json=json, debug=debug)


async def _chain(
    config: Path | None, market: str, board_id: int | None, venue: str | None, as_json: bool
) -> None:
    from trimtab.cli.wiring import open_session

    async with open_session(config) as session:
        source, found = await session.find_option(market, venue)
        whole = await source.read_chain(found.name)
    boards = [b for b in whole.boards if board_id in (None, b.board_id)]
    if board_id is not None and not boards:
        from trimtab.errors import UnknownMarketError

        known = ", ".join(str(b.board_id) for b in whole.boards) or "none"
        raise UnknownMarketError(f"{market} has no live board {board_id}; there are {known}", market=market)
    if as_json:
        print_json({**_head(whole), "boards": boards})
        return
    for board in boards:
        _print_board(whole, board)


def _head(whole: OptionChain) -> dict[str, object]:
    return {
        "market": whole.market,
        "spot_price": whole.spot_price,
        "rate": whole.rate,
        "block": whole.block,
        "at": whole.at,
    }


def model_greeks(whole: OptionChain, state: OptionSeriesState, kind: OptionKind) -> Greeks:
    """Our Greeks of one option at the venue's IV, spot and rate: venues tell delta and vega at most."""
    from trimtab.pricing.black76 import greeks_black_scholes, greeks_to_model, years_to_expiry

    years = years_to_expiry(state.series.expiry, whole.at)
    numbers = (float(whole.spot_price), float(state.series.strike), years, float(state.iv), float(whole.rate))
    return greeks_to_model(greeks_black_scholes(kind, *numbers))


def _print_board(whole: OptionChain, board: OptionBoard) -> None:
    from trimtab.model.market import OptionKind

    columns = (
        *(">Id", ">Strike", ">IV", ">Skew", ">Call", ">Delta", ">Theta", ">Put", ">Delta", ">Theta"),
        *(">Gamma", ">Vega", ">OI calls L / S", ">OI puts L / S"),
    )
    rows = []
    for s in board.strikes:
        call, put = (model_greeks(whole, s, kind) for kind in (OptionKind.CALL, OptionKind.PUT))
        rows.append(
            (
                str(s.series.strike_id),
                number(s.series.strike, 2),
                percent(s.iv, 1),
                number(s.skew, 3),
                *(money(s.call_price), number(s.call.delta, 3), number(call.theta, 2)),
                *(money(s.put_price), number(s.put.delta, 3), number(put.theta, 2)),
                *(number(call.gamma, 5), number(s.call.vega, 2)),
                f"{number(s.long_call_oi, 2)} / {number(s.short_call_oi, 2)}",
                f"{number(s.long_put_oi, 2)} / {number(s.short_put_oi, 2)}",
            )
        )
    state = "frozen" if board.is_frozen else "stale Greeks" if board.is_stale else "open"
    days = (board.expiry - whole.at) / 86_400
    print_table(
        f"{whole.market.name} board {board.board_id}: {moment(board.expiry)} UTC, {days:.1f} days, {state}",
        columns,
        rows,
        f"spot {money(whole.spot_price)}, base IV {percent(board.base_iv, 1)}, block {whole.block}; "
        "per option; IV, prices, delta and vega (per vol point) are the venue's, gamma, theta (a day) ours",
    )
