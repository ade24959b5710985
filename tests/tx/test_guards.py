"""Guards of the reducer that no transition's own test needs: each keeps something rare from going wrong."""

from __future__ import annotations

import pytest
from tests.tx.test_decide import CANON, ENDPOINTS, WAYS, Life, mined

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.fees import Fees
from trimtab.tx.nonces import Nonces
from trimtab.tx.reducer import replay
from trimtab.tx.states import IntentState, Kind, Outcome, Refusal, SlotState, change


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
    tx_hash = life.live("k", 0)
    halt(life)
    life.answer(0, tx_hash, "a")
    assert life.intent("k") is IntentState.LIVE
    life.feed(e.BumpAsked("k"))
    assert not life.did(e.Sign)


def test_nothing_is_asked_of_a_busy_signer(life: Life) -> None:
    """A look while a replacement is being signed asks for no second one, and sends nothing."""
    life.live("k", 0)
    life.observe(10, account_nonce=0)
    assert life.did(e.Sign)
    life.at += 100
    life.observe(20, account_nonce=0)
    assert not life.did(e.Sign)
    assert not life.did(e.Send)


def test_nothing_goes_out_while_answers_are_due(life: Life) -> None:
    """A slow endpoint gets the bytes once, not at every look."""
    life.submit("k")
    life.check("k")
    life.sign(0)
    life.at += 100
    life.observe(1, account_nonce=0)
    assert not life.did(e.Send)


def test_a_deadline_cancels_at_the_next_look(life: Life) -> None:
    """Not only when a broadcast would be due."""
    life.live("k", 0, deadline=110)
    life.at = 111
    life.observe(1, account_nonce=0)
    assert life.state.slots[0].is_cancelling
    assert [ask.kind for ask in life.did(e.Sign)] == [Kind.CANCEL]


def test_a_cancellation_that_was_too_dear_is_priced_again_at_a_new_head(life: Life) -> None:
    """Not in a circle at the same one."""
    life.observe(5)
    life.live("k", 0)
    life.feed(e.CancelAsked("k"))
    life.feed(e.SignFailed(0, Refusal.FEE_CAP, "too dear", life.at, life.ask(0)))
    life.observe(5, account_nonce=0)
    assert not life.did(e.Sign)
    life.observe(6, account_nonce=0)
    assert [ask.kind for ask in life.did(e.Sign)] == [Kind.CANCEL]


def test_a_halted_account_signs_no_cancellation(life: Life) -> None:
    """Neither when it is asked for nor at the next look."""
    tx_hash = life.live("k", 0)
    halt(life)
    life.answer(0, tx_hash, "a")
    life.feed(e.CancelAsked("k"))
    assert not life.did(e.Sign)
    life.observe(9, account_nonce=0)
    assert not life.did(e.Sign)


def test_what_pays_the_market_is_not_replaced(life: Life) -> None:
    """Its age alone costs nothing."""
    life.live("k", 0)
    calm = Fees(1, 50)
    life.feed(e.Observed(9, life.at, account_nonce=0, market=calm, canonical=CANON, ways=WAYS))
    assert not life.did(e.Sign)


def recover(life: Life, nonce: int = 0) -> None:
    """A new life over the same records."""
    life.state = replay(life.facts)
    life.feed(e.Recovered(nonce, 1, life.at, WAYS))


def test_a_recovery_broadcasts_nothing_that_is_mined(life: Life) -> None:
    """Its bytes are of no use to anybody."""
    tx_hash = life.live("k", 0)
    life.observe(1, mined=mined(tx_hash, 1), account_nonce=1)
    recover(life, 1)
    assert not life.did(e.Send)


def test_a_recovery_broadcasts_nothing_that_is_being_cancelled(life: Life) -> None:
    """The caller does not want it: only its cancellation goes out, once it is signed."""
    life.live("k", 0)
    life.feed(e.CancelAsked("k"))
    recover(life)
    assert not life.did(e.Send)


def test_a_recovery_cancels_what_is_late(life: Life) -> None:
    """It was out, and its deadline passed while nobody was there."""
    life.live("k", 0, deadline=150)
    life.at = 200
    recover(life)
    assert not life.did(e.Send)
    assert [ask.kind for ask in life.did(e.Sign)] == [Kind.CANCEL]


def test_a_recovery_calls_the_unanswered_ambiguous(life: Life) -> None:
    """The bytes may be anywhere: the nonce is taken."""
    life.submit("k")
    life.check("k")
    life.sign(0)
    recover(life)
    slot = life.state.slots[0]
    assert {outcome for outcome, _ in slot.last.results.values()} == {Outcome.AMBIGUOUS}
    assert slot.state is SlotState.COMMITTED


def test_a_cancellation_waits_for_the_signature_before(life: Life) -> None:
    """One question to the signer at a time for each nonce."""
    life.live("k", 0)
    life.feed(e.BumpAsked("k"))
    life.feed(e.CancelAsked("k"))
    assert not life.did(e.Sign)


def test_no_answer_takes_the_nonce(life: Life) -> None:
    """A timeout is not a no: whatever the other endpoint says, nothing is given back."""
    life.submit("k")
    life.check("k")
    tx_hash = life.sign(0)
    life.answer(0, tx_hash, "a", SendClass.AMBIGUOUS)
    assert life.state.slots[0].state is SlotState.COMMITTED
    life.answer(0, tx_hash, "b", SendClass.PERMANENT)
    assert life.intent("k") is IntentState.LIVE


def test_a_reorg_gives_no_nonce_back(life: Life) -> None:
    """Bytes that were mined once are out for good."""
    tx_hash = life.live("k", 0)
    life.observe(1, mined=mined(tx_hash, 1), account_nonce=1)
    life.observe(1, canonical={1: BlockHash("other")}, account_nonce=0)
    assert life.state.slots[0].state is SlotState.COMMITTED


def test_a_doubt_gives_no_nonce_back(life: Life) -> None:
    """Something holds the nonce that we do not know: perhaps our own, of before."""
    life.submit("k")
    life.check("k")
    life.refuse(0, life.sign(0), SendClass.REPL_UNDERPRICED, SendClass.PERMANENT)
    assert life.state.slots[0].state is SlotState.COMMITTED
    assert life.intent("k") is IntentState.RESOLVING


def test_a_cancellation_is_still_one_after_a_doubt(life: Life) -> None:
    """The caller is told what it asked for."""
    life.live("k", 0)
    life.feed(e.CancelAsked("k"))
    tx_hash = life.sign(0, Kind.CANCEL, 900)
    resolve(life, "k", 0)
    life.answer(0, tx_hash, "a")
    assert life.intent("k") is IntentState.CANCELLING


def test_an_acceptance_outlasts_a_lost_repetition(life: Life) -> None:
    """The node has the bytes, whatever became of sending them again."""
    tx_hash = life.live("k", 0)
    life.answer(0, tx_hash, "a", SendClass.AMBIGUOUS)
    assert life.state.slots[0].last.results["a"][0] is Outcome.ACCEPTED


def test_heads_do_not_go_back(life: Life) -> None:
    """A node that lags makes nothing younger than it is."""
    life.observe(10)
    life.at -= 50
    life.observe(5)
    assert (life.state.head, life.state.at) == (10, 100)


def test_a_record_of_bytes_that_nobody_signed_is_a_broken_journal(life: Life) -> None:
    """It is not skipped: something is missing before it."""
    life.live("k", 0)
    begun = r.SendBegun(nonce=0, tx_hash=TxHash("0xdead"), endpoints=ENDPOINTS, at=1, block=1)
    with pytest.raises(ValueError, match="never signed"):
        replay([*life.facts, begun])


def test_a_lost_step_stops_nothing_before_it(life: Life) -> None:
    """An approval stands though its trade is cancelled."""
    steps = [
        r.Submitted(
            key=f"b{step}",
            digest="",
            target=Address("0x"),
            data=b"",
            value=0,
            gas_limit=1,
            batch="b",
            step=step,
            at=1,
        )
        for step in range(2)
    ]
    life.feed(e.SubmitBatch(tuple(steps)))
    for nonce in range(2):
        life.answer(nonce, life.sign(nonce), "a")
    life.feed(e.CancelAsked("b1"))
    assert [life.state.slots[nonce].is_cancelling for nonce in range(2)] == [False, True]


def test_a_gap_that_was_found_comes_next() -> None:
    """The chain waits for it."""
    assert Nonces(5).open(3).lowest == 3
    assert Nonces(5).open(7) == Nonces(5)
