"""`trimtab demo`: what it refuses; what it does is held in tests/demo."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from trimtab.cli.app import app


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--engine", "geth"), "--engine must be one of anvil, py-evm, got 'geth'"),
        (("--policy", "guess"), "--policy must be one of band, ww"),
        (("--crash-at", "1", "--no-hedge"), "--crash-at needs the hedger"),
        (("--crash-at", "0"), "--crash-at counts hedges from 1"),
        (("--engine", "py-evm", "--fork-url", "http://127.0.0.1:1"), "--fork-url needs anvil"),
        (("--path", "no-such.csv", "--steps", "2"), "no-such.csv"),
    ],
)
def test_a_wish_that_cannot_be_met_is_exit_3(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    """Each is told in one panel with what to change, and no file is written."""
    report = tmp_path / "report.html"
    done = CliRunner().invoke(app, ["demo", *words, "--report", str(report)], env={"COLUMNS": "160"})
    assert done.exit_code == 3
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert not report.exists()


@pytest.mark.parametrize(("band", "told"), [("0", "must be above 0"), ("wide", "not a number")])
def test_a_band_that_is_none_is_exit_5(band: str, told: str) -> None:
    """It is refused by the units, before anything starts."""
    done = CliRunner().invoke(app, ["demo", "--band", band], env={"COLUMNS": "160"})
    assert done.exit_code == 5
    assert told in done.stderr
