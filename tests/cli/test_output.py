"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.cli.output import (
    moment,
    money,
    number,
    percent,
    print_facts,
    print_json,
    print_table,
    to_plain,
)
from trimtab.tx.fees import Fees


class _Kind(StrEnum):
    CALL = "call"


@dataclass(frozen=True)
class _Value:
    size: Decimal
    kind: _Kind
    data: bytes
    names: MappingProxyType[str, tuple[int, ...]]
    nothing: None = None


def test_any_value_becomes_plain() -> None:
    """Dataclasses, enums, bytes, mappings and tuples become what JSON can hold."""
    value = _Value(Decimal("1.50"), _Kind.CALL, b"\xff", MappingProxyType({"a": (1, 2)}))
    assert to_plain(value) == {
        "size": "1.5",
        "kind": "call",
        "data": "0xff",
        "names": {"a": [1, 2]},
        "nothing": None,
    }


def test_a_struct_becomes_plain() -> None:
    """Field by field, as a dataclass does."""
    assert to_plain({"fees": Fees(1, 2)}) == {"fees": {"tip": 1, "fee_cap": 2}}


def test_brackets_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A setting's name in a cell, a title or a caption is text, and no style."""
    print_table("[bold]", ("a",), [("add [[routes.private]] :smile:",)], "[red]")
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("[bold]", "add [[routes.private]] :smile:", "[red]"))


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**60), max_value=10**60))
def test_decimals_in_json_are_exact(value: Decimal) -> None:
    """A Decimal comes back equal from the JSON text, without an exponent, however large or small."""
    text = json.loads(json.dumps(to_plain(value)))
    assert Decimal(text) == value
    assert "E" not in text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1234567.8900"), "1,234,567.89"),
        (Decimal("-0.00001"), "-1.0e-5"),
        (Decimal(0), "0"),
        (Decimal("0.00005"), "5.0e-5"),
        (Decimal(-3), "-3"),
        (Decimal(100), "100"),
        (None, "–"),
        (True, "yes"),
        (1234, "1,234"),
        ("as it is", "as it is"),
    ],
)
def test_numbers_for_the_eye(value: object, shown: str) -> None:
    """Grouped, trimmed, and never a nothing where there is something."""
    assert number(value) == shown


def test_money_percent_and_moment() -> None:
    """Two decimals for money, per cent for fractions, UTC to the minute for times."""
    assert money(Decimal("1234.5")) == "1,234.50"
    assert money(None) == percent(None) == "–"
    assert percent(Decimal("0.0123")) == "1.23 %"
    assert moment(1_700_000_000) == "2023-11-14 22:13"


def test_tables_hold_their_cells(capsys: pytest.CaptureFixture[str]) -> None:
    """Every title, heading and cell is printed, right-aligned columns without their mark."""
    print_table("Perps", ("Market", ">Mark"), [("vETH", Decimal("1500.5"))], "block 7")
    print_facts("Quote", {"price": Decimal("1.25"), "side": "buy"})
    out = capsys.readouterr().out
    for word in ("Perps", "Market", "Mark", "vETH", "1,500.5", "block 7", "Quote", "price", "1.25", "buy"):
        assert word in out
    assert ">" not in out


def test_a_narrow_table_folds_no_title(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Title and caption are lines of their own, and a pipe is as wide as COLUMNS says."""
    monkeypatch.setenv("COLUMNS", "60")
    print_table("a title far wider than what is below it", ("a",), [("x" * 90,)], "and a caption that is too")
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[-1]) == ("a title far wider than what is below it", "and a caption that is too")
    assert max(map(len, lines)) <= 60
    assert sum(line.count("x") for line in lines) == 90


def test_a_tight_table_gives_up_air_before_digits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the gaps of three spaces do not fit, they become one, and numbers stay on one line."""
    monkeypatch.setenv("COLUMNS", "64")
    price = Decimal("29997.96")
    print_table("Prices", [f">price {n}" for n in range(6)], [(price,) * 6])
    assert capsys.readouterr().out.splitlines()[4].split() == ["29,997.96"] * 6


def test_facts_have_no_heading(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers end under each other; beside an address everything begins under each other."""
    print_facts("Quote", {"price": 7, "size": 123})
    numbers = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in numbers if line.strip()] == ["Quote", "  price     7", "  size    123"]
    print_facts("Who", {"account": "0x" + "1" * 40, "state": "live"})
    assert "  state     live" in [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """print_json writes one parseable document that ends in a newline."""
    print_json({"a": Decimal("0.1")})
    out = capsys.readouterr().out
    assert json.loads(out) == {"a": "0.1"}
    assert out.endswith("\n")
