"""A journal told anew: the same state, every hash that may still matter, and fewer records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import settings
from tests.tx import test_reducer_properties as model
from tests.tx.test_private_properties import PrivateEngine

from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx import records as r
from trimtab.tx.compaction import compact
from trimtab.tx.reducer import replay
from trimtab.tx.states import IntentState, Kind, Outcome, Refusal, State, Terminal
from trimtab.tx.stories import ALONE, Stories

BLOCK = BlockHash("0x" + "bb" * 32)


def submitted(key: str, **more: Any) -> r.Submitted:
    return r.Submitted(
        key=key, digest=key, target=Address("0x1"), data=b"\x01", value=5, gas_limit=21_000, at=10, **more
    )


def attempt(nonce: int, tx_hash: str, kind: Kind = Kind.NORMAL) -> r.Attempted:
    return r.Attempted(
        nonce=nonce,
        kind=kind,
        tx_hash=TxHash(tx_hash),
        raw=b"raw" + tx_hash.encode(),
        tip=1,
        fee_cap=2,
        gas_limit=21_000,
        worst_cost=9,
    )


def begun(nonce: int, tx_hash: str, at: int = 11) -> r.SendBegun:
    return r.SendBegun(nonce=nonce, tx_hash=TxHash(tx_hash), endpoints=("a",), at=at, block=1)


def answer(nonce: int, tx_hash: str, outcome: Outcome = Outcome.ACCEPTED) -> r.SendResult:
    return r.SendResult(nonce=nonce, tx_hash=TxHash(tx_hash), endpoint="a", outcome=outcome, send_class="")


def seen(nonce: int, tx_hash: str, *, is_success: bool = True) -> r.Seen:
    return r.Seen(
        nonce=nonce,
        tx_hash=TxHash(tx_hash),
        block=3,
        block_hash=BLOCK,
        is_success=is_success,
        gas_used=20_000,
        fee_wei=40_000,
    )


def sent(key: str, nonce: int) -> list[r.Durable]:
    """An intent that is out."""
    tx_hash = f"0x{key}"
    return [
        submitted(key, label="a label", cause="a cause"),
        r.Reserved(nonce=nonce, key=key),
        attempt(nonce, tx_hash),
        begun(nonce, tx_hash),
        answer(nonce, tx_hash),
    ]


def done(key: str, nonce: int, outcome: Terminal = Terminal.SUCCEEDED) -> list[r.Durable]:
    """An intent that is final."""
    is_success = outcome is not Terminal.REVERTED
    return [
        *sent(key, nonce),
        seen(nonce, f"0x{key}", is_success=is_success),
        r.Confirmed(nonce=nonce, tx_hash=TxHash(f"0x{key}")),
        r.Final(nonce=nonce, outcome=outcome),
    ]


def kept(state: State) -> State:
    """A state without the refused, which a compaction may forget."""
    intents = {key: intent for key, intent in state.intents.items() if intent.refusal is None}
    return replace(state, intents=intents)


def written(records: Any) -> tuple[r.Durable, ...]:
    """Records as they come back from the disk."""
    return tuple(r.decode_record(r.encode_record(record)) for record in records)


def test_a_final_intent_becomes_one_record_with_all_that_later_lives_need() -> None:
    """Key, digest, nonce, hashes with their kinds, outcome, block, gas and fee, times, label and cause; the
    bytes and the call's data are gone."""
    records = sent("a", 0)
    records += [
        attempt(0, "0xc", Kind.CANCEL),
        begun(0, "0xc", at=99),
        seen(0, "0xc"),
        r.Final(nonce=0, outcome=Terminal.CANCELLED),
    ]
    *_, nonces = short = written(compact(records))
    assert nonces == r.NoncesNoted(next=1)
    (archived,) = short[:-1]
    assert isinstance(archived, r.Archived)
    intent, slot = archived.intent, archived.slot
    assert (intent.key, intent.digest, intent.nonce, intent.state) == ("a", "a", 0, IntentState.CANCELLED)
    assert (intent.label, intent.cause, intent.submitted_at, intent.data) == ("a label", "a cause", 10, b"")
    assert [(item.tx_hash, item.kind, item.raw) for item in slot.attempts] == [
        ("0xa", Kind.NORMAL, b""),
        ("0xc", Kind.CANCEL, b""),
    ]
    assert slot.mined is not None
    assert (slot.mined.tx_hash, slot.mined.block, slot.mined.block_hash) == ("0xc", 3, BLOCK)
    assert (slot.mined.gas_used, slot.mined.fee_wei, slot.sent_at) == (20_000, 40_000, 99)
    assert replay(short) == replay(records)


def test_a_revert_keeps_its_data_to_be_explained() -> None:
    """Whoever asks for its reason later still can."""
    (archived, _) = compact(done("a", 0, Terminal.REVERTED))
    assert isinstance(archived, r.Archived)
    assert archived.intent.data == b"\x01"


def test_what_is_in_flight_keeps_its_records_word_by_word() -> None:
    """Also where it was refused before under another nonce; of that only the hash is kept, until its nonce is
    final."""
    refused: list[r.Durable] = [*sent("b", 1)[:-1], answer(1, "0xb", Outcome.REJECTED)]
    refused.append(r.Released(nonce=1, refusal=Refusal.ROUTE, reason="no"))
    flying: list[r.Durable] = [
        submitted("b"),
        r.Reserved(nonce=1, key="b"),
        attempt(1, "0xb2"),
        begun(1, "0xb2"),
    ]
    records = [*done("a", 0), *refused, *flying]
    short = compact(records)
    assert short[1:] == (
        r.Forgone(nonce=1, tx_hash=TxHash("0xb")),
        r.NoncesNoted(next=2, free=(1,)),
        *flying,
    )
    later: list[r.Durable] = [seen(1, "0xb2"), r.Final(nonce=1, outcome=Terminal.SUCCEEDED)]
    assert replay([*short, *later]) == replay([*records, *later])
    assert not replay([*short, *later]).forgone


def test_a_refused_intent_is_forgotten_and_its_key_free() -> None:
    """As it was before: nothing of it is on chain, nothing can come."""
    records: list[r.Durable] = [submitted("a"), r.Refused(key="a", refusal=Refusal.HALTED, reason="no")]
    assert compact(records) == ()
    assert compact([*records, submitted("a")]) == (submitted("a"),)


def test_the_accounts_own_facts_stay() -> None:
    """Genesis, halt, pause, and nonces that others used or gave back."""
    records: list[r.Durable] = [
        r.ChainNamed(genesis=BLOCK),
        r.NonceRaised(nonce=7),
        *sent("a", 7),
        submitted("b"),
        r.Reserved(nonce=8, key="b"),
        r.Halted(reason="the key is used elsewhere"),
        r.Paused(reason="lunch"),
    ]
    short = compact(records)
    assert replay(short) == replay(records)
    assert r.Halted(reason="the key is used elsewhere") in short
    assert r.Paused(reason="lunch") in short


def test_every_record_has_its_place_in_a_story_or_stands_alone() -> None:
    """A new kind of record that a compaction would lose, or an intent's story would miss, is noticed here."""
    for kind in get_args(r.Durable):
        fields = set(kind.__struct_fields__)
        assert (kind in ALONE) != bool(fields & {"key", "nonce"}) or kind in (
            r.NonceRaised,
            r.GapFound,
            r.Forgone,
        ), kind


def test_stories_forget_what_ended_but_the_latest() -> None:
    """A life of many intents holds few of their records."""
    stories = Stories()
    for number in range(1_000):
        for record in done(f"k{number}", number):
            stories.take(record)
    assert stories.size == 0
    assert stories.of("k0") is None
    assert stories.of("k999") == done("k999", 999)
    assert not stories._holders


OF_OLD = b"""{"type":"archived","intent":{"key":"k","digest":"d","target":"0x1","data":"","value":0,
"gas_limit":21000,"deadline":null,"budget_wei":null,"label":"","submitted_at":10,"state":"succeeded",
"nonce":0},"slot":{"nonce":0,"key":"k","state":"consumed","attempts":[{"kind":"normal",
"tx_hash":"0xk","raw":"","fees":{"tip":1,"fee_cap":2},"gas_limit":21000,"worst_cost":9}],"mined":
{"tx_hash":"0xk","block":3,"block_hash":"0xbb","is_success":true,"gas_used":20000,"fee_wei":40000},
"sent_at":11}}"""


def test_an_archive_of_the_first_version_is_read_for_ever() -> None:
    """What an intent or a slot has gained since has a default: no release makes old journals unreadable."""
    record = r.decode_record(OF_OLD)
    assert isinstance(record, r.Archived)
    state = replay([record])
    assert state.intents["k"].state is IntentState.SUCCEEDED
    assert state.finished[0].attempts[0].tx_hash == "0xk"


class Compacting(model.Engine):
    """Whatever journal the model of the engine comes to, at whatever point it is compacted."""

    def teardown(self) -> None:
        super().teardown()
        journal: list[Any] = list(self.journal)
        whole = compact(journal)
        assert kept(replay(written(whole))) == kept(replay(journal)), "it folds to another state"
        assert compact(whole) == whole, "compacting twice is not compacting once"
        assert len(whole) <= len(journal) + 1
        self.check_hashes(whole)
        for cut in range(0, len(journal), max(len(journal) // 6, 1)):
            mixed = (*compact(journal[:cut]), *journal[cut:])
            assert kept(replay(mixed)) == kept(replay(journal)), f"compacted at {cut} and gone on"
            assert compact(mixed) == whole
            self.check_hashes(compact(journal[:cut]), cut)

    def check_hashes(self, short: tuple[r.Durable, ...], cut: int | None = None) -> None:
        """No hash that an endpoint may have is forgotten before its nonce is final."""
        journal = list(self.journal)[:cut]
        final = max((item.nonce for item in journal if isinstance(item, r.Final)), default=-1)
        begun = {(item.nonce, item.tx_hash) for item in journal if isinstance(item, r.SendBegun)}
        text = b"".join(map(r.encode_record, short)).decode()
        for nonce, tx_hash in begun:
            assert tx_hash in text or nonce <= final


class CompactingPrivate(PrivateEngine):
    """The same with private lanes: what was given up and comes back has no story from before a compaction,
    and folds to the same state all the same."""

    def teardown(self) -> None:
        super().teardown()
        journal: list[Any] = list(self.journal)
        whole = kept(replay(journal))
        short = compact(journal)
        assert kept(replay(written(short))) == whole, "it folds to another state"
        assert compact(short) == short, "compacting twice is not compacting once"
        for cut in range(0, len(journal), max(len(journal) // 6, 1)):
            mixed = (*compact(journal[:cut]), *journal[cut:])
            assert kept(replay(written(mixed))) == whole, f"compacted at {cut} and gone on"
            assert kept(replay(compact(mixed))) == whole
            assert compact(compact(mixed)) == compact(mixed)


class LongCompacting(Compacting):
    """The same machine, for `make soak`."""


class LongCompactingPrivate(CompactingPrivate):
    """The same machine, for `make soak`."""


TestCompactingPrivate = CompactingPrivate.TestCase
TestCompactingPrivate.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestLongCompactingPrivate = pytest.mark.soak(LongCompactingPrivate.TestCase)
TestLongCompactingPrivate.settings = settings(max_examples=3_000, stateful_step_count=80, deadline=None)
TestCompacting = Compacting.TestCase
TestCompacting.settings = settings(max_examples=40, stateful_step_count=60, deadline=None)
TestLongCompacting = pytest.mark.soak(LongCompacting.TestCase)
TestLongCompacting.settings = settings(max_examples=3_000, stateful_step_count=80, deadline=None)
