"""What was killed where, for a person and for a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.tx.kills.boundaries import POINTS, split_kind
from tests.tx.kills.hunter import Tally


def print_tally(tally: Tally) -> None:
    """A row for each phase and subject: kills before, in the middle of and after it."""
    rows: dict[tuple[str, str], Counter[int]] = {}
    for kind in tally.met:
        phase, point, subject = split_kind(kind)
        is_commit = "commit" in point
        row = rows.setdefault((phase, ("commit: " if is_commit else "") + subject), Counter())
        row[POINTS.get(point, 0)] += tally.killed[kind]
    table = Table(title=f"{tally.kills} kills in {tally.runs} runs, {tally.seconds:.0f} s")
    for name in ("phase", "at"):
        table.add_column(name)
    for name in ("before", "in the middle", "after"):
        table.add_column(name, justify="right")
    for (phase, subject), row in sorted(rows.items()):
        table.add_row(phase, subject, *(str(row[column] or "-") for column in range(3)))
    console = Console(width=110)
    console.print(table)
    console.print(summary(tally))


def summary(tally: Tally) -> str:
    return (
        f"{tally.intents} intents, {tally.executed} executed, {tally.cancels} cancellations, "
        f"{tally.replaced} replacements, "
        f"{tally.transactions} transactions on chain; 0 lost, 0 doubled. "
        f"{len(tally.met)} kinds of boundary met, {len(tally.killed)} killed at; "
        f"{tally.deepest} kills in a row in recoveries of one account"
    )


def as_record(tally: Tally, seed: int) -> Mapping[str, Any]:
    """The tally as JSON has it. It exists only when every check of every run held."""
    return {
        "seed": seed,
        "kills": tally.kills,
        "runs": tally.runs,
        "lives": tally.lives,
        "intents": tally.intents,
        "executed": tally.executed,
        "cancellations": tally.cancels,
        "replacements": tally.replaced,
        "transactions": tally.transactions,
        "lost": 0,
        "doubled": 0,
        "deepest": tally.deepest,
        "seconds": round(tally.seconds, 1),
        "boundaries": {
            kind: {"met": tally.met[kind], "killed": tally.killed[kind]} for kind in sorted(tally.met)
        },
    }


def write_tally(tally: Tally, seed: int, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_record(tally, seed), indent=1) + "\n", encoding="utf-8")
