"""The same private bytes to the same relay for block after block, while answers are late: what a no means."""

from __future__ import annotations

from tests.tx.private_life import RELAYS, PrivateLife

from trimtab.chain.rpc_errors import SendClass
from trimtab.tx.states import IntentState, SlotState


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
