"""What a call does to an account at a venue, as its intent declares it for the `Limits` of the key."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trimtab.errors import IntentError
from trimtab.model.units import WAD, from_base, to_decimal, to_wad_exact


@dataclass(frozen=True, slots=True)
class Leverage:
    """What stands for margin at a venue (sum of |size| x mark price; short options at the spot price of their
    underlying), rounded up, and the equity behind it, rounded down; in quote currency, 18 decimals at most.
    Raises `IntentError` on a bad value."""

    notional: Decimal
    equity: Decimal

    def __post_init__(self) -> None:
        object.__setattr__(self, "notional", _amount("notional", self.notional))
        object.__setattr__(self, "equity", _amount("equity", self.equity, may_be_negative=True))

    @property
    def ratio(self) -> Decimal:
        """notional / equity, rounded up to 18 decimals: above a cap of 18 decimals exactly when the ratio is.
        0 with nothing at stake, infinite without equity."""
        return ratio_up(self.notional, self.equity)

    def is_raised_from(self, before: Leverage) -> bool:
        """Whether this is more than it was, compared without division. Where one of them has no equity:
        whether either part is worse."""
        if self.equity > 0 and before.equity > 0:
            mine, its = (to_wad_exact(item.notional) for item in (self, before))
            return mine * to_wad_exact(before.equity) > its * to_wad_exact(self.equity)
        return self.equity < before.equity or self.notional > before.notional


@dataclass(frozen=True, slots=True)
class TradeFacts:
    """Facts beside the notional traded; None is unknown, and refused where it is limited.

    `loss`: what the trade costs against the oracle's prices, fees inside, in quote currency, rounded up; a
    gain counts as 0. `before` and `after` are of the account at the venue. `is_reducing`: no position grows
    or turns. Raises `IntentError` on a bad value.
    """

    loss: Decimal | None = None
    before: Leverage | None = None
    after: Leverage | None = None
    is_reducing: bool | None = None

    def __post_init__(self) -> None:
        if self.loss is not None:
            object.__setattr__(self, "loss", _amount("loss", self.loss))
        if self.is_reducing is not None and type(self.is_reducing) is not bool:
            raise IntentError(
                f"is_reducing must be True, False or None, got {self.is_reducing!r}", field="is_reducing"
            )

    def slippage(self, notional: Decimal) -> Decimal | None:
        """loss / notional, rounded as leverage is; None where unknown."""
        return None if self.loss is None else ratio_up(self.loss, notional)


def ratio_up(part: Decimal, whole: Decimal) -> Decimal:
    """part / whole, rounded up to 18 decimals; 0 for nothing, infinite for something of nothing."""
    if not part:
        return Decimal(0)
    if whole <= 0:
        return Decimal("Infinity")
    return from_base(-(-to_wad_exact(part) * WAD // to_wad_exact(whole)), 18)


def _amount(name: str, value: object, *, may_be_negative: bool = False) -> Decimal:
    number = to_decimal(value, name)
    to_wad_exact(number, name)
    if number < 0 and not may_be_negative:
        raise IntentError(f"{name} must not be negative, got {number}", field=name, value=value)
    return number
