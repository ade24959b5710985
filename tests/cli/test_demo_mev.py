"""`trimtab demo mev` on the command line; what it shows is held in tests/demo/mev."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from trimtab.cli.app import app
from trimtab.cli.demo_mev import _table

WIDE = {"COLUMNS": "160"}


@pytest.mark.parametrize("count", ["0", "101"])
def test_a_wish_that_cannot_be_met_is_exit_3(count: str, tmp_path: Path) -> None:
    """It is told before anything starts, and no file is written."""
    report = tmp_path / "report.html"
    done = CliRunner().invoke(app, ["demo", "mev", "--hedges", count, "--report", str(report)], env=WIDE)
    assert done.exit_code == 3
    assert "--hedges must be 1 to 100" in done.stderr
    assert not report.exists()


def test_options_before_it_are_not_lost_silently() -> None:
    """They would be those of `trimtab demo`: a wrong command line, which says where they belong."""
    done = CliRunner().invoke(app, ["demo", "--seed", "3", "mev"], env=WIDE)
    assert done.exit_code == 2
    assert "--seed goes behind mev" in done.stderr


def test_the_demo_itself_needs_no_sub_command() -> None:
    """Its own options are its own still."""
    done = CliRunner().invoke(app, ["demo", "--crash-at", "0"], env=WIDE)
    assert done.exit_code == 3
    assert "--crash-at counts hedges from 1" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("width", [76, 100, 160])
def test_a_narrow_terminal_cuts_no_number(width: int) -> None:
    """The live table gives up air before a digit."""
    row = ("  1", "sell ", " 266.6", *["  2,641.01"] * 6, "      0.00")
    out = Console(width=width)
    with out.capture() as shown:
        out.print(_table([row], out))
    assert shown.get().count("2,641.01") == 6
    assert "…" not in shown.get()
