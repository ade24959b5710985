"""The page about the bugs of other tools, and the tests that it names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "immune.md"


def _tests() -> set[str]:
    """The names of all tests in this folder, but for this file's."""
    return {
        node.name
        for path in Path(__file__).parent.glob("test_*.py")
        if path != Path(__file__)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_the_page_and_the_tests_name_the_same() -> None:
    """Every test that the page names exists, and every test about a thread is on the page."""
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert named - _tests() == set()
    assert _tests() - named == set()


def test_every_line_of_the_page_has_a_thread_and_a_test() -> None:
    """No thread stands there with a promise only."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith(("| thread", "|---")):
            thread, wrong, guard, test = (cell.strip() for cell in line.strip("|").split("|"))
            assert "#" in thread or "Hardhat" in thread, line
            assert wrong and guard, line  # noqa: PT018
            assert test.startswith("`test_"), line
