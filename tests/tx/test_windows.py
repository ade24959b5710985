"""Private windows (T15): re-targeting, the drop, the switch to public, and bytes that land after all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.tx.private_life import (
    ALL,
    NODES,
    ONLY_PRIVATE,
    PASSES,
    PATIENT,
    RELAYS,
    WINDOW,
    PrivateLife,
)

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import BlockHash, TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.compaction import compact
from trimtab.tx.fees import Fees
from trimtab.tx.lanes import Lane, RoutePolicy
from trimtab.tx.progress import project
from trimtab.tx.reducer import replay
from trimtab.tx.states import IntentState, Kind, Outcome, Refusal
from trimtab.tx.stories import Stories, pick_story

THEN_PUBLIC = RoutePolicy.private_then_public(WINDOW)
ENDED = WINDOW + PATIENT.drop_margin + 1
"""The first head that is past the window of what left at block 0."""


@pytest.fixture
def life() -> PrivateLife:
    return PrivateLife()


# Leaving


def test_the_window_is_in_the_journal_before_the_first_byte_leaves(life: PrivateLife) -> None:
    """ROUTE, then SEND_BEGIN to the relays alone, then the send, aimed at the next block (inv 10)."""
    life.look(7)
    life.submit_private()
    life.sign(0)
    told: list[Any] = [effect for effect in life.effects if not isinstance(effect, e.Changed)]
    assert [type(effect) for effect in told] == [r.Attempted, r.Routed, r.SendBegun, e.Send]
    routed, begun, send = told[1:]
    assert (routed.lane, routed.last_block) == (Lane.PRIVATE, 7 + WINDOW)
    assert (begun.endpoints, begun.target) == (RELAYS, 8)
    assert (send.lane, send.target, send.last_block, send.name) == (Lane.PRIVATE, 8, 7 + WINDOW, "k")


def test_each_head_is_aimed_at_once_and_none_past_the_window(life: PrivateLife) -> None:
    """Identical bytes for the block after each head, up to the last; a second look sends nothing."""
    tx_hash = life.fly()
    for head in range(1, WINDOW):
        (send,) = life.look(head)
        assert isinstance(send, e.Send)
        assert (send.tx_hash, send.target, send.last_block) == (tx_hash, head + 1, WINDOW)
        life.say(0, tx_hash, None, *RELAYS)
        assert not life.look(head)
    for head in range(WINDOW, ENDED):
        assert not life.look(head)
    assert life.intent("k") is IntentState.LIVE


def test_a_relay_that_is_slow_does_not_cost_the_next_block(life: PrivateLife) -> None:
    """Its answer to the last block is due; the next is aimed at all the same. In public nothing goes out
    twice while answers are due."""
    life.submit_private()
    life.sign(0)
    assert [send.target for send in life.look(1)] == [2]
    life.submit("public")
    life.check("public")
    life.sign(1)
    life.at += 100
    life.look(2)
    assert [send.nonce for send in life.did(e.Send)] == [0]


def test_a_chain_that_went_back_is_aimed_at_where_it_is(life: PrivateLife) -> None:
    """A development chain was set back: its next block is the one to aim at, not the one that was."""
    life.look(20)
    tx_hash = life.fly()
    assert not life.look(10)
    life.at += PATIENT.lag_patience
    (send,) = life.look(10)
    assert (send.tx_hash, send.target) == (tx_hash, 11)


def test_a_price_that_the_next_block_cannot_take_is_raised_in_the_lane(life: PrivateLife) -> None:
    """Signed above the last one, and sent to the same relays; where no cap lets that be, the same bytes go
    again: the base fee may fall."""
    life.fly()
    life.look(1, base_fee=200)
    (ask,) = life.did(e.Sign)
    assert (ask.kind, ask.above.fee_cap) == (Kind.NORMAL, 100)
    dearer = life.sign(0, price=300)
    assert life.begun(dearer)[0].endpoints == RELAYS
    life.say(0, dearer, None, *RELAYS)
    life.look(2, base_fee=900)
    life.feed(e.SignFailed(0, Refusal.FEE_CAP, "too dear", life.at, life.ask(0)))
    assert [send.tx_hash for send in life.look(2, base_fee=900)] == [dearer]
    assert not life.did(e.Sign), "it was forbidden at this very head"
    assert life.sent_to() == set(RELAYS)


def test_a_bump_by_hand_stays_in_the_lane(life: PrivateLife) -> None:
    """Also after the window, when its bytes are kept and not sent."""
    life.fly()
    life.feed(e.BumpAsked("k"))
    assert life.begun(life.sign(0, price=200))[0].endpoints == RELAYS
    life.look(WINDOW)
    life.feed(e.BumpAsked("k"))
    late = life.sign(0, price=400)
    assert not life.begun(late)
    assert life.slot().last.tx_hash == late


def test_recovery_stays_in_the_lane(life: PrivateLife) -> None:
    """A new life sends the same bytes to the relays while the window is open, and nothing after it."""
    tx_hash = life.fly()
    life.look(1)
    life.restart()
    assert [(send.tx_hash, send.lane) for send in life.did(e.Send)] == [(tx_hash, Lane.PRIVATE)]
    life.feed(e.Recovered(0, WINDOW, life.at, life.ways))
    assert not life.sends
    assert life.sent_to() == set(RELAYS)


@pytest.mark.parametrize("said", [*SendClass, None])
@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("route", [RoutePolicy.private(WINDOW), THEN_PUBLIC])
def test_no_answer_of_a_relay_makes_anything_public(
    said: SendClass | None, outcome: Outcome, route: RoutePolicy
) -> None:
    """Every class of every outcome, from one relay and from all, and answers that never come: nothing goes to
    a public endpoint before the window is past (lidofinance/depositor-bot #340)."""
    life = PrivateLife()
    life.submit_private(route=route)
    tx_hash, price = life.sign(0), 100
    for endpoint in RELAYS:
        life.feed(e.SendAnswered(0, tx_hash, endpoint, outcome, said or "", "no", life.at))
        if life.ask(0):
            price *= 2
            life.sign(0, price=price)
    for head in range(1, WINDOW + PATIENT.drop_margin + 1):
        life.at += 40
        life.look(head)
        life.feed(e.Ticked(life.at, life.ways))
        if life.ask(0):
            price *= 2
            life.sign(0, price=price)
    assert life.sent_to() <= set(RELAYS)
    assert not [fact for fact in life.facts if isinstance(fact, r.Routed) and fact.lane is Lane.PUBLIC]


def test_bytes_that_relays_refused_are_watched_all_the_same(life: PrivateLife) -> None:
    """The nonce is free; but whoever refused them has them, and may have said less than the truth."""
    life.submit_private()
    tx_hash = life.sign(0)
    life.say(0, tx_hash, SendClass.PERMANENT, *RELAYS)
    assert life.state.intents["k"].refusal is Refusal.ROUTE
    assert life.state.nonces.lowest == 0
    life.mine(3, tx_hash)
    life.look(3)
    assert life.intent("k") is IntentState.INCLUDED
    assert life.state.halted is None


# The window's end


def test_the_drop_waits_for_the_margin_and_for_clean_looks(life: PrivateLife) -> None:
    """Past the window and the margin, several looks in a row: then the nonce is free and the intent DROPPED
    (rainbow #3743)."""
    life.fly()
    life.look(ENDED - 1)
    life.look(ENDED - 1)
    life.look(ENDED)
    assert life.did(e.Observe), "it looks again at once"
    assert life.intent("k") is IntentState.LIVE
    life.look(ENDED)
    assert life.intent("k") is IntentState.DROPPED
    assert life.state.intents["k"].refusal is Refusal.DROPPED
    assert life.state.nonces.lowest == 0
    assert life.state.given_up["k"].nonce == 0
    assert replay(life.facts).intents["k"].state is IntentState.DROPPED


@pytest.mark.parametrize(
    "doubt",
    [
        {"account_nonce": None},
        {"account_nonce": 1},
        {"absent": frozenset()},
    ],
)
def test_nothing_is_dropped_on_a_look_that_says_less(life: PrivateLife, doubt: dict[str, object]) -> None:
    """The nonce unread or used, a receipt unread: each begins the count again."""
    life.fly()
    life.look(ENDED)
    for _ in range(2 * PASSES):
        life.look(ENDED, **doubt)
    assert life.intent("k") in (IntentState.LIVE, IntentState.RESOLVING)
    life.look(ENDED)
    assert life.intent("k") is IntentState.LIVE


def test_a_node_that_lags_drops_nothing_nor_does_the_clock(life: PrivateLife) -> None:
    """It has not seen what others saw; and time that passes says nothing of blocks."""
    life.fly()
    life.look(ENDED + 3)
    for _ in range(2 * PASSES):
        life.look(ENDED)
        life.feed(e.Ticked(life.at, life.ways))
    assert life.intent("k") is IntentState.LIVE


def test_then_public_is_written_before_the_same_bytes_go_out(life: PrivateLife) -> None:
    """T15: the record, then the send, of identical bytes, to every public endpoint; as late as a drop."""
    tx_hash = life.fly(route=THEN_PUBLIC)
    life.look(ENDED)
    assert not life.sends
    life.look(ENDED)
    told = [type(effect) for effect in life.effects if isinstance(effect, r.Routed | r.SendBegun | e.Send)]
    assert told == [r.Routed, r.SendBegun, e.Send]
    (send,) = life.did(e.Send)
    assert (send.tx_hash, send.raw, send.lane) == (tx_hash, tx_hash.encode(), Lane.PUBLIC)
    assert (send.target, send.last_block) == (0, 0)
    assert life.begun(tx_hash)[-1].endpoints == NODES
    assert "window ended" in life.did(r.Routed)[0].reason
    life.restart()
    assert [send.lane for send in life.did(e.Send)] == [Lane.PUBLIC]


def test_past_its_deadline_nothing_goes_public(life: PrivateLife) -> None:
    """It is cancelled at its deadline, in public; the private bytes stay where they are."""
    life.submit_private(route=THEN_PUBLIC, deadline=130)
    tx_hash = life.sign(0)
    life.say(0, tx_hash, None, *RELAYS)
    life.at = 130
    life.look(1)
    assert life.intent("k") is IntentState.CANCELLING
    (withdraw,) = life.did(e.Withdraw)
    assert (withdraw.name, withdraw.lane, withdraw.hashes) == ("k", Lane.PRIVATE, (tx_hash,))
    cancel = life.sign(0, Kind.CANCEL, 200)
    life.pass_window(WINDOW)
    assert {name for fact in life.begun(tx_hash) for name in fact.endpoints} == set(RELAYS)
    assert life.begun(cancel)[0].endpoints == NODES


def test_a_private_nonce_that_others_used_is_found_out(life: PrivateLife) -> None:
    """T11 in a private lane: nothing is aimed or dropped meanwhile, and the account halts at finality."""
    life.fly(route=THEN_PUBLIC)
    life.used = 1
    for head in range(1, ENDED + 2 * PASSES):
        assert not life.look(head)
    assert life.intent("k") is IntentState.RESOLVING
    for _ in range(PASSES):
        assert not life.is_halted
        life.look(ENDED + 30, final_nonce=1)
    assert life.intent("k") is IntentState.SUPERSEDED
    assert life.state.halted


# Cancelling


def test_a_cancellation_is_for_everybody_and_relays_are_asked_to_forget(life: PrivateLife) -> None:
    """It holds nothing to protect. The hash that is mined decides."""
    tx_hash = life.fly()
    life.feed(e.CancelAsked("k"))
    assert [withdraw.hashes for withdraw in life.did(e.Withdraw)] == [(tx_hash,)]
    cancel = life.sign(0, Kind.CANCEL, 200)
    (send,) = life.did(e.Send)
    assert (send.lane, send.target) == (Lane.PUBLIC, 0)
    life.look(1)
    assert not [send for send in life.did(e.Send) if send.tx_hash == tx_hash]
    life.mine(2, tx_hash)
    life.look(2)
    assert life.intent("k") is IntentState.INCLUDED
    assert life.slot().mined is not None
    assert not life.slot().is_cancelled_by(tx_hash)
    assert life.slot().is_cancelled_by(cancel)


def test_without_public_endpoints_cancellations_and_fillers_travel_privately() -> None:
    """Aimed at the next block, with a window of their own: not that of what they replace, which may be
    past."""
    life = PrivateLife(ONLY_PRIVATE)
    life.fly()
    life.fly("above", nonce=1)
    life.feed(e.CancelAsked("k"))
    life.sign(0, Kind.CANCEL, 200)
    (send,) = life.did(e.Send)
    assert (send.lane, send.target) == (Lane.PRIVATE, 1)
    life.look(WINDOW + 9)
    life.feed(e.BumpAsked("k"))
    life.sign(0, Kind.CANCEL, 400)
    (send,) = life.did(e.Send)
    assert send.last_block > send.target == WINDOW + 10


def test_a_filler_below_private_ones_without_public_endpoints() -> None:
    """The gap that a refusal leaves below what is out is closed through the relays."""
    life = PrivateLife(ONLY_PRIVATE)
    life.submit_private("low")
    life.submit_private("high")
    low = life.sign(0)
    life.say(1, life.sign(1), None, *RELAYS)
    life.say(0, low, SendClass.PERMANENT, *RELAYS)
    life.look(1)
    assert [(ask.nonce, ask.kind) for ask in life.did(e.Sign)] == [(0, Kind.CANCEL)]
    life.sign(0, Kind.CANCEL)
    assert [(send.lane, send.target) for send in life.did(e.Send)] == [(Lane.PRIVATE, 2)]


# Reorgs


def test_a_reorg_opens_the_window_again(life: PrivateLife) -> None:
    """What was in a block that is gone is in flight: by a record, as many blocks as before, and at once."""
    tx_hash = life.fly()
    life.mine(3, tx_hash)
    life.look(3)
    life.mined, life.used = {}, 0
    (send,) = life.look(4, canonical={3: BlockHash("other")})
    assert isinstance(send, e.Send)
    assert (send.lane, send.target, send.last_block) == (Lane.PRIVATE, 5, 4 + WINDOW)
    assert [fact.last_block for fact in life.did(r.Routed)] == [4 + WINDOW]


# Given up, and what becomes of it


def dropped(life: PrivateLife, key: str = "k", nonce: int = 0) -> TxHash:
    """It flew, and was dropped."""
    tx_hash = life.fly(key, nonce=nonce)
    life.pass_window(life.slot(nonce).last_block)
    assert life.intent(key) is IntentState.DROPPED
    return tx_hash


def test_a_dropped_key_goes_again_at_its_own_nonce_and_dearer(life: PrivateLife) -> None:
    """The same content: whoever kept the old bytes can only mine one of them."""
    tx_hash = dropped(life)
    life.submit_private()
    (ask,) = life.did(e.Sign)
    assert (ask.nonce, ask.above.fee_cap) == (0, 100)
    again = life.sign(0, price=200)
    assert [item.tx_hash for item in life.slot().attempts] == [tx_hash, again]
    assert not life.state.given_up
    life.mine(ENDED + 1, tx_hash)
    life.look(ENDED + 1)
    assert life.intent("k") is IntentState.INCLUDED


def test_a_dropped_key_does_not_go_again_at_another_nonce(life: PrivateLife) -> None:
    """It could happen twice: HELD, until its own nonce is final."""
    dropped(life)
    other = life.fly("other")
    life.submit_private()
    assert life.state.intents["k"].refusal is Refusal.HELD
    assert not life.did(e.Sign)
    life.mine(ENDED + 1, other)
    life.look(ENDED + 1)
    life.look(ENDED + 1 + 20)
    assert life.intent("other") is IntentState.SUCCEEDED
    assert not life.state.given_up, "final: nothing of it can come"
    life.submit_private()
    assert [ask.nonce for ask in life.did(e.Sign)] == [1]


def test_held_bytes_that_no_cap_lets_replace_go_out_in_a_window_of_their_own(life: PrivateLife) -> None:
    """Submitted again, and the next price is beyond the caps: what is there flies once more."""
    tx_hash = dropped(life)
    life.submit_private()
    life.feed(e.SignFailed(0, Refusal.FEE_CAP, "too dear", life.at, life.ask(0)))
    (send,) = life.look(ENDED)
    assert isinstance(send, e.Send)
    assert (send.tx_hash, send.last_block) == (tx_hash, ENDED + WINDOW)
    life.pass_window(ENDED + WINDOW)
    assert life.intent("k") is IntentState.DROPPED


def test_a_route_that_became_public_is_written_for_bytes_that_were_private(life: PrivateLife) -> None:
    """The caller's own word for the same content, in another life with other options: a record first."""
    tx_hash = dropped(life)
    life.submit("k")
    life.check("k")
    assert [(fact.nonce, fact.lane) for fact in life.did(r.Routed)] == [(0, Lane.PUBLIC)]
    life.feed(e.SignFailed(0, Refusal.FEE_CAP, "too dear", life.at, life.ask(0)))
    life.at += 60
    life.look(ENDED)
    assert life.begun(tx_hash)[-1].endpoints == NODES


@pytest.mark.parametrize("is_held", [False, True])
@pytest.mark.parametrize("restarts", [False, True])
def test_given_up_bytes_that_land_after_all_are_the_intents_own(
    life: PrivateLife, is_held: bool, restarts: bool
) -> None:
    """Reclaimed, in one look and over a restart; who had the nonce since then gives way, and nobody halts."""
    tx_hash = dropped(life)
    other = life.fly("other") if is_held else None
    if restarts:
        life.restart(account_nonce=1)
    life.mine(ENDED + 1, tx_hash)
    life.look(ENDED + 1)
    assert life.intent("k") is IntentState.INCLUDED
    assert life.state.intents["k"].refusal is None
    assert life.state.intents["k"].nonce == 0
    assert life.state.halted is None
    assert life.state.nonces.lowest == 1
    if is_held:
        assert life.state.intents["other"].refusal is Refusal.OVERTAKEN
        assert life.state.given_up["other"].last.tx_hash == other
    life.look(ENDED + 1 + 20)
    assert life.intent("k") is IntentState.SUCCEEDED
    assert not life.state.given_up
    assert replay(life.facts).intents == life.state.intents


def test_given_up_bytes_do_not_count_in_a_block_that_is_not_canonical(life: PrivateLife) -> None:
    """A receipt of an orphaned block is no receipt here either."""
    tx_hash = dropped(life)
    life.mine(ENDED + 1, tx_hash)
    life.look(ENDED + 1, canonical={ENDED + 1: BlockHash("other")}, account_nonce=0)
    assert life.intent("k") is IntentState.DROPPED


def test_a_foreign_use_of_the_key_still_halts(life: PrivateLife) -> None:
    """Where given-up bytes may be the reason, it takes clean looks in a row that know none of them; where
    they cannot be, one look."""
    dropped(life)
    halts = []
    for unread in (True, False, True, False, False):
        doubt: dict[str, Any] = {"absent": frozenset()} if unread else {}
        life.look(ENDED, account_nonce=1, **doubt)
        halts.append(life.is_halted)
    assert halts == [False, False, False, False, True]
    other = PrivateLife()
    other.look(1, account_nonce=1)
    assert other.is_halted


def test_a_queued_key_that_fails_its_check_leaves_what_was_given_up_as_it_was(life: PrivateLife) -> None:
    """Its bytes may land while it is checked anew, and after that check failed."""
    tx_hash = dropped(life)
    wanted = life.intent_of("k", RoutePolicy.private(WINDOW), deadline=10_000)
    life.feed(e.Submit(wanted))
    life.feed(e.CheckFailed("k"))
    assert life.intent("k") is IntentState.DROPPED
    life.feed(e.Submit(wanted))
    life.mine(ENDED + 1, tx_hash)
    life.look(ENDED + 1)
    assert life.intent("k") is IntentState.INCLUDED
    life.check("k")
    assert not life.did(e.Sign)
    assert replay(life.facts).intents == life.state.intents


def test_nothing_is_final_before_given_up_bytes_are_known_to_be_absent(life: PrivateLife) -> None:
    """Finality forgets them: an unread receipt of theirs holds it up, mined or taken by others alike."""
    tx_hash = dropped(life)
    other = life.fly("other")
    gone = frozenset({other})
    life.look(ENDED, account_nonce=1)
    for _ in range(2 * PASSES):
        life.look(ENDED, account_nonce=1, final_nonce=1, absent=gone)
        assert life.intent("other") is IntentState.RESOLVING
    life.mine(ENDED + 1, other)
    life.look(ENDED + 1)
    life.look(ENDED + 40, absent=frozenset())
    assert "k" in life.state.given_up
    life.look(ENDED + 40, absent=frozenset({tx_hash}))
    assert life.intent("other") is IntentState.SUCCEEDED
    assert not life.state.given_up


def test_bytes_that_leaked_are_outbid(life: PrivateLife) -> None:
    """A public pool has what was given up, and calls a filler an underpriced replacement: it is priced above
    them, for no stranger holds the nonce."""
    dropped(life)
    life.submit("public")
    life.check("public")
    cheap = life.sign(0, price=50)
    life.say(0, cheap, SendClass.REPL_UNDERPRICED, "a")
    assert [(ask.nonce, ask.above.fee_cap) for ask in life.did(e.Sign)] == [(0, 100)]
    dear = life.sign(0, price=200)
    life.say(0, cheap, SendClass.REPL_UNDERPRICED, "b")
    assert not life.did(e.Sign), "that was about the one before"
    life.say(0, dear, SendClass.REPL_UNDERPRICED, *NODES)
    assert life.intent("public") is IntentState.RESOLVING, "it was dear enough: a stranger's is there"


def test_what_outbids_leaked_bytes_outbids_its_own_last_price_too(life: PrivateLife) -> None:
    """7: theirs ask for more in one part of the price, its own in the other; the next is above both."""
    dropped(life)
    life.submit("public")
    life.check("public")
    own = TxHash("own")
    fees = Fees(105, 105)
    life.feed(e.Signed(0, Kind.NORMAL, own, b"own", fees, 1, 1, life.ways, life.at, life.ask(0)))
    life.say(0, own, SendClass.REPL_UNDERPRICED, "a")
    assert [ask.above for ask in life.did(e.Sign)] == [Fees(105, 105)]


# The journal


def histories() -> list[PrivateLife]:
    """Given up, given up and held again, reclaimed with and without a holder, and a bundle."""
    lives = [PrivateLife() for _ in range(5)]
    for life in lives[:4]:
        dropped(life)
    lives[1].submit_private()
    lives[1].sign(0, price=200)
    lives[3].fly("other")
    for life in lives[2:4]:
        life.mine(ENDED + 1, next(iter(life.state.given_up.values())).last.tx_hash)
        life.look(ENDED + 1)
    lives[4].fly_bundle()
    lives[4].pass_window(WINDOW)
    return lives


@pytest.mark.parametrize("number", range(5))
def test_a_compaction_keeps_what_was_given_up(number: int) -> None:
    """It folds to the same state, twice is once, and what comes later means the same on top of it."""
    life = histories()[number]
    facts = list(life.facts)
    short = compact(facts)
    assert compact(short) == short
    for cut in range(len(facts) + 1):
        mixed = (*compact(facts[:cut]), *facts[cut:])
        told, whole = replay(mixed), replay(facts)
        assert (told.slots, told.given_up, told.nonces) == (whole.slots, whole.given_up, whole.nonces)
        flying = {key for key, intent in whole.intents.items() if intent.refusal is None}
        assert {key: told.intents[key] for key in flying} == {key: whole.intents[key] for key in flying}
        assert compact(compact(mixed)) == compact(mixed)
        assert replay(compact(mixed)).slots == whole.slots


def test_the_story_of_one_that_was_reclaimed_goes_on(life: PrivateLife) -> None:
    """In memory and from the journal alike: dropped, and then not; a listener hears both."""
    tx_hash = dropped(life)
    life.mine(ENDED + 1, tx_hash)
    life.look(ENDED + 1)
    life.look(ENDED + 30)
    stories = Stories()
    for fact in life.facts:
        stories.take(fact)
    told = stories.of("k")
    assert told is not None
    assert [record for record in pick_story(life.facts, "k") if record is not None] == told
    names = [type(event).__name__ for event in project(told)]
    assert names.index("NotSent") < names.index("Reclaimed") < names.index("Included")
    assert names[-1] == "Final"
    assert stories.size == 0


def test_a_story_wanted_again_while_its_past_lands_is_the_new_one() -> None:
    """Submitted again and waiting for its turn, reclaimed: no record is counted twice or lost."""
    life = PrivateLife()
    tx_hash = dropped(life)
    life.fly("first", nonce=0)
    stories = Stories()
    for fact in life.facts:
        stories.take(fact)
    again = life.intent_of("k", RoutePolicy.private(WINDOW))
    for record in (
        again,
        r.Released(nonce=0, refusal=Refusal.OVERTAKEN, reason="late"),
        r.Reclaimed(nonce=0, key="k"),
    ):
        stories.take(record)
    assert stories.of("k") == [again, r.Reclaimed(nonce=0, key="k")]
    assert stories.size == 2
    assert tx_hash


ATTEMPT = b"""{"type":"attempt","nonce":0,"kind":"normal","tx_hash":"0xk","raw":"eA==","tip":1,"fee_cap":2,
"gas_limit":21000,"worst_cost":9}"""
OF_OLD = (
    b'{"type":"intent","key":"k","digest":"d","target":"0x1","data":"","value":0,"gas_limit":21000,"at":10}',
    b'{"type":"reserved","nonce":0,"key":"k"}',
    ATTEMPT,
    b'{"type":"send_begin","nonce":0,"tx_hash":"0xk","endpoints":["a"],"at":11,"block":1}',
    b'{"type":"send_result","nonce":0,"tx_hash":"0xk","endpoint":"a","outcome":"accepted","send_class":""}',
)


def test_a_journal_without_lanes_is_a_public_one() -> None:
    """What was written before there were any reads as it was meant."""
    state = replay(map(r.decode_record, OF_OLD))
    slot = state.slots[0]
    assert (slot.lane, slot.last_block, slot.target) == (Lane.PUBLIC, 0, 0)
    assert state.intents["k"].lane is Lane.PUBLIC
    assert not slot.flies_private
    life = PrivateLife()
    life.state = state
    life.feed(e.Recovered(0, 1, 20, ALL))
    assert [send.lane for send in life.did(e.Send)] == [Lane.PUBLIC]


def test_what_a_relay_keeps_past_the_window_is_not_dropped_before_it_lets_go() -> None:
    """MEV Blocker is told no last block and tries for 25: while it may still include the bytes, nobody else
    gets their nonce."""
    life = PrivateLife(replace(ALL, lingering={"relay": 25}))
    life.fly()
    for head in range(1, WINDOW):
        life.look(head)
    last = WINDOW - 1 + 25
    life.pass_window(last - 1)
    assert life.intent("k") is IntentState.LIVE
    life.pass_window(last)
    assert life.intent("k") is IntentState.DROPPED


def test_bytes_that_never_left_are_not_watched(life: PrivateLife) -> None:
    """A signature that came when its window was over is in the journal, and nobody has its bytes: what is
    given up are those that left."""
    first = life.fly()
    life.feed(e.BumpAsked("k"))
    life.look(WINDOW)
    life.sign(0, price=300)
    life.pass_window(WINDOW)
    assert [item.tx_hash for item in life.state.given_up["k"].attempts] == [first]
    assert replay(life.facts).given_up == life.state.given_up


def test_a_compaction_keeps_how_far_the_chain_had_come(life: PrivateLife) -> None:
    """What is known of the head came with a block that is not canonical any more: a later life begins with it
    all the same."""
    tx_hash = life.fly()
    life.mine(2, tx_hash)
    life.look(2)
    life.mined.clear()
    life.used = 0
    for head in (3, 3, 3):
        life.look(head, canonical={2: BlockHash("0xother"), 3: BlockHash("h3")})
    life.pass_window(3 + WINDOW)
    assert life.intent("k") is IntentState.DROPPED
    assert replay(compact(life.facts)).head == replay(life.facts).head == 2
