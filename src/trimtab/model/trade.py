"""What a call does to an account at a venue, as its intent declares it for the `Limits` of the key."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

from trimtab.errors import IntentError
from trimtab.model.units import WAD, from_base, to_decimal, to_wad_exact


@dataclass(frozen=True, slots=True)
class TradeFacts:
    """Facts beside the notional traded, in quote currency; None is unknown, and refused where limited.

    `loss`: what the trade costs against the oracle's prices, fees inside; a gain counts as 0. After the call
    `notional_after` stands for margin at the venue (sum of |size| x mark price; short options at the spot
    price of their underlying), rounded up, and `equity_after` behind it, rounded down. `is_reducing`: no
    position grows or turns. Raises `IntentError` on a bad value.
    """

    loss: Decimal | None = None
    notional_after: Decimal | None = None
    equity_after: Decimal | None = None
    is_reducing: bool | None = None

    def __post_init__(self) -> None:
        if self.is_reducing is not None and type(self.is_reducing) is not bool:
            raise IntentError(
                f"is_reducing must be True, False or None, got {self.is_reducing!r}", field="is_reducing"
            )
        for item in fields(self):
            value = getattr(self, item.name)
            if value is None or item.name == "is_reducing":
                continue
            number = to_decimal(value, item.name)
            to_wad_exact(number, item.name)
            if number < 0 and item.name != "equity_after":
                raise IntentError(f"{item.name} must not be negative, got {number}", field=item.name)
            object.__setattr__(self, item.name, number)

    @property
    def leverage_after(self) -> Decimal | None:
        """notional / equity, rounded up to 18 decimals; 0 with nothing at stake, infinite without equity,
        None where unknown."""
        if self.notional_after is None or self.equity_after is None:
            return None
        return _ratio_up(self.notional_after, self.equity_after)

    def slippage(self, notional: Decimal) -> Decimal | None:
        """loss / notional, rounded up to 18 decimals; None where unknown."""
        return None if self.loss is None else _ratio_up(self.loss, notional)


def _ratio_up(part: Decimal, whole: Decimal) -> Decimal:
    """Rounded up so that it is above a cap of 18 decimals exactly when the exact ratio is."""
    if not part:
        return Decimal(0)
    if whole <= 0:
        return Decimal("Infinity")
    above, below = to_wad_exact(part, "part"), to_wad_exact(whole, "whole")
    return from_base(-(-above * WAD // below), 18)
