"""What sandwiches of every size earn against one order, on the pool's curve, in floats: where the best is.

Let x be the attacker's base, x2 what is traded after the victim's order, F(x) the quote up to x, k = 1 - fee.
The attacker of a buyer earns

    (F(x2) - F(x2 - x)) k - F(x) / k

and that of a seller F(x) k - (F(x2) - F(x2 - x)) / k. Integers confirm what is found: `pricing/sandwich.py`.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from trimtab.model.units import WAD
from trimtab.pricing.perp import PPM
from trimtab.pricing.perp_pool import PoolOrder
from trimtab.pricing.pool_curve import Curve
from trimtab.pricing.tick_math import Q96

_NODES = 4_000  # of the search; some tens are usual
_HALVINGS = 60
_FINE = 2.0**-40  # of the largest size: where a crossing counts as found


class _Kind(Enum):
    """What of the victim's order is fixed: its base, its quote, or the price where it stops."""

    BASE = "base"
    QUOTE = "quote"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class _Part:
    """Attack sizes between which the slope has one shape. `high_gain` may be reached inside, never passed."""

    low: float
    high: float
    low_gain: float
    high_gain: float
    ceiling: float
    is_settled: bool


class Attacks:
    """What attacks of every size earn against one order, as the curve tells. `stop` is the square-root price
    at which the order is content with a part, None where it refuses."""

    def __init__(self, curve: Curve, order: PoolOrder, taker_fee: int, stop: int | None) -> None:
        self.curve = curve
        self._order = order
        self._keeps = 1 - taker_fee / PPM
        self._victim_keeps = 1 - order.fee / PPM
        self._stop = curve.base if stop is None else curve.base_at_root(stop / Q96)
        self._stops = stop is not None

    def victim_end(self, size: float) -> float:
        """Base traded after the victim's order."""
        return min(self._wanted_end(size), self._stop)

    def _wanted_end(self, size: float) -> float:
        if self._order.is_in_base:
            return size + self._order.amount
        end = self.curve.quote_at(size) + self._quote_wanted()
        return self.curve.base_at(end) if end < self.curve.quote else math.inf

    def _quote_wanted(self) -> float:
        amount = self._order.amount
        return amount / self._victim_keeps if self._order.sells else amount * self._victim_keeps

    def largest(self) -> float:
        """The size with which the victim's order still ends within the curve, 0 when none does."""
        if self._stops:
            return self._stop
        return max(0.0, self._start_for(self.curve.base))

    def _start_for(self, end: float) -> float:
        """The attack size from which the victim's order ends there."""
        if self._order.is_in_base:
            return end - self._order.amount
        before = self.curve.quote_at(end) - self._quote_wanted()
        return self.curve.base_at(before) if before > 0 else before

    def last(self, high: float, is_met: Callable[[float], bool]) -> float:
        """The last size, up to `high`, that meets what small sizes meet and large ones do not. `high` itself
        is not asked: where an order stops it fills nothing, at any price."""
        low = 0.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if is_met(middle) else (low, middle)
        return low

    def is_within(self, bound: int, size: float) -> bool:
        """Whether the victim's order meets its bound behind an attack of this size."""
        end = self.victim_end(size)
        order, base = self._order, end - size
        if not order.is_in_base:
            return base >= bound if order.exact_in else base <= bound
        limit = bound * base / order.amount if order.closes else bound
        quote = self.curve.quote_between(size, end)
        if order.sells:
            return quote * self._victim_keeps >= limit
        return quote / self._victim_keeps <= limit

    def margin(self, size: float, mark: int, ratio: int) -> float:
        """What the attacker's first trade needs: `margin_for` of `perp_pool.py`."""
        value, quote = size * mark / WAD, self.curve.quote_at(size)
        if self._order.sells:
            return value * ratio / PPM + max(0.0, value - quote * self._keeps)
        paid = quote / self._keeps
        return paid * ratio / PPM + max(0.0, paid - value)

    def gain(self, size: float) -> float:
        """What the attacker's round trip earns, gas apart."""
        end = self.victim_end(size)
        back, out = self.curve.quote_between(end - size, end), self.curve.quote_at(size)
        if self._order.sells:
            return out * self._keeps - back / self._keeps
        return back * self._keeps - out / self._keeps

    def best(self, high: float, tolerance: float) -> tuple[float, float]:
        """The best size up to `high`, and how much more than its gain any size could earn. Sizes are split
        where the slope changes its shape, then where its sign is not known yet."""
        parts = self._first_parts(high)
        most, size = max(max((p.low_gain, p.low), (p.high_gain, p.high)) for p in parts)
        heap = [(-part.ceiling, part.low, part) for part in parts if not part.is_settled]
        heapq.heapify(heap)
        for _ in range(_NODES):
            if not heap or -heap[0][0] <= most + tolerance:
                break
            part = heapq.heappop(heap)[2]
            middle = (part.low + part.high) / 2
            gain = self.gain(middle)
            most, size = max((most, size), (gain, middle))
            for half in (
                self._part(part.low, middle, part.low_gain, gain),
                self._part(middle, part.high, gain, part.high_gain),
            ):
                if not half.is_settled:
                    heapq.heappush(heap, (-half.ceiling, half.low, half))
        return size, max(0.0, -heap[0][0] - most) if heap else 0.0

    def first_above(self, high: float, target: float) -> float:
        """A size up to which no attack earns more than `target`: close below the first that does, `high`
        where none up to there does."""
        parts = self._first_parts(high)[::-1]
        for _ in range(_NODES):
            if not parts:
                return high
            part = parts.pop()
            if part.ceiling <= target:
                continue
            if part.high - part.low <= high * _FINE:
                return part.low
            middle = (part.low + part.high) / 2
            gain = self.gain(middle)
            parts.append(self._part(middle, part.high, gain, part.high_gain))
            parts.append(self._part(part.low, middle, part.low_gain, gain))
        return parts[-1].low

    def _first_parts(self, high: float) -> list[_Part]:
        starts = (self._start_for(b) for b in (*self.curve.breaks, self._stop))
        inner = {b for b in (*self.curve.breaks, *starts) if 0 < b < high}
        gains = [(cut, self.gain(cut)) for cut in (0.0, *sorted(inner), high)]
        return [self._part(a, b, at_a, at_b) for (a, at_a), (b, at_b) in pairwise(gains)]

    def _part(self, low: float, high: float, low_gain: float, high_gain: float) -> _Part:
        falls, rises = self._slopes(low, high)
        out = self.curve.quote_between(low, high)
        ceiling = min(low_gain + max(rises, 0.0) * out, high_gain + max(-falls, 0.0) * out)
        is_settled = falls >= 0 or rises <= 0
        return _Part(low, high, low_gain, high_gain, ceiling, is_settled)

    def _slopes(self, low: float, high: float) -> tuple[float, float]:
        """Bounds of the slope of the gain between two sizes, per quote that the attacker's first trade moves.
        In one part the ratios of the three prices are monotone, so the ends bound them."""
        ends = self.victim_end(low), self.victim_end(high)
        first = self.curve.root(low), self.curve.root(high, before=True)
        second = self.curve.root(ends[0]), self.curve.root(ends[1], before=True)
        third = self.curve.root(ends[0] - low, before=True), self.curve.root(ends[1] - high)
        moved = [(b / a) ** 2 for a, b in zip(first, second, strict=True)]
        back = [(c / a) ** 2 for a, c in zip(first, third, strict=True)]
        kind = self._kind((low + high) / 2)
        if kind is _Kind.BASE:
            worth = moved
        elif kind is _Kind.STOP:
            worth = back
        else:
            worth = [1 + b * (1 - 1 / m) for b in back for m in moved]
        k = self._keeps
        slopes = [k - w / k if self._order.sells else k * w - 1 / k for w in worth]
        return min(slopes), max(slopes)

    def _kind(self, size: float) -> _Kind:
        if self._stops and self._wanted_end(size) >= self._stop:
            return _Kind.STOP
        return _Kind.BASE if self._order.is_in_base else _Kind.QUOTE
