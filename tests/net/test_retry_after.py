"""The Retry-After header."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.net import parse_retry_after

NOW = datetime(2026, 11, 24, 6, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Tue, 24 Nov 2026 06:00:30 GMT", 30.0),
        ("Tue, 24 Nov 2026 05:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_seconds_and_dates_are_read(text: str | None, seconds: float | None) -> None:
    """Seconds, an HTTP date, or None where the header makes no sense; a past date is no wait."""
    assert parse_retry_after(text, now=NOW) == seconds


@given(st.text())
def test_no_header_can_break_it(text: str) -> None:
    """Whatever a proxy sends, the answer is None or a wait of at least zero."""
    seconds = parse_retry_after(text, now=NOW)
    assert seconds is None or seconds >= 0
