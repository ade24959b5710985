"""The invariants of the transaction engine, over a model chain with faulty endpoints, reorgs, foreign use of
the key, and crashes between any two effects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.tx.model_chain import ModelChain, ModelTx
from tests.tx.moves import Moves, machine_settings

from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import FeeCapExceededError, InsufficientFundsError
from trimtab.model.ids import Address, TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.drafting import Desk, check_funds
from trimtab.tx.fees import Fees, bump_price, quote
from trimtab.tx.lanes import Ways
from trimtab.tx.market import Terms
from trimtab.tx.policy import TxPolicy
from trimtab.tx.reducer import replay, step
from trimtab.tx.states import Intent, IntentState, Kind, Mined, Outcome, Refusal, SlotState, State, change

POLICY = TxPolicy(
    window=4,
    pipeline=3,
    confirmations=2,
    finality_depth=4,
    rebroadcast_after=30,
    retry_after=1,
    clean_passes=3,
)
ENDPOINTS = ("a", "b")
WAYS = Ways.public(*ENDPOINTS)
FEE_CAP = 5_000
FOREIGN = "foreign"
Asked = tuple[Intent, e.Sign]
"""A question to the signer, and the intent that it was about."""
DESK = Desk(chain_id=1, account=Address("0x" + "aa" * 20), max_fee_cap=FEE_CAP)
GAS = 21_000


class CrashError(Exception):
    """The process died between two effects."""


DEADLINES = st.none() | st.integers(5, 300)
BUDGETS = st.none() | st.sampled_from([GAS * 250, GAS * 900])
CRASHES = st.integers(0, 39).map(lambda n: n - 34 if n >= 34 else None)
"""After how many effects of an event the process dies; mostly it does not."""
REFUSALS = (
    SendClass.POOL_FULL,
    SendClass.FUNDS,
    SendClass.UNDERPRICED,
    SendClass.PERMANENT,
    SendClass.NODE_CAP,
    SendClass.NONCE_HIGH,
)


CONCLUSIONS = (r.Seen, r.Unseen, r.Confirmed, r.Safe, r.Final, r.Halted, r.NonceRaised, r.GapFound)


class Engine(RuleBasedStateMachine):
    """The reducer with a model of everything around it."""

    ways = WAYS
    policy = POLICY

    def __init__(self) -> None:
        super().__init__()
        self.chain = ModelChain(ENDPOINTS)
        self.moves = Moves()
        self.journal: list[r.TxFact] = []
        self.state = State()
        self.at = 1_000
        self.submitted: dict[str, str] = {}
        self.again: set[str] = set()
        self.checks: list[str] = []
        self.asks: list[Asked] = []
        self.answers: list[e.SendAnswered] = []
        self.raws: dict[bytes, ModelTx] = {}
        self.final: dict[str, IntentState] = {}
        self.lies = 0
        self.foreign_used = False
        self.effects_left: int | None = None

    # The shell

    def feed(self, event: e.Event) -> None:
        before = self.state.copy()
        after, effects = step(self.state, event, self.policy)
        assert self.state == before, "step changed its argument"
        self.state = after
        for effect in effects:
            self._spend_crash_budget()
            self._do(effect)

    def _spend_crash_budget(self) -> None:
        if self.effects_left is not None:
            if self.effects_left == 0:
                raise CrashError
            self.effects_left -= 1

    def _do(self, effect: Any) -> None:
        match effect:
            case e.Check(key=key):
                self.checks.append(key)
            case e.Sign():
                self.asks.append((self.state.intents[self.state.slots[effect.nonce].key], effect))
            case e.Send():
                self._send(effect)
            case e.Observe() | e.Changed():
                pass
            case r.Seen():
                assert self.chain.blocks[effect.block].hash == effect.block_hash, "seen in an orphaned block"
                self._write(effect)
            case r.Released():
                self._check_release(effect)
                self._write(effect)
            case r.Reserved():
                self._check_reservation(effect)
                self._write(effect)
            case r.Attempted():
                self._write(effect)
                self._check_cost(effect)
            case _ if effect.durable:
                self._write(effect)

    def _write(self, record: Any) -> None:
        """A fact as it comes back from the disk."""
        self.journal.append(r.decode_record(r.encode_record(record)))
        self.moves.fold(self.journal[-1])

    def _check_release(self, effect: r.Released) -> None:
        """12: a nonce is given back only if never sent, or refused for certain by every endpoint."""
        exposed: dict[tuple[str, str], bool] = {}
        hashes = set[str]()
        for record in self.journal:
            match record:
                case r.Reserved(nonce=effect.nonce):
                    exposed, hashes = {}, set()
                case r.SendBegun(nonce=effect.nonce):
                    hashes.add(record.tx_hash)
                    exposed |= {(record.tx_hash, name): True for name in record.endpoints}
                case r.SendResult(nonce=effect.nonce, outcome=Outcome.REJECTED):
                    exposed[record.tx_hash, record.endpoint] = False
        assert not any(exposed.values()), f"nonce {effect.nonce} was released while exposed"
        assert not hashes & {tx.tx_hash for pool in self.chain.pools.values() for tx in pool.values()}
        assert not hashes & set(self.chain.mined())

    def _check_reservation(self, effect: r.Reserved) -> None:
        """3: what is below a new nonce is out, or on its way, with no refusal yet."""
        held = [slot for nonce, slot in self.state.slots.items() if nonce < effect.nonce]
        loose = [slot for slot in held if slot.state in (SlotState.RESERVED, SlotState.PROVISIONAL)]
        if effect.key.startswith("fill/"):
            return
        assert len(loose) < POLICY.pipeline
        assert all(slot.attempts and not any(item.results for item in slot.attempts) for slot in loose)

    def _check_cost(self, effect: r.Attempted) -> None:
        """8: the worst case of all that is in flight is covered, and a caller's own is within its budget."""
        assert self.state.committed_cost <= self.chain.balance(), "8: not covered by the balance"
        intent = self.moves.state.intents[self.moves.state.slots[effect.nonce].key]
        if effect.kind is Kind.NORMAL and intent.budget_wei is not None:
            assert effect.worst_cost <= intent.budget_wei, "8: above the intent's budget"

    def _send(self, effect: e.Send) -> None:
        """Invariants 4, 6 and 9 at the moment the bytes leave."""
        records = self.journal
        attempts = {item.tx_hash: item for item in records if isinstance(item, r.Attempted)}
        begun = {item.tx_hash for item in records if isinstance(item, r.SendBegun)}
        assert attempts[effect.tx_hash].raw == effect.raw
        assert effect.tx_hash in begun
        slot = self.state.slots[effect.nonce]
        intent = self.state.intents[slot.key]
        if attempts[effect.tx_hash].kind is Kind.NORMAL:
            assert not intent.is_late(self.at), "a normal attempt was sent after its deadline"
            assert not slot.is_cancelling
        for name in self.ways.of(effect.lane):
            self.answers.append(
                e.SendAnswered(effect.nonce, effect.tx_hash, name, Outcome.AMBIGUOUS, "", "", self.at)
            )

    def _sign(self, asked: Asked, cap: int) -> e.Event:
        """A signer may take its time: it signs what it was asked, whatever became of the nonce since."""
        intent, ask = asked
        market = quote(self.chain.base_fee, 1)
        desk = replace(DESK, max_fee_cap=cap)
        try:
            draft = desk.draft(intent, ask, Terms(market, self.chain.base_fee, GAS))
            check_funds(self.state, draft, self.chain.balance())
        except FeeCapExceededError as error:
            return e.SignFailed(ask.nonce, Refusal.FEE_CAP, str(error), self.at, ask.ask)
        except InsufficientFundsError as error:
            return e.SignFailed(ask.nonce, Refusal.FUNDS, str(error), self.at, ask.ask)
        fees = draft.fees
        raw = repr((intent.key, ask.nonce, ask.kind.value, fees.tip, fees.fee_cap)).encode()
        tx_hash = TxHash("0x" + raw.hex())
        self.raws[raw] = ModelTx(tx_hash, ask.nonce, fees)
        return e.Signed(
            ask.nonce,
            ask.kind,
            tx_hash,
            raw,
            fees,
            GAS,
            draft.worst_cost,
            self.ways,
            self.at,
            ask.ask,
            draft.reserve,
        )

    def _deliver(self, asked: e.SendAnswered) -> SendClass | None:
        """The bytes arrive at an honest endpoint; its answer."""
        return self.chain.offer(asked.endpoint, self._tx(asked.tx_hash))

    def _candidates(self, nonce: int) -> list[ModelTx]:
        """What a block may hold at `nonce`."""
        return self.chain.candidates(nonce)

    def _tx(self, tx_hash: str) -> ModelTx:
        return next(tx for tx in self.raws.values() if tx.tx_hash == tx_hash)

    # Rules

    @initialize(pending=st.integers(0, 2))
    def start(self, pending: int) -> None:
        """The account may have sent transactions before this journal began."""
        self.chain.mine([ModelTx(TxHash(f"old{n}"), n, Fees(1, 1)) for n in range(pending)])
        self._recover()

    @rule(deadline=DEADLINES, budget=BUDGETS, crash=CRASHES)
    def submit(self, deadline: int | None, budget: int | None, crash: int | None) -> None:
        self.submit_one(deadline, budget, crash)

    @precondition(lambda self: self._refused())
    @rule(data=st.data(), deadline=DEADLINES, crash=CRASHES)
    def submit_again(self, data: st.DataObject, deadline: int | None, crash: int | None) -> None:
        """A withdrawn or refused key is wanted again; checks and signatures of before may still come."""
        key = data.draw(st.sampled_from(self._refused()))
        self.again.add(key)
        self.submit_one(deadline, None, crash, key)

    def _refused(self) -> list[str]:
        known = self.state.intents
        return [key for key in self.submitted if key not in known or known[key].refusal is not None]

    def submit_one(
        self,
        deadline: int | None,
        budget: int | None = None,
        crash: int | None = None,
        again: str | None = None,
    ) -> None:
        if not self.state.halted:
            intent = self._intent(again or f"k{len(self.submitted)}", deadline, budget)
            self._feed_or_crash(e.Submit(intent), crash)

    @rule(count=st.integers(2, 3), deadline=DEADLINES, crash=CRASHES)
    def submit_batch(self, count: int, deadline: int | None, crash: int | None) -> None:
        """Several in one order; they were checked together."""
        if self.state.halted:
            return
        name = f"b{len(self.submitted)}"
        steps = [self._intent(f"{name}.{step}", deadline, None, name, step) for step in range(count)]
        self._feed_or_crash(e.SubmitBatch(tuple(steps)), crash)

    def _intent(
        self, key: str, deadline: int | None, budget: int | None, batch: str = "", step: int = 0
    ) -> r.Submitted:
        self.submitted[key] = key
        return r.Submitted(
            key=key,
            digest=key,
            target=Address("0x" + "12" * 20),
            data=b"",
            value=0,
            gas_limit=GAS,
            deadline=None if deadline is None else self.at + deadline,
            budget_wei=budget,
            batch=batch,
            step=step,
            at=self.at,
        )

    @precondition(lambda self: self.checks)
    @rule(data=st.data(), passes=st.integers(0, 9), crash=CRASHES)
    def check(self, data: st.DataObject, passes: int, crash: int | None) -> None:
        key = self.checks.pop(data.draw(st.integers(0, len(self.checks) - 1)))
        event = e.CheckPassed(key, 21_000, self.at) if passes else e.CheckFailed(key)
        self._feed_or_crash(event, crash)

    @precondition(lambda self: self.asks)
    @rule(data=st.data(), cap=st.sampled_from([FEE_CAP, FEE_CAP, FEE_CAP, 150]), crash=CRASHES)
    def sign(self, data: st.DataObject, cap: int, crash: int | None) -> None:
        asked = self.asks.pop(data.draw(st.integers(0, len(self.asks) - 1)))
        self._feed_or_crash(self._sign(asked, cap), crash)

    @precondition(lambda self: self.answers)
    @rule(refusal=st.sampled_from(REFUSALS))
    def refuse_everywhere(self, refusal: SendClass) -> None:
        """All endpoints say the same definite no to the oldest broadcast, one after the other."""
        oldest = self.answers[0].tx_hash
        if oldest not in self.chain.mined() and not self._is_pooled(oldest):
            for asked in [a for a in self.answers if a.tx_hash == oldest]:
                self.answers.remove(asked)
                self.feed(replace(asked, outcome=Outcome.REJECTED, send_class=refusal, at=self.at))

    def _is_pooled(self, tx_hash: str) -> bool:
        return any(tx.tx_hash == tx_hash for pool in self.chain.pools.values() for tx in pool.values())

    @precondition(lambda self: self.answers)
    @rule(
        data=st.data(),
        fault=st.sampled_from(["none", "none", "timeout", "lost", "refuse", "refuse"]),
        refusal=st.sampled_from(REFUSALS),
        crash=CRASHES,
    )
    def answer(self, data: st.DataObject, fault: str, refusal: SendClass, crash: int | None) -> None:
        """Deliver one endpoint's answer to a broadcast: honest, or lost on the way, or refused."""
        asked = self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1)))
        tx = self._tx(asked.tx_hash)
        if fault == "refuse":
            said: SendClass | None = refusal
        else:
            said = SendClass.AMBIGUOUS if fault == "lost" else self._deliver(asked)
            said = SendClass.AMBIGUOUS if fault == "timeout" else said
        if fault == "refuse" and tx.tx_hash in self.chain.mined():
            said = SendClass.NONCE_LOW
        self._feed_or_crash(replace(asked, outcome=_outcome(said), send_class=said or "", at=self.at), crash)

    @rule(seconds=st.integers(1, 60), crash=CRASHES)
    def wait(self, seconds: int, crash: int | None) -> None:
        self.at += seconds
        self._feed_or_crash(e.Ticked(self.at, self.ways), crash)

    @rule(data=st.data(), most=st.integers(0, 3), empty=st.sampled_from([0, 0, 0, 1, 4]))
    def mine(self, data: st.DataObject, most: int, empty: int) -> None:
        picks, nonce = list[ModelTx](), self.chain.nonce()
        for _ in range(most):
            offers = self._candidates(nonce)
            if not offers:
                break
            picks.append(data.draw(st.sampled_from(offers)))
            nonce += 1
        self.chain.mine(picks)
        for _ in range(empty):
            self.chain.mine()
        self.at += 12

    @rule(blocks=st.integers(1, 3), picks=st.sampled_from([0, 1, 4]))
    def blocks_pass(self, blocks: int, picks: int) -> None:
        """Blocks are mined and seen, each as it comes."""
        for _ in range(blocks):
            offers = [self._candidates(self.chain.nonce() + n)[:1] for n in range(picks)]
            until = next((n for n, offer in enumerate(offers) if not offer), len(offers))
            self.chain.mine(tx for offer in offers[:until] for tx in offer)
            self.at += 12
            self.feed(self._view())

    @precondition(lambda self: self.chain.head >= 4)
    @rule(depth=st.integers(1, 3), keep=st.booleans())
    def reorg(self, depth: int, keep: bool) -> None:
        self.chain.reorg(depth, keep)

    @rule(endpoint=st.sampled_from(ENDPOINTS))
    def drop_pool(self, endpoint: str) -> None:
        self.chain.pools[endpoint].clear()

    @rule(base_fee=st.integers(1, 2_000))
    def move_base_fee(self, base_fee: int) -> None:
        self.chain.base_fee = base_fee

    @precondition(lambda self: len(self.submitted) > 2)
    @rule(draw=st.integers(0, 19))
    def use_the_key_elsewhere(self, draw: int) -> None:
        if draw == 19:
            nonce = self.chain.nonce()
            self.chain.mine([ModelTx(TxHash(f"{FOREIGN}{nonce}.{self.chain.head}"), nonce, Fees(1, 1))])
            self.foreign_used = True

    @precondition(lambda self: self.state.slots)
    @rule(data=st.data(), crash=CRASHES)
    def cancel(self, data: st.DataObject, crash: int | None) -> None:
        key = data.draw(st.sampled_from(sorted(self.submitted)))
        self._feed_or_crash(e.CancelAsked(key), crash)

    @precondition(lambda self: self.state.slots)
    @rule(data=st.data(), budget=BUDGETS, crash=CRASHES)
    def bump(self, data: st.DataObject, budget: int | None, crash: int | None) -> None:
        """A person wants it replaced now."""
        key = data.draw(st.sampled_from(sorted(self.submitted)))
        self._feed_or_crash(e.BumpAsked(key, budget), crash)

    @rule(factor=st.sampled_from([0, 1, 20]))
    def move_balance(self, factor: int) -> None:
        """Somebody pays into the account, or its code pays out."""
        spent = self.chain.funds - self.chain.balance()
        self.chain.funds = spent + factor * FEE_CAP * GAS

    @rule(
        lag=st.sampled_from([0, 0, 0, 1, 2]),
        lie=st.booleans(),
        blind=st.sampled_from(["", "", "", "receipts", "nonce", "blocks", "stale receipts"]),
        crash=CRASHES,
    )
    def observe(self, lag: int, lie: bool, blind: str, crash: int | None) -> None:
        """One pass through a node that may lag, hide receipts (at most twice in a row), or fail in part."""
        self.lies = self.lies + 1 if lie and self.lies < POLICY.clean_passes - 1 else 0
        self._feed_or_crash(self._view(lag, hide=self.lies > 0, blind=blind), crash)

    @rule(draw=st.integers(0, 3), downtime=st.sampled_from([0, 0, 30, 200]))
    def crash(self, draw: int, downtime: int) -> None:
        if draw == 3:
            self.at += downtime
            self._recover()

    @rule()
    def run_smoothly(self) -> None:
        """Checks pass, the signer signs, honest endpoints answer: so that there is much to disturb."""
        self._work_off()

    @rule(count=st.integers(1, 3), answered=st.booleans(), deadline=st.none() | st.integers(10, 100))
    def submit_several(self, count: int, answered: bool, deadline: int | None) -> None:
        for _ in range(count):
            self.submit_one(deadline)
        self._work_off(answered=answered)

    def _view(self, lag: int = 0, *, hide: bool = False, blind: str = "") -> e.Observed:
        height = max(self.chain.head - lag, 0)
        mined = self.chain.mined(height)
        watched = (*self.state.slots.values(), *self.state.given_up.values())
        ours = {attempt.tx_hash for slot in watched for attempt in slot.attempts}
        seen = {} if hide or blind == "receipts" else {h: mined[h] for h in ours if h in mined}
        if blind == "stale receipts":  # a node's cache that did not hear of the reorg
            seen = {h: self.chain.orphaned[h] for h in ours if h in self.chain.orphaned} | seen
        finalized = max(height - 3, 0)
        return e.Observed(
            head=height,
            at=self.at,
            finalized=finalized,
            account_nonce=None if blind == "nonce" else self.chain.nonce(height),
            final_nonce=None if blind == "nonce" else self.chain.nonce(finalized),
            mined={h: Mined(h, block.number, block.hash, True, 21_000, 1) for h, block in seen.items()},
            absent=frozenset() if blind == "receipts" else frozenset(ours - set(seen)),
            canonical=(
                {} if blind == "blocks" else {b.number: b.hash for b in self.chain.blocks[: height + 1]}
            ),
            market=quote(self.chain.base_fee, 1),
            ways=self.ways,
        )

    def _feed_or_crash(self, event: e.Event, effects_left: int | None) -> None:
        self.effects_left = effects_left
        try:
            self.feed(event)
        except CrashError:
            self.effects_left = None
            self._recover()
        self.effects_left = None

    def _recover(self) -> None:
        """A new life: memory is gone, the journal is what there is. Answers to old broadcasts never come,
        but their bytes may have arrived."""
        for lost in self.answers:
            if len(lost.tx_hash) % 2:
                self._deliver(lost)
        self.checks, self.asks, self.answers = [], [], []
        self.state = replay(self.journal)
        pending = max((n + 1 for pool in self.chain.pools.values() for n in pool), default=0)
        event = e.Recovered(max(self.chain.nonce(), pending), self.chain.head, self.at, self.ways)
        self.feed(event)
        again, effects = step(replay(self.journal), event, self.policy)
        assert _holdings(again) == _holdings(self.state), "recovering twice is not recovering once"
        sent = {effect.raw for effect in effects if isinstance(effect, e.Send)}
        assert sent <= set(self.raws), "recovery sent bytes that were never signed"

    # Invariants

    @invariant()
    def replay_gives_the_state(self) -> None:
        """16: memory holds nothing that the journal does not, but for open questions; each step of each
        intent was one that is allowed (`Moves`)."""
        assert _durable(self.moves.state, self.again) == _durable(self.state, self.again)

    @invariant()
    def nothing_follows_from_silence(self) -> None:
        """12: a look that could read nothing, and answers that never come, end nothing and free nothing."""
        events: list[e.Event] = [e.Observed(self.state.head, self.state.at, ways=self.ways)]
        events += [replace(item, outcome=Outcome.AMBIGUOUS, at=self.state.at) for item in self.answers[:2]]
        for event in events:
            _, effects = step(self.state, event, self.policy)
            for effect in effects:
                assert not isinstance(effect, CONCLUSIONS), f"12: {effect} of nothing"
                if isinstance(effect, r.Released):
                    assert effect.refusal in (Refusal.EXPIRED, Refusal.BATCH), f"12: {effect} of nothing"

    @invariant()
    def no_two_live_intents_share_a_slot(self) -> None:
        """2, 13: each live intent has a nonce of its own, each slot one intent."""
        keys = [slot.key for slot in self.state.slots.values()]
        assert len(keys) == len(set(keys))
        for nonce, slot in self.state.slots.items():
            assert self.state.intents[slot.key].nonce == nonce
            assert all(item.raw.startswith(f"({slot.key!r},".encode()) for item in slot.attempts)

    @invariant()
    def committed_nonces_are_contiguous(self) -> None:
        """3: no nonce between ours is lost: each is held, or free and the next to be taken."""
        if self.state.slots:
            below = range(min(self.state.slots), self.state.nonces.next)
            lost = {n for n in below if n not in self.state.slots and n not in self.state.finished}
            assert lost <= self.state.nonces.free or self.foreign_used

    @invariant()
    def prices_rise_by_legal_steps_under_the_cap(self) -> None:
        """7: each attempt of a slot replaces the one before at every known pool."""
        for slot in (*self.state.slots.values(), *self.state.finished.values()):
            for old, new in zip(slot.attempts, slot.attempts[1:], strict=False):
                assert new.fees.tip >= bump_price(old.fees.tip)
                assert new.fees.fee_cap >= bump_price(old.fees.fee_cap)
            assert all(attempt.fees.fee_cap <= FEE_CAP for attempt in slot.attempts)

    @invariant()
    def final_is_absorbing_and_true(self) -> None:
        """1, 11, 14: a final outcome never changes, and is what the chain holds."""
        mined = self.chain.mined()
        for nonce, slot in self.state.finished.items():
            state = self.state.intents[slot.key].state
            assert state.is_terminal
            assert self.final.setdefault(slot.key, state) == state
            ours = [attempt for attempt in slot.attempts if attempt.tx_hash in mined]
            if state is IntentState.SUPERSEDED:
                assert not ours
                assert self.chain.nonce() > nonce
                continue
            assert [attempt.tx_hash for attempt in ours] == [slot.mined.tx_hash if slot.mined else ""]
            assert (ours[0].kind is Kind.CANCEL) == (state is IntentState.CANCELLED)

    @invariant()
    def no_intent_is_executed_twice(self) -> None:
        """1, 5: at most one normal attempt of an intent is ever canonical, over all its nonces."""
        records = self.journal
        holder: dict[int, str] = {}
        by_key: dict[str, set[TxHash]] = {}
        mined = self.chain.mined()
        for record in records:
            if isinstance(record, r.Reserved):
                holder[record.nonce] = record.key
            elif isinstance(record, r.Attempted) and record.kind is Kind.NORMAL and record.tx_hash in mined:
                by_key.setdefault(holder[record.nonce], set()).add(record.tx_hash)
        assert all(len(hashes) == 1 for hashes in by_key.values())

    def teardown(self) -> None:
        """5, 15: with fair endpoints and a quiet market everything ends, and what ended is true."""
        self.chain.base_fee, self.chain.funds = 1, 10**18
        for _ in range(60):
            self._settle_calmly()
            if not self.state.slots and not self.state.queue:
                break
        if self.state.halted is None:
            assert not self.state.slots
            assert not self.state.queue
        else:
            assert self.foreign_used
        self.final_is_absorbing_and_true()
        self.no_intent_is_executed_twice()
        assert replay(self.journal) == self.moves.state
        for intent in self.state.intents.values():
            self._check_execution(intent)

    def _work_off(self, *, answered: bool = True) -> None:
        while self.checks:
            self.feed(e.CheckPassed(self.checks.pop(0), 21_000, self.at))
        while self.asks:
            self.feed(self._sign(self.asks.pop(0), FEE_CAP))
            if answered:
                self._answer_all()
        if answered:
            self._answer_all()

    def _answer_all(self) -> None:
        while self.answers:
            asked = self.answers.pop(0)
            said = self._deliver(asked)
            self.feed(replace(asked, outcome=_outcome(said), send_class=said or "", at=self.at))

    def _settle_calmly(self) -> None:
        self._work_off()
        picks, nonce = list[ModelTx](), self.chain.nonce()
        while offers := self._candidates(nonce):
            picks.append(offers[0])
            nonce += 1
        self.chain.mine(picks)
        self.at += 12
        self.feed(self._view())

    def _check_execution(self, intent: Intent) -> None:
        """Executed if and only if one of its normal attempts is canonical."""
        mined = self.chain.mined()
        slot = self.state.slot_of(intent.key)
        attempts = slot.attempts if slot else ()
        executed = any(a.tx_hash in mined and a.kind is Kind.NORMAL for a in attempts)
        assert executed == (intent.state in (IntentState.SUCCEEDED, IntentState.REVERTED)) or not (
            intent.state.is_terminal
        )


def _outcome(said: SendClass | None) -> Outcome:
    if said in (None, SendClass.ALREADY_KNOWN):
        return Outcome.ACCEPTED
    if said in (SendClass.AMBIGUOUS, SendClass.NONCE_LOW):
        return Outcome.AMBIGUOUS
    return Outcome.REJECTED


def _holdings(state: State) -> Any:
    """Which intents hold which nonces by which bytes: what a second recovery may not change."""
    slots = {n: (s.key, s.mined, [a.tx_hash for a in s.attempts]) for n, s in state.slots.items()}
    ended = {k: i.state for k, i in state.intents.items() if i.state.is_terminal}
    return slots, ended, state.nonces, state.halted


def _durable(state: State, again: set[str]) -> State:
    """A state without what only this life knows: a key that is wanted `again` may be in its queue."""
    intents = {k: i for k, i in state.intents.items() if i.state is not IntentState.QUEUED}
    intents = {k: i for k, i in intents.items() if k not in again or i.refusal is None}
    slots = {n: change(s, asked=0, misses=0) for n, s in state.slots.items()}
    finished = {n: change(s, asked=0, misses=0) for n, s in state.finished.items()}
    slots = {n: change(s, attempts=_unblocked(s.attempts)) for n, s in slots.items()}
    finished = {n: change(s, attempts=_unblocked(s.attempts)) for n, s in finished.items()}
    given_up = {k: change(s, attempts=_unblocked(s.attempts)) for k, s in state.given_up.items()}
    queue = {k: None for k in state.queue if k in intents}
    bare = replace(state, intents=intents, slots=slots, finished=finished, queue=queue)
    return replace(bare, given_up=given_up, past={}, doubts=0, asks=0, head=0, behind_since=0, at=0)


def _unblocked(attempts: Any) -> Any:
    """`block` counts from the head at signing until the first broadcast says it durably."""
    return tuple(a if a.is_begun else change(a, block=0) for a in attempts)


class LongEngine(Engine):
    """The same machine, for `make soak`."""


TestLongEngine = pytest.mark.soak(LongEngine.TestCase)
TestLongEngine.settings = machine_settings(10_000, 80)
TestEngine = Engine.TestCase
TestEngine.settings = machine_settings(300, 80)
