"""Numbers as the page prints them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trimtab.report.format import day, moment, money, number, part_name, percent, plural, short_hash, tidy

D = Decimal


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (D("1234.5"), False, "$1,234.50"),
        (D("-1234.5"), True, "−$1,234.50"),
        (D("0.004"), True, "$0.00"),
        (D("-0.004"), False, "$0.00"),
        (D("7"), True, "+$7.00"),
        (None, True, "–"),
    ],
)
def test_money(value: Decimal | None, signed: bool, text: str) -> None:
    """True minus, thousands, no sign on what rounds to nothing, a dash for what is unknown."""
    assert money(value, "USD", signed=signed) == text


def test_money_of_another_currency() -> None:
    """A currency without a symbol follows the number."""
    assert money(D("-3"), "DAI") == "−3.00 DAI"


def test_numbers_and_names() -> None:
    """Places, percentages, plurals, hashes and parts."""
    assert number(D("0.0000004"), 6, signed=True) == "0.000000"
    assert percent(D("0.0423")) == "4.2 %"
    assert (plural(1, "hedge"), plural(2, "hedge")) == ("1 hedge", "2 hedges")
    assert short_hash("0x" + "ab" * 32) == "0xababab…ababab"
    assert (part_name("higher_order"), part_name("rent_of_gpus")) == ("Higher order", "Rent of gpus")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("sETH 2000.000000000000000000 call", "sETH 2000 call"),
        ("open 15 sETH 2000 short_put_quote", "open 15 sETH 2000 short put quote"),
        ("buy 0.500 vETH at 1900.0", "buy 0.500 vETH at 1900.0"),
        ("1900.50000000 and 0.00000000", "1900.5 and 0"),
        ("deposit 100000 USDC", "deposit 100000 USDC"),
        ("jump -9.5 %; step-3", "jump −9.5 %; step-3"),
        ("version 1.0.0, 0.05 and 10.05", "version 1.0.0, 0.05 and 10.05"),
    ],
)
def test_tidy(text: str, short: str) -> None:
    """Trailing zeros of long decimals go, names become words, everything else stays."""
    assert tidy(text) == short


def test_times() -> None:
    """Unix seconds are UTC minutes, small numbers are steps."""
    assert moment(D(1_795_500_000)) == "24 Nov 2026, 06:00"
    assert moment(D(12)) == "12"
    assert day(1_795_500_000) == "24 Nov 2026"
    assert day(None) == "–"
