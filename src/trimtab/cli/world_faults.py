"""A fault proxy that is kept up from the command line: opened, told about, watched, and summed up."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from trimtab.cli.output import console, number, print_facts, print_table, to_plain
from trimtab.cli.world_session import stop_on_signal
from trimtab.errors import ConfigError, ConnectionLostError
from trimtab.world.faults import FaultPlan, FaultProxy
from trimtab.world.faults.drill import Drill
from trimtab.world.faults.kinds import ANY, CHAIN_READS, KINDS, Fault, StaleNonce, kind_of, summary_of
from trimtab.world.faults.plan import ChainRule, Rule
from trimtab.world.faults.plan_file import load_plan
from trimtab.world.faults.presets import PRESETS
from trimtab.world.faults.upstream import Upstream

_REFRESH_SECONDS = 0.5
_METHODS_SHOWN = 3
_GROUPS = {ANY: "any request", CHAIN_READS: "reads of the chain"}


@dataclass(frozen=True, slots=True)
class FaultsOptions:
    """What `trimtab world faults` was asked for; `port` 0 takes a free one."""

    upstream: str
    plan: Path | None = None
    preset: str | None = None
    port: int = 8546
    seed: int = 0
    as_json: bool = False


async def keep_failing(options: FaultsOptions) -> None:
    """Stand before the node, print where and by which plan, and stay until SIGINT or SIGTERM; then sum up."""
    name, plan = _plan(options)
    chain_id = await _chain_id(options.upstream)
    stop = stop_on_signal()
    async with (
        _drilling(options, plan) as (followed, drill),
        FaultProxy.open(options.upstream, followed, seed=options.seed, port=options.port) as proxy,
    ):
        _show_start(options, proxy, name, chain_id, left_out=len(plan.chain) - len(followed.chain))
        started_at = time.monotonic()
        await _wait(stop, proxy, quiet=options.as_json)
    _show_end(options, proxy, drill, time.monotonic() - started_at)


def _plan(options: FaultsOptions) -> tuple[str, FaultPlan]:
    if options.plan is not None and options.preset is not None:
        raise ConfigError(
            'give --plan or --preset; a plan may begin with preset = "storm" itself', key="preset"
        )
    if options.plan is not None:
        return str(options.plan), load_plan(options.plan)
    preset = options.preset or "flaky"
    return preset, PRESETS[preset]


async def _chain_id(url: str) -> int:
    """Of the node, which must be there before anybody stands before it."""
    async with Upstream.open(url) as node:
        found = await node.ask("eth_chainId")
        if not isinstance(found, str):
            message = f"{node.name} does not say its chain id; is it a node?"
            raise ConnectionLostError(message, endpoint=node.name)
        return int(found, 16)


@asynccontextmanager
async def _drilling(options: FaultsOptions, plan: FaultPlan) -> AsyncIterator[tuple[FaultPlan, Drill | None]]:
    """The plan as it can be followed. A preset's faults of the chain are left out where there is no anvil."""
    async with AsyncExitStack() as stack:
        followed, drill = plan, None
        if plan.chain:
            try:
                drill = await stack.enter_async_context(Drill.open(options.upstream, plan, seed=options.seed))
            except ConfigError:
                if options.plan is not None:
                    raise
                followed = replace(plan, chain=())
        yield followed, drill


async def _wait(stop: asyncio.Event, proxy: FaultProxy, *, quiet: bool) -> None:
    """Until the signal; people see a line that moves."""
    with _status(quiet=quiet) as status:
        while not stop.is_set():
            status.update(_line(proxy))
            try:
                async with asyncio.timeout(_REFRESH_SECONDS if status.is_seen else None):
                    await stop.wait()
            except TimeoutError:
                continue


class _Status:
    """A line on a terminal's standard error; nothing where nobody would see it."""

    def __init__(self, shown: Any = None) -> None:
        self._shown = shown
        self.is_seen = shown is not None

    def update(self, text: str) -> None:
        if self._shown is not None:
            self._shown.update(text)


@contextmanager
def _status(*, quiet: bool) -> Iterator[_Status]:
    from rich.console import Console

    terminal = Console(stderr=True)
    if quiet or not terminal.is_terminal:
        yield _Status()
        return
    with terminal.status("waiting for the first request") as shown:
        yield _Status(shown)


def _line(proxy: FaultProxy) -> str:
    tally = proxy.tally
    if not tally.requests:
        return f"waiting for the first request at {proxy.url}"
    last = "" if tally.last is None else f"; last {tally.last[0]} on {tally.last[1]}"
    return f"{number(tally.requests.total())} requests, {number(tally.injected.total())} faults{last}"


def _show_start(
    options: FaultsOptions, proxy: FaultProxy, name: str, chain_id: int, *, left_out: int
) -> None:
    plan = proxy.plan
    if options.as_json:
        _print_line(
            {
                "url": proxy.url,
                "ws_url": proxy.ws_url,
                "upstream": proxy.upstream_name,
                "chain_id": chain_id,
                "plan": name,
                "seed": options.seed,
                "rules": [_described(rule) for rule in plan.rules],
                "chain": [_described(rule) for rule in plan.chain],
            }
        )
        return
    rows = [(kind_of(r.fault), _parameters(r.fault), r.frequency, _where(r)) for r in plan.rules]
    rows += [(kind_of(r.fault), _parameters(r.fault), r.frequency, "the chain") for r in plan.chain]
    caption = f"{left_out} faults of the chain are left out: the node is no anvil" if left_out else None
    print_table(f"plan {Path(name).name}", ("fault", "with", "how often", "strikes"), rows, caption)
    facts = {
        "use": proxy.url,
        "or": proxy.ws_url,
        "in place of": f"{proxy.upstream_name}, chain {chain_id}",
        "seed": str(options.seed),
        "try": f"TRIMTAB_RPC_URL={proxy.url} trimtab doctor",
    }
    print_facts("the node fails by plan now; Ctrl-C ends it", facts)
    console().file.flush()


def _show_end(options: FaultsOptions, proxy: FaultProxy, drill: Drill | None, seconds: float) -> None:
    tally = proxy.tally
    injected = tally.injected if drill is None else tally.injected + drill.injected
    planned = [r.fault for r in proxy.plan.rules] + [r.fault for r in proxy.plan.chain]
    idle = sorted({kind_of(fault) for fault in planned} - set(injected))
    if options.as_json:
        by_method = [
            {"fault": kind, "method": method, "times": times}
            for (kind, method), times in tally.by_method.most_common()
        ]
        _print_line(
            {
                "requests": dict(tally.requests.most_common()),
                "injected": dict(injected.most_common()),
                "by_method": by_method,
                "never_injected": idle,
                "seconds": round(seconds, 1),
            }
        )
        return
    rows = [(kind, times, _methods(proxy, kind), _what(kind)) for kind, times in injected.most_common()]
    caption = f"{number(tally.requests.total())} requests in {seconds:,.0f} s"
    if idle:
        caption += f"; planned and never injected: {', '.join(idle)}"
    print_table("injected", ("fault", ">times", "on", "what it is"), rows, caption)


def _print_line(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(to_plain(document)) + "\n")
    sys.stdout.flush()  # whoever reads a pipe waits for this while we stay


def _described(rule: Rule | ChainRule) -> dict[str, Any]:
    """A rule as JSON, without what it leaves open."""
    own = {f.name: getattr(rule.fault, f.name) for f in fields(rule.fault)}
    how = {f.name: getattr(rule, f.name) for f in fields(rule) if f.name != "fault"}
    return {"fault": kind_of(rule.fault)} | own | {k: v for k, v in how.items() if v not in (None, (), 0)}


def _parameters(fault: Fault) -> str:
    """What was set, and what counts though it was not; nothing for what is switched off."""
    values = {f.name: getattr(fault, f.name) for f in fields(fault)}
    if isinstance(fault, StaleNonce) and fault.lower:
        del values["blocks"]
    return ", ".join(
        name if value is True else f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in values.items()
        if value not in (None, "", False, 0)
    )


def _where(rule: Rule) -> str:
    words = [", ".join(rule.methods) or _GROUPS.get(rule.fault.methods) or ", ".join(rule.fault.methods)]
    if rule.skip:
        words.append(f"after {rule.skip} requests")
    if rule.after_seconds or rule.until_seconds is not None:
        until = "" if rule.until_seconds is None else f" to {rule.until_seconds:g}"
        words.append(f"from {rule.after_seconds:g}{until} s")
    if rule.limit is not None:
        words.append(f"{rule.limit} times at most")
    return "; ".join(words)


def _methods(proxy: FaultProxy, kind: str) -> str:
    found = [(m, times) for (k, m), times in proxy.tally.by_method.most_common() if k == kind]
    shown = ", ".join(f"{method} {times}" for method, times in found[:_METHODS_SHOWN])
    more = len(found) - _METHODS_SHOWN
    return (shown + (f" and {more} more" if more > 0 else "")) or "the chain"


def _what(kind: str) -> str:
    """A sentence without the names of parameters."""
    return re.sub(r"\s*\([^)]*`[^)]*\)", "", summary_of(KINDS[kind])).replace("`", "")
