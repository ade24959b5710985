"""Sums over windows of time: equal to adding up, whatever was dropped."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trimtab.tx.spend_log import DAY, HOUR, KEPT, NOTHING, Amounts, SpendLog

STEPS = st.lists(st.tuples(st.integers(-60, 7_200), st.integers(0, 99), st.integers(0, 9)), max_size=60)


def total(items: list[tuple[int, Amounts]], after: int) -> Amounts:
    found = NOTHING
    for at, amounts in items:
        found = found.plus(amounts) if at > after else found
    return found


@given(STEPS, st.integers(0, DAY))
def test_a_window_is_what_was_spent_in_it(steps: list[tuple[int, int, int]], age: int) -> None:
    """The boundary itself is outside; a time that runs backwards counts as the newest."""
    log, at, items = SpendLog(), 1_000_000, list[tuple[int, Amounts]]()
    for step, fee, value in steps:
        amounts = Amounts(fee, value, Decimal(fee) / 2)
        log.add(at + step, amounts)
        at = max(at, at + step) if items else at + step
        items.append((at, amounts))
    after = at - age
    assert log.since(after) == total(items, after)
    assert list(log.items(after)) == [item for item in items if item[0] > after]


def test_it_forgets_what_no_window_reaches() -> None:
    """A year of one transaction a minute keeps days, not the year, and the sums stay right."""
    log = SpendLog()
    for minute in range(20_000):
        log.add(minute * 60, Amounts(1, 2, Decimal(3)))
    assert len(log.entries) <= 2 * DAY // 60 + KEPT
    end = 19_999 * 60
    assert log.since(end - HOUR) == Amounts(60, 120, Decimal(180))
    assert log.since(end - DAY).fee == DAY // 60


def test_a_copy_is_independent() -> None:
    """What is added to one is not in the other."""
    log = SpendLog()
    log.add(1, Amounts(1))
    copy = log.copy()
    copy.add(2, Amounts(1))
    assert (log.since(0).fee, copy.since(0).fee) == (1, 2)
