"""The list of guards stays true to the source, and a test needs each of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.tx.mutants import read_mutants
from tests.tx.mutation import main

ROOT = Path(__file__).resolve().parents[2]


def test_every_guard_stands_exactly_once() -> None:
    """Whoever changes a guard changes its line in mutants.toml; two mutants never are one."""
    mutants = read_mutants()
    texts = {file: (ROOT / "src/trimtab" / file).read_text() for file in {item.file for item in mutants}}
    gone = [f"{item.file}: {item.name}" for item in mutants if texts[item.file].count(item.text) != 1]
    assert not gone, "\n".join(gone)
    changed = Counter((item.file, texts[item.file].replace(item.text, item.becomes)) for item in mutants)
    assert set(changed.values()) == {1}
    assert not [item.name for item in mutants if item.text == item.becomes]


def test_every_mutant_is_python_and_names_tests_that_exist() -> None:
    """A mutant that does not compile would be killed by anything."""
    for item in read_mutants():
        source = (ROOT / "src/trimtab" / item.file).read_text()
        compile(source.replace(item.text, item.becomes), item.file, "exec")
        assert all((ROOT / test.partition("::")[0]).exists() for test in item.tests), item.tests


def test_one_guard_taken_away_is_noticed(tmp_path: Path) -> None:
    """The run itself: a copy of the tree, a failing test, a table."""
    out = tmp_path / "mutants.json"
    assert main(["--only", "the smallest comes first", "--out", str(out), "--jobs", "1"]) == 0
    assert '"killed": 1' in out.read_text()


@pytest.mark.soak
def test_every_guard_is_needed(tmp_path: Path) -> None:
    """Taken away one by one: for each a test fails."""
    assert main(["--out", str(tmp_path / "mutants.json")]) == 0
