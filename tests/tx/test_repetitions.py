"""The same private bytes to the same relay for block after block, while answers are late, nonces are used and
steps of bundles are signed: what each of that means."""

from __future__ import annotations

from dataclasses import replace

from tests.tx.private_life import ALL, NODES, PATIENT, RELAYS, WINDOW, PrivateLife

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import BlockHash
from trimtab.tx import events as e
from trimtab.tx.reducer import replay
from trimtab.tx.states import IntentState, Mined, SlotState

ENDED = WINDOW + PATIENT.drop_margin + 1


def test_a_no_to_a_repetition_does_not_take_back_what_was_not_answered() -> None:
    """The first request was never answered, so that the relay may hold the bytes: the nonce stays with them
    until the window is past, and then they are watched."""
    life = PrivateLife()
    life.submit_private()
    tx_hash = life.sign(0)
    life.look(1)
    life.say(0, tx_hash, SendClass.FUNDS, *RELAYS)
    assert life.intent("k") is IntentState.LIVE
    assert life.slot().state is SlotState.COMMITTED
    life.pass_window(life.slot().last_block)
    assert life.intent("k") is IntentState.DROPPED
    assert life.state.given_up["k"].last.tx_hash == tx_hash


def test_a_no_to_a_bundles_repetition_does_not_take_it_back_either() -> None:
    """Of no step of it, though each of them is refused by everybody."""
    life = PrivateLife()
    keys = life.submit_bundle()
    hashes = [life.sign(nonce) for nonce in range(2)]
    life.look(1)
    for nonce, tx_hash in enumerate(hashes):
        life.say(nonce, tx_hash, SendClass.PERMANENT, "builder")
    assert [life.intent(key) for key in keys] == [IntentState.LIVE] * 2
    assert life.state.nonces.lowest == 2


def test_an_answered_no_is_one_for_good() -> None:
    """Every request was answered, and each with a no: the nonce is free at once."""
    life = PrivateLife()
    life.submit_private()
    tx_hash = life.sign(0)
    life.say(0, tx_hash, SendClass.FUNDS, *RELAYS)
    assert life.intent("k") is IntentState.REJECTED
    assert life.state.nonces.lowest == 0


def test_nothing_is_repeated_for_a_nonce_that_is_used() -> None:
    """Whoever used it: a look finds that out, and relays are not asked for it any more."""
    life = PrivateLife()
    life.fly()
    for head in range(1, WINDOW):
        assert not life.look(head, account_nonce=1)
    assert life.intent("k") is IntentState.RESOLVING


def test_one_look_counts_once_for_a_bundle() -> None:
    """However many steps it has: it is dropped after as many looks as one transaction is."""
    life = PrivateLife()
    life.fly_bundle(count=3)
    life.look(ENDED)
    assert [life.intent(f"b.{step}") for step in range(3)] == [IntentState.LIVE] * 3
    life.look(ENDED)
    assert [life.intent(f"b.{step}") for step in range(3)] == [IntentState.DROPPED] * 3


def test_a_bundle_waits_for_a_step_that_is_being_signed() -> None:
    """Nothing of it is dropped while a signature is due: it may be of bytes that nobody saw yet."""
    life = PrivateLife()
    life.fly_bundle()
    life.feed(e.BumpAsked("b.1"))
    life.pass_window(WINDOW)
    assert [life.intent(f"b.{step}") for step in range(2)] == [IntentState.LIVE] * 2
    life.sign(1, price=200)
    life.pass_window(WINDOW)
    assert [life.intent(f"b.{step}") for step in range(2)] == [IntentState.DROPPED] * 2


def test_two_that_are_mined_at_one_nonce_are_no_news() -> None:
    """Nodes that disagree show what was given up beside who holds the nonce: he keeps it until his own block
    is gone."""
    life = PrivateLife()
    late = life.fly()
    life.pass_window(WINDOW)
    life.mine(ENDED + 1, life.fly("other"))
    life.look(ENDED + 1)
    life.mine(ENDED + 2, late)
    life.look(ENDED + 2, account_nonce=1)
    assert life.intent("other").is_mined
    assert life.intent("k") is IntentState.DROPPED


def test_who_gave_way_is_watched_too() -> None:
    """Public bytes at a nonce that given-up bytes took are still in pools: a reorg may bring them in."""
    life = PrivateLife()
    late = life.fly()
    life.pass_window(WINDOW)
    life.submit("public")
    life.check("public")
    open_hash = life.sign(0, price=300)
    life.say(0, open_hash, None, *NODES)
    life.mine(ENDED + 1, late)
    life.look(ENDED + 1)
    assert life.intent("k") is IntentState.INCLUDED
    assert life.state.given_up["public"].last.tx_hash == open_hash
    life.mined.clear()
    life.look(ENDED + 2, canonical={}, account_nonce=0)
    life.mined[open_hash] = Mined(open_hash, ENDED + 1, BlockHash("0xother"), True, 1, 1)
    for _ in range(3):
        life.look(ENDED + 2, canonical={ENDED + 1: BlockHash("0xother")}, account_nonce=1)
    assert life.intent("public").is_mined
    assert not life.is_halted


def test_a_stopped_bundle_is_over_when_nobody_may_include_it_any_more() -> None:
    """An endpoint that tries it up to its last block does so after it was stopped: until then no nonce of it
    is free. Where all aim at one block, that block is its end."""
    for lingering, end in (({"builder": 0}, WINDOW), (dict[str, int](), 1)):
        life = PrivateLife(replace(ALL, lingering=lingering))
        life.fly_bundle()
        life.feed(e.CancelAsked("b.0"))
        for head in range(1, end + PATIENT.drop_margin + 1):
            for _ in range(PATIENT.clean_passes):
                life.look(head)
        assert life.state.nonces.lowest == 2
        life.pass_window(end)
        assert life.state.nonces.lowest == 0
        assert replay(life.facts).given_up == life.state.given_up
