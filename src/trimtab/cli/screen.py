"""What a long command shows while it runs: a progress bar above a table that grows, or lines into a pipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from trimtab.cli.output import console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

Row: TypeAlias = tuple[str, ...]
MakeTable: TypeAlias = "Callable[[Sequence[Row], Console], Table]"


class Screen:
    """Rows of cells that are as wide as their columns. `table` makes the live view of all so far; into a pipe
    each finished row is a line, with `names` above the first."""

    def __init__(self, total: int, task: str, table: MakeTable, names: Sequence[str]) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = console()
        self._table = table
        self._names = names
        self._rows: list[Row] = []
        self._is_open_row = False
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._task = self._progress.add_task(task, total=total)
        self._live: Live | None = None

    def open(self) -> AbstractContextManager[Any]:
        """Shows until left."""
        from contextlib import nullcontext

        from rich.live import Live

        if not self._console.is_terminal:
            return nullcontext()
        self._live = Live(self._view(), console=self._console, refresh_per_second=10)
        return self._live

    def say(self, text: str, *, task: str) -> None:
        """A line above all that follows; `task` is what goes on now."""
        self._progress.update(self._task, description=task)
        self._console.print(text)

    def put(self, row: Row, *, is_done: bool = True) -> None:
        """The next row, or the last one again while it is not done."""
        if self._is_open_row:
            self._rows.pop()
        self._rows.append(row)
        self._is_open_row = not is_done
        if is_done:
            self._progress.advance(self._task)
        if self._live is not None:
            self._live.update(self._view())
        elif is_done:
            self._print(row)

    def _print(self, row: Row) -> None:
        if len(self._rows) == 1:
            cells = zip(self._names, row, strict=True)
            heading = "  ".join(f"{name:>{len(cell)}}" for name, cell in cells).rstrip()
            self._console.print(heading, highlight=False, soft_wrap=True)
        self._console.print("  ".join(row), highlight=False, soft_wrap=True)  # a row is a line, however long

    def _view(self) -> Any:
        from rich.console import Group

        return Group(self._progress, self._table(self._rows, self._console))


def write_file(path: Path | None, text: Callable[[], str]) -> None:
    """Write a file that was asked for, and the folders above it."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text(), encoding="utf-8")


def as_json(record: dict[str, Any]) -> str:
    """A record as its file has it."""
    import json

    return json.dumps(record, indent=2) + "\n"
