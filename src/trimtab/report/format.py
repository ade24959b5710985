"""Numbers and names as the page prints them. Everything returned is plain text, not yet escaped."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"
UNIX_FROM = 100_000_000  # a `t` above this is unix seconds, below a step number
_SYMBOLS = {"USD": "$", "sUSD": "$", "USDC": "$", "USDT": "$", "EUR": "€"}

PART_NAMES = {
    "delta": "Delta",
    "gamma": "Gamma",
    "theta": "Theta",
    "vega": "Vega",
    "higher_order": "Higher order",
    "slippage": "Price against mark",
    "funding": "Funding",
    "trading_fees": "Trading fees",
    "gas": "Gas",
}


def part_name(part: str) -> str:
    """What the page calls a part of the profit; unknown ones keep their own name."""
    return PART_NAMES.get(part, part.replace("_", " ").capitalize())


def number(value: Decimal | None, places: int = 2, *, signed: bool = False) -> str:
    """Grouped by thousands, `places` decimals, a true minus sign; a plus only when `signed`."""
    if value is None:
        return NONE
    text = f"{abs(value):,.{places}f}"
    is_zero = not any(digit in text for digit in "123456789")
    sign = "" if is_zero else MINUS if value < 0 else "+" if signed else ""
    return f"{sign}{text}"


def money(value: Decimal | None, currency: str, places: int = 2, *, signed: bool = False) -> str:
    """A number with the currency's sign before it, or its code after."""
    if value is None:
        return NONE
    text = number(value, places, signed=signed)
    if currency not in _SYMBOLS:
        return f"{text} {currency}"
    at = 1 if text[0] in f"+{MINUS}" else 0
    return f"{text[:at]}{_SYMBOLS[currency]}{text[at:]}"


def percent(share: Decimal, places: int = 1) -> str:
    return f"{number(share * 100, places)} %"


def is_unix(t: Decimal) -> bool:
    """Whether a record's `t` is a time and not a step number."""
    return t >= UNIX_FROM


def moment(t: Decimal | int | None) -> str:
    """Unix seconds as a UTC minute, a step number as it is."""
    if t is None:
        return NONE
    if t < UNIX_FROM:
        return f"{t:f}" if isinstance(t, Decimal) else str(t)
    return datetime.fromtimestamp(int(t), UTC).strftime("%d %b %Y, %H:%M")


def day(t: int | None) -> str:
    """Unix seconds as a UTC date."""
    return NONE if t is None else datetime.fromtimestamp(t, UTC).strftime("%d %b %Y")


def short_hash(value: str) -> str:
    """The two ends of a long hash."""
    return value if len(value) <= 14 else f"{value[:8]}…{value[-6:]}"


def tidy(text: str) -> str:
    """A label in words, with true minus signs and without the trailing zeros of a contract's long decimals:
    "2000.000000000000000000 short_call" is "2000 short call"."""
    words = re.sub(r"(?<!\S)-(?=\d)", MINUS, text.replace("_", " "))
    return re.sub(r"(?<![\d.])\d+\.\d{7,}(?![\d.])", lambda m: m.group().rstrip("0").rstrip("."), words)


def plural(count: int, noun: str, many: str | None = None) -> str:
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
