"""The page of gas: the measured file with its ratios to the plain way, and a reason where ours is dearer."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS: dict[str, dict[str, object]] = {
    "Guard.execute: one trade": {"gas": 1_500, "plain": "a bare trade", "plain_gas": 1_000, "why": "bounded"},
    "Guard.execute: ten trades": {"gas": 9_000, "plain": "ten bare trades", "plain_gas": 10_000},
    "Lens: all": {"gas": 12_345_678},
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The script in a folder of its own, with those rows."""
    for folder in ("scripts", "tests/onchain", "docs/reference"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts/gas_table.py", tmp_path / "scripts")
    _write(tmp_path, ROWS)
    return tmp_path


def _write(root: Path, rows: dict[str, dict[str, object]]) -> None:
    (root / "tests/onchain/gas.json").write_text(json.dumps(rows), encoding="utf-8")


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts/gas_table.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_has_each_row_with_its_ratio(copy: Path) -> None:
    """A section for each contract; ours, the plain way, their ratio, and why."""
    assert _run(copy).returncode == 0
    page = (copy / "docs/reference/gas.md").read_text(encoding="utf-8")
    assert page.count("## Guard\n") == page.count("## Lens\n") == 1
    assert "| `Guard.execute`: one trade | 1,500 | a bare trade | 1,000 | 1.50 | bounded |" in page
    assert "| `Guard.execute`: ten trades | 9,000 | ten bare trades | 10,000 | 0.90 |  |" in page
    assert "| all | 12,345,678 |  |  |  |  |" in page
    assert _run(copy, "--check").returncode == 0


def test_a_stale_page_is_named(copy: Path) -> None:
    """Numbers that moved without the page fail the check; so does a page that is not there."""
    assert "gas.md" in _run(copy, "--check").stderr
    _run(copy)
    _write(copy, ROWS | {"Lens: all": {"gas": 5}})
    assert "gas.md" in _run(copy, "--check").stderr


def test_dearer_needs_a_reason(copy: Path) -> None:
    """A path that costs more than the plain way has to say why it is worth it."""
    _write(copy, {"Guard.execute: one trade": {"gas": 2, "plain": "a bare trade", "plain_gas": 1}})
    done = _run(copy)
    assert done.returncode != 0
    assert "Guard.execute: one trade" in done.stderr
