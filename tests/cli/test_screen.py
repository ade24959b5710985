"""What a long command shows while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from trimtab.cli.screen import Row, Screen, as_json, write_file


def table(rows: Sequence[Row], _out: Console) -> Table:
    made = Table("a", "b")
    for row in rows:
        made.add_row(*row)
    return made


def test_into_a_pipe_each_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Names above the first, as wide as its cells; what is not done yet is no line."""
    screen = Screen(2, "starting", table, ("n", "sum"))
    with screen.open():
        screen.say("two worlds", task="going on")
        screen.put(("  1", "    "), is_done=False)
        screen.put(("  1", "12.0"))
        screen.put(("  2", "13.0"))
    assert capsys.readouterr().out.splitlines() == ["two worlds", "  n   sum", "  1  12.0", "  2  13.0"]


def test_a_row_that_is_wider_than_the_pipe_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """COLUMNS folds no row."""
    monkeypatch.setenv("COLUMNS", "20")
    screen = Screen(1, "starting", table, ("n", "sum"))
    with screen.open():
        screen.put(("1", f"{12:>40}"))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_terminal_shows_bar_and_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last view has each row once, the one that was not done in its final form."""
    out = Console(force_terminal=True, width=80, record=True)
    monkeypatch.setattr("trimtab.cli.screen.console", lambda: out)
    screen = Screen(1, "starting", table, ("n", "sum"))
    with screen.open():
        screen.put(("1", "soon"), is_done=False)
        screen.put(("1", "12.0"))
    last = out.export_text().rpartition("starting")[2]
    assert "1/1" in last
    assert "12.0" in last
    assert "soon" not in last


def test_files_are_written_when_asked_for(tmp_path: Path) -> None:
    """With the folders above them; nothing without a path."""
    path = tmp_path / "new" / "run.json"
    write_file(path, lambda: as_json({"a": 1}))
    assert path.read_text() == '{\n  "a": 1\n}\n'
    write_file(None, lambda: pytest.fail("nobody asked"))
