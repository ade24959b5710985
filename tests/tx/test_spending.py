"""What counts against a cap: all in flight at its worst, what was mined as it was, while the window lasts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trimtab.errors import LimitError
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.model.limits import Limits
from trimtab.tx.fees import CANCEL_GAS, Fees
from trimtab.tx.spend_log import DAY, HOUR, Amounts
from trimtab.tx.spending import at_worst, check_spending, taken, wanted
from trimtab.tx.states import Attempt, Intent, IntentState, Kind, Mined, Slot, State, change

NOW = 1_000_000
TARGET = Address("0x" + "bb" * 20)
PRICE = 10
GAS = 100_000
FEE = GAS * PRICE
FREE = Limits.unrestricted()


def intent(key: str, value: int = 7, notional: int | None = 100) -> Intent:
    declared = None if notional is None else Decimal(notional)
    return Intent(key, "d", TARGET, b"\x01", value, GAS, None, None, "", 0, notional=declared)


def attempt(kind: Kind = Kind.NORMAL, price: int = PRICE, value: int = 7) -> Attempt:
    gas, sent = (CANCEL_GAS, 0) if kind is Kind.CANCEL else (GAS, value)
    tx_hash = TxHash(f"{kind}{price}")
    return Attempt(kind, tx_hash, b"", Fees(1, price), gas, gas * price + sent)


def mined(item: Attempt, at: int, fee: int = 5, **changes: Any) -> Mined:
    return change(Mined(item.tx_hash, 1, BlockHash("b"), True, GAS, fee, at), **changes)


def state_of(slot: Slot, stands: IntentState = IntentState.LIVE) -> State:
    return State(
        intents={slot.key: change(intent(slot.key), state=stands, nonce=slot.nonce)}, slots={slot.nonce: slot}
    )


def test_what_is_in_flight_counts_at_its_worst_whatever_its_age() -> None:
    """The dearest attempt, value and notional; what is only reserved counts nothing."""
    slot = Slot(0, "a", attempts=(attempt(), attempt(price=30)), sent_at=1)
    state = state_of(slot)
    assert at_worst(state, slot) == Amounts(30 * GAS, 7, Decimal(100))
    assert at_worst(state, Slot(1, "a")) == Amounts()


def test_a_cancellation_at_twice_the_price_is_kept_for() -> None:
    """A cheap call is charged what its cancellation may cost, so that cancelling breaks no cap."""
    small = change(attempt(), gas_limit=21_000, worst_cost=21_000 * PRICE + 7, reserve=9 * FEE)
    assert at_worst(state_of(Slot(0, "a")), Slot(0, "a", attempts=(small,))).fee == 9 * FEE
    assert wanted(state_of(Slot(0, "a")), Slot(0, "a"), FEE + 7, 3 * FEE).fee == 3 * FEE
    filler = Slot(0, "a", attempts=(attempt(Kind.CANCEL),))
    assert at_worst(state_of(filler), filler) == Amounts(CANCEL_GAS * PRICE)


def test_what_was_mined_counts_as_it_was() -> None:
    """A success takes fee, value and notional; a revert and a cancellation take the fee alone."""
    normal, cancel = attempt(), attempt(Kind.CANCEL, 20)
    slot = Slot(0, "a", attempts=(normal, cancel))
    state = state_of(slot)
    assert taken(state, change(slot, mined=mined(normal, NOW))) == Amounts(5, 7, Decimal(100))
    assert taken(state, change(slot, mined=mined(normal, NOW, is_success=False))) == Amounts(5)
    assert taken(state, change(slot, mined=mined(cancel, NOW))) == Amounts(5)


def test_a_replacement_counts_once_at_the_dearer() -> None:
    """The slot's own earlier attempts are not added to it: at most one of them is mined."""
    slot = Slot(0, "a", attempts=(attempt(price=30),))
    state = state_of(slot)
    asked = wanted(state, slot, GAS * 40 + 7, 0)
    assert asked == Amounts(40 * GAS, 7, Decimal(100))
    check_spending(replace(FREE, max_fees_per_hour_wei=40 * GAS), state, "a", asked, now=NOW)
    with pytest.raises(LimitError):
        check_spending(replace(FREE, max_fees_per_hour_wei=40 * GAS - 1), state, "a", asked, now=NOW)


@pytest.mark.parametrize(
    ("field", "cap", "seconds"),
    [
        ("max_fees_per_hour_wei", 5 + FEE, HOUR),
        ("max_fees_per_day_wei", 5 + FEE, DAY),
        ("max_value_per_day_wei", 14, DAY),
        ("max_notional_per_day", Decimal(200), DAY),
    ],
)
@pytest.mark.parametrize("is_final", [False, True])
def test_the_windows_roll(field: str, cap: Any, seconds: int, is_final: bool) -> None:
    """What was mined counts for exactly the window, final or not; the refusal says the second it fits."""
    item = attempt()
    slot = Slot(0, "a", attempts=(item,), mined=mined(item, NOW - seconds + 60))
    state = state_of(slot, IntentState.CONFIRMED)
    if is_final:
        state.spent.add(NOW - seconds + 60, taken(state, slot))
        del state.slots[0]
    asked = Amounts(FEE, 7, Decimal(100))
    enough, short = replace(FREE, **{field: cap}), replace(FREE, **{field: cap - 1})
    check_spending(enough, state, "new", asked, now=NOW)
    with pytest.raises(LimitError) as caught:
        check_spending(short, state, "new", asked, now=NOW)
    error = caught.value
    assert (error.field, error.cap, error.retry_after) == (field, cap - 1, 60)
    with pytest.raises(LimitError):
        check_spending(short, state, "new", asked, now=NOW + 59)
    check_spending(short, state, "new", asked, now=NOW + 60)


def test_what_is_in_flight_or_too_much_alone_has_no_time() -> None:
    """Waiting does not help against what is out, nor against an amount above the cap: retry_after is None."""
    state = state_of(Slot(0, "a", attempts=(attempt(),)))
    limits = replace(FREE, max_fees_per_day_wei=2 * FEE - 1)
    for asked in (Amounts(FEE), Amounts(2 * FEE)):
        with pytest.raises(LimitError) as caught:
            check_spending(limits, state, "new", asked, now=NOW)
        assert caught.value.retry_after is None


def test_pledges_count() -> None:
    """Two that are signed at the same moment cannot each take the last of a cap."""
    limits = replace(FREE, max_value_per_day_wei=10)
    check_spending(limits, State(), "new", Amounts(1, 7), now=NOW)
    with pytest.raises(LimitError):
        check_spending(limits, State(), "new", Amounts(1, 7), now=NOW, pledged=[Amounts(1, 7)])


def test_nothing_of_a_kind_breaks_no_cap_of_it() -> None:
    """A call without value passes though the day's value is used up."""
    state = State()
    state.spent.add(NOW, Amounts(1, 100))
    check_spending(replace(FREE, max_value_per_day_wei=5), state, "new", Amounts(FEE), now=NOW)


def test_journals_that_kept_no_time_count_from_the_last_broadcast() -> None:
    """An upgrade does not forget what an older version sent within the hour."""
    item = attempt()
    slot = Slot(0, "a", attempts=(item,), mined=mined(item, 0, fee=FEE), sent_at=NOW - 100)
    state = state_of(slot, IntentState.CONFIRMED)
    with pytest.raises(LimitError):
        check_spending(replace(FREE, max_fees_per_hour_wei=FEE), state, "new", Amounts(1), now=NOW)


def test_a_block_alone_settles_nothing() -> None:
    """A reorg may have it mined again at its worst price: until it is confirmed it counts as if it were."""
    item = attempt()
    slot = Slot(0, "a", attempts=(item,), mined=mined(item, NOW))
    limits = replace(FREE, max_fees_per_hour_wei=FEE + 4)
    check_spending(limits, state_of(slot, IntentState.CONFIRMED), "new", Amounts(FEE - 1), now=NOW)
    with pytest.raises(LimitError) as caught:
        check_spending(limits, state_of(slot, IntentState.INCLUDED), "new", Amounts(FEE - 1), now=NOW)
    assert caught.value.retry_after is None
