"""Bundles in the reducer: they leave, are aimed anew, stop, and are given up as a whole, or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.tx.private_life import PASSES, PATIENT, RELAYS, WINDOW, PrivateLife
from tests.tx.test_windows import ENDED

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import BlockHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.lanes import Lane, RoutePolicy
from trimtab.tx.reducer import replay
from trimtab.tx.states import IntentState, Kind, Refusal, change


@pytest.fixture
def life() -> PrivateLife:
    return PrivateLife()


def test_nothing_of_a_bundle_leaves_before_all_of_it_is_signed(life: PrivateLife) -> None:
    """Then one parcel, in order, to those who take bundles; each record before it."""
    life.submit_bundle(3)
    life.sign(0)
    life.sign(2)
    assert not [fact for fact in life.facts if isinstance(fact, r.SendBegun)]
    life.look(1)
    assert not life.sends
    life.sign(1)
    (bundle,) = life.sends
    assert isinstance(bundle, e.SendBundle)
    assert [send.nonce for send in bundle.sends] == [0, 1, 2]
    assert {(send.lane, send.target, send.last_block) for send in bundle.sends} == {
        (Lane.BUNDLE, 2, 1 + WINDOW)
    }
    assert bundle.name == "b"
    assert life.sent_to() == {"builder"}
    kinds = [type(effect) for effect in life.effects]
    assert kinds.count(r.SendBegun) == kinds.count(r.Routed) == 3
    assert max(n for n, kind in enumerate(kinds) if kind is r.SendBegun) < kinds.index(e.SendBundle)


def test_a_bundle_is_aimed_anew_as_a_whole_and_dropped_as_a_whole(life: PrivateLife) -> None:
    """One parcel for each head; at the end every step is DROPPED and every nonce free."""
    hashes = life.fly_bundle(3)
    for head in range(1, WINDOW):
        (bundle,) = life.look(head)
        assert isinstance(bundle, e.SendBundle)
        assert [(send.tx_hash, send.target) for send in bundle.sends] == [(h, head + 1) for h in hashes]
    life.pass_window(WINDOW)
    assert {life.intent(f"b.{n}") for n in range(3)} == {IntentState.DROPPED}
    assert (life.state.nonces.next, life.state.nonces.lowest) == (0, 0)
    assert len(life.state.given_up) == 3


def test_a_bundle_that_is_mined_is_all_there(life: PrivateLife) -> None:
    """Each step is included, and nothing is sent any more; a reorg of both opens one window for both."""
    hashes = life.fly_bundle()
    life.mine(2, *hashes)
    assert not life.look(2)
    assert {life.intent("b.0"), life.intent("b.1")} == {IntentState.INCLUDED}
    life.mined, life.used = {}, 0
    (bundle,) = life.look(3, canonical={2: BlockHash("other")})
    assert isinstance(bundle, e.SendBundle)
    assert {send.last_block for send in bundle.sends} == {3 + WINDOW}


def test_a_bundle_with_a_step_that_is_mined_alone_is_not_sent(life: PrivateLife) -> None:
    """Somebody took a step out of it: what stands stands, the rest is never sent alone, and is dropped."""
    hashes = life.fly_bundle()
    life.mine(1, hashes[0])
    assert not life.look(1)
    for _ in range(PASSES + 1):
        assert not life.look(ENDED)
    assert life.intent("b.0") is IntentState.CONFIRMED
    assert life.intent("b.1") is IntentState.DROPPED


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_signature_that_fails_gives_up_the_bundle(life: PrivateLife, step: int) -> None:
    """A cap, a limit or the signer stops one step: nothing of any leaves."""
    life.submit_bundle(3)
    for nonce in range(3):
        if nonce == step:
            life.feed(e.SignFailed(nonce, Refusal.LIMIT, "not allowed", life.at, life.ask(nonce)))
            break
        life.sign(nonce)
    assert {life.state.intents[f"b.{n}"].refusal for n in range(3)} == {Refusal.LIMIT}
    assert life.state.nonces.next == 0
    assert not life.sent_to()


def test_a_bundle_that_every_relay_refuses_is_given_up_as_a_whole(life: PrivateLife) -> None:
    """And only then: an answer about one step alone says nothing of the others."""
    life.submit_bundle()
    first, second = life.sign(0), life.sign(1)
    life.say(0, first, SendClass.REVERT, "builder")
    assert life.intent("b.0") is IntentState.ASSIGNED
    life.say(1, second, SendClass.REVERT, "builder")
    assert {life.state.intents[key].refusal for key in ("b.0", "b.1")} == {Refusal.ROUTE}
    assert life.state.nonces.next == 0


def test_a_step_refused_while_another_is_out_is_not_given_back_at_the_deadline(life: PrivateLife) -> None:
    """The relay refused one and took the other: until the window is past, neither nonce is free."""
    life.submit_bundle(deadline=130)
    first, second = life.sign(0), life.sign(1)
    life.say(0, first, SendClass.UNDERPRICED, "builder")
    life.say(1, second, None, "builder")
    life.at = 130
    life.look(1)
    assert {life.intent("b.0"), life.intent("b.1")} == {IntentState.CANCELLING}
    assert len(life.state.slots) == 2
    life.pass_window(1)
    assert {life.intent("b.0"), life.intent("b.1")} == {IntentState.EXPIRED}
    assert life.state.nonces.next == 0


def test_a_bundle_that_is_late_before_it_left_is_given_up(life: PrivateLife) -> None:
    """One step's signature comes after its deadline: all are EXPIRED, and nothing left."""
    life.submit_bundle(deadline=130)
    life.sign(0)
    life.at = 130
    life.sign(1)
    assert {life.intent("b.0"), life.intent("b.1")} == {IntentState.EXPIRED}
    assert not life.sent_to()


@pytest.mark.parametrize("key", ["b.0", "b.1"])
def test_cancelling_a_step_stops_the_bundle(life: PrivateLife, key: str) -> None:
    """No head is aimed at any more, relays are asked to forget; all nonces are free once the block that was
    aimed at last is past by the margin. No cancellation is signed for it, nor anything else."""
    hashes = life.fly_bundle()
    life.look(1)
    life.feed(e.CancelAsked(key))
    (withdraw,) = life.did(e.Withdraw)
    assert (withdraw.name, withdraw.hashes) == ("b", tuple(hashes))
    assert not life.did(e.Sign)
    life.feed(e.BumpAsked("b.0"))
    assert not life.did(e.Sign), "it would be sent with the private bytes of the others"
    for head in range(2, 2 + PATIENT.drop_margin + 1):
        assert not life.look(head, base_fee=900)
        assert not life.did(e.Sign), "nor is it priced anew"
    assert len(life.state.slots) == 2
    life.pass_window(2)
    assert {life.state.intents[name].refusal for name in ("b.0", "b.1")} == {Refusal.WITHDRAWN}
    assert life.state.nonces.next == 0


@pytest.mark.parametrize("key", ["b.0", "b.1"])
def test_a_bundle_withdrawn_before_it_left_is_gone_at_once(life: PrivateLife, key: str) -> None:
    """Whichever step the caller names, while another is being signed or waits: nothing of any left."""
    life.policy = replace(PATIENT, window=2)
    life.submit_bundle(2)
    life.sign(0)
    life.feed(e.CancelAsked(key))
    assert {life.state.intents[name].refusal for name in ("b.0", "b.1")} == {
        Refusal.WITHDRAWN,
        Refusal.BATCH,
    }
    assert not life.state.slots
    assert not life.sent_to()


def test_a_bundle_that_is_mined_though_it_was_stopped_happened(life: PrivateLife) -> None:
    """It was aimed at one block more; then that is what it is."""
    hashes = life.fly_bundle()
    life.feed(e.CancelAsked("b.0"))
    life.mine(1, *hashes)
    life.look(1)
    assert {life.intent("b.0"), life.intent("b.1")} == {IntentState.INCLUDED}


def test_a_stopped_bundle_is_not_tried_again_after_a_reorg(life: PrivateLife) -> None:
    """Its block was uncled: whoever has it may include it again, for as long as before; nobody is asked to,
    and it is not priced anew."""
    hashes = life.fly_bundle()
    life.feed(e.CancelAsked("b.0"))
    life.mine(1, *hashes)
    life.look(1)
    life.mined, life.used = {}, 0
    assert not life.look(2, canonical={1: BlockHash("other")})
    assert {life.intent("b.0"), life.intent("b.1")} == {IntentState.CANCELLING}
    for head in range(3, 2 + WINDOW):
        assert not life.look(head, base_fee=900)
        assert not life.did(e.Sign)
    life.pass_window(2 + WINDOW)
    assert {life.state.intents[name].refusal for name in ("b.0", "b.1")} == {Refusal.WITHDRAWN}


def test_a_crash_amid_the_records_of_a_bundle_never_sends_a_part(life: PrivateLife) -> None:
    """Whatever the journal holds of it: in the next life it goes as a whole, or is given back as a whole."""
    life.submit_bundle(3)
    for nonce in range(3):
        life.sign(nonce)
    facts = list(life.facts)
    for length in range(len(facts) + 1):
        again = PrivateLife()
        again.facts = facts[:length]
        again.restart()
        for effect in again.effects:
            assert not isinstance(effect, e.Send)
        if again.sends:
            (bundle,) = again.sends
            assert isinstance(bundle, e.SendBundle)
            assert len(bundle.sends) == 3
        else:
            assert not again.state.slots, length


def test_a_batch_whose_first_step_is_dropped_is_not_sent_once_more(life: PrivateLife) -> None:
    """Private steps that travel apart: the look that drops the first cancels the second, and sends nothing of
    it on the way."""
    life.policy = replace(PATIENT, clean_passes=1)
    route = RoutePolicy.private(WINDOW)
    steps = [change(life.intent_of(f"s.{n}", route), batch="s", step=n) for n in range(2)]
    life.feed(e.SubmitBatch(tuple(steps)))
    life.say(0, life.sign(0), None, *RELAYS)
    life.look(WINDOW + 1)
    life.say(1, life.sign(1), None, *RELAYS)
    assert not life.look(ENDED)
    assert life.intent("s.0") is IntentState.DROPPED
    assert life.intent("s.1") is IntentState.CANCELLING


def test_a_bundle_has_nonces_that_follow_each_other(life: PrivateLife) -> None:
    """It takes no nonce that was given back below others in flight: it could never be in one block. That one
    is filled."""
    life.submit_private("low")
    life.submit_private("high")
    low = life.sign(0)
    life.say(1, life.sign(1), None, *RELAYS)
    life.say(0, low, SendClass.PERMANENT, *RELAYS)
    life.submit_bundle()
    assert not life.did(e.Sign)
    life.look(1)
    assert [(ask.nonce, ask.kind) for ask in life.did(e.Sign) if ask.kind is Kind.CANCEL] == [
        (0, Kind.CANCEL)
    ]
    life.sign(0, Kind.CANCEL, 200)
    assert {slot.nonce: slot.key for slot in life.state.slots.values()} == {
        0: "fill/0/1",
        1: "high",
        2: "b.0",
        3: "b.1",
    }


def test_a_bundle_of_whose_nonces_others_used_one_is_found_out(life: PrivateLife) -> None:
    """T11: its first step is SUPERSEDED at finality, and the account halts; the rest is given up."""
    life.fly_bundle()
    life.used = 1
    life.look(1)
    for _ in range(PASSES):
        assert not life.look(ENDED + 30, final_nonce=1)
    assert life.intent("b.0") is IntentState.SUPERSEDED
    assert life.is_halted
    for _ in range(PASSES + 1):
        assert not life.look(ENDED + 31)
    assert life.intent("b.1") is IntentState.DROPPED


def test_one_window_for_all_of_a_bundle(life: PrivateLife) -> None:
    """A crash came between the windows of its steps, and blocks before the next life: both end together."""
    life.submit_bundle()
    life.sign(0)
    life.sign(1)
    routed = [n for n, fact in enumerate(life.facts) if isinstance(fact, r.Routed)]
    again = PrivateLife()
    again.facts = life.facts[: routed[1]]
    again.state = replay(again.facts)
    again.feed(e.Recovered(0, 2, again.at, again.ways))
    (bundle,) = again.sends
    assert {send.last_block for send in bundle.sends} == {WINDOW}


def test_a_bundle_that_waits_for_room_holds_no_nonce(life: PrivateLife) -> None:
    """What is in flight below it is dropped while it waits: it takes those nonces, where a part of it that
    held later ones would have them filled up in public, at a price each."""
    life.fly_bundle(5, "a")
    waiting = life.submit_bundle(5, "b")
    assert not life.did(e.Sign)
    life.pass_window(life.slot(0).last_block)
    assert [ask.nonce for ask in life.did(e.Sign)] == [0, 1, 2, 3, 4]
    assert [slot.key for slot in life.state.unmined] == waiting


def test_a_bundle_is_not_held_in_part(life: PrivateLife) -> None:
    """Its first step may not have the nonce that comes next: the others do not go without it."""
    life.fly_bundle()
    life.pass_window(WINDOW)
    life.fly("other")
    life.submit_bundle()
    assert {life.state.intents["b.0"].refusal, life.state.intents["b.1"].refusal} == {
        Refusal.HELD,
        Refusal.BATCH,
    }
    assert not life.did(e.Sign)


def test_a_bundle_that_waits_loses_a_step_to_its_own_past(life: PrivateLife) -> None:
    """Submitted again, it waits for room; a step's old bytes are mined alone: the rest is not tried."""
    hashes = life.fly_bundle()
    life.pass_window(WINDOW)
    life.policy = replace(life.policy, window=1)
    life.fly("other", nonce=0)
    life.policy = replace(life.policy, window=8)
    life.state.queue.clear()
    life.feed(e.SubmitBatch(()))
    waiting = PrivateLife()
    waiting.facts = life.facts
    waiting.mined, waiting.used = life.mined, life.used
    waiting.restart()
    waiting.policy = replace(life.policy, window=1)
    waiting.submit_bundle()
    waiting.mine(ENDED + 1, hashes[0])
    waiting.look(ENDED + 1)
    assert waiting.intent("b.0") is IntentState.INCLUDED
    assert waiting.state.intents["b.1"].refusal is not None
    assert not [slot for slot in waiting.state.slots.values() if slot.key == "b.1"]
