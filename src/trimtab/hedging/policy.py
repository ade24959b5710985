"""When to hedge and how much: pure functions of the exposure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_UP, Context, Decimal
from typing import Protocol

from trimtab.errors import IntentError
from trimtab.hedging.exposure import UnderlyingExposure
from trimtab.model.units import to_decimal, to_positive

_CONTEXT = Context(prec=40)
_ZERO = Decimal(0)
_INSET = Decimal("0.02")  # of the half-width: a hedge to the very edge would be outside one block later


@dataclass(frozen=True, slots=True)
class HedgeDecision:
    """What a policy wants. `size` is signed (bought > 0), units of underlying, and 0 means: leave it.

    `band` is the half-width around `target` that it holds the delta in; `reason` says it in words.
    """

    underlying: str
    delta: Decimal
    target: Decimal
    band: Decimal
    size: Decimal
    reason: str

    @property
    def is_hedge(self) -> bool:
        return self.size != 0


class HedgePolicy(Protocol):
    """Decides from the exposure alone: the same exposure gives the same decision."""

    def decide(self, exposure: UnderlyingExposure) -> HedgeDecision: ...


@dataclass(frozen=True, slots=True)
class FixedBand:
    """Leaves the delta alone inside `target` +/- `width` (units of underlying), else brings it to the centre.

    `lot` is the smallest step of a hedge. Raises `IntentError` on a width or lot that is not above 0.
    """

    width: Decimal
    target: Decimal = _ZERO
    lot: Decimal = Decimal("0.0001")

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", to_positive(self.width, "width"))
        object.__setattr__(self, "target", to_decimal(self.target, "target"))
        object.__setattr__(self, "lot", to_positive(self.lot, "lot"))
        _check_lot(self.lot, self.width)

    def decide(self, exposure: UnderlyingExposure) -> HedgeDecision:
        off = exposure.delta - self.target
        size = _ZERO if abs(off) <= self.width else _to_lot(-off, self.lot)
        return _decision(exposure, self.target, self.width, size)


@dataclass(frozen=True, slots=True)
class WhalleyWilmott:
    """The band that trades off hedging cost against risk: half-width (3/2 x cost x S x gamma^2 / a)^(1/3).

    `cost_rate` is the proportional cost of a hedge (0.001 = 10 bps), `risk_aversion` a is per unit of quote
    currency; S the spot, gamma that of the book. Outside the band the delta is brought back to its edge,
    which is optimal for proportional costs. The width is clipped to [min_width, max_width].
    Source: Whalley & Wilmott, "An asymptotic analysis of an optimal hedging model for option pricing with
    transaction costs", Mathematical Finance 7(3), 1997, 307-324; here at rate 0.
    """

    risk_aversion: Decimal
    cost_rate: Decimal
    min_width: Decimal
    max_width: Decimal
    target: Decimal = _ZERO
    lot: Decimal = Decimal("0.0001")

    def __post_init__(self) -> None:
        for name in ("risk_aversion", "cost_rate", "min_width", "max_width", "lot"):
            object.__setattr__(self, name, to_positive(getattr(self, name), name))
        object.__setattr__(self, "target", to_decimal(self.target, "target"))
        if self.min_width > self.max_width:
            raise IntentError(
                f"min_width {self.min_width} is above max_width {self.max_width}", field="min_width"
            )
        _check_lot(self.lot, self.min_width)

    def decide(self, exposure: UnderlyingExposure) -> HedgeDecision:
        band = self.half_width(exposure)
        off = exposure.delta - self.target
        if abs(off) <= band:
            return _decision(exposure, self.target, band, _ZERO)
        edge = band * (1 - _INSET)
        size = edge - off if off > 0 else -edge - off
        # Away from zero: a lot too much lands inside the band, a lot too little would stay outside.
        return _decision(exposure, self.target, band, _to_lot(size, self.lot, ROUND_UP))

    def half_width(self, exposure: UnderlyingExposure) -> Decimal:
        """The clipped half-width for this exposure's spot and gamma, units of underlying."""
        if exposure.spot_price is None:
            raise IntentError(
                f"no spot price for {exposure.underlying}: the band needs a perp in the book",
                field="spot_price",
            )
        gamma = exposure.greeks.gamma
        cubed = Decimal("1.5") * self.cost_rate * exposure.spot_price * gamma * gamma / self.risk_aversion
        raw = _CONTEXT.power(cubed, Decimal(1) / Decimal(3)) if cubed else _ZERO
        return min(max(raw, self.min_width), self.max_width)


def _decision(exposure: UnderlyingExposure, target: Decimal, band: Decimal, size: Decimal) -> HedgeDecision:
    where = f"delta {exposure.delta:+.4f} against {target} +/- {band:.4f}"
    what = f"{'buy' if size > 0 else 'sell'} {abs(size)}" if size else "inside, leave it"
    return HedgeDecision(exposure.underlying, exposure.delta, target, band, size, f"{where}: {what}")


def _to_lot(size: Decimal, lot: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    return (size / lot).to_integral_value(rounding, _CONTEXT) * lot


def _check_lot(lot: Decimal, width: Decimal) -> None:
    """A lot wider than the band could jump across it for ever."""
    if lot > width:
        raise IntentError(f"lot {lot} is above the band's half-width {width}: use a smaller lot", field="lot")
