"""What a command prints: tables for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console

DASH = "–"
ENDLESS = 10_000
"""Columns that every table fits into."""
LONGEST_NUMBER = 30
"""Characters of a fact that is still read as a number, or as a few words."""


def to_plain(value: object) -> Any:
    """Any value of the domain as JSON can hold it. Decimals become text, because a reader's JSON number is a
    float; bytes become 0x hex; dataclasses, structs and mappings become objects."""
    if isinstance(value, Decimal):
        return _trim(f"{value:f}")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if names := getattr(type(value), "__struct_fields__", ()):  # of msgspec, which is not loaded for this
        return {name: to_plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(to_plain(value), indent=2) + "\n")


def console() -> Console:
    """Where tables go: standard output, as wide as the terminal; into a pipe as COLUMNS says, or 160."""
    from rich.console import Console

    wide = shutil.get_terminal_size((160, 24)).columns
    return Console() if sys.stdout.isatty() else Console(width=wide)


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str | None = None
) -> None:
    """A table. Text columns are named plainly, numeric ones with a leading '>' (right aligned). Title and
    caption are lines of their own: a narrow table does not fold them. Text is shown as it is: what stands in
    brackets is a setting's name, and no style."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    named = any(column.lstrip(">") for column in columns)
    table = Table(box=SIMPLE_HEAD, show_header=named)
    for column in columns:
        side: Literal["left", "right"] = "right" if column.startswith(">") else "left"
        table.add_column(column.lstrip(">"), justify=side, overflow="fold")  # a hash is shown whole
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(text(cell)) for cell in row))
    out = console()
    if out.measure(table, options=out.options.update(width=ENDLESS)).maximum > out.width:
        table.padding = 0  # rather less air than a number on two lines
    out.print(title, style="bold", highlight=False, markup=False)
    out.print(table)
    if caption:
        out.print(caption, style="dim", highlight=False, markup=False)


def print_facts(title: str, facts: Mapping[str, object], caption: str | None = None) -> None:
    """Name and value, one a line: with their ends under each other, unless an address or hash is there."""
    rows = [(name, text(value)) for name, value in facts.items()]
    is_wordy = any(len(value) > LONGEST_NUMBER for _, value in rows)
    print_table(title, ("", "" if is_wordy else ">"), rows, caption)


def text(value: object) -> str:
    return value if isinstance(value, str) else number(value)


def number(value: object, places: int = 4) -> str:
    """A number for the eye: grouped thousands, at most `places` decimals, two digits of one too small for
    them, a dash for nothing."""
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        digits = _trim(f"{value:,.{places}f}")
        return f"{value:.1e}" if value and digits == "0" else digits
    return f"{value:,}" if isinstance(value, int) else str(value)


def money(value: Decimal | None) -> str:
    """Two decimals, grouped."""
    return DASH if value is None else f"{value:,.2f}"


def percent(value: Decimal | None, places: int = 2) -> str:
    """A fraction as per cent."""
    return DASH if value is None else f"{value * 100:.{places}f} %"


def moment(at: int) -> str:
    """Unix seconds as UTC, to the minute."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _trim(digits: str) -> str:
    if "." not in digits:
        return digits
    short = digits.rstrip("0").rstrip(".")
    return "0" if short in ("-0", "") else short
