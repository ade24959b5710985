"""What one hedge may do: pure checks of a decision against sizes, the last hour, slippage and gas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.errors import IntentError
from trimtab.hedging.exposure import UnderlyingExposure
from trimtab.hedging.policy import HedgeDecision
from trimtab.model.units import to_positive

WINDOW_SECONDS = 3600
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class HedgeLimits:
    """None means no limit. Sizes in units of underlying, absolute; the hour is the chain's, not this
    machine's. `max_slippage` is a fraction of the mark price, `min_health` what the account must keep after
    the hedge, `gas_budget_wei` what hedges may burn in an hour. `deadline_seconds` after the block that was
    looked at, a hedge that is not mined is given up. Raises `IntentError` on a bad value."""

    max_size: Decimal | None = None
    max_size_per_hour: Decimal | None = None
    max_slippage: Decimal = Decimal("0.01")
    min_health: Decimal | None = None
    gas_budget_wei: int | None = None
    deadline_seconds: int | None = None

    def __post_init__(self) -> None:
        for name in ("max_size", "max_size_per_hour", "max_slippage", "min_health"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, to_positive(getattr(self, name), name))
        if self.max_slippage >= 1:
            raise IntentError(
                f"max_slippage is a fraction below 1, got {self.max_slippage}", field="max_slippage"
            )
        for name in ("gas_budget_wei", "deadline_seconds"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise IntentError(f"{name} must be above 0, got {value}", field=name)


@dataclass(frozen=True, slots=True)
class PastHedge:
    """A hedge that was sent before, from the journal: it counts whether or not its fate is known."""

    at: int
    size: Decimal
    gas_wei: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the limits leave of a decision. `size` signed; `refusal` says why it is 0, `notes` why it is
    smaller than asked. `acceptable_price` is None only when refused."""

    size: Decimal
    acceptable_price: Decimal | None
    refusal: str | None = None
    notes: tuple[str, ...] = ()


def apply_limits(
    decision: HedgeDecision,
    exposure: UnderlyingExposure,
    limits: HedgeLimits,
    history: Sequence[PastHedge],
) -> Allowance:
    """Cut the decision to what is allowed now (the exposure's block time), or refuse it and say why."""
    recent = [past for past in history if past.at > exposure.at - WINDOW_SECONDS]
    if exposure.mark_price is None:
        return _refuse(f"no mark price for {exposure.underlying}: the book has no perp to hedge with")
    burned = sum(past.gas_wei for past in recent)
    if limits.gas_budget_wei is not None and burned >= limits.gas_budget_wei:
        return _refuse(f"gas budget of {limits.gas_budget_wei} wei per hour is used up: {burned} wei burned")
    size, notes = abs(decision.size), []
    if limits.max_size is not None and size > limits.max_size:
        notes.append(f"cut from {size} to max_size {limits.max_size}")
        size = limits.max_size
    if limits.max_size_per_hour is not None:
        left = limits.max_size_per_hour - sum((abs(past.size) for past in recent), _ZERO)
        if left <= 0:
            return _refuse(f"max_size_per_hour {limits.max_size_per_hour} is used up: wait for the hour")
        if size > left:
            notes.append(f"cut from {size} to the {left} left of max_size_per_hour")
            size = left
    is_buy = decision.size > 0
    return Allowance(
        size if is_buy else -size,
        acceptable_price(exposure.mark_price, limits.max_slippage, is_buy=is_buy),
        notes=tuple(notes),
    )


def acceptable_price(mark_price: Decimal, max_slippage: Decimal, *, is_buy: bool) -> Decimal:
    """The worst average price: mark x (1 + slippage) for a buyer, x (1 - slippage) for a seller."""
    return mark_price * (1 + max_slippage if is_buy else 1 - max_slippage)


def _refuse(reason: str) -> Allowance:
    return Allowance(_ZERO, None, refusal=reason)
