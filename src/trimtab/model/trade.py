"""What a call does to an account at a venue, as its intent declares it for the `Limits` of the key."""

from __future__ import annotations

from collections.abc import Sequence
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


def combine(parts: Sequence[tuple[Decimal, TradeFacts | None]]) -> TradeFacts:
    """The facts of trades at different venues that happen as one, each with its notional: what limits would
    refuse in one of them they refuse in all. What one does not tell is unknown."""
    known = [facts or TradeFacts() for _, facts in parts]
    slippages = [facts.slippage(notional) for (notional, _), facts in zip(parts, known, strict=True)]
    whole = sum((notional for notional, _ in parts), Decimal(0))
    before, after = max(((facts.before, facts.after) for facts in known), key=_danger)
    reducing = {facts.is_reducing for facts in known}
    return TradeFacts(
        _share_of(whole, slippages),
        before,
        after,
        next(each for each in (False, None, True) if each in reducing),
    )


def _share_of(whole: Decimal, shares: Sequence[Decimal | None]) -> Decimal | None:
    """The largest share of the whole; None where one is unknown or without end."""
    finite = [share for share in shares if share is not None and share.is_finite()]
    if len(finite) < len(shares):
        return None
    return from_base(to_wad_exact(whole) * to_wad_exact(max(finite)) // WAD, 18)


def _danger(change: tuple[Leverage | None, Leverage | None]) -> tuple[bool, bool, Decimal]:
    """What is unknown before what rises, then by the ratio."""
    before, after = change
    if after is None:
        return True, True, Decimal(0)
    return False, before is None or after.is_raised_from(before), after.ratio


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
