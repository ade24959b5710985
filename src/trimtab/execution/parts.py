"""An order in parts: what is left of it, what each is asked for, and what they add up to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import ROUND_FLOOR, Context, Decimal, localcontext

from trimtab.execution.exposure import amount_of
from trimtab.model.order import ExecutionReport, Fill, OrderStatus, PerpIntent
from trimtab.model.units import to_text

_EXACT = Context(prec=100)
_DUST = Decimal("1e-18")  # what is below it no contract can trade


def part_of(intent: PerpIntent, amount: Decimal) -> PerpIntent:
    """The same order for less, in its own unit."""
    if intent.size is not None:
        return replace(intent, size=amount)
    return replace(intent, notional=amount)


def left_of(intent: PerpIntent, fills: Iterable[Fill]) -> Decimal:
    """What is not filled yet, in the intent's own unit; never below 0. A notional is what a buyer pays with
    the fee, and what a seller receives after it."""
    asked = amount_of(intent)
    assert asked is not None, "a close has no parts"
    with localcontext(_EXACT):
        if intent.size is not None:
            done = sum((abs(fill.size) for fill in fills), Decimal(0))
        else:
            paid = ((abs(fill.size) * fill.price, fill.fee) for fill in fills)
            done = sum((worth + intent.side.sign * fee for worth, fee in paid), Decimal(0))
        return max(asked - done, Decimal(0)).quantize(_DUST, ROUND_FLOOR)


def add_up(whole: ExecutionReport, parts: Sequence[ExecutionReport], left: Decimal | None) -> ExecutionReport:
    """The report of an order by those of its parts. With something `left` (None: nobody knows how much was
    asked) and a part filled it is CANCELED: what is filled counts, and no more is sent by itself."""
    status, fills = parts[-1].status, tuple(fill for part in parts for fill in part.fills)
    reason = parts[-1].reason or whole.reason
    if left == 0:
        status = OrderStatus.FILLED
    elif status is not OrderStatus.UNKNOWN and fills:
        status = OrderStatus.CANCELED
        rest = "" if left is None else f", {to_text(left)} is left"
        stopped = f"stopped after {len(parts)} part{'s' if len(parts) > 1 else ''}{rest}"
        reason = stopped + (f": {reason}" if reason else "") + "; the same order under the same key goes on"
    return replace(
        whole,
        status=status,
        fills=fills,
        transactions=tuple(tx for part in parts for tx in part.transactions),
        drifts=tuple(drift for part in parts for drift in part.drifts),
        reason=reason,
    )
