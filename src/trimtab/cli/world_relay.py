"""Relays and their builder, kept up from the command line: opened, told about, and summed up at the end."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.chain.address import checksum
from trimtab.cli.output import console, number, print_facts, print_table, to_plain
from trimtab.cli.world_config import check_overwritable, write_world_config
from trimtab.cli.world_session import stop_on_signal
from trimtab.errors import ConfigError
from trimtab.net import mask_url
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.faults.kinds import kind_of
from trimtab.world.relay import Relay, RelayOptions
from trimtab.world.relay.kinds import RELAY_FAULTS
from trimtab.world.world import World, WorldOptions

_KINDS = {kind_of(fault): fault for fault in RELAY_FAULTS}


@dataclass(frozen=True, slots=True)
class RelaysOptions:
    """What `trimtab world relay` was asked for; port 0 takes a free one."""

    upstream: str | None = None
    names: tuple[str, ...] = ("relay",)
    faults: tuple[str, ...] = ()
    every_seconds: float = 2.0
    port: int = 8547
    public_port: int = 8545
    seed: int = 0
    node_modules: tuple[Path, ...] = ()
    config_out: Path | None = None
    as_json: bool = False


async def keep_relaying(options: RelaysOptions) -> None:
    """Build blocks from what the relays and the public node are sent, until SIGINT or SIGTERM; then sum up.
    Raises `ConfigError` for a fault that is not known, and for a node that does not do."""
    plan = read_faults(options.faults)
    if options.config_out is not None:
        if options.upstream is not None:
            raise ConfigError(
                "settings are written for a world of its own: leave out --upstream", key="config_out"
            )
        check_overwritable(options.config_out)
    stop = stop_on_signal()
    async with _opened(options, plan) as relays:
        _show_start(options, relays, plan)
        first = (await relays[0].builder.head()).number
        await stop.wait()
        blocks = (await relays[0].builder.head()).number - first
    _show_end(options, relays, blocks)


def read_faults(texts: Sequence[str]) -> FaultPlan:
    """`kind=probability` for each, as a plan; a kind alone is always. Raises `ConfigError`."""
    rules = []
    for text in texts:
        kind, _, share = text.partition("=")
        if kind not in _KINDS:
            known = ", ".join(sorted(_KINDS))
            raise ConfigError(f"a relay has no fault {kind!r}; it has {known}", key="fault")
        try:
            rules.append(Rule(_KINDS[kind](), probability=float(share) if share else None))
        except ValueError as error:
            message = f"{text!r}: give a probability from 0 to 1 behind the fault, as in refused=0.1"
            raise ConfigError(message, key="fault") from error
    return FaultPlan(tuple(rules))


@asynccontextmanager
async def _opened(options: RelaysOptions, plan: FaultPlan) -> AsyncIterator[list[Relay]]:
    """The relays, of which the first has the builder; before the node given, or a world of their own."""
    if len(set(options.names)) < len(options.names):
        raise ConfigError("two relays have one name: give each its own --name", key="name")
    async with AsyncExitStack() as stack:
        before: Any = options.upstream
        if before is None:
            before = world = await stack.enter_async_context(_world(options))
        relays: list[Relay] = []
        for place, name in enumerate(options.names):
            chosen = RelayOptions(
                name=name,
                port=options.port + place if options.port else 0,
                public_port=options.public_port,
                block_seconds=0.0 if place else options.every_seconds,
                faults=plan,
                seed=f"{options.seed}/{name}",
            )
            relays.append(await stack.enter_async_context(Relay.open(before, chosen)))
            before = relays[0].builder
        if options.config_out is not None:
            urls = [relay.url for relay in relays]
            await write_world_config(options.config_out, world, public_url=relays[0].public_url, relays=urls)
        yield relays


@asynccontextmanager
async def _world(options: RelaysOptions) -> AsyncIterator[World]:
    from contextlib import nullcontext

    from rich.console import Console

    chosen = WorldOptions(clock=None, block_interval=None, order="fifo", node_modules=options.node_modules)
    async with World.open(chosen) as world:
        terminal = Console(stderr=True)
        quiet = options.as_json or not terminal.is_terminal
        with nullcontext() if quiet else terminal.status("deploying and seeding Perp v2 and Lyra"):
            await world.deploy()
        yield world


def _show_start(options: RelaysOptions, relays: Sequence[Relay], plan: FaultPlan) -> None:
    face = relays[0].builder.face
    if options.as_json:
        document = {
            "public_url": face.url,
            "public_ws_url": face.ws_url,
            "relays": [{"name": r.options.name, "url": r.url, "stream_url": r.stream_url} for r in relays],
            "every_seconds": options.every_seconds,
            "faults": {kind_of(rule.fault): rule.frequency for rule in plan.rules},
            "seed": options.seed,
            "config": str(options.config_out) if options.config_out else None,
            "node": None if options.upstream is None else mask_url(options.upstream),
        }
        _print_line(document)
        return
    rows = [(r.options.name, r.url, r.stream_url) for r in relays]
    print_table("relays", ("name", "JSON-RPC", "MEV-Share events"), rows)
    if plan.rules:
        faults = [(kind_of(rule.fault), rule.frequency) for rule in plan.rules]
        print_table("what goes wrong", ("fault", "how often"), faults)
    if options.upstream is None:
        people = [(a.name, checksum(a.address), f"0x{a.key.hex()}") for a in ACCOUNTS.values()]
        title = "accounts, with public development keys"
        print_table(title, ("name", "address", "private key"), people)
    facts = {
        "public node": face.url,
        "or": face.ws_url,
        "a block": f"each {options.every_seconds:g} s",
        "raw transactions": "/ (as Protect), /fast /noreverts /fullprivacy (as MEV Blocker), /sequencer",
        "status": f"{relays[0].url}/tx/<hash>",
    }
    if options.config_out is not None:
        facts["settings"] = f"trimtab doctor --config {options.config_out}"
    print_facts("the relays are up; Ctrl-C ends them", facts)
    console().file.flush()


def _show_end(options: RelaysOptions, relays: Sequence[Relay], blocks: int) -> None:
    if options.as_json:
        told = {r.options.name: {"requests": _requests(r), "injected": dict(r.injected)} for r in relays}
        _print_line({"blocks": blocks, "public_requests": _public(relays[0]), "relays": told})
        return
    rows = [row for relay in relays for row in _rows(relay)]
    caption = f"{number(blocks)} blocks; the public node had {number(_public(relays[0]))} requests"
    print_table("asked", ("relay", "method", ">times", "what went wrong"), rows, caption)


def _rows(relay: Relay) -> Iterator[tuple[object, ...]]:
    """What it was asked and what its builder did, each with the faults that struck there."""
    requests, struck = _requests(relay), relay.tally.by_method
    for method in {**requests, **dict.fromkeys(sorted({method for _, method in struck}))}:
        faults = ", ".join(f"{kind} {times}" for (kind, at), times in struck.items() if at == method)
        yield relay.options.name, method, requests.get(method), faults


def _requests(relay: Relay) -> dict[str, int]:
    return dict(Counter(received.method for received in relay.log).most_common())


def _public(relay: Relay) -> int:
    return len(relay.public_log)


def _print_line(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(to_plain(document)) + "\n")
    sys.stdout.flush()  # whoever reads a pipe waits for this while we stay
