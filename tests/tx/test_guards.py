"""Guards of the reducer that no transition's own test needs: each keeps something rare from going wrong."""

from __future__ import annotations

import pytest
from tests.tx.test_decide import Life, mined

from trimtab.chain.rpc_errors import SendClass
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.states import IntentState, Kind, Refusal, change


@pytest.fixture
def life() -> Life:
    return Life()


def halt(life: Life) -> None:
    """Somebody else uses the key."""
    life.observe(1, account_nonce=life.state.nonces.next + 1)
    assert life.state.halted


def resolve(life: Life, key: str, nonce: int) -> None:
    """A node says that the nonce of what is out is used."""
    slot = life.state.slots[nonce]
    life.answer(nonce, slot.last.tx_hash, "b", SendClass.NONCE_LOW)
    assert life.intent(key) is IntentState.RESOLVING


def test_a_check_that_ends_after_the_deadline_writes_nothing(life: Life) -> None:
    """The simulation took too long: the intent was never there."""
    life.submit("k", deadline=150)
    life.at = 200
    life.check("k")
    assert not life.facts
    assert "k" not in life.state.intents


def test_a_check_that_ends_twice_submits_once(life: Life) -> None:
    """One submit, one record, one nonce."""
    life.submit("k")
    life.check("k")
    life.check("k")
    assert len([fact for fact in life.facts if isinstance(fact, r.Submitted)]) == 1
    assert not life.state.queue


def test_a_check_that_fails_late_takes_nothing_back(life: Life) -> None:
    """What has its nonce keeps it."""
    life.live("k", 0)
    life.feed(e.CheckFailed("k"))
    assert life.intent("k") is IntentState.LIVE


def test_a_halted_account_gives_out_no_nonce(life: Life) -> None:
    """Whatever still comes in waits."""
    halt(life)
    life.submit("k")
    life.check("k")
    assert not life.did(e.Sign)
    assert not life.state.slots


def test_a_delegated_account_has_one_transaction_in_flight(life: Life) -> None:
    """Pools take no second one of an account with code (EIP-7702)."""
    life.observe(1, is_delegated=True)
    tx_hash = life.live("k0", 0)
    life.submit("k1")
    life.check("k1")
    assert not life.did(e.Sign)
    life.observe(2, mined=mined(tx_hash, 2), account_nonce=1)
    assert [ask.nonce for ask in life.did(e.Sign)] == [1]


def test_a_nonce_in_doubt_holds_up_the_next(life: Life) -> None:
    """Somebody else may have used it: then the account halts, and nothing more is signed."""
    life.live("k0", 0)
    resolve(life, "k0", 0)
    life.submit("k1")
    life.check("k1")
    assert not life.did(e.Sign)


def test_underpriced_beside_our_own_is_no_contradiction(life: Life) -> None:
    """The other endpoint holds our earlier attempt: it stays live."""
    life.submit("k")
    life.check("k")
    tx_hash = life.sign(0)
    life.answer(0, tx_hash, "a")
    life.answer(0, tx_hash, "b", SendClass.REPL_UNDERPRICED)
    assert life.intent("k") is IntentState.LIVE


def test_a_refusal_below_holds_up_the_next(life: Life) -> None:
    """It may be given back; nothing new goes out above it before that is known."""
    life.submit("k0")
    life.check("k0")
    life.answer(0, life.sign(0), "a", SendClass.POOL_FULL)
    life.submit("k1")
    life.check("k1")
    assert not life.did(e.Sign)


def test_a_signature_after_the_deadline_is_not_used(life: Life) -> None:
    """Nothing leaves, and the nonce is free for the next."""
    life.submit("k", deadline=150)
    life.check("k")
    life.at = 200
    life.sign(0)
    assert not life.did(e.Send)
    assert life.intent("k") is IntentState.EXPIRED
    assert (life.state.nonces.next, life.state.slots) == (0, {})


def test_a_replacement_signed_after_the_deadline_is_not_used(life: Life) -> None:
    """What is out stays as it is, until it is cancelled."""
    life.live("k", 0, deadline=150)
    life.feed(e.BumpAsked("k"))
    life.at = 200
    life.sign(0, price=900)
    assert not life.did(e.Send)
    assert len(life.state.slots[0].attempts) == 1
    assert not life.state.slots[0].is_signing


def test_an_answer_about_what_is_mined_changes_nothing(life: Life) -> None:
    """A nonce too low is true, and no news."""
    tx_hash = life.live("k", 0)
    life.observe(1, mined=mined(tx_hash, 1), account_nonce=1)
    life.answer(0, tx_hash, "b", SendClass.NONCE_LOW)
    assert life.intent("k") is IntentState.INCLUDED


def test_a_signers_refusal_of_another_question_is_not_used(life: Life) -> None:
    """It was about a nonce that was given back and held again since."""
    life.submit("k")
    life.check("k")
    life.feed(e.SignFailed(0, Refusal.SIGNER, "old", life.at, life.ask(0) + 1))
    assert life.intent("k") is IntentState.ASSIGNED


def test_an_acceptance_ends_the_doubt(life: Life) -> None:
    """A node that takes the bytes knows that the nonce is free."""
    tx_hash = life.live("k", 0)
    resolve(life, "k", 0)
    life.answer(0, tx_hash, "a")
    assert life.intent("k") is IntentState.LIVE


def test_a_refusal_after_the_deadline_ends_it(life: Life) -> None:
    """Whatever the class: it may pass, and nobody would want it then."""
    life.submit("k", deadline=150)
    life.check("k")
    tx_hash = life.sign(0)
    life.at = 200
    life.refuse(0, tx_hash, SendClass.POOL_FULL, SendClass.POOL_FULL)
    assert life.intent("k") is IntentState.EXPIRED
    assert not life.state.slots


def test_what_another_took_is_not_cancelled(life: Life) -> None:
    """It is final; there is no slot to write about."""
    life.live("k", 0)
    for head in (10, 11, 12):
        absent = frozenset(item.tx_hash for slot in life.state.slots.values() for item in slot.attempts)
        life.observe(head, account_nonce=1, final_nonce=1, absent=absent)
    assert life.intent("k") is IntentState.SUPERSEDED
    life.feed(e.CancelAsked("k"))
    assert not life.effects


def test_what_is_mined_is_not_cancelled(life: Life) -> None:
    """It is too late: no state, no signature."""
    tx_hash = life.live("k", 0)
    life.observe(1, mined=mined(tx_hash, 1), account_nonce=1)
    life.feed(e.CancelAsked("k"))
    assert life.intent("k") is IntentState.INCLUDED
    assert not life.did(e.Sign)


def test_a_cancellation_is_asked_for_once(life: Life) -> None:
    """The caller may repeat it: one record, one signature."""
    life.live("k", 0)
    life.feed(e.CancelAsked("k"))
    life.sign(0, Kind.CANCEL, 900)
    life.feed(e.CancelAsked("k"))
    assert not life.effects


def test_what_the_signer_has_not_signed_is_withdrawn(life: Life) -> None:
    """Nothing of it is anywhere: no cancellation is needed."""
    life.submit("k")
    life.check("k")
    life.feed(e.CancelAsked("k"))
    assert life.state.intents["k"].refusal is Refusal.WITHDRAWN
    assert not life.state.slots


def test_a_budget_is_never_lowered(life: Life) -> None:
    """What is signed may cost the old one already."""
    life.live("k", 0)
    life.state.intents["k"] = change(life.state.intents["k"], budget_wei=9)
    life.feed(e.BumpAsked("k", budget_wei=5))
    assert life.state.intents["k"].budget_wei == 9


def test_a_halted_account_signs_no_replacement_by_hand(life: Life) -> None:
    """No new price before a person knows who uses the key."""
    life.live("k", 0)
    halt(life)
    life.feed(e.BumpAsked("k"))
    assert not life.did(e.Sign)
