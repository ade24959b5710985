"""`trimtab demo mev`: the same hedges in public and in private beside a searcher, and what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trimtab.cli.failures import run
from trimtab.cli.options import DebugOption
from trimtab.cli.output import DASH, ENDLESS, console, money
from trimtab.cli.screen import Row, Screen, as_json, write_file

if TYPE_CHECKING:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

    from trimtab.demo.mev.options import MevOptions
    from trimtab.demo.mev.run import Finished, Leg, Opened, Shown

_COLUMNS = ("", "Hedge", "Size", "Quoted", "Worst", "Public", "Lost", "Searcher", "Private", "Lost")
_DIGITS = 10  # of a price or an amount


def mev(
    seed: Annotated[int, typer.Option(help="Decides the sides and sizes of the hedges.")] = 1,
    hedges: Annotated[int, typer.Option(help="How many, small and large.")] = 8,
    json: Annotated[Path | None, typer.Option("--json", help="Write the whole run as JSON here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report (HTML) here.")] = None,
    debug: DebugOption = False,
) -> None:
    """Send the same hedges in public and in private, beside a searcher that sandwiches what pays.

    Two local chains with the genuine Perp v2 begin on one state. On both a searcher watches the public
    mempool and a builder makes the blocks. Before each hedge its exposure tells the worst that it can lose
    in public; afterwards stands what it lost on each route.
    """

    async def job() -> None:
        from trimtab.demo.mev.options import MevOptions
        from trimtab.demo.mev.record import make_mev_record
        from trimtab.report import render_mev_report

        finished = await _play(MevOptions(seed=seed, hedges=hedges))
        record = make_mev_record(finished)
        write_file(json, lambda: as_json(record))
        write_file(report, lambda: render_mev_report(record))
        console().print(_summary(finished, json, report))

    run(job(), debug=debug)


async def _play(options: MevOptions) -> Finished:
    from contextlib import aclosing

    from trimtab.demo.mev.play import play
    from trimtab.demo.mev.run import Hedged, Opened, Shown

    screen = Screen(options.hedges, "starting the worlds", _table, _COLUMNS)
    finished: Finished | None = None
    with screen.open():
        async with aclosing(play(options)) as events:
            async for event in events:
                match event:
                    case Opened():
                        screen.say(_opening(event), task="hedging")
                    case Shown():
                        screen.put(_row(event), is_done=False)
                    case Hedged():
                        screen.put(_row(event.shown, event.public, event.private))
                    case _:
                        finished = event
    assert finished is not None  # a run ends with it
    return finished


def _opening(event: Opened) -> str:
    seconds = sum(event.seconds.values())
    return f"Two worlds up in {seconds:.2f} s, on one state: {event.state_root[:18]}…"


def _table(rows: Sequence[Row], out: Console) -> Table:
    """The hedges so far. Rather less air than a number cut off."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in _COLUMNS:
        side: Literal["left", "right"] = "left" if column == "Hedge" else "right"
        table.add_column(column, justify=side, overflow="fold")
    for row in rows:
        table.add_row(*(cell.strip() for cell in row))
    if out.measure(table, options=out.options.update(width=ENDLESS)).maximum > out.width:
        table.padding = 0
    return table


def _row(shown: Shown, public: Leg | None = None, private: Leg | None = None) -> Row:
    quote = shown.quote
    attack = public.attack if public else None
    return (
        f"{shown.number:>3}",
        f"{quote.intent.side.value:<5}",
        f"{abs(quote.size):>6.1f}",
        f"{money(quote.price):>{_DIGITS}}",
        f"{money(shown.exposure.victim_loss):>{_DIGITS}}",
        *_fill(public),
        f"{money(attack.profit) if attack else DASH if public else '':>{_DIGITS}}",
        *_fill(private),
    )


def _fill(leg: Leg | None) -> tuple[str, str]:
    """Price and loss; nothing for what is not sent yet."""
    if leg is None:
        return "", ""
    return f"{money(leg.price):>{_DIGITS}}", f"{money(leg.loss):>{_DIGITS}}"


def _summary(run: Finished, json: Path | None, report: Path | None) -> Panel:
    from rich.panel import Panel

    searcher = run.public
    net = searcher.profit - searcher.gas
    attacks = f"{searcher.landed} in public, {run.private.landed} in private"
    facts = [
        ("Run", f"{len(run.hedges)} hedges on each route in {run.wall_seconds:.1f} s"),
        ("Public", f"{money(run.public_loss)} USD lost against the quotes"),
        ("Private", f"{money(run.private_loss)} USD lost"),
        ("Predicted", f"{money(run.predicted_loss)} USD at worst, told before sending"),
        ("Sandwiches", attacks),
        ("Searcher", f"{money(net)} USD kept; {money(searcher.fees)} fees, {money(searcher.gas)} gas"),
        ("Leaks", f"{run.leaks} of {run.signed['private']} private transactions at a public endpoint"),
        ("JSON", str(json) if json else ""),
        ("Report", report.resolve().as_uri() if report else ""),
    ]
    lines = [f"{name:<12}{fact}" for name, fact in facts if fact]
    return Panel("\n".join(lines), title="Done", title_align="left")
