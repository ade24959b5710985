"""An order in parts never adds up to more than was asked."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.execution.exposures import fill_of

from trimtab.execution.parts import add_up, left_of, part_of
from trimtab.model.order import ExecutionReport, Fill, OrderStatus, PerpIntent, Side

D = Decimal
S = OrderStatus
BY_SIZE = PerpIntent("vETH", Side.SELL, size=D(10), acceptable_price=D(1900))
BY_NOTIONAL = PerpIntent("vETH", Side.BUY, notional=D(20_000))


@pytest.mark.parametrize(
    ("intent", "fills", "left"),
    [
        (BY_SIZE, [], "10"),
        (BY_SIZE, [fill_of("-4"), fill_of("-3")], "3"),
        (BY_SIZE, [fill_of("-10")], "0"),
        (BY_SIZE, [fill_of("-10.5")], "0"),
        (BY_NOTIONAL, [fill_of("4", "2000", "8")], "11992"),
        (
            PerpIntent("vETH", Side.BUY, notional=D("1234567890123.000000000000000003")),
            [fill_of("1234567890123.000000000000000001", "1", "0")],
            "0.000000000000000002",
        ),
        (PerpIntent("vETH", Side.SELL, notional=D(8_000)), [fill_of("-4", "2000", "8")], "8"),
    ],
)
def test_what_is_left_is_in_the_unit_that_was_asked(intent: PerpIntent, fills: list[Fill], left: str) -> None:
    """By size, or by what a buyer pays with the fee and a seller receives after it; never below 0."""
    assert left_of(intent, fills) == D(left)


@given(st.lists(st.decimals("0.001", "5", places=18), max_size=6))
def test_parts_of_what_is_left_add_up_to_the_whole(amounts: list[Decimal]) -> None:
    """Whatever the parts are, each at most what is left: the sum is never more than was asked."""
    fills: list[Fill] = []
    for amount in amounts:
        part = part_of(BY_SIZE, min(amount, left)) if (left := left_of(BY_SIZE, fills)) else None
        if part is not None and part.size is not None:
            assert (part.acceptable_price, part.side) == (BY_SIZE.acceptable_price, BY_SIZE.side)
            fills.append(fill_of(f"-{part.size:f}"))
    assert sum((-fill.size for fill in fills), D(0)) + left_of(BY_SIZE, fills) == 10


def test_parts_keep_the_unit() -> None:
    """A part of a notional is a notional."""
    assert part_of(BY_NOTIONAL, D(5)) == PerpIntent("vETH", Side.BUY, notional=D(5))


def _report(status: S, *sizes: str, reason: str | None = None) -> ExecutionReport:
    return ExecutionReport("k", "v", "vETH", status, None, tuple(map(fill_of, sizes)), reason=reason)


@pytest.mark.parametrize(
    ("parts", "left", "status", "words"),
    [
        ([_report(S.FILLED, "4"), _report(S.FILLED, "6")], "0", S.FILLED, None),
        ([_report(S.FILLED, "4"), _report(S.REJECTED, reason="no margin")], "6", S.CANCELED, "6 is left: no"),
        ([_report(S.FILLED, "4"), _report(S.UNKNOWN)], "6", S.UNKNOWN, None),
        ([_report(S.EXPIRED, reason="dropped")], "10", S.EXPIRED, "dropped"),
        ([_report(S.FILLED, "4")], None, S.CANCELED, "after 1 part;"),
    ],
)
def test_reports_add_up(parts: list[ExecutionReport], left: str | None, status: S, words: str | None) -> None:
    """All fills count. With a rest the order is over and says how much is left; unknown stays unknown."""
    whole = add_up(_report(S.PENDING_NEW), parts, None if left is None else D(left))
    assert whole.status is status
    assert whole.fills == tuple(fill for part in parts for fill in part.fills)
    assert (words or "") in (whole.reason or "")
