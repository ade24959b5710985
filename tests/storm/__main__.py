"""`make storm`: a storm with its progress on the terminal, its table at the end, and out/storm.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from tests.storm.storm import Storm, StormOptions, StormResult


def main() -> int:
    """0 when nothing was lost, doubled or overspent."""
    parser = argparse.ArgumentParser(prog="make storm", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--transactions", type=int, default=StormOptions.transactions)
    parser.add_argument("--out", type=Path, default=Path("out/storm.json"))
    given = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="trimtab-storm-") as folder:
        options = StormOptions(seed=given.seed, transactions=given.transactions)
        result = asyncio.run(_run(options, Path(folder), console))
        if not result.is_survived:
            console.print((Path(folder) / "engine.log").read_text(errors="replace")[-4000:], markup=False)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result.record(), indent=1) + "\n", encoding="utf-8")
    print_result(console, result)
    console.print(f"written to {given.out}")
    return 0 if result.is_survived else 1


async def _run(options: StormOptions, folder: Path, console: Console) -> StormResult:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=1.0)
        async with Storm.open(options, folder) as storm:

            def show(share: float) -> None:
                words = f"storm {options.seed}: {share * options.transactions:.0f} transactions mined, "
                progress.update(bar, completed=share, description=f"{words}{storm.result.kills} kills")

            return await storm.run(show)


def print_result(console: Console, result: StormResult) -> None:
    """A table that a person can read."""
    record = result.record()
    table = Table(title=f"storm, seed {result.options.seed}")
    table.add_column("what")
    table.add_column("count", justify="right")
    for name in (
        *("submitted", "terminal", "executed_on_chain", "duplicates", "lost", "over_budget"),
        *("cancellations_on_chain", "transactions_on_chain", "undone_by_reorgs", "blocks"),
        *("reorgs", "kills", "faults_injected", "seconds"),
    ):
        table.add_row(name.replace("_", " "), f"{record[name]:,}")
    console.print(table)
    kinds = ", ".join(f"{kind} {times}" for kind, times in sorted(result.injected.items()))
    console.print(f"faults: {kinds}", highlight=False)
    ends = ", ".join(f"{end} {times}" for end, times in sorted(record["ends"].items()))
    console.print(f"ends: {ends}; nonces contiguous: {record['nonces_contiguous']}", highlight=False)
    for name in ("duplicates", "lost", "unsaid", "over_budget", "strays"):
        if wrong := getattr(result.count, name):
            console.print(f"[bold red]{name}[/]: {', '.join(wrong[:10])} ({len(wrong)})")
    for crash in (*result.crashes, *([f"halted: {result.halted}"] if result.halted else [])):
        console.print(f"[bold red]{crash}[/]")
    console.print("[bold green]survived[/]" if result.is_survived else "[bold red]not survived[/]")


if __name__ == "__main__":
    sys.exit(main())
