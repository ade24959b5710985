"""A relay's pool: turns, replacements, ends, and what became of each transaction."""

from __future__ import annotations

import dataclasses
from typing import Any

from tests.world.relay.conftest import PEOPLE
from tests.world.relay.test_auction import make_offer, make_tx

from trimtab.model.ids import Address
from trimtab.world.relay.builder import Built
from trimtab.world.relay.doors import PROTECT
from trimtab.world.relay.offers import Kind, Offer
from trimtab.world.relay.pool import Pool, State, Story

ME, OTHER = Address(PEOPLE[0]), Address(PEOPLE[1])
TX = make_tx(0, 3)


def give(pool: Pool, tx: Any = TX, *, last: int = 10, turn: int = 1) -> Story:
    offer = make_offer(Kind.PRIVATE, tx, turn=turn, name=tx.tx_hash, last_block=last, signer=ME)
    story = Story(tx, PROTECT, ME, at=0.0, last_block=last)
    pool.put_private(offer, story)
    return story


def state_of(story: Story) -> State:
    """Read anew: it changes behind the type checker's back."""
    return story.state


def bundle(name: str, block: int = 5, **more: Any) -> Offer:
    return make_offer(Kind.BUNDLE, TX, name=name, first_block=block, last_block=block, signer=ME, **more)


def built(number: int, *hashes: str, block: str = "0xb", **more: Any) -> Built:
    fields: dict[str, Any] = {"at": 0, "base_fee": 0, "gas_used": 0, "included": ()}
    return Built(number, block, tx_hashes=hashes, **(fields | more))


def test_given_again_it_keeps_its_turn_and_gets_the_new_end() -> None:
    """Sending the same bytes at each block costs no place and moves the last block."""
    pool = Pool()
    give(pool, turn=1, last=10)
    give(pool, turn=9, last=12)
    (offer,) = pool.offers(5)
    assert (offer.turn, offer.last_block) == (1, 12)


def test_included_lost_and_included_again() -> None:
    """A story follows the chain, also when its block is lost."""
    pool = Pool()
    story = give(pool)
    pool.settle(built(6, TX.tx_hash, block="0xa"))
    assert (state_of(story), story.block_hash) == (State.INCLUDED, "0xa")
    pool.settle(built(6, block="0xb", instead_of="0xa"))
    assert (state_of(story), story.block_hash) == (State.PENDING, None)
    pool.settle(built(7, TX.tx_hash, block="0xc"))
    assert state_of(story) == State.INCLUDED


def test_lost_with_its_last_block() -> None:
    """What is lost in the last block that might include it has failed."""
    pool = Pool()
    story = give(pool, last=6)
    pool.settle(built(6, TX.tx_hash, block="0xa"))
    pool.settle(built(6, block="0xb", instead_of="0xa"))
    assert state_of(story) == State.FAILED


def test_end_of_the_window_is_the_end() -> None:
    """After its last block a transaction has failed and is no longer offered."""
    pool = Pool()
    story = give(pool, last=6)
    pool.settle(built(5))
    assert state_of(story) == State.PENDING
    pool.settle(built(6))
    assert state_of(story) == State.FAILED
    assert pool.offers(7) == []


def test_cancelled_by_its_sender_only_while_it_waits() -> None:
    """Another signer, an unknown hash and a second time get a no."""
    pool = Pool()
    story = give(pool)
    assert not pool.cancel_private(TX.tx_hash, OTHER)
    assert not pool.cancel_private("0x1", ME)
    assert pool.waiting_at(TX.sender, 3) is story
    assert pool.cancel_private(TX.tx_hash, ME)
    assert not pool.cancel_private(TX.tx_hash, ME)
    assert (state_of(story), pool.waiting_at(TX.sender, 3)) == (State.CANCELLED, None)


def test_bundles_of_one_uuid_replace_each_other() -> None:
    """The last one stays, whatever its block; another signer's of the same uuid too."""
    pool = Pool()
    pool.put_bundle(bundle("a", replacement="u"))
    pool.put_bundle(bundle("b", 6, replacement="u"))
    pool.put_bundle(dataclasses.replace(bundle("c", replacement="u"), signer=OTHER))
    pool.put_bundle(bundle("d"))
    assert {offer.name for offer in pool.offers(5)} == {"b", "c", "d"}
    assert pool.cancel_bundles(ME, "u") == ["b"]
    assert pool.cancel_bundles(ME, "") == []


def test_bundle_is_one_for_each_block() -> None:
    """The same bundle for two blocks is held twice; what a builder saw and sealed is noted for each."""
    pool = Pool()
    pool.put_bundle(bundle("a", 5))
    pool.put_bundle(bundle("a", 6))
    held = pool.offers(5)
    assert [offer.first_block for offer in held] == [5, 6]
    assert pool.bundles["a", 5].considered_at is not None
    assert pool.bundles["a", 6].considered_at is None
    pool.settle(built(5, TX.tx_hash, included=(held[0],)))
    assert pool.bundles["a", 5].sealed_at is not None
    assert pool.find("a") is not None
    assert [offer.first_block for offer in pool.offers(6)] == [6]


def test_reason_of_a_broken_promise_is_kept() -> None:
    """What a trial showed stands in the story."""
    pool = Pool()
    story = give(pool)
    (offer,) = pool.offers(5)
    pool.settle(built(5, dropped={offer: "reverted"}))
    assert (state_of(story), story.sim_error) == (State.PENDING, "reverted")
    pool.clear()
    assert pool.offers(5) == []
    assert pool.stories == {}
