"""The `trimtab` command: one line per command, each in a file of its own that loads rooms when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from trimtab.cli import (
    chain,
    demo,
    doctor,
    greeks,
    hedge,
    hooks,
    markets,
    positions,
    quote,
    trade,
    tx,
    world,
)
from trimtab.cli.failures import EXIT_CODES, OTHER_CODES

app = typer.Typer(
    name="trimtab",
    help="The on-chain derivatives toolkit: perps and options, quoted, traded and hedged exactly once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: "
    + "; ".join(
        f"{code} {meaning.split(':')[0]}"
        for code, meaning in sorted({**OTHER_CODES, **{c: m for _, c, m in EXIT_CODES}}.items())
    ),
)


def _version(asked: bool) -> None:
    if asked:
        from trimtab import __version__

        typer.echo(f"trimtab {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


app.add_typer(demo.app, name="demo")
app.command()(markets.markets)
app.command()(chain.chain)
app.add_typer(quote.quote, name="quote")
app.add_typer(trade.trade, name="trade")
app.command()(positions.positions)
app.command()(greeks.greeks)
app.command()(hedge.hedge)
app.command()(doctor.doctor)
app.add_typer(tx.app, name="tx")
app.add_typer(hooks.app, name="hooks")
app.add_typer(world.app, name="world")
