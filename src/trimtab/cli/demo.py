"""`trimtab demo`: the main job in one command, live on the terminal, told as JSON and as a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.demo_mev import mev
from trimtab.cli.failures import run
from trimtab.cli.options import DebugOption
from trimtab.cli.output import console, money, number
from trimtab.cli.screen import Row, Screen, as_json, write_file

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table

    from trimtab.demo.options import DemoOptions
    from trimtab.demo.run import Finished, Opened, Stepped

_ROWS = 12  # of the live table: the last ones
_NAMES = ("", "spot", "IV", "before", "hedge", "price", "after", "P&L", "unhedged", "")


AtomicOption = Annotated[
    bool,
    typer.Option(
        "--atomic",
        help="The trader takes on the executor's code (EIP-7702): the book opens in one transaction, each "
        "hedge is checked at its end.",
    ),
]

app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.command()(mev)


@app.callback()
def demo(
    ctx: typer.Context,
    seed: Annotated[int, typer.Option(help="Decides the price path, and what option customers do.")] = 1,
    steps: Annotated[int, typer.Option(min=1, help="Looks at the book, an hour of chain time apart.")] = 30,
    json: Annotated[Path | None, typer.Option("--json", help="Write the whole run as JSON here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report (HTML) here.")] = None,
    no_hedge: Annotated[bool, typer.Option("--no-hedge", help="The same book and path, unhedged.")] = False,
    crash_at: Annotated[
        int | None,
        typer.Option(help="Kill the hedger between broadcast and receipt of this hedge (1 = first)."),
    ] = None,
    atomic: AtomicOption = False,
    engine: Annotated[str, typer.Option(help="anvil, or py-evm (no binary, slower, no fork).")] = "anvil",
    fork_url: Annotated[
        str | None, typer.Option(help="Play on a fork of this node; the protocols are deployed onto it.")
    ] = None,
    path: Annotated[str, typer.Option(help="gbm, gbm-jumps, or a CSV file (time,price).")] = "gbm-jumps",
    flow: Annotated[
        bool, typer.Option(help="Option customers trade too, so that implied volatility moves.")
    ] = True,
    policy: Annotated[str, typer.Option(help="band, or ww for Whalley-Wilmott.")] = "band",
    band: Annotated[str, typer.Option(help="Half-width in ETH; the widest for ww.")] = "0.5",
    debug: DebugOption = False,
) -> None:
    """Hedge a short-volatility book: options on the genuine Lyra, perps on the genuine Perp v2.

    A local chain with both protocols is started and forked; a trader writes calls and puts, posts margin, and
    a hedger in a process of its own keeps the delta inside the band while price and volatility move.
    """

    if ctx.invoked_subcommand is not None:
        _check_unused(ctx)
        return

    async def job() -> None:
        from trimtab.demo.options import DemoOptions, Engine, PolicyName
        from trimtab.demo.record import make_record
        from trimtab.model.units import to_positive
        from trimtab.report import render_report

        options = DemoOptions(
            seed=seed,
            steps=steps,
            band=to_positive(band, "band"),
            policy=_choice(PolicyName, policy, "policy"),
            path=path,
            is_hedged=not no_hedge,
            has_flow=flow,
            crash_at=crash_at,
            is_atomic=atomic,
            engine=_choice(Engine, engine, "engine"),
            fork_url=fork_url,
        )
        finished = await _play(options)
        record = make_record(finished)
        write_file(json, lambda: as_json(record))
        write_file(report, lambda: render_report(record))
        console().print(_summary(finished, json, report))

    run(job(), debug=debug)


def _check_unused(ctx: typer.Context) -> None:
    """An option before a sub-command would be this command's, and without effect: it is a wrong line."""
    sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if given:
        words = ", ".join("--" + name.replace("_", "-") for name in given)
        raise typer.BadParameter(
            f"{words} goes behind {ctx.invoked_subcommand}, which has options of its own"
        )


async def _play(options: DemoOptions) -> Finished:
    from contextlib import aclosing

    from trimtab.demo.run import Opened, Stepped
    from trimtab.demo.scenario import play

    screen = Screen(options.steps, "starting the world", _table, _NAMES)
    finished: Finished | None = None
    with screen.open():
        async with aclosing(play(options)) as events:
            async for event in events:
                match event:
                    case Opened():
                        screen.say(_opening(event), task="hedging")
                    case Stepped():
                        screen.put(_row(event))
                    case _:
                        finished = event
    assert finished is not None  # a run ends with it
    return finished


def _choice(kind: Any, value: str, name: str) -> Any:
    from trimtab.errors import ConfigError

    try:
        return kind(value)
    except ValueError:
        raise ConfigError(f"--{name} must be one of {', '.join(kind)}, got {value!r}", key=name) from None


def _opening(event: Opened) -> str:
    world, total = event.seconds["world"], sum(event.seconds.values())
    exposure = event.posting.values.exposure
    return (
        f"World up in {world:.2f} s, book open after {total:.2f} s: "
        f"{len(exposure.options)} option positions, delta {exposure.delta:+.3f} ETH"
    )


def _table(rows: Sequence[Row], _out: Console) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for column in ("Step", "Spot", "IV", "Delta before", "Hedge", "Price", "Delta after", "P&L", "Unhedged"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in rows[-_ROWS:]:
        table.add_row(*row)
    return table


def _row(step: Stepped) -> tuple[str, ...]:
    from trimtab.demo.record import implied_vol

    hedge = step.looked.hedge if step.looked else None
    refusal = step.looked.refusal if step.looked else None
    vol = implied_vol(step.before.exposure.options)
    return (
        f"{step.number:>3}",
        f"{money(step.before.spot):>9}",
        f"{vol * 100:5.1f} %" if vol else f"{'–':>7}",
        _signed(step.before.exposure.delta),
        _signed(hedge.size) if hedge and hedge.size else f"{'–':>9}",
        f"{money(hedge.price):>9}" if hedge and hedge.price else f"{'':>9}",
        _signed(step.after.exposure.delta),
        f"{money(step.posting.profit.total):>10}",
        f"{money(step.posting.unhedged):>10}",
        step.event or refusal or "",
    )


def _signed(size: Decimal) -> str:
    """Four decimals with a sign; what rounds to nothing has none."""
    text = f"{size:>+9.4f}"
    return f"{'0.0000':>9}" if float(text) == 0 else text


def _atomic(run: Finished) -> str:
    """What it took through our contracts, beside the plain way."""
    told = run.comparison
    if told is None:
        return ""
    opening, plain, hedges, alone = told.opening, told.plain_opening, told.hedges, told.plain_hedges
    return (
        f"opened in {opening.transactions} transaction, {opening.gas:,} gas (plainly {plain.transactions}, "
        f"{plain.gas:,}); hedges {hedges.gas:,} gas (plainly {alone.gas:,}); code taken on, {told.code.gas:,}"
    )


def _summary(run: Finished, json: Path | None, report: Path | None) -> Panel:
    from rich.panel import Panel

    profit, audit = run.steps[-1].posting.profit, run.audit
    parts = ", ".join(f"{name.replace('_', ' ')} {money(value)}" for name, value in profit.parts.items())
    hedges = sum(bool(s.looked and s.looked.hedge and s.looked.hedge.size) for s in run.steps)
    largest, band = number(run.max_abs_delta_after), number(run.options.band)
    facts = [
        ("Run", f"{len(run.steps)} steps on {run.engine} in {run.wall_seconds:.1f} s"),
        ("Delta", f"at most {largest} ETH after a step, band {band}"),
        ("Hedges", f"{hedges}; duplicates {audit.duplicate_hedges}, crashes survived {run.crashes}"),
        ("Transactions", f"{len(audit.transactions)}; orphans {audit.orphans}"),
        ("Atomic", _atomic(run)),
        ("P&L", f"{money(profit.total)} USD: {parts}"),
        ("On chain", f"{money(profit.change)} USD, unexplained {profit.unexplained:.8f} USD"),
        ("Note", "; ".join(run.notes)),
        ("JSON", str(json) if json else ""),
        ("Report", report.resolve().as_uri() if report else ""),
    ]
    lines = [f"{name:<13}{fact}" for name, fact in facts if fact]
    return Panel("\n".join(lines), title="Done", title_align="left")
