"""What is signed: the caller's limits win, and the worst case is paid for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trimtab.errors import FeeCapExceededError, InsufficientFundsError, SigningError
from trimtab.model.ids import Address, TxHash
from trimtab.tx.drafting import Desk, check_funds
from trimtab.tx.envelope import Authorization, DynamicFeeTx, SetCodeTx, signing_payload
from trimtab.tx.events import Sign
from trimtab.tx.fees import CANCEL_GAS, Fees, bump_price, leave_step
from trimtab.tx.market import Terms
from trimtab.tx.rollup import L1Fee
from trimtab.tx.states import Attempt, Intent, Kind, Slot, State, change

ACCOUNT, TARGET = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
BASE_FEE = 100
TERMS = Terms(Fees(10, 210), BASE_FEE, CANCEL_GAS)
FIRST = Sign(4, Kind.NORMAL, None, 1)


def intent(budget: int | None = None, gas: int = 1_000, value: int = 7) -> Intent:
    return Intent(
        key="k",
        digest="d",
        target=TARGET,
        data=b"\x01",
        value=value,
        gas_limit=gas,
        deadline=None,
        budget_wei=budget,
        label="",
        submitted_at=0,
    )


def desk(max_fee_cap: int | None = None) -> Desk:
    return Desk(10, ACCOUNT, max_fee_cap)


def test_a_first_attempt_is_the_intent_at_the_markets_price() -> None:
    """Every field is the caller's, the chain's or the market's; the worst cost counts value and all gas."""
    draft = desk().draft(intent(), FIRST, TERMS)
    fields = draft.fields
    assert (fields.chain_id, fields.nonce, fields.to, fields.value, fields.data) == (
        10,
        4,
        TARGET,
        7,
        b"\x01",
    )
    assert (fields.tip, fields.fee_cap, fields.gas_limit) == (10, 210, 1_000)
    assert draft.worst_cost == 1_000 * 210 + 7


def test_budget_and_limit_bind_the_first_price() -> None:
    """The lower of both; under the market's least nothing is signed."""
    assert desk(200).draft(intent(), FIRST, TERMS).fees == Fees(10, leave_step(200))
    assert desk(200).draft(intent(150_007), FIRST, TERMS).fees == Fees(10, 150)
    with pytest.raises(FeeCapExceededError):
        desk().draft(intent(100_000), FIRST, TERMS)


def test_a_replacement_is_dearer_than_all_that_was_signed() -> None:
    """F4: from the dearest ever signed, whatever the market says now."""
    draft = desk().draft(intent(), Sign(4, Kind.NORMAL, Fees(500, 900), 1), TERMS)
    assert draft.fees == Fees(bump_price(500), bump_price(900))


def test_a_cancellation_is_a_transfer_of_nothing_to_oneself_outside_the_budget() -> None:
    """21,000 gas, no data, no value, its own price; the intent's budget was for the intent."""
    draft = desk().draft(intent(1), Sign(4, Kind.CANCEL, Fees(10, 210), 1), TERMS)
    fields = draft.fields
    assert (fields.to, fields.value, fields.data, fields.gas_limit) == (ACCOUNT, 0, b"", CANCEL_GAS)
    assert draft.worst_cost == CANCEL_GAS * bump_price(210)


def test_what_was_signed_at_the_cap_can_still_be_cancelled() -> None:
    """The intent's own price stops a legal step short of the cap; the cancellation takes that step."""
    terms = replace(TERMS, fees=Fees(10, 100_000))
    signed = desk(1_000).draft(intent(), FIRST, terms).fees
    assert signed.fee_cap == leave_step(1_000)
    with pytest.raises(FeeCapExceededError):
        desk(1_000).draft(intent(), Sign(4, Kind.NORMAL, signed, 2), terms)
    cancel = desk(1_000).draft(intent(), Sign(4, Kind.CANCEL, signed, 2), terms).fees
    assert bump_price(signed.fee_cap) <= cancel.fee_cap <= 1_000


def test_funds_must_cover_all_that_is_in_flight_and_a_cancellation() -> None:
    """Invariant 8: others in flight at their dearest, this one, or its cancellation at twice the price."""
    other = Attempt(Kind.NORMAL, TxHash("0x"), b"", Fees(1, 1), 1, 5_000_000)
    state = State(slots={3: Slot(3, "other", attempts=(other,)), 4: Slot(4, "k")})
    draft = desk().draft(intent(), FIRST, TERMS)
    needed = 5_000_000 + CANCEL_GAS * 210 * 2
    check_funds(state, draft, needed)
    with pytest.raises(InsufficientFundsError) as caught:
        check_funds(state, draft, needed - 1)
    assert (caught.value.needed, caught.value.available) == (needed, needed - 1)
    check_funds(state, draft, None)  # unknown: the node will judge


def test_a_replacement_does_not_count_its_predecessor_too() -> None:
    """At most one attempt of a nonce is mined: the dearest counts, not the sum."""
    old = Attempt(Kind.NORMAL, TxHash("0x"), b"", Fees(10, 210), 1_000, 10**9)
    state = State(slots={4: Slot(4, "k", attempts=(old,))})
    draft = desk().draft(intent(gas=10**6), Sign(4, Kind.NORMAL, Fees(10, 210), 1), TERMS)
    check_funds(state, draft, draft.worst_cost)


L1 = L1Fee(30 * 10**9, 1, base_fee_scalar=1_368, blob_base_fee_scalar=810_949, operator_constant=11)


def test_what_a_rollup_takes_beside_gas_is_in_the_worst_case_and_in_the_budget() -> None:
    """By the size of what is signed; the budget pays it before gas, and a cancellation's own is held back."""
    terms = replace(TERMS, l1=L1)
    plain, draft = desk().draft(intent(), FIRST, TERMS), desk().draft(intent(), FIRST, terms)
    unsigned = len(signing_payload(draft.fields))
    beside = L1.worst_fee(unsigned, 1_000)
    assert beside > 11
    assert draft.worst_cost == plain.worst_cost + beside
    assert draft.reserve > plain.reserve + 11
    with pytest.raises(FeeCapExceededError):
        desk().draft(intent(150_007), FIRST, terms)
    assert desk().draft(intent(150_007 + beside), FIRST, terms).fees == Fees(10, 150)
    longer = change(intent(), data=bytes(500))
    assert desk().draft(longer, FIRST, terms).worst_cost > draft.worst_cost


def test_a_sequencer_gets_room_above_its_base_fee_or_nothing() -> None:
    """Also for a replacement and for a cancellation, whatever cap binds."""
    tight = Desk(10, ACCOUNT, 140, needs_headroom=True)
    with pytest.raises(FeeCapExceededError, match="room to move"):
        tight.draft(intent(), FIRST, TERMS)
    with pytest.raises(FeeCapExceededError, match="room to move"):
        Desk(10, ACCOUNT, 124, True).draft(intent(), Sign(4, Kind.CANCEL, Fees(1, 90), 1), TERMS)
    assert Desk(10, ACCOUNT, 140).draft(intent(), FIRST, TERMS).fees.fee_cap == leave_step(140)
    assert Desk(10, ACCOUNT, 150, True).draft(intent(), FIRST, TERMS).fees.fee_cap >= 125


def test_a_cancellation_waits_until_the_node_has_said_its_gas() -> None:
    """Where only the node knows it; a normal attempt does not wait for that."""
    unknown = replace(TERMS, cancel_gas=None)
    desk().draft(intent(), FIRST, unknown)
    with pytest.raises(SigningError, match="the next look asks again"):
        desk().draft(intent(), Sign(4, Kind.CANCEL, Fees(10, 210), 1), unknown)
    known = replace(TERMS, cancel_gas=90_000)
    assert desk().draft(intent(), Sign(4, Kind.CANCEL, Fees(10, 210), 1), known).fields.gas_limit == 90_000


def test_the_type_follows_what_is_carried() -> None:
    """Type 4 with authorisations, the account's own among them; an access list rides on either; neither on a
    cancellation."""
    theirs, own = Authorization(10, TARGET, 0, 0, 1, 1), Authorization(10, TARGET, 5, 0, 2, 2)
    listed = change(intent(), access_list=((TARGET, (bytes(32),)),))
    plain = desk().draft(listed, FIRST, TERMS).fields
    assert isinstance(plain, DynamicFeeTx)
    assert plain.access_list == listed.access_list
    fields = desk().draft(listed, FIRST, TERMS, own).fields
    assert isinstance(fields, SetCodeTx)
    assert (fields.authorizations, fields.access_list) == ((own,), listed.access_list)
    both = desk().draft(change(listed, authorizations=(own,)), FIRST, TERMS, own).fields
    assert isinstance(both, SetCodeTx)
    assert both.authorizations == (own, own)
    cancel = desk().draft(
        change(listed, authorizations=(theirs,)), Sign(4, Kind.CANCEL, Fees(1, 1), 1), TERMS
    )
    assert isinstance(cancel.fields, DynamicFeeTx)
    assert cancel.fields.access_list == ()


def test_nothing_is_signed_while_a_rollups_own_fee_is_unknown() -> None:
    """Budget and balance would be checked against too little; what is out can be cancelled all the same."""
    due = replace(TERMS, l1_is_due=True)
    with pytest.raises(SigningError, match="has not answered yet"):
        desk().draft(intent(), FIRST, due)
    cancel = Sign(4, Kind.CANCEL, Fees(10, 210), 1)
    assert desk().draft(intent(), cancel, due).fields.to == ACCOUNT


def test_drafts_that_are_being_signed_count_against_the_balance() -> None:
    """Several of one turn are priced before the first signature is known: each counts the ones before it, and
    a pledge never counts less than what its nonce can cost already."""
    state = State()
    for nonce in (3, 4):
        state.slots[nonce] = Slot(nonce, f"k{nonce}")
    draft = desk().draft(intent(), FIRST, TERMS)
    check_funds(state, draft, balance=draft.worst_cost + draft.reserve, pledged={3: 5})
    with pytest.raises(InsufficientFundsError):
        check_funds(state, draft, balance=draft.worst_cost + 4, pledged={3: 5})
