"""The guards of the transaction engine as data: what each would be without it, and the tests that need it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_suffix(".toml")
MACHINES = (
    "tests/tx/test_reducer_properties.py",
    "tests/tx/test_shell_properties.py",
    "tests/tx/test_private_properties.py",
    "tests/tx/test_private_shell_properties.py",
)
"""Tests whose examples are drawn: a mutation run draws them from several seeds."""


@dataclass(frozen=True)
class Mutant:
    """`text` stands once in `file` (under src/trimtab) and becomes `becomes`: then one of `tests` fails."""

    name: str
    file: str
    text: str
    becomes: str
    tests: tuple[str, ...]


def read_mutants() -> tuple[Mutant, ...]:
    """The list, in the order of the file."""
    files = tomllib.loads(LIST.read_text())["file"]
    return tuple(
        Mutant(guard["name"], file["path"], guard["text"], guard["becomes"], tuple(file["tests"]))
        for file in files
        for guard in file["guard"]
    )
