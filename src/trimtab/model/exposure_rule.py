"""What may be done about an order's exposure, and what was decided for one: values, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from trimtab.errors import IntentError
from trimtab.model.units import to_decimal, to_text

if TYPE_CHECKING:  # the two modules name each other
    from trimtab.model.exposure import SandwichExposure


class ExposureAction(StrEnum):
    """PRIVATE: by private routes only. TIGHTEN: a better acceptable price, with which it may not fill. SPLIT:
    in parts, one after the other. REFUSE: not at all."""

    PRIVATE = "private"
    TIGHTEN = "tighten"
    SPLIT = "split"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class ExposureRule:
    """Up to a worst sandwich profit of `max_exposure` (quote currency) an order goes as it is. Beyond it the
    first action of `prefer` that can be done is done, and none is a refusal: PRIVATE needs a private route,
    TIGHTEN a quote that still fills, SPLIT at most `max_parts` parts. Raises `IntentError` on a bad value."""

    max_exposure: Decimal = Decimal(0)
    prefer: tuple[ExposureAction, ...] = tuple(ExposureAction)
    max_parts: int = 10

    def __post_init__(self) -> None:
        most = to_decimal(self.max_exposure, "max_exposure")
        if most < 0:
            raise IntentError(f"max_exposure must be 0 or more, got {most}", field="max_exposure")
        object.__setattr__(self, "max_exposure", most)
        known = {str(action): action for action in ExposureAction}
        named = tuple(action for one in self.prefer if (action := known.get(one)) is not None)
        if not named or len(set(named)) < len(self.prefer):
            raise IntentError(
                f"prefer needs actions, each once: {', '.join(ExposureAction)}; got {list(self.prefer)}",
                field="prefer",
            )
        object.__setattr__(self, "prefer", named)
        if ExposureAction.REFUSE in self.prefer[:-1]:
            raise IntentError("prefer: refuse is the last word, nothing comes after it", field="prefer")
        if type(self.max_parts) is not int or not 2 <= self.max_parts <= 100:
            raise IntentError(f"max_parts must be 2 to 100, got {self.max_parts}", field="max_parts")


@dataclass(frozen=True, slots=True)
class ExposureVerdict:
    """What a rule says of one order. `action` None: it goes as it is. `exposure` None: it could not be
    computed, and `reason` says why. With TIGHTEN comes the `acceptable_price`, with SPLIT the `amount` of the
    next part, in the intent's own unit, and how many `parts` the rest then makes."""

    action: ExposureAction | None
    reason: str
    exposure: SandwichExposure | None = None
    max_exposure: Decimal | None = None
    acceptable_price: Decimal | None = None
    amount: Decimal | None = None
    parts: int | None = None

    @property
    def plan(self) -> str:
        """What is done, in a few words."""
        match self.action:
            case None:
                return "send as it is"
            case ExposureAction.PRIVATE:
                return "send by private routes only"
            case ExposureAction.TIGHTEN:
                return f"send with the acceptable price {_short(self.acceptable_price)}"
            case ExposureAction.SPLIT:
                return f"send in {self.parts} parts, the first of {_short(self.amount)}"
        return "refuse"


def _short(number: Decimal | None) -> str:
    return "?" if number is None else to_text(round(number, 6))
