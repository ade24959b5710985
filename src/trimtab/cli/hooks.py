"""`trimtab hooks`: our own contracts on a chain, and the limits of a guard's agent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trimtab.cli.failures import run
from trimtab.cli.options import ConfigOption, DebugOption, JsonOption

app = typer.Typer(
    help="Our own contracts: deploy and verify them, set and show a guard's limits, stop its agent.",
    no_args_is_help=True,
)
limits = typer.Typer(help="What a guard's agent may do on chain.", no_args_is_help=True)
app.add_typer(limits, name="limits")

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before sending.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Everything but sending; needs no key.")]
GuardOption = Annotated[
    str | None, typer.Option("--guard", help="Address of the guard; else hooks.guard of the settings.")
]


@app.command()
def deploy(
    agent: Annotated[
        str | None,
        typer.Option("--agent", help="Deploy a guard of the configured account too, with this agent's key."),
    ] = None,
    guardian: Annotated[
        str | None, typer.Option("--guardian", help="Who besides the owner may stop the guard's agent.")
    ] = None,
    config_out: Annotated[
        Path | None,
        typer.Option("--config-out", help="Write the settings with [hooks] there; may be the same file."),
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Deploy what is missing, at addresses that are the same on every chain.

    Executor, lens, and a probe for each configured venue; run again, it sends nothing.
    """
    from trimtab.cli.hooks_deploy import deploy as job

    done = job(
        config,
        agent=agent,
        guardian=guardian,
        config_out=config_out,
        dry_run=dry_run,
        yes=yes,
        as_json=json,
    )
    run(done, as_json=json, debug=debug)


@app.command()
def verify(config: ConfigOption = None, json: JsonOption = False, debug: DebugOption = False) -> None:
    """Compare the code at every address in [hooks] with ours, byte for byte.

    Exit code 7 when one is missing or another's.
    """
    from trimtab.cli.hooks_deploy import verify as job

    run(job(config, as_json=json), as_json=json, debug=debug)


@limits.command()
def show(
    guard: GuardOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Show the guard's limits and what is spent of each, who its agent is, and whether it is stopped."""
    from trimtab.cli.hooks_limits import show as job

    run(job(config, guard, as_json=json), as_json=json, debug=debug)


@limits.command("set")
def set_(
    guard: GuardOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Put the settings' [limits] in place of the guard's, as its owner: what changes is shown first."""
    from trimtab.cli.hooks_limits import change as job

    run(job(config, guard, dry_run=dry_run, yes=yes, as_json=json), as_json=json, debug=debug)


@app.command()
def kill(
    guard: GuardOption = None,
    yes: YesOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Stop the guard's agent at once, as its owner or guardian. What is open stays open."""
    from trimtab.cli.hooks_limits import kill as job

    run(job(config, guard, yes=yes, as_json=json), as_json=json, debug=debug)


@app.command()
def revive(
    guard: GuardOption = None,
    yes: YesOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Let the guard's agent go on, as its owner."""
    from trimtab.cli.hooks_limits import revive as job

    run(job(config, guard, yes=yes, as_json=json), as_json=json, debug=debug)
