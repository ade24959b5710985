"""Write docs/reference/gas.md from tests/onchain/gas.json: python scripts/gas_table.py [--check]."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "tests" / "onchain" / "gas.json"
PAGE = ROOT / "docs" / "reference" / "gas.md"
INTRODUCTION = """# Gas of the contracts

What the main paths cost on the genuine protocols, beside the plain way to do the same. Measured by the tests
(`scripts/test tests/onchain`), which fail when a number moves by more than one per cent; written by
`scripts/gas_table.py` from `tests/onchain/gas.json`. A ratio below one is cheaper than the plain way.
"""


def main() -> None:
    """Exits with what is amiss: a stale page, or a dearer way without a reason."""
    rows: dict[str, dict[str, Any]] = json.loads(MEASURED.read_text(encoding="utf-8"))
    if unexplained := [name for name, row in rows.items() if ratio(row) > 1 and not row.get("why")]:
        sys.exit(f"dearer than the plain way, and gas.record() has no why: {', '.join(unexplained)}")
    text = "\n".join(render(rows)) + "\n"
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/reference/gas.md is not of tests/onchain/gas.json: run python scripts/gas_table.py")


def ratio(row: Mapping[str, Any]) -> float:
    """Ours to the plain way; 0 where there is none."""
    return float(row["gas"] / row["plain_gas"]) if "plain_gas" in row else 0.0


def render(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The page, line by line; one section for each contract, which is what a row's name begins with."""
    yield INTRODUCTION.rstrip()
    section = ""
    for name, row in sorted(rows.items()):
        contract, _, path = name.partition(": ")
        head = contract.split(".")[0]
        if head != section:
            section = head
            yield from (
                "",
                f"## {head}",
                "| what | gas | the plain way | its gas | ratio | why it is worth it |",
            )
            yield "|---|---:|---|---:|---:|---|"
        what = f"`{contract}`: {path}" if "." in contract else path
        plain = (
            (row["plain"], f"{row['plain_gas']:,}", f"{ratio(row):.2f}") if "plain" in row else ("", "", "")
        )
        yield f"| {what} | {row['gas']:,} | {plain[0]} | {plain[1]} | {plain[2]} | {row.get('why', '')} |"


if __name__ == "__main__":
    main()
