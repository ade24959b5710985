"""Write docs/reference/cli.md from the commands themselves: python scripts/cli_reference.py [--check]."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from trimtab.cli.app import app
from trimtab.cli.failures import EXIT_CODES, OTHER_CODES

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
INTRODUCTION = """# Command line

Made by `scripts/cli_reference.py` from the commands; a test holds the page to them. Every command prints
tables, and with `--json` one JSON document on standard output, errors included. Decimal numbers in JSON are
text, because a program reads a JSON number as a float.
"""


def main() -> int:
    """0 when the page is what the commands say (after writing it, unless --check)."""
    text = "\n".join(render()) + "\n"
    if "--check" in sys.argv[1:]:
        return 0 if PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def render() -> Iterator[str]:
    """The page, line by line."""
    yield INTRODUCTION
    yield "## Exit codes"
    yield ""
    yield "| code | meaning | errors |"
    yield "|---|---|---|"
    rows: dict[int, tuple[str, str]] = {code: (meaning, "") for code, meaning in OTHER_CODES.items()}
    rows |= {code: (meaning, f"`{cls.__name__}`") for cls, code, meaning in EXIT_CODES}
    for code, (meaning, error) in sorted(rows.items()):
        yield f"| {code} | {meaning} | {error} |"
    for words in _commands(get_command(app), ()):
        yield ""
        yield f"## trimtab {' '.join(words)}"
        yield ""
        yield "```text"
        shown = CliRunner().invoke(app, [*words, "--help"], prog_name="trimtab", terminal_width=100)
        yield shown.stdout.rstrip()
        yield "```"


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    children = getattr(command, "commands", None) or {}
    if not children or (words and command.invoke_without_command):  # a group may be a command itself
        yield words
    for name, child in children.items():
        yield from _commands(child, (*words, name))


if __name__ == "__main__":
    sys.exit(main())
