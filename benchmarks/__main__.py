"""Run every `bench_*.py`, print a table, write the JSON list: `python -m benchmarks --out out/bench.json`."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.harness import Result

_HERE = Path(__file__).parent


def find_benchmarks(only: list[str]) -> list[str]:
    """Names of the bench modules, without the prefix, sorted; `only` keeps those that it names."""
    names = sorted(path.stem.removeprefix("bench_") for path in _HERE.glob("bench_*.py"))
    unknown = sorted(set(only) - set(names))
    if unknown:
        raise SystemExit(f"no benchmark named {', '.join(unknown)}; there are: {', '.join(names)}")
    return [name for name in names if not only or name in only]


async def run_benchmarks(names: list[str], console: Console) -> list[Result]:
    """Results of all modules, in order. One that fails ends the run: a missing figure is no good figure."""
    results: list[Result] = []
    for name in names:
        start = time.perf_counter()
        with console.status(f"measuring {name} ..."):
            results += await importlib.import_module(f"benchmarks.bench_{name}").run()
        console.print(f"[dim]{name}: measured in {time.perf_counter() - start:.1f} s[/dim]")
    return results


def format_table(results: list[Result]) -> Table:
    table = Table(title="trimtab beside its peers (medians of alternating rounds)", title_justify="left")
    for header in ("what", "ours", "peer", "peer is", "ratio", "promised"):
        table.add_column(header, justify="left" if header in ("what", "peer is") else "right")
    for result in results:
        color = "green" if result.is_kept else "bold red"
        table.add_row(
            result.name,
            f"{_figure(result.ours)} {result.unit}",
            f"{_figure(result.peer)} {result.unit}",
            result.peer_name,
            f"[{color}]{_figure(result.ratio)}x[/]",
            "" if result.promised is None else f"{result.promised:g}x",
        )
    return table


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"), help="where to write the JSON")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="run bench_NAME.py only")
    parser.add_argument("--gate", action="store_true", help="exit 1 when a promised ratio is missed")
    options = parser.parse_args()
    # stderr, and wide when piped: the table is for people, the JSON file for machines
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 140)
    results = asyncio.run(run_benchmarks(find_benchmarks(options.only), console))
    console.print(format_table(results))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([result.to_json() for result in results], indent=1) + "\n")
    missed = [result.name for result in results if not result.is_kept]
    console.print(f"{len(results)} results in {options.out}; promises missed: {', '.join(missed) or 'none'}")
    return 1 if missed and options.gate else 0


if __name__ == "__main__":
    sys.exit(main())
