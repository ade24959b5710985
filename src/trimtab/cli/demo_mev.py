"""`trimtab demo mev`: the same hedges in public and in private beside a searcher, and what that cost."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from trimtab.cli.failures import run
from trimtab.cli.options import DebugOption
from trimtab.cli.output import DASH, ENDLESS, console, money

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.panel import Panel
    from rich.table import Table

    from trimtab.demo.mev.options import MevOptions
    from trimtab.demo.mev.run import Finished, Hedged, Leg, Opened, Shown

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
        _write(json, lambda: _dump(record))
        _write(report, lambda: render_mev_report(record))
        console().print(_summary(finished, json, report))

    run(job(), debug=debug)


async def _play(options: MevOptions) -> Finished:
    from contextlib import aclosing

    from trimtab.demo.mev.play import play
    from trimtab.demo.mev.run import Hedged, Opened, Shown

    screen = _Screen(options)
    with screen.open():
        async with aclosing(play(options)) as events:
            async for event in events:
                match event:
                    case Opened():
                        screen.opened(event)
                    case Shown():
                        screen.shown(event)
                    case Hedged():
                        screen.hedged(event)
                    case finished:
                        screen.finished = finished
    return screen.finished


def _write(path: Path | None, render: Any) -> None:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(), encoding="utf-8")


def _dump(record: dict[str, Any]) -> str:
    import json as codec

    return codec.dumps(record, indent=2) + "\n"


class _Screen:
    """Progress bar above the table; into a pipe, one line for each hedge."""

    def __init__(self, options: MevOptions) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = console()
        self._rows: list[tuple[str, ...]] = []
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task("starting the worlds", total=options.hedges)
        self._live: Live | None = None
        self.finished: Finished

    def open(self) -> AbstractContextManager[Any]:
        """Shows until left."""
        from contextlib import nullcontext

        from rich.live import Live

        if not self._console.is_terminal:
            return nullcontext()
        self._live = Live(self._view(), console=self._console, refresh_per_second=10)
        return self._live

    def opened(self, event: Opened) -> None:
        """Both worlds are up."""
        self._progress.update(self._task, description="hedging")
        seconds = sum(event.seconds.values())
        self._console.print(
            f"Two worlds up in {seconds:.2f} s, on one state: {event.state_root[:18]}…", highlight=False
        )

    def shown(self, event: Shown) -> None:
        """A hedge, before it is sent."""
        self._rows.append(_row(event))
        self._show()

    def hedged(self, event: Hedged) -> None:
        """The same hedge, filled on both routes."""
        self._rows[-1] = _row(event.shown, event.public, event.private)
        self._progress.advance(self._task)
        self._show()
        if self._live is None:
            if event.shown.number == 1:
                self._console.print(_heading(self._rows[-1]), highlight=False)
            self._console.print("  ".join(self._rows[-1]), highlight=False)

    def _show(self) -> None:
        if self._live is not None:
            self._live.update(self._view())

    def _view(self) -> Any:
        from rich.console import Group

        return Group(self._progress, _table(self._rows, self._console))


def _table(rows: list[tuple[str, ...]], out: Console) -> Table:
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


def _heading(row: tuple[str, ...]) -> str:
    """Names over the columns of rows that go into a pipe, as wide as they are."""
    cells = zip(_COLUMNS, row, strict=True)
    return "  ".join(f"{name:>{len(cell)}}" for name, cell in cells).rstrip()


def _row(shown: Shown, public: Leg | None = None, private: Leg | None = None) -> tuple[str, ...]:
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
