"""What was sent where, what failed and who died, for a person and for a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.tx.kills.boundaries import POINTS, split_kind
from tests.tx.leaks.campaign import LeakTally

_COUNTS = (
    "runs",
    "lives",
    "kills",
    "intents",
    "executed",
    "transactions",
    "private",
    "private_sends",
    "public",
    "opened",
    "spilled",
    "freed",
    "reclaimed",
    "bundles",
    "halves",
    "hints",
    "leaks",
)


def as_record(tally: LeakTally, seed: int) -> Mapping[str, Any]:
    """The tally as JSON has it. It exists only when every claim about every run held."""
    return {
        "seed": seed,
        **{name: getattr(tally, name) for name in _COUNTS},
        "seconds": round(tally.seconds, 1),
        "faults": dict(tally.faults),
        "moves": dict(tally.moves),
        "ends": dict(tally.ends),
        "boundaries": {
            kind: {"met": tally.met[kind], "killed": tally.killed[kind]} for kind in sorted(tally.met)
        },
    }


def write_tally(tally: LeakTally, seed: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_record(tally, seed), indent=1) + "\n", encoding="utf-8")


def print_tally(tally: LeakTally) -> None:
    """Counts, faults by kind, and kills by phase and point."""
    console = Console(width=110)
    console.print(_table(f"{tally.runs} runs, {tally.seconds:.0f} s", _counted(tally)))
    console.print(_table("faults of relays, and moves of the chain", (tally.faults + tally.moves).items()))
    console.print(_table("ends of intents", tally.ends.items()))
    console.print(_table("kills", _places(tally).items()))


def _counted(tally: LeakTally) -> list[tuple[str, int]]:
    words = {
        "private": "private transactions that relays got",
        "private_sends": "private sends in journals that were read whole",
        "public": "requests that the recorders before public endpoints saw",
        "opened": "private transactions that went public by the journal's word",
        "spilled": "private transactions that a relay or an uncled block made public",
        "freed": "nonces given back at a window's end",
        "reclaimed": "given-back transactions that a relay or the public included after all",
        "bundles": "whole bundles on chain",
        "halves": "half bundles on chain (others had made them public)",
        "hints": "private orders, unsigned, in a simulation that a public node was asked for",
        "leaks": "private bytes in a public request before the journal's word",
    }
    return [(words.get(name, name), getattr(tally, name)) for name in _COUNTS]


def _places(tally: LeakTally) -> dict[str, int]:
    """Kills by phase and point, and by what it was about: journal, public requests or relays."""
    places: Counter[str] = Counter()
    for kind, times in tally.killed.items():
        phase, point, subject = split_kind(kind)
        who = "a relay" if subject.endswith("relay") else "a public endpoint"
        is_commit = "commit" in point or point not in POINTS
        places[f"{phase}: {point or 'elsewhere'}" + ("" if is_commit else f" {who}")] += times
    return dict(sorted(places.items()))


def _table(title: str, rows: Iterable[tuple[str, int]]) -> Table:
    table = Table(title=title)
    table.add_column("what")
    table.add_column("times", justify="right")
    for name, times in rows:
        table.add_row(name, str(times))
    return table
