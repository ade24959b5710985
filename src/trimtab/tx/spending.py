"""What an account spends in the windows of its limits. Pure: from the slots of the journal, not a counter.

A transaction counts at its worst until it is confirmed, whatever its age; then at what it took, from the
second at which it was seen mined. So no window of the chain's time holds more than its cap, whatever is
replaced, cancelled, replayed, or reorganised less deep than that. Only a cancellation is signed above a cap:
what is out can always be cancelled, and twice its price is kept for that inside the cap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any

from trimtab.errors import LimitError
from trimtab.model.limits import Limits
from trimtab.tx.records import Submitted
from trimtab.tx.spend_log import DAY, HOUR, Amounts
from trimtab.tx.states import Attempt, Intent, IntentState, Kind, Slot, State
from trimtab.tx.unwrapping import NOBODY, value_of


@dataclass(frozen=True, slots=True)
class Cap:
    """One windowed limit: the field of `Limits`, its seconds, what of the amounts it bounds, and in words."""

    limit: str
    seconds: int
    part: str
    words: str


CAPS = (
    Cap("max_value_per_day_wei", DAY, "value", "wei of value in a day"),
    Cap("max_notional_per_day", DAY, "notional", "of notional in a day"),
    Cap("max_fees_per_hour_wei", HOUR, "fee", "wei of fees in an hour"),
    Cap("max_fees_per_day_wei", DAY, "fee", "wei of fees in a day"),
)


def check_spending(
    limits: Limits,
    state: State,
    key: str,
    asked: Amounts,
    *,
    now: int,
    pledged: Iterable[Amounts] = (),
    worst: Callable[[State, Slot], Amounts] | None = None,
) -> None:
    """Raise `LimitError` when `asked` for the intent `key`, beside all that was or may be spent, is above a
    cap at second `now`. `pledged` is asked for by others at this moment, and in no slot yet; `worst` may know
    `at_worst` by heart."""
    caps = [cap for cap in CAPS if getattr(limits, cap.limit) is not None and getattr(asked, cap.part)]
    if not caps:
        return
    flying, mined = list(pledged), []
    worst = worst or at_worst
    for slot in state.slots.values():
        if slot.key == key:
            continue
        if _is_settled(state, slot):
            mined.append((time_of(slot), taken(state, slot)))
        else:
            flying.append(worst(state, slot))
    for cap in caps:
        since = now - cap.seconds
        part, most = attrgetter(cap.part), getattr(limits, cap.limit)
        spent = part(state.spent.since(since)) + sum(part(amounts) for at, amounts in mined if at > since)
        open_, more = sum(map(part, flying)), part(asked)
        if spent + open_ + more > most:
            entries = sorted([*state.spent.items(since), *mined])
            times = [(at, part(amounts)) for at, amounts in entries if at > since]
            wait = _seconds_until(spent + open_ + more - most, times, now - cap.seconds)
            raise _over(cap, key, spent, open_, more, most, wait)


def _seconds_until(needed: Any, times: Sequence[tuple[int, Any]], since: int) -> int | None:
    """Seconds until enough has left the window; None when what is in flight, or asked for, is too much."""
    for at, amount in times:
        needed -= amount
        if needed <= 0:
            return at - since
    return None


def _over(
    cap: Cap, key: str, spent: object, open_: object, more: object, most: object, wait: int | None
) -> LimitError:
    hint = "" if wait is None else f"wait {wait} s, or "
    return LimitError(
        f"{key} may take {more} {cap.words}, where {spent} are spent and {open_} may still be by what is in "
        f"flight: above {cap.limit} {most}. Nothing was sent; {hint}let the owner of the key raise it",
        field=cap.limit,
        value=more,
        cap=most,
        retry_after=wait,
    )


def _is_settled(state: State, slot: Slot) -> bool:
    """Mined, and under as many blocks as the policy takes for confirmed: until then a reorg may have it mined
    again, at another price and with another end."""
    return slot.mined is not None and state.intents[slot.key].state is not IntentState.INCLUDED


def at_worst(state: State, slot: Slot) -> Amounts:
    """The most that a slot can still take, its cancellation at twice the price included."""
    if not slot.attempts:
        return Amounts()
    intent = state.intents[slot.key]
    fee = max(_fee(attempt, intent.value) for attempt in slot.attempts)
    is_wanted = any(attempt.kind is Kind.NORMAL for attempt in slot.attempts)
    return amounts_of(intent, fee) if is_wanted else Amounts(fee)


def wanted(state: State, slot: Slot, worst_cost: int, reserve: int) -> Amounts:
    """What a slot takes at worst with one attempt more, of this cost, with this held back to cancel it."""
    intent = state.intents[slot.key]
    return amounts_of(intent, max(worst_cost - intent.value, reserve, at_worst(state, slot).fee))


def amounts_of(intent: Intent | Submitted, fee: int) -> Amounts:
    """A plan inside of it spends value beside its own."""
    value = value_of(NOBODY, intent.target, intent.value, intent.data)
    return Amounts(fee, value, intent.notional or Decimal(0))


def _fee(attempt: Attempt, value: int) -> int:
    """The fee part of an attempt's worst cost, or that of its cancellation."""
    sent = 0 if attempt.kind is Kind.CANCEL else value
    return max(attempt.worst_cost - sent, attempt.reserve)


def taken(state: State, slot: Slot) -> Amounts:
    """What a mined slot took: a revert and a cancellation give value and notional back."""
    if slot.mined is None:
        return Amounts()
    attempt, intent = slot.attempt(slot.mined.tx_hash), state.intents[slot.key]
    if attempt is None or attempt.kind is Kind.CANCEL or not slot.mined.is_success:
        return Amounts(slot.mined.fee_wei)
    return amounts_of(intent, slot.mined.fee_wei)


def time_of(slot: Slot) -> int:
    """The chain's second from which a mined slot counts. Journals of old did not keep it: then its last
    broadcast."""
    assert slot.mined is not None
    return slot.mined.at or slot.sent_at
