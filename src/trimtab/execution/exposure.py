"""What a rule says of an exposed order, before anything of it is sent: pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from trimtab.errors import IntentError
from trimtab.execution.protect import tighter
from trimtab.model.exposure import Remedies, SandwichExposure
from trimtab.model.exposure_rule import ExposureAction, ExposureRule, ExposureVerdict
from trimtab.model.order import PerpIntent, PerpQuote
from trimtab.model.units import to_text

PRIVATE_ONLY = ExposureRule(prefer=(ExposureAction.PRIVATE,))
"""Where there is a private route and no rule: whatever a sandwich could earn on goes there."""
_DOINGS = {
    ExposureAction.PRIVATE: "hide",
    ExposureAction.TIGHTEN: "tighten",
    ExposureAction.SPLIT: "split",
    ExposureAction.REFUSE: "refuse",
}


def decide(
    quote: PerpQuote,
    exposure: SandwichExposure,
    rule: ExposureRule,
    actions: Sequence[ExposureAction],
    remedies: Remedies | None = None,
) -> ExposureVerdict | None:
    """The first of `actions` that can be done, for an order whose protected `quote` is exposed by more than
    the rule lets; None where that hangs on remedies that were not read yet."""
    reason = told(exposure, rule.max_exposure)
    if exposure.worst_profit <= rule.max_exposure:
        return ExposureVerdict(None, reason, exposure, rule.max_exposure)
    for action in actions:
        if action in (ExposureAction.TIGHTEN, ExposureAction.SPLIT):
            if remedies is None:
                return None
            found = _remedy(quote, exposure, rule, action, remedies, reason)
            if found is not None:
                return found
        else:
            return ExposureVerdict(action, reason, exposure, rule.max_exposure)
    reason = f"{reason}, and there is no way to {' or '.join(_DOINGS[one] for one in rule.prefer)} it"
    return ExposureVerdict(ExposureAction.REFUSE, reason, exposure, rule.max_exposure)


def check_verdict(verdict: ExposureVerdict, market: str) -> None:
    """`IntentError` for an order that the rule refuses."""
    if verdict.action is ExposureAction.REFUSE:
        raise IntentError(
            f"{market}: {verdict.reason}. Trade less, send it by a private route, or allow more "
            "(max_exposure)",
            field="exposure",
            value=None if verdict.exposure is None else verdict.exposure.worst_profit,
        )


def told(exposure: SandwichExposure, most: Decimal | None) -> str:
    """The exposure in words, beside what is allowed."""
    if not exposure.worst_profit:
        return "no sandwich of it pays"
    earns = f"a sandwich could earn {to_text(exposure.worst_profit)} on it"
    if most is None:
        return f"{earns}; no rule says how much is too much"
    return f"{earns}, {'not ' if exposure.worst_profit <= most else ''}more than {to_text(most)}"


def amount_of(intent: PerpIntent) -> Decimal | None:
    """What is asked in the intent's own unit, size or notional; None for a close."""
    return intent.size if intent.size is not None else intent.notional


def _remedy(
    quote: PerpQuote,
    exposure: SandwichExposure,
    rule: ExposureRule,
    action: ExposureAction,
    remedies: Remedies,
    reason: str,
) -> ExposureVerdict | None:
    if action is ExposureAction.TIGHTEN:
        side = quote.intent.side
        price = tighter(side, quote.intent.acceptable_price, remedies.acceptable_price)
        assert price is not None
        if tighter(side, quote.price, price) != quote.price:
            return None  # the order itself would not fill
        return ExposureVerdict(action, reason, exposure, rule.max_exposure, acceptable_price=price)
    asked, amount = amount_of(quote.intent), remedies.amount
    if asked is None or not amount:
        return None
    parts = int((asked / amount).to_integral_value(ROUND_CEILING))
    if not 2 <= parts <= rule.max_parts:
        return None
    return ExposureVerdict(action, reason, exposure, rule.max_exposure, amount=amount, parts=parts)
