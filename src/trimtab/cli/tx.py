"""`trimtab tx`: the account's transactions as the journal has them, and a hand on those that are out."""

from __future__ import annotations

from typing import Annotated

import typer

from trimtab.cli.failures import run
from trimtab.cli.options import ConfigOption, DebugOption, JsonOption

KeyArgument = Annotated[
    str, typer.Argument(help="The transaction's key, as `trimtab tx ls` shows it, or its trade's `--key`.")
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", help="Seconds to wait for what becomes of it.", min=0)
]

app = typer.Typer(
    help="What the account sent: list, show, bump, cancel, pause, recover.", no_args_is_help=True
)


@app.command()
def ls(
    every: Annotated[bool, typer.Option("--all", help="Also those that are final.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List what waits, is in flight, or is mined and not final.

    Read from the journal: no node is asked, and a sender may be running.
    """
    from trimtab.cli.tx_view import show_list

    run(show_list(config, every=every, as_json=json), as_json=json, debug=debug)


@app.command()
def show(
    key: KeyArgument,
    relays: Annotated[
        bool, typer.Option("--relays", help="Ask the private routes that tell what became of it.")
    ] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show one transaction: what was wanted, every attempt and its answers, and what happened when."""
    from trimtab.cli.tx_view import show_one

    run(show_one(config, key, as_json=json, relays=relays), as_json=json, debug=debug)


@app.command()
def cancel(
    key: KeyArgument,
    timeout: TimeoutOption = 60.0,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Put a transfer of nothing in its place; which of the two is mined decides.

    A running sender is asked to do it; without one, this command does it itself.
    """
    from trimtab.cli.tx_ask import ask_about
    from trimtab.tx.asks import Ask, AskKind

    job = ask_about(config, Ask(kind=AskKind.CANCEL, key=key), timeout=timeout, as_json=json)
    run(job, as_json=json, debug=debug)


@app.command()
def bump(
    key: KeyArgument,
    budget_eth: Annotated[
        str | None, typer.Option("--budget-eth", help="Raise its budget to this first, in ether.")
    ] = None,
    timeout: TimeoutOption = 60.0,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Replace it at the next legal price now, or the market's if that is dearer.

    A running sender is asked to do it; without one, this command does it itself.
    """
    from trimtab.cli.tx_ask import ask_about, budget_of
    from trimtab.tx.asks import Ask, AskKind

    async def job() -> None:
        ask = Ask(kind=AskKind.BUMP, key=key, budget_wei=budget_of(budget_eth))
        await ask_about(config, ask, timeout=timeout, as_json=json)

    run(job(), as_json=json, debug=debug)


@app.command()
def pause(
    reason: Annotated[str, typer.Argument(help="Why, for whoever finds it paused.")],
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Sign nothing new but cancellations, until `unpause`; it lasts across restarts."""
    from trimtab.cli.tx_ask import ask_account
    from trimtab.tx.asks import Ask, AskKind

    run(ask_account(config, Ask(kind=AskKind.PAUSE, reason=reason), as_json=json), as_json=json, debug=debug)


@app.command()
def unpause(config: ConfigOption = None, json: JsonOption = False, debug: DebugOption = False) -> None:
    """Sign again after a pause."""
    from trimtab.cli.tx_ask import ask_account
    from trimtab.tx.asks import Ask, AskKind

    run(ask_account(config, Ask(kind=AskKind.UNPAUSE), as_json=json), as_json=json, debug=debug)


@app.command()
def resume(config: ConfigOption = None, json: JsonOption = False, debug: DebugOption = False) -> None:
    """Let a halted account go on from the chain's own nonce.

    An account halts when somebody else used its key: find out who before.
    """
    from trimtab.cli.tx_ask import ask_account
    from trimtab.tx.asks import Ask, AskKind

    run(ask_account(config, Ask(kind=AskKind.RESUME), as_json=json), as_json=json, debug=debug)


@app.command()
def recover(
    timeout: TimeoutOption = 120.0,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Finish what an interrupted sender left: send identical bytes again, wait, and tell what became of each.

    Exit code 6 when something is not resolved in time. Nothing new is sent.
    """
    from trimtab.cli.tx_ask import recover as job

    run(job(config, timeout=timeout, as_json=json), as_json=json, debug=debug)
