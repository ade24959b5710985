"""The transitions, one by one: what an event makes of a state, and what it asks to be done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.fees import Fees, bump_price
from trimtab.tx.lanes import Ways
from trimtab.tx.policy import TxPolicy
from trimtab.tx.reducer import replay, step
from trimtab.tx.states import IntentState, Kind, Mined, Outcome, Refusal, SlotState, State, change
from trimtab.tx.turn import Effect

POLICY = TxPolicy(window=2, confirmations=2, finality_depth=5, bump_after_blocks=3, clean_passes=2)
ENDPOINTS = ("a", "b")
WAYS = Ways.public(*ENDPOINTS)
CANON = {number: BlockHash(f"h{number}") for number in range(50)}
MARKET = Fees(1, 1_000)


class Life:
    """A state and what happens to it; the last effects are kept."""

    def __init__(self, policy: TxPolicy = POLICY) -> None:
        self.policy = policy
        self.state = State()
        self.effects: tuple[Effect, ...] = ()
        self.facts: list[Any] = []
        self.at = 100

    def feed(self, event: e.Event) -> None:
        self.state, self.effects = step(self.state, event, self.policy)
        self.facts += [effect for effect in self.effects if getattr(effect, "durable", False)]

    def did(self, kind: type[Any]) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def submit(self, key: str, deadline: int | None = None) -> None:
        intent = r.Submitted(
            key=key,
            digest=key,
            target=Address("0x"),
            data=b"",
            value=0,
            gas_limit=1,
            deadline=deadline,
            at=self.at,
        )
        self.feed(e.Submit(intent))

    def check(self, key: str) -> None:
        self.feed(e.CheckPassed(key, 1, self.at))

    def ask(self, nonce: int) -> int:
        slot = self.state.slots.get(nonce)
        return slot.asked if slot else 0

    def sign(self, nonce: int, kind: Kind = Kind.NORMAL, price: int = 100, ask: int | None = None) -> TxHash:
        tx_hash = TxHash(f"{nonce}.{kind}.{price}")
        fees = Fees(price, price)
        raw, ask = tx_hash.encode(), self.ask(nonce) if ask is None else ask
        self.feed(e.Signed(nonce, kind, tx_hash, raw, fees, 1, price, WAYS, self.at, ask))
        return tx_hash

    def answer(self, nonce: int, tx_hash: TxHash, endpoint: str, said: SendClass | None = None) -> None:
        outcome = Outcome.ACCEPTED if said is None else Outcome.REJECTED
        if said in (SendClass.NONCE_LOW, SendClass.AMBIGUOUS):
            outcome = Outcome.AMBIGUOUS
        self.feed(e.SendAnswered(nonce, tx_hash, endpoint, outcome, said or "", said or "", self.at))

    def refuse(self, nonce: int, tx_hash: TxHash, *classes: SendClass) -> None:
        for endpoint, said in zip(ENDPOINTS, classes, strict=True):
            self.answer(nonce, tx_hash, endpoint, said)

    def live(self, key: str, nonce: int, deadline: int | None = None) -> TxHash:
        self.submit(key, deadline)
        self.check(key)
        tx_hash = self.sign(nonce)
        for endpoint in ENDPOINTS:
            self.answer(nonce, tx_hash, endpoint)
        return tx_hash

    def observe(self, head: int, *, canonical: dict[int, BlockHash] | None = None, **known: Any) -> None:
        blocks = CANON if canonical is None else canonical
        self.feed(e.Observed(head, self.at, canonical=blocks, ways=WAYS, market=MARKET, **known))

    def intent(self, key: str) -> IntentState:
        return self.state.intents[key].state


@pytest.fixture
def life() -> Life:
    return Life()


def mined(tx_hash: TxHash, block: int, *, ok: bool = True) -> dict[TxHash, Mined]:
    return {tx_hash: Mined(tx_hash, block, CANON[block], ok, 1, 1)}


def test_nonces_follow_submit_order_whatever_order_checks_end_in(life: Life) -> None:
    """The second's simulation is faster: it still waits, and gets the second nonce (N1)."""
    life.submit("first")
    life.submit("second")
    life.check("second")
    assert not life.did(e.Sign)
    life.check("first")
    assert [(ask.nonce, ask.kind) for ask in life.did(e.Sign)] == [(0, Kind.NORMAL)]
    assert life.state.intents["first"].nonce == 0


def test_a_failed_check_lets_the_next_one_pass(life: Life) -> None:
    """Nothing of it is written, and its place in the queue is free."""
    life.submit("bad")
    life.submit("good")
    life.check("good")
    life.feed(e.CheckFailed("bad"))
    assert life.state.intents["good"].nonce == 0
    assert "bad" not in life.state.intents
    assert not any(getattr(fact, "key", "") == "bad" for fact in life.facts)


def test_no_nonce_above_one_that_no_endpoint_has_taken() -> None:
    """Where deliveries are chained, the next is signed when the first answer commits the one before (N4), and
    within the window (N6)."""
    life = Life(replace(POLICY, pipeline=1))
    for key in ("k0", "k1", "k2"):
        life.submit(key)
        life.check(key)
    first = life.sign(0)
    assert not life.did(e.Sign)
    life.answer(0, first, "b")
    assert [ask.nonce for ask in life.did(e.Sign)] == [1]
    life.answer(1, life.sign(1), "a")
    assert not life.did(e.Sign), "two are in flight, as many as the window holds"


def test_nonces_that_wait_travel_together() -> None:
    """Up to `pipeline` are on their way before the first answer (T2: one ordered batch), in submit order."""
    life = Life(replace(POLICY, pipeline=2, window=4))
    for key in ("k0", "k1", "k2"):
        life.submit(key)
        life.check(key)
    life.sign(0)
    assert [ask.nonce for ask in life.did(e.Sign)] == [1]
    life.sign(1)
    assert not life.did(e.Sign), "two are on their way, as many as the pipeline holds"
    life.answer(0, TxHash("0.normal.100"), "a")
    assert [ask.nonce for ask in life.did(e.Sign)] == [2]


def _two_on_their_way() -> tuple[Life, TxHash, TxHash]:
    life = Life(replace(POLICY, pipeline=2, window=4))
    for key in ("k0", "k1"):
        life.submit(key)
        life.check(key)
    return life, life.sign(0), life.sign(1)


def test_a_refusal_holds_up_the_nonces_that_would_follow() -> None:
    """Nothing new is sent above a nonce that may yet be given back."""
    life, first, _ = _two_on_their_way()
    life.answer(0, first, "a", SendClass.POOL_FULL)
    life.submit("k2")
    life.check("k2")
    assert not life.did(e.Sign)


def test_the_next_intent_takes_a_nonce_given_back_below_others() -> None:
    """Refused everywhere, while the one above is out: the smallest free nonce comes first (N3), even when
    the window is full."""
    life, first, second = _two_on_their_way()
    life.policy = replace(life.policy, window=1)
    life.answer(1, second, "a")
    life.submit("k2")
    life.check("k2")
    life.refuse(0, first, SendClass.PERMANENT, SendClass.PERMANENT)
    assert [(ask.nonce, life.state.slots[ask.nonce].key) for ask in life.did(e.Sign)] == [(0, "k2")]


def test_a_nonce_given_back_below_others_is_filled_when_nobody_wants_it() -> None:
    """The gap below what is out is closed by a transfer of nothing at the next look, once per head (N5)."""
    life, first, second = _two_on_their_way()
    life.answer(1, second, "a")
    life.refuse(0, first, SendClass.PERMANENT, SendClass.PERMANENT)
    assert life.did(e.Observe)
    life.feed(e.Observed(5, life.at, account_nonce=0))
    (ask,) = life.did(e.Sign)
    assert (ask.nonce, ask.kind) == (0, Kind.CANCEL)
    life.feed(e.SignFailed(0, Refusal.FUNDS, "poor", life.at, ask.ask))
    life.feed(e.Observed(5, life.at, account_nonce=0))
    assert not life.did(e.Sign)
    life.feed(e.Observed(6, life.at, account_nonce=0))
    assert [ask.nonce for ask in life.did(e.Sign)] == [0]


def test_records_come_before_the_bytes(life: Life) -> None:
    """ATTEMPT and SEND_BEGIN are in the effects before the send that they speak of (D1)."""
    life.submit("k")
    life.check("k")
    life.sign(0)
    kinds = [type(effect) for effect in life.effects]
    assert kinds.index(r.Attempted) < kinds.index(r.SendBegun) < kinds.index(e.Send)


@pytest.mark.parametrize(
    "said",
    [
        SendClass.PERMANENT,
        SendClass.GASLIMIT,
        SendClass.INTRINSIC,
        SendClass.FUNDS,
        SendClass.CONDITIONAL,
        SendClass.NODE_CAP,
        SendClass.UNAUTHORISED,
    ],
)
def test_a_definite_no_from_everyone_gives_the_nonce_back(life: Life, said: SendClass) -> None:
    """T4; and from one endpoint only, it does not."""
    life.submit("k")
    life.check("k")
    tx_hash = life.sign(0)
    life.answer(0, tx_hash, "a", said)
    assert life.intent("k") is IntentState.ASSIGNED
    life.answer(0, tx_hash, "b", said)
    assert life.intent("k") is IntentState.REJECTED
    assert life.state.nonces.lowest == 0
    expected = Refusal.FUNDS if said is SendClass.FUNDS else Refusal.ROUTE
    assert life.state.intents["k"].refusal is expected


@pytest.mark.parametrize(
    "said", [SendClass.NONCE_HIGH, SendClass.POOL_FULL, SendClass.TYPE_CONFLICT, SendClass.DELEGATED_7702]
)
def test_a_no_that_may_pass_keeps_the_nonce_and_repeats_the_bytes(life: Life, said: SendClass) -> None:
    """One endpoint may have said worse: the milder one decides. After a second the same bytes go again."""
    life.submit("k")
    life.check("k")
    tx_hash = life.sign(0)
    life.refuse(0, tx_hash, SendClass.PERMANENT, said)
    assert life.intent("k") is IntentState.ASSIGNED
    assert life.state.slots[0].state is SlotState.PROVISIONAL
    life.at += 1
    life.feed(e.Ticked(life.at, WAYS))
    assert [send.tx_hash for send in life.did(e.Send)] == [tx_hash]


def test_a_price_too_low_for_everyone_is_raised_on_the_same_nonce(life: Life) -> None:
    """Above the last one by a legal step; after the policy's tries the nonce is given back."""
    life.submit("k")
    life.check("k")
    price = 100
    for _ in range(POLICY.requotes):
        life.refuse(0, life.sign(0, price=price), SendClass.UNDERPRICED, SendClass.FEECAP_LT_BASE)
        assert [ask.above for ask in life.did(e.Sign)] == [Fees(price, price)]
        price = bump_price(price)
    life.refuse(0, life.sign(0, price=price), SendClass.UNDERPRICED, SendClass.UNDERPRICED)
    assert life.intent("k") is IntentState.REJECTED


def test_nonce_too_low_is_resolved_by_the_chain(life: Life) -> None:
    """T9, T10: the answer says that it may be mined; the receipt says that it is. Nothing is signed."""
    life.submit("k")
    life.check("k")
    tx_hash = life.sign(0)
    life.answer(0, tx_hash, "a", SendClass.NONCE_LOW)
    assert life.intent("k") is IntentState.RESOLVING
    assert life.did(e.Observe)
    life.observe(3, account_nonce=1, mined=mined(tx_hash, 3))
    assert life.intent("k") is IntentState.INCLUDED


def test_a_foreign_transaction_in_the_pool_is_not_replaced(life: Life) -> None:
    """A first attempt is called an underpriced replacement: a stranger's, or a lost one of ours: resolve."""
    life.submit("k")
    life.submit("next")
    life.check("k")
    life.check("next")
    life.refuse(0, life.sign(0), SendClass.REPL_UNDERPRICED, SendClass.REPL_UNDERPRICED)
    assert life.intent("k") is IntentState.RESOLVING
    life.observe(40, account_nonce=0)
    assert not life.did(e.Sign)


def test_a_receipt_of_an_orphaned_block_is_no_receipt(life: Life) -> None:
    """R2: the block at that height has another hash in this very pass, or is not known."""
    tx_hash = life.live("k", 0)
    for blocks in ({3: BlockHash("other")}, {}):
        life.observe(3, canonical=blocks, mined=mined(tx_hash, 3))
        assert life.intent("k") is IntentState.LIVE


def test_depth_counts_only_while_the_block_is_known_to_be_canonical(life: Life) -> None:
    """T14: a pass that could not read the block confirms and finalises nothing."""
    tx_hash = life.live("k", 0)
    life.observe(3, mined=mined(tx_hash, 3))
    life.observe(40, canonical={})
    assert life.intent("k") is IntentState.INCLUDED
    life.observe(4)
    assert life.intent("k") is IntentState.CONFIRMED
    life.observe(6)
    assert life.intent("k") is IntentState.CONFIRMED
    life.observe(7)
    assert life.intent("k") is IntentState.SUCCEEDED


@pytest.mark.parametrize(("ok", "end"), [(True, IntentState.SUCCEEDED), (False, IntentState.REVERTED)])
def test_a_revert_obeys_the_same_depth(life: Life, ok: bool, end: IntentState) -> None:
    """R3: neither is final before the other would be."""
    tx_hash = life.live("k", 0)
    life.observe(3, mined=mined(tx_hash, 3, ok=ok))
    assert life.intent("k") is IntentState.INCLUDED
    life.observe(7)
    assert life.intent("k") is end


def test_a_reorg_makes_it_live_and_sends_it_again(life: Life) -> None:
    """T13: identical bytes, at once."""
    tx_hash = life.live("k", 0)
    life.observe(3, mined=mined(tx_hash, 3))
    life.observe(4, canonical={3: BlockHash("other")})
    assert life.intent("k") is IntentState.LIVE
    assert [send.tx_hash for send in life.did(e.Send)] == [tx_hash]


def test_a_missing_receipt_alone_changes_nothing(life: Life) -> None:
    """Invariant 12: null while the block is canonical is a lie of the node, and null before is nothing."""
    tx_hash = life.live("k", 0)
    life.observe(3, absent=frozenset({tx_hash}))
    assert life.intent("k") is IntentState.LIVE
    life.observe(3, mined=mined(tx_hash, 3))
    life.observe(3, absent=frozenset({tx_hash}))
    assert life.intent("k") is IntentState.INCLUDED


def test_superseded_only_at_finality_and_only_on_clean_passes(life: Life) -> None:
    """T11: used at the head is not enough; an unread hash starts no count; then the account halts."""
    tx_hash = life.live("k", 0)
    life.observe(3, account_nonce=1)
    assert life.intent("k") is IntentState.RESOLVING
    gone = frozenset({tx_hash})
    for known in (
        {"absent": gone},
        {"absent": gone, "final_nonce": 0},
        {"absent": frozenset(), "final_nonce": 1},
        {"absent": gone, "final_nonce": 1},
    ):
        life.observe(9, account_nonce=1, **known)
        assert life.intent("k") is IntentState.RESOLVING
    life.observe(9, account_nonce=1, absent=gone, final_nonce=1)
    assert life.intent("k") is IntentState.SUPERSEDED
    assert life.state.halted is not None


def test_a_halt_refuses_what_waits_and_signs_nothing_more(life: Life) -> None:
    """N8: no new nonce, no new price; what is out stays watched."""
    tx_hash = life.live("out", 0)
    life.submit("waiting")
    life.observe(3, account_nonce=5)
    assert life.state.halted is not None
    assert "waiting" not in life.state.intents
    life.observe(40, account_nonce=0)
    assert not life.did(e.Sign)
    life.observe(41, account_nonce=5, mined=mined(tx_hash, 41))
    assert life.intent("out") is IntentState.INCLUDED


def test_only_the_lowest_old_underpriced_slot_is_replaced(life: Life) -> None:
    """T6: not before its age, not above a stuck one, not when the market is below its price."""
    life.live("low", 0)
    life.live("high", 1)
    life.observe(2, account_nonce=0)
    assert not life.did(e.Sign)
    life.observe(3, account_nonce=0)
    assert [(ask.nonce, ask.above) for ask in life.did(e.Sign)] == [(0, Fees(100, 100))]


def test_a_replacement_that_is_signed_too_late_is_not_used(life: Life) -> None:
    """B8: mined while the signer was busy: the new bytes never leave."""
    tx_hash = life.live("k", 0)
    life.observe(3, account_nonce=0)
    asked = life.did(e.Sign)[0].ask
    life.observe(4, account_nonce=1, mined=mined(tx_hash, 4))
    life.sign(0, price=200, ask=asked)
    assert not life.did(e.Send)


def test_a_cap_lets_identical_bytes_go_out_again(life: Life) -> None:
    """F3: no new price, no new bytes; the old ones are repeated on their own clock."""
    tx_hash = life.live("k", 0)
    life.observe(3, account_nonce=0)
    life.feed(e.SignFailed(0, Refusal.FEE_CAP, "too dear", life.at, life.ask(0)))
    assert life.did(r.Capped)
    life.at += POLICY.rebroadcast_after
    life.observe(4, account_nonce=0)
    assert [send.tx_hash for send in life.did(e.Send)] == [tx_hash]


def test_bytes_that_no_cap_lets_replace_go_out_again_though_each_look_is_at_a_new_head(life: Life) -> None:
    """F3: a pool forgot them, they are stuck, and their budget forbids every dearer price at every head: the
    asking must not take the place of the repeating. Found by the machine of the reducer."""
    tx_hash = life.live("k", 0)
    sent = list[TxHash]()
    for head in range(1, 40):
        life.at += 12
        life.observe(head, account_nonce=0)
        sent += [send.tx_hash for send in life.did(e.Send)]
        if life.ask(0):
            life.feed(e.SignFailed(0, Refusal.FEE_CAP, "too dear", life.at, life.ask(0)))
        for endpoint in ENDPOINTS:
            life.answer(0, tx_hash, endpoint)
    assert len(sent) > 39 * 12 // (2 * POLICY.rebroadcast_after)
    assert set(sent) == {tx_hash}


def test_a_deadline_cancels_what_is_out_and_drops_what_waits(life: Life) -> None:
    """T8 and B10: a cancellation is signed above the normal attempt's price; a queued intent just ends."""
    life.live("out", 0, deadline=130)
    life.submit("waiting", deadline=120)
    life.at = 130
    life.observe(1, account_nonce=0)
    assert [(ask.kind, ask.above) for ask in life.did(e.Sign)] == [(Kind.CANCEL, Fees(100, 100))]
    assert life.intent("out") is IntentState.CANCELLING
    assert "waiting" not in life.state.intents


@pytest.mark.parametrize("kind", [Kind.NORMAL, Kind.CANCEL])
def test_the_mined_hash_decides_between_cancel_and_normal(life: Life, kind: Kind) -> None:
    """B9, invariant 14: both are out; the outcome is that of the one which is canonical."""
    normal = life.live("k", 0)
    life.feed(e.CancelAsked("k"))
    cancel = life.sign(0, Kind.CANCEL, 200)
    life.observe(3, account_nonce=1, mined=mined(normal if kind is Kind.NORMAL else cancel, 3))
    life.observe(9)
    assert life.intent("k") is (IntentState.SUCCEEDED if kind is Kind.NORMAL else IntentState.CANCELLED)


def test_a_refused_cancellation_does_not_free_an_unanswered_attempt(life: Life) -> None:
    """The nonce stays held: the first bytes may still be taken by the endpoint that has not answered."""
    life.submit("k")
    life.check("k")
    normal = life.sign(0)
    life.feed(e.CancelAsked("k"))
    life.refuse(0, life.sign(0, Kind.CANCEL, 200), SendClass.PERMANENT, SendClass.PERMANENT)
    assert life.intent("k") is IntentState.CANCELLING
    life.answer(0, normal, "a", SendClass.PERMANENT)
    assert 0 in life.state.slots
    life.answer(0, normal, "b", SendClass.PERMANENT)
    assert life.intent("k") is IntentState.REJECTED


def test_recovery_sends_again_what_may_be_out_and_drops_what_cannot_be(life: Life) -> None:
    """T16: a broadcast without an answer is ambiguous; a reserved nonce without bytes is free."""
    tx_hash = life.live("out", 0)
    life.submit("unsigned")
    life.check("unsigned")
    again = Life()
    again.state = replay(life.facts)
    again.feed(e.Recovered(1, 3, life.at, WAYS))
    assert [send.raw for send in again.did(e.Send)] == [tx_hash.encode()]
    assert again.intent("unsigned") is IntentState.REJECTED
    assert again.state.intents["unsigned"].refusal is Refusal.INTERRUPTED
    assert again.state.nonces.lowest == 1


def test_a_record_that_does_not_fit_is_refused() -> None:
    """A journal that speaks of a nonce it never reserved is broken, and says so."""
    with pytest.raises(ValueError, match="never reserved"):
        replay([r.Confirmed(nonce=3, tx_hash=TxHash("0x"))])


def test_a_signature_that_comes_after_a_halt_is_not_sent(life: Life) -> None:
    """N8: foreign use of the key shows while the signer is busy; the new nonce is given back unused."""
    life.submit("k")
    life.check("k")
    life.observe(3, account_nonce=7)
    assert life.state.halted is not None
    life.sign(0)
    assert not life.did(e.Send)
    assert life.intent("k") is IntentState.REJECTED
    assert life.state.intents["k"].refusal is Refusal.HALTED
    assert not life.state.slots


def test_a_gap_is_filled_only_when_ours_has_waited_above_it(life: Life) -> None:
    """N5: an answer of a moment ago may be old; after some blocks a transfer of nothing takes the nonce, and
    somebody else's transaction in its place is no reason to halt."""
    life.feed(e.Recovered(account_nonce=1, head=1, at=life.at, ways=WAYS))
    life.live("ours", 1)
    life.observe(2, account_nonce=0)
    assert not life.did(e.Sign)
    life.observe(10, account_nonce=0)
    assert (0, Kind.CANCEL, None) in [(ask.nonce, ask.kind, ask.above) for ask in life.did(e.Sign)]
    life.sign(0, Kind.CANCEL)
    assert [send.nonce for send in life.did(e.Send)] == [0]
    hashes = frozenset(a.tx_hash for slot in life.state.slots.values() for a in slot.attempts)
    for head in (11, 12, 13):
        life.observe(head, account_nonce=1, final_nonce=1, absent=hashes)
    assert 0 in life.state.finished
    assert life.state.halted is None
    assert life.intent("ours") is IntentState.LIVE
    assert replay(life.facts).nonces == life.state.nonces


def test_only_clean_passes_in_a_row_call_a_nonce_taken(life: Life) -> None:
    """T11: a look that failed in between begins the count again."""
    tx_hash = life.live("k", 0)
    gone = frozenset({tx_hash})
    life.observe(1, account_nonce=1)
    assert life.intent("k") is IntentState.RESOLVING
    for absent in (gone, frozenset(), gone):
        life.observe(9, account_nonce=1, final_nonce=1, absent=absent)
        assert life.intent("k") is IntentState.RESOLVING
    life.observe(9, account_nonce=1, final_nonce=1, absent=gone)
    assert life.intent("k") is IntentState.SUPERSEDED


def _batch(life: Life, count: int) -> None:
    steps = [
        r.Submitted(
            key=f"b{n}",
            digest=f"b{n}",
            target=Address("0x"),
            data=b"",
            value=0,
            gas_limit=1,
            batch="b",
            step=n,
            at=life.at,
        )
        for n in range(count)
    ]
    life.feed(e.SubmitBatch(tuple(steps)))


def test_a_batch_takes_its_nonces_in_order() -> None:
    """One event admits all steps, before anything that comes later; each is signed in its turn."""
    life = Life(replace(POLICY, window=4))
    _batch(life, 3)
    life.submit("k")
    life.check("k")
    for nonce in range(3):
        life.sign(nonce)
    assert [life.state.slots[nonce].key for nonce in range(4)] == ["b0", "b1", "b2", "k"]


def test_a_batch_goes_no_further_than_its_first_refused_step() -> None:
    """What is out of the later steps is cancelled, what waits is refused; other intents are not touched."""
    life = Life(replace(POLICY, window=3))
    _batch(life, 4)
    life.submit("k")
    life.check("k")
    first, second, third = life.sign(0), life.sign(1), life.sign(2)
    life.answer(1, second, "a")
    life.answer(2, third, "a")
    life.refuse(0, first, SendClass.FUNDS, SendClass.FUNDS)
    states = {key: intent.state for key, intent in life.state.intents.items()}
    assert states["b0"] is states["b3"] is IntentState.REJECTED
    assert states["b1"] is states["b2"] is IntentState.CANCELLING
    assert life.state.intents["b3"].refusal is Refusal.BATCH
    assert life.state.slots[0].key == "k", "the free nonce goes to the next intent"


def test_cancelling_a_step_cancels_those_after_it() -> None:
    """An approval that is taken back must not leave the trade behind that stands on it."""
    life = Life(replace(POLICY, window=3))
    _batch(life, 2)
    life.answer(0, life.sign(0), "a")
    life.answer(1, life.sign(1), "a")
    life.feed(e.CancelAsked("b0"))
    assert [life.state.slots[n].is_cancelling for n in (0, 1)] == [True, True]
    assert [(ask.nonce, ask.kind) for ask in life.did(e.Sign)] == [(0, Kind.CANCEL), (1, Kind.CANCEL)]


def test_a_person_bumps_without_patience(life: Life) -> None:
    """A replacement is priced at once, whatever its age; the higher budget is a fact that lasts."""
    life.live("k", 0)
    life.state.intents["k"] = change(life.state.intents["k"], budget_wei=5)
    life.feed(e.BumpAsked("k", budget_wei=9))
    assert [(ask.nonce, ask.above) for ask in life.did(e.Sign)] == [(0, Fees(100, 100))]
    assert life.did(r.BudgetRaised)
    assert life.state.intents["k"].budget_wei == 9


def test_a_budget_raised_during_the_check_is_in_the_intents_own_record(life: Life) -> None:
    """Nothing is written of an intent that the journal does not know yet, or no later life could read it."""
    life.submit("k")
    life.state.intents["k"] = change(life.state.intents["k"], budget_wei=5)
    life.feed(e.BumpAsked("k", budget_wei=9))
    assert not life.facts
    life.check("k")
    assert [fact.budget_wei for fact in life.facts if isinstance(fact, r.Submitted)] == [9]
    assert replay(life.facts).intents["k"].budget_wei == 9


def test_a_bump_changes_nothing_that_is_mined_or_unknown(life: Life) -> None:
    """No signature is asked for what is in a block, being signed, or not there."""
    tx_hash = life.live("k", 0)
    life.feed(e.BumpAsked("nobody"))
    assert not life.did(e.Sign)
    life.feed(e.BumpAsked("k"))
    life.feed(e.BumpAsked("k"))
    assert not life.did(e.Sign)
    mined = Mined(tx_hash, 1, CANON[1], is_success=True, gas_used=1, fee_wei=1)
    life.feed(e.Observed(1, life.at, mined={tx_hash: mined}, canonical=CANON, account_nonce=1))
    life.feed(e.BumpAsked("k"))
    assert not life.did(e.Sign)


def test_what_a_pool_forgot_is_replaced_at_its_own_price_or_above(life: Life) -> None:
    """Accepted, the lowest, and neither the market nor a block explains why it waits: after `stuck_after`
    seconds it is replaced all the same, also where no block comes; not before, and not what is above it."""
    life.live("low", 0)
    life.live("high", 1)
    cheap = Fees(1, 1)
    life.feed(e.Observed(0, life.at + life.policy.stuck_after - 1, account_nonce=0, market=cheap))
    assert not life.did(e.Sign)
    life.feed(e.Observed(0, life.at + life.policy.stuck_after, account_nonce=0, market=cheap))
    assert [(ask.nonce, ask.above) for ask in life.did(e.Sign)] == [(0, Fees(100, 100))]
