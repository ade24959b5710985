"""`trimtab world`: keep a local world running, and fetch the contracts that it deploys."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.failures import run
from trimtab.cli.options import DebugOption, JsonOption

if TYPE_CHECKING:
    from trimtab.cli.world_faults import FaultsOptions
    from trimtab.cli.world_relay import RelaysOptions
    from trimtab.cli.world_session import UpOptions

app = typer.Typer(help="A local chain with the genuine Perp v2 and Lyra contracts.", no_args_is_help=True)


class EngineName(StrEnum):
    ANVIL = "anvil"
    PY_EVM = "py-evm"


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.")] = 8545,
    fork_url: Annotated[
        str | None, typer.Option(help="Continue the state of this node, local or remote, and deploy onto it.")
    ] = None,
    fork_block: Annotated[int | None, typer.Option(help="Fork at this block instead of the latest.")] = None,
    attach: Annotated[
        Path | None,
        typer.Option(
            help="With --fork-url: use the upstream's deployment, as its `world up --json` printed it."
        ),
    ] = None,
    engine: Annotated[
        EngineName, typer.Option(help="py-evm needs no binary, and is slower.")
    ] = EngineName.ANVIL,
    seed: Annotated[
        int | None, typer.Option(help="Let prices move, along a path that this number decides.")
    ] = None,
    every: Annotated[int, typer.Option(min=40, help="With --seed: seconds between moves.")] = 60,
    config_out: Annotated[
        Path | None, typer.Option(help="Write settings for the other commands, with a development key.")
    ] = None,
    node_modules: Annotated[
        Path | None, typer.Option(help="Where npm packages lie, besides the usual places.")
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Start a chain, deploy and seed both protocols, and keep it running until Ctrl-C.

    Prints the RPC URL, the funded accounts and every contract address.
    """
    from trimtab.cli.world_session import UpOptions, keep_up

    options: UpOptions = UpOptions(
        port=port,
        fork_url=fork_url,
        fork_block=fork_block,
        attach=attach,
        engine=engine.value,
        seed=seed,
        every=every,
        config_out=config_out,
        node_modules=(node_modules,) if node_modules else (),
        as_json=as_json,
    )
    run(keep_up(options), as_json=as_json, debug=debug)


class PresetName(StrEnum):
    CALM = "calm"
    FLAKY = "flaky"
    STORM = "storm"


@app.command()
def faults(
    upstream: Annotated[str, typer.Option(help="The node to stand before: its http(s):// or ws(s):// URL.")],
    plan: Annotated[Path | None, typer.Option(help="What shall go wrong, as a TOML file.")] = None,
    preset: Annotated[
        PresetName | None, typer.Option(help="A plan with a name, in place of --plan; else flaky.")
    ] = None,
    port: Annotated[int, typer.Option(help="Port on loopback; 0 takes a free one.")] = 8546,
    seed: Annotated[int, typer.Option(help="The same seed and requests give the same faults.")] = 0,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Stand before a node and let it fail by a plan until Ctrl-C: a fire drill for whatever uses the node.

    Prints the URL to use instead of the node's, over HTTP and WebSocket; at the end, what was injected. With
    --json one line when it is up and one at the end.
    """
    from trimtab.cli.world_faults import FaultsOptions, keep_failing

    options: FaultsOptions = FaultsOptions(
        upstream=upstream,
        plan=plan,
        preset=preset.value if preset else None,
        port=port,
        seed=seed,
        as_json=as_json,
    )
    run(keep_failing(options), as_json=as_json, debug=debug)


@app.command()
def relay(
    upstream: Annotated[
        str | None,
        typer.Option(
            help="Build on this node, an anvil with --order fifo; else a world of its own, deployed as by up."
        ),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="A relay's name; again for one more before the same builder.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="What goes wrong, and how often: refused=0.1, uncle=0.02; a wrong name lists them all."
        ),
    ] = None,
    every: Annotated[float, typer.Option(min=0.05, help="Seconds from block to block.")] = 2.0,
    port: Annotated[
        int, typer.Option(help="The first relay's port on loopback, the next ones' behind it; 0: free ones.")
    ] = 8547,
    public_port: Annotated[int, typer.Option(help="The public node's port; 0 takes a free one.")] = 8545,
    seed: Annotated[int, typer.Option(help="The same seed and requests give the same faults.")] = 0,
    config_out: Annotated[
        Path | None,
        typer.Option(help="Write settings for the other commands here, with private routes to the relays."),
    ] = None,
    node_modules: Annotated[
        Path | None, typer.Option(help="Where npm packages lie, besides the usual places.")
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Run private relays and their block builder before a local node until Ctrl-C.

    They speak the protocols of Flashbots, MEV-Share, Protect and MEV Blocker, and fail as told. Prints the
    relays' URLs and the public node's, whose mempool never shows what only a relay was sent. With --json one
    line when it is up and one at the end.
    """
    from trimtab.cli.world_relay import RelaysOptions, keep_relaying

    options: RelaysOptions = RelaysOptions(
        upstream=upstream,
        names=tuple(name or ("relay",)),
        faults=tuple(fault or ()),
        every_seconds=every,
        port=port,
        public_port=public_port,
        seed=seed,
        node_modules=(node_modules,) if node_modules else (),
        config_out=config_out,
        as_json=as_json,
    )
    run(keep_relaying(options), as_json=as_json, debug=debug)


@app.command()
def fetch(
    dest: Annotated[Path, typer.Option(help="The node_modules folder to fill.")] = Path("node_modules"),
    force: Annotated[bool, typer.Option("--force", help="Fetch also what seems to be there.")] = False,
    debug: DebugOption = False,
) -> None:
    """Fetch the protocols' contracts from npm: exact versions, checked by hash, nothing is run."""
    run(_fetch(dest, force=force), debug=debug)


async def _fetch(dest: Path, *, force: bool) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from trimtab.world.fetch import fetch_packages, load_packages, missing_packages

    wanted = list(load_packages()) if force else missing_packages(dest)
    console = Console(stderr=True)
    if not wanted:
        console.print(f"all {len(load_packages())} packages are in {dest}")
        return
    with Progress(console=console) as progress:
        task = progress.add_task(f"fetching {len(wanted)} packages", total=len(wanted))
        await fetch_packages(dest, wanted, on_done=lambda _package: progress.advance(task))


if __name__ == "__main__":
    app()
