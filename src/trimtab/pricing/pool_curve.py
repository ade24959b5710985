"""A pool as a smooth curve in floats: quick guesses about base, quote and price, which integers then confirm.

In one range of liquidity L the square root s of the price follows base = L / s and quote = L x s. Everything
is counted from the pool's price on, in one direction, up to an edge.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from trimtab.pricing.tick_math import Q96, sqrt_at_tick
from trimtab.pricing.uniswap_v3 import Pool


class Curve:
    """The pool from its price to `edge`, a square-root price in the order's direction."""

    def __init__(self, pool: Pool, edge: int, *, sells: bool) -> None:
        self.sells = sells
        self._bases: list[float] = []
        self._quotes: list[float] = []
        self._roots: list[float] = []
        self._depths: list[float] = []
        base = quote = 0.0
        for start, end, liquidity in _ranges(pool, edge, sells=sells):
            if liquidity <= 0:
                continue
            self._bases.append(base)
            self._quotes.append(quote)
            self._roots.append(start)
            self._depths.append(float(liquidity))
            base += liquidity * abs(end - start) / end / start
            quote += liquidity * abs(end - start)
        self.base, self.quote = base, quote
        self.breaks = tuple(self._bases[1:])

    def root(self, base: float, *, before: bool = False) -> float:
        """The square root of the price when `base` has been traded; where liquidity is missing it jumps, and
        `before` says from which side."""
        return self._root(self._range_of(self._bases, base, before=before), base)

    def quote_at(self, base: float) -> float:
        """The quote that `base` has cost or brought, fees apart."""
        i = self._range_of(self._bases, base)
        return self._quotes[i] + (base - self._bases[i]) * self._root(i, base) * self._roots[i]

    def quote_between(self, low: float, high: float) -> float:
        """Of the base from `low` to `high`; exact for small differences too."""
        i, j = self._range_of(self._bases, low), self._range_of(self._bases, high)
        if i == j:
            return (high - low) * self._root(i, low) * self._root(i, high)
        return self.quote_at(high) - self.quote_at(low)

    def base_at(self, quote: float) -> float:
        """The base that `quote` has bought, or was paid for."""
        i = self._range_of(self._quotes, quote)
        part = quote - self._quotes[i]
        root = self._roots[i] + (-part if self.sells else part) / self._depths[i]
        return self._bases[i] + part / root / self._roots[i]

    def base_at_root(self, root: float) -> float:
        """The base traded when the price gets there."""
        keys = [-r for r in self._roots] if self.sells else self._roots
        i = max(0, bisect_right(keys, -root if self.sells else root) - 1)
        moved = abs(1 / root - 1 / self._roots[i]) * self._depths[i]
        end = self._bases[i + 1] if i + 1 < len(self._bases) else self.base
        return min(self._bases[i] + moved, end)

    def _root(self, i: int, base: float) -> float:
        part = (base - self._bases[i]) / self._depths[i]
        return 1 / (1 / self._roots[i] + (part if self.sells else -part))

    @staticmethod
    def _range_of(starts: list[float], at: float, *, before: bool = False) -> int:
        return max(0, (bisect_left if before else bisect_right)(starts, at) - 1)


def _ranges(pool: Pool, edge: int, *, sells: bool) -> list[tuple[float, float, int]]:
    """(start, end, liquidity) from the price to the edge, by initialised ticks."""
    ticks, liquidity, at = pool.map, pool.liquidity, pool.sqrt_price
    index = bisect_right(ticks.ticks, pool.tick) - (1 if sells else 0)
    found = []
    while (at > edge) if sells else (at < edge):
        is_there = 0 <= index < len(ticks.ticks)
        boundary = sqrt_at_tick(ticks.ticks[index]) if is_there else edge
        end = max(boundary, edge) if sells else min(boundary, edge)
        if end != at:
            found.append((at / Q96, end / Q96, liquidity))
        if not is_there or end != boundary:
            break
        liquidity += -ticks.nets[index] if sells else ticks.nets[index]
        index += -1 if sells else 1
        at = end
    return found
