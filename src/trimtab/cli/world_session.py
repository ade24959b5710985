"""A world that is kept up from the command line: opened, told about, moved, and left on a signal."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from trimtab.chain.address import checksum
from trimtab.cli.output import console, print_facts, print_table
from trimtab.errors import ConfigError, HaltError
from trimtab.world.addresses import WorldAddresses, from_json, to_json
from trimtab.world.market import PUSH_SECONDS
from trimtab.world.prices import GbmOptions, gbm_path
from trimtab.world.world import World, WorldOptions


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `trimtab world up` was asked for; `port` 0 takes a free one."""

    port: int = 8545
    fork_url: str | None = None
    fork_block: int | None = None
    attach: Path | None = None
    engine: str = "anvil"
    seed: int | None = None
    every: int = 60
    config_out: Path | None = None
    node_modules: tuple[Path, ...] = ()
    as_json: bool = False


async def keep_up(options: UpOptions) -> None:
    """Open the world, print it, and stay until SIGINT or SIGTERM. Raises `HaltError` when the node dies."""
    stop = stop_on_signal()
    async with _opened(options) as world:
        await _write_config(world, options.config_out)
        await _show(world, options)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_watch_node(world))]
            if options.seed is not None:
                tasks.append(group.create_task(_move_prices(world, options.seed, options.every)))
            await stop.wait()
            for task in tasks:
                task.cancel()


def describe(world: World, options: UpOptions) -> dict[str, Any]:
    """The world as JSON: what `--json` prints, and what `--attach` and `addresses_file` read."""
    return {
        "url": world.url,
        "chain_id": world.client.chain_id,
        "engine": options.engine,
        "fork_of": _masked(options.fork_url),
        "config": str(options.config_out) if options.config_out else None,
        "accounts": [
            {"name": a.name, "address": a.address, "private_key": f"0x{a.key.hex()}"}
            for a in world.accounts.values()
        ],
        **to_json(world.addresses),
    }


@asynccontextmanager
async def _opened(options: UpOptions) -> AsyncIterator[World]:
    attached = None if options.attach is None else _read_addresses(options.attach)
    if attached is not None and options.fork_url is None:
        raise ConfigError("--attach uses the deployment of an upstream: give its --fork-url", key="attach")
    world_options = WorldOptions(
        engine=cast("Literal['anvil', 'py-evm']", options.engine),
        port=options.port or None,
        clock=None,
        block_interval=None,
        fork_url=options.fork_url,
        fork_block=options.fork_block,
        attach=attached,
        node_modules=options.node_modules,
    )
    async with World.open(world_options) as world:
        if attached is None:
            with _status(options):
                await world.deploy()
        yield world


def _status(options: UpOptions) -> Any:
    """A spinner for people; nothing for programs."""
    from contextlib import nullcontext

    from rich.console import Console

    terminal = Console(stderr=True)
    quiet = options.as_json or not terminal.is_terminal
    return nullcontext() if quiet else terminal.status("deploying and seeding Perp v2 and Lyra")


async def _show(world: World, options: UpOptions) -> None:
    if options.as_json:
        sys.stdout.write(json.dumps(describe(world, options), indent=2) + "\n")
        sys.stdout.flush()  # whoever reads a pipe waits for this while we stay
        return
    for group, contracts in world.addresses.flat().items():
        rows = [(name, checksum(address)) for name, address in contracts.items()]
        print_table(group, ("contract", "address"), rows)
    people = [(a.name, checksum(a.address), f"0x{a.key.hex()}") for a in world.accounts.values()]
    print_table("accounts, with public development keys", ("name", "address", "private key"), people)
    facts: dict[str, object] = {"RPC URL": world.url, "chain id": str(world.client.chain_id)}
    if options.fork_url:
        facts["fork of"] = _masked(options.fork_url)
    if options.config_out is not None:
        facts["settings"] = f"trimtab doctor --config {options.config_out}"
    print_facts("the world is up; Ctrl-C ends it", facts)
    console().file.flush()


async def _write_config(world: World, path: Path | None) -> None:
    if path is not None:
        from trimtab.cli.world_config import write_world_config

        await write_world_config(path, world)


def _masked(url: str | None) -> str | None:
    """A fork's URL may hold a key."""
    from trimtab.config import mask_url

    return None if url is None else mask_url(url)


async def _watch_node(world: World) -> None:
    if world.node is not None:
        await world.node.wait_until_dead()
        raise HaltError(f"the node stopped; its last words:\n{world.node.log_tail()}")


async def _move_prices(world: World, seed: int, every: int) -> None:
    """One step of the path at a time, in step with the wall clock."""
    paths = {
        u.symbol: gbm_path(GbmOptions(u.spot, step_seconds=every), f"{seed}/{u.symbol}")
        for u in world.options.plan.underlyings
    }
    while True:
        prices = {symbol: next(path).price for symbol, path in paths.items()}
        at = int(time.time())
        is_due = at - await world.now() > 3 * PUSH_SECONDS
        await world.set_prices(prices, at=at if is_due else None)
        await asyncio.sleep(every)


def stop_on_signal() -> asyncio.Event:
    """An event that SIGINT and SIGTERM set, in place of what they would do."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _read_addresses(path: Path) -> WorldAddresses:
    try:
        return from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read the addresses in {path}: {error}", key="attach") from error
