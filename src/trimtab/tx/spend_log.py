"""What final transactions took, by the chain's time, with sums over the last seconds in logarithmic time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

HOUR, DAY = 3_600, 86_400
KEPT = 512
"""Entries above which those that no window reaches any more are dropped."""


class Amounts(NamedTuple):
    """Fees and value in wei, notional in quote currency."""

    fee: int = 0
    value: int = 0
    notional: Decimal = Decimal(0)

    def plus(self, other: Amounts) -> Amounts:
        return Amounts(self.fee + other.fee, self.value + other.value, self.notional + other.notional)

    def minus(self, other: Amounts) -> Amounts:
        return Amounts(self.fee - other.fee, self.value - other.value, self.notional - other.notional)


NOTHING = Amounts()


class Entry(NamedTuple):
    """`total` of all entries up to this one."""

    at: int
    total: Amounts


@dataclass(slots=True)
class SpendLog:
    """Append-only and in order of time; entries older than a day before the newest may be gone."""

    entries: list[Entry] = field(default_factory=list)
    dropped: Amounts = NOTHING

    def add(self, at: int, amounts: Amounts) -> None:
        """Spent at second `at` of the chain. A time before the newest counts as that: rather too long than
        too short."""
        last = self.entries[-1] if self.entries else Entry(at, self.dropped)
        self.entries.append(Entry(max(at, last.at), last.total.plus(amounts)))
        half = len(self.entries) // 2
        if len(self.entries) > KEPT and self.entries[half].at <= self.entries[-1].at - DAY:
            self.dropped = self.entries[half].total
            del self.entries[: half + 1]

    def since(self, at: int) -> Amounts:
        """All that was spent after second `at`, at most a day before the newest entry."""
        if not self.entries:
            return NOTHING
        return self.entries[-1].total.minus(self._before(self._first_after(at)))

    def items(self, after: int) -> Iterator[tuple[int, Amounts]]:
        """Each time and what was spent then, oldest first."""
        for index in range(self._first_after(after), len(self.entries)):
            entry = self.entries[index]
            yield entry.at, entry.total.minus(self._before(index))

    def copy(self) -> SpendLog:
        return replace(self, entries=list(self.entries))

    def _first_after(self, at: int) -> int:
        return bisect_right(self.entries, at, key=lambda entry: entry.at)

    def _before(self, index: int) -> Amounts:
        return self.entries[index - 1].total if index else self.dropped
