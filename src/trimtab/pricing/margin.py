"""Which of many accounts are liquidatable: exact integers, with a float screen that is proven safe.

The rule is that of `perp.is_liquidatable`, cross-margin: equity = floor6(settled + sum(trunc(size * mark)))
against trunc(ratio * sum(|trunc(size * mark)|)). Floats decide only where they cannot be wrong.

Proof, with u = 2^-53 and K markets. In reals let m = settled + sum(v) - r * sum(|v|) with v = size * mark,
and g = |settled| + (1 + r) * sum(|v|). Relative errors of a term: size u, mark 2u (conversion, scaling),
product u, r u and its product u, so at most 6u; each of the 2K + 1 additions and the subtraction adds at most
u * g: below (2K + 8) u g to first order, doubled for the higher orders and the rounding of g itself. Integer
truncation moves the exact margin by less than 1 wei for each of 2K + 1 products, the floor of equity by less
than 10^12. So |m| > (4K + 16) u g + 10^12 + 2K + 2 has the sign of the exact margin; every other row is
decided in integers. NaN and infinity fail that comparison and are decided in integers too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trimtab.errors import PricingError
from trimtab.pricing.perp import SETTLEMENT_UNIT, account_value, is_liquidatable, position_value

_UNIT_ROUNDOFF = 2.0**-53
_CHUNK = 16_384  # accounts whose columns stay in the cache between the steps of the screen


@dataclass(frozen=True, slots=True)
class HealthBook:
    """Accounts in columns, wad integers. `settled[i]` is all of account i that no mark moves (collateral,
    realised pnl, fees, funding, open notionals); `sizes[k][i]` its signed size in market k. `ratio` is the
    maintenance margin in ppm. Build it once, check it at every new mark."""

    settled: Sequence[int]
    sizes: Sequence[Sequence[int]]
    ratio: int
    _settled_float: NDArray[np.float64] = field(init=False, repr=False)
    _sizes_float: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        lengths = {len(self.settled), *(len(column) for column in self.sizes)}
        if len(lengths) != 1:
            raise PricingError(f"columns of an account book must be of one length, got {sorted(lengths)}")
        shape = (len(self.sizes), len(self.settled))
        sizes = np.array([[float(size) for size in column] for column in self.sizes]).reshape(shape)
        object.__setattr__(self, "_settled_float", np.array([float(value) for value in self.settled]))
        object.__setattr__(self, "_sizes_float", sizes)

    def check_exact(self, account: int, marks: Sequence[int]) -> bool:
        """Whether one account is liquidatable at these marks (wad), in integers."""
        values = [
            position_value(column[account], mark) for column, mark in zip(self.sizes, marks, strict=True)
        ]
        equity = account_value(self.settled[account], sum(values), 0)
        return is_liquidatable(equity, sum(map(abs, values)), self.ratio)

    def liquidatable(self, marks: Sequence[int]) -> NDArray[np.intp]:
        """Numbers of the liquidatable accounts at these marks, ascending; exactly those of `check_exact`."""
        if len(marks) != len(self.sizes):
            raise PricingError(f"{len(marks)} marks for {len(self.sizes)} markets; give one for each")
        found = [self._liquidatable(start, marks) for start in range(0, len(self.settled), _CHUNK)]
        return np.concatenate(found) if found else np.empty(0, dtype=np.intp)

    def _liquidatable(self, first: int, marks: Sequence[int]) -> NDArray[np.intp]:
        margin, gross = self._screen(slice(first, first + _CHUNK), marks)
        markets = len(marks)
        doubt = gross * ((4 * markets + 16) * _UNIT_ROUNDOFF) + float(SETTLEMENT_UNIT + 2 * markets + 2)
        is_low = margin < 0.0
        unsure = np.flatnonzero(~(np.abs(margin) > doubt))
        is_low[unsure] = [self.check_exact(first + row, marks) for row in unsure.tolist()]
        return np.flatnonzero(is_low) + first

    def _screen(self, rows: slice, marks: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(margin, gross) of some accounts in floats, wad."""
        ratio = self.ratio / 1e6
        settled = self._settled_float[rows]
        net = settled.copy()
        total = np.zeros_like(net)
        for sizes, mark in zip(self._sizes_float[:, rows], marks, strict=True):
            value = sizes * (mark / 1e18)
            net += value
            total += np.abs(value, out=value)
        net -= total * ratio
        total *= 1.0 + ratio
        total += np.abs(settled)
        return net, total
