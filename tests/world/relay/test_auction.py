"""The decision of a block, for pools of every shape: whole bundles, legal nonces, best first."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.ids import Address, TxHash
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.opening import OpenedTx
from trimtab.world.relay.auction import Frame, Gain, Placed, arrange, first_broken, score_of, tip_of
from trimtab.world.relay.offers import Kind, Offer, Step

BASE_FEE = 100
PEOPLE = [Address(f"0x{number:040x}") for number in range(1, 4)]


def make_tx(who: int, nonce: int, tip: int = 1, cap: int = 1000, gas: int = 10, mark: int = 0) -> OpenedTx:
    fields = DynamicFeeTx(1, nonce, tip, cap, gas, PEOPLE[0])
    return OpenedTx(b"", TxHash(f"0x{who:02x}{nonce:02x}{mark:060x}"), fields, PEOPLE[who])


def make_offer(kind: Kind, *steps: Step | OpenedTx, turn: int = 0, name: str = "", **more: object) -> Offer:
    whole = tuple(step if isinstance(step, Step) else Step(step) for step in steps)
    return Offer(name or f"{kind}/{turn}", kind, whole, turn, **more)  # type: ignore[arg-type]


FRAME = Frame(number=10, at=1000, base_fee=BASE_FEE, gas_limit=10**6, nonces=dict.fromkeys(PEOPLE, 0))


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[Offer], Frame]:
    """A few people's transactions, with gaps, conflicts and copies, as bundles, private and public ones."""
    txs = [
        make_tx(
            draw(st.integers(0, 2)),
            draw(st.integers(0, 3)),
            draw(st.integers(0, 9)),
            draw(st.sampled_from((90, 100, 104, 1000))),
            draw(st.integers(1, 30)),
            mark,
        )
        for mark in range(draw(st.integers(1, 9)))
    ]
    offers = []
    for turn in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(list(Kind)))
        size = draw(st.integers(1, 3)) if kind is Kind.BUNDLE else 1
        chosen = draw(st.permutations(txs))[:size]
        steps = [Step(tx, may_drop=kind is Kind.BUNDLE and draw(st.booleans())) for tx in chosen]
        offers.append(make_offer(kind, *steps, turn=turn, needs_tip=draw(st.booleans())))
    nonces = {person: draw(st.integers(0, 1)) for person in PEOPLE}
    return offers, Frame(10, 1000, BASE_FEE, draw(st.integers(10, 120)), nonces)


@given(pools())
def test_nonces_gas_and_fees_are_legal(pool: tuple[list[Offer], Frame]) -> None:
    """Every sender's nonces are consecutive from his next one, nothing is in twice, the gas fits, and each
    transaction pays the base fee."""
    offers, frame = pool
    placed = arrange(offers, frame)
    txs = [tx for item in placed for tx in item.txs]
    expected = dict(frame.nonces)
    for tx in txs:
        assert tx.fields.nonce == expected[tx.sender]
        expected[tx.sender] += 1
        assert tip_of(tx, BASE_FEE) >= 0
    assert max(Counter(tx.tx_hash for tx in txs).values(), default=1) == 1
    assert sum(tx.fields.gas_limit for tx in txs) <= frame.gas_limit


@given(pools())
def test_bundles_are_whole_and_in_order(pool: tuple[list[Offer], Frame]) -> None:
    """A placed offer has its transactions in their order, without a gap but for those it lets be dropped."""
    for item in arrange(*pool):
        kept = [step for step in item.offer.steps if step.tx in item.txs]
        assert [step.tx for step in kept] == list(item.txs)
        assert all(step.may_drop for step in item.offer.steps if step.tx not in item.txs)


@given(pools())
def test_nothing_that_fits_is_left_out(pool: tuple[list[Offer], Frame]) -> None:
    """What is left out does not fit behind the block: by its nonce, its fee or its gas."""
    offers, frame = pool
    placed = arrange(offers, frame)
    nonces = dict(frame.nonces)
    for item in placed:
        for tx in item.txs:
            nonces[tx.sender] = tx.fields.nonce + 1
    used = sum(tx.fields.gas_limit for item in placed for tx in item.txs)
    behind = Frame(10, 1000, BASE_FEE, frame.gas_limit - used, nonces)
    inside = {id(item.offer) for item in placed}
    assert arrange([offer for offer in offers if id(offer) not in inside], behind) == ()


@given(pools())
def test_best_of_those_that_can_be_next_is_next(pool: tuple[list[Offer], Frame]) -> None:
    """Wherever a worse one stands before a better one, the better one could not stand there."""
    offers, frame = pool
    placed = arrange(offers, frame)
    nonces, gas = dict(frame.nonces), frame.gas_limit
    for item, after in pairwise(placed):
        if _rank(after.offer) < _rank(item.offer):
            at_once = Frame(10, 1000, BASE_FEE, gas, nonces)
            assert arrange([after.offer], at_once) == ()
        for tx in item.txs:
            nonces[tx.sender] = tx.fields.nonce + 1
            gas -= tx.fields.gas_limit


def _rank(offer: Offer) -> tuple[bool, int]:
    return offer.kind is not Kind.BUNDLE, -score_of(offer, BASE_FEE)


@given(pools(), st.integers())
def test_block_does_not_depend_on_the_order_of_the_pools(pool: tuple[list[Offer], Frame], seed: int) -> None:
    """The same offers give the same block, however they are listed."""
    offers, frame = pool
    mixed = list(offers)
    random.Random(seed).shuffle(mixed)
    assert arrange(mixed, frame) == arrange(offers, frame)


def test_bundles_go_by_what_a_trial_showed() -> None:
    """A payment to the fee recipient counts as a tip does; a bundle of lower tips that pays more is first."""
    low = make_offer(Kind.BUNDLE, make_tx(0, 0, tip=1), turn=1, name="low")
    high = make_offer(Kind.BUNDLE, make_tx(1, 0, tip=5), turn=2, name="high")
    assert [p.offer for p in arrange([low, high], FRAME)] == [high, low]
    gains = {"low": Gain(income=1000, gas_used=10), "high": Gain(income=50, gas_used=10)}
    assert [p.offer for p in arrange([low, high], FRAME, gains)] == [low, high]


def test_private_stands_before_public_at_one_tip_and_behind_a_higher_one() -> None:
    """Singles go by effective tip, whoever brought them; a tie goes to the private one."""
    public, private, best = (
        make_offer(Kind.PUBLIC, make_tx(0, 0, tip=5), turn=1),
        make_offer(Kind.PRIVATE, make_tx(1, 0, tip=5), turn=2),
        make_offer(Kind.PUBLIC, make_tx(2, 0, tip=6), turn=3),
    )
    assert [p.offer for p in arrange([public, private, best], FRAME)] == [best, private, public]


def test_offer_is_open_in_its_blocks_and_times_only() -> None:
    """Both ends are inside; after its last block an offer is expired."""
    offer = make_offer(Kind.BUNDLE, make_tx(0, 0), first_block=9, last_block=11, min_time=5, max_time=7)
    assert [n for n in range(8, 13) if offer.is_open(n, 6)] == [9, 10, 11]
    assert [at for at in range(4, 9) if offer.is_open(10, at)] == [5, 6, 7]
    assert [n for n in range(8, 13) if offer.is_expired(n)] == [12]


def test_conflict_goes_to_who_pays_more() -> None:
    """Of two transactions of one nonce the one with the higher tip is in."""
    cheap, dear = (make_offer(Kind.PRIVATE, make_tx(0, 0, tip=t, mark=t), turn=t) for t in (1, 2))
    assert [p.offer for p in arrange([cheap, dear], FRAME)] == [dear]


def test_broken_promises_are_found() -> None:
    """A revert or an absence that was not allowed breaks an offer, but never a public transaction."""
    first, second = make_tx(0, 0), make_tx(1, 0)
    strict = make_offer(Kind.BUNDLE, first, second)
    lenient = make_offer(Kind.BUNDLE, Step(first, may_revert=True), Step(second, may_drop=True))
    public = make_offer(Kind.PUBLIC, first)

    def broken(offer: Offer, statuses: Mapping[Any, bool]) -> Offer | None:
        found = first_broken([Placed(offer, tuple(step.tx for step in offer.steps))], statuses)
        return found and found[0]

    reverted, absent = {first.tx_hash: False, second.tx_hash: True}, {first.tx_hash: True}
    assert broken(strict, {first.tx_hash: True, second.tx_hash: True}) is None
    assert broken(strict, reverted) is strict
    assert broken(strict, absent) is strict
    assert broken(lenient, reverted) is None
    assert broken(lenient, absent) is None
    assert broken(public, {}) is None
