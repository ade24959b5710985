"""The reducer's machine with private lanes: relays that refuse, lie, leak, keep bytes and include them late,
and bundles. All invariants of test_reducer_properties.py hold as they are; here 10 is a real one, and so is
that a bundle happens as a whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from tests.tx import test_reducer_properties as model
from tests.tx.model_chain import ModelTx
from tests.tx.moves import machine_settings

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.lanes import Lane, RoutePolicy, Ways
from trimtab.tx.reducer import step
from trimtab.tx.states import IntentState, Kind, Outcome, Refusal, change

RELAYS = ("relay", "builder")
WAYS = Ways({Lane.PUBLIC: model.ENDPOINTS, Lane.PRIVATE: RELAYS, Lane.BUNDLE: RELAYS[1:]})
ONLY_PRIVATE = Ways({Lane.PRIVATE: RELAYS, Lane.BUNDLE: RELAYS[1:]})
WINDOWS = st.integers(1, 6)
REFUSALS = (*model.REFUSALS, SendClass.UNAUTHORISED, SendClass.REVERT)
NOT_SENT = {IntentState.REJECTED, IntentState.EXPIRED, IntentState.DROPPED}


@dataclass(frozen=True)
class Offer:
    """What a relay was given: transactions that belong together. A bundle is for its target alone."""

    txs: tuple[ModelTx, ...]
    target: int
    last_block: int
    is_bundle: bool

    def fits(self, block: int) -> bool:
        return block == self.target if self.is_bundle else block <= self.last_block


class PrivateEngine(model.Engine):
    """`kept` is what the relays would include by their word, `hoard` all that they ever had. `exposed` hashes
    got about by no act of the engine: leaked, uncled, or taken out of their bundle."""

    def __init__(self) -> None:
        super().__init__()
        self.routes: dict[str, RoutePolicy] = {}
        self.steps_of: dict[str, list[str]] = {}
        self.step_by_hash: dict[str, tuple[str, int]] = {}
        self.rehearsals: list[e.Rehearse] = []
        self.parcels: dict[TxHash, Offer] = {}
        self.kept: dict[TxHash, Offer] = {}
        self.hoard: dict[TxHash, Offer] = {}
        self.exposed: set[TxHash] = set()

    # The engine's side

    @initialize(has_public=st.sampled_from([True, True, True, False]), rehearses=st.booleans())
    def choose_ways(self, has_public: bool, rehearses: bool) -> None:
        """Now and then there are private endpoints only: cancellations and fillers travel there too."""
        self.ways = WAYS if has_public else ONLY_PRIVATE
        self.policy = replace(model.POLICY, rehearses=rehearses)

    def _do(self, effect: Any) -> None:
        match effect:
            case e.SendBundle():
                self._check_bundle(effect)
                for send in effect.sends:
                    self._send(send)
                self._remember(effect.sends, is_bundle=True)
            case e.Withdraw():
                self._withdraw(effect)
            case e.Rehearse():
                self.rehearsals.append(effect)
            case r.SendBegun():
                self._check_lane(effect)
                super()._do(effect)
            case _:
                super()._do(effect)

    def _send(self, effect: e.Send) -> None:
        super()._send(effect)
        assert not any(effect.raw in item.raws for item in self._open_rehearsals()), "it left unrehearsed"
        if not effect.lane.is_private:
            return
        assert effect.target == self.state.head + 1
        assert effect.target <= effect.last_block, "sent past its window"
        if effect.lane is Lane.PRIVATE:
            self._remember((effect,), is_bundle=False)

    def _remember(self, sends: Sequence[e.Send], *, is_bundle: bool) -> None:
        txs = tuple(self._tx(send.tx_hash) for send in sends)
        offer = Offer(txs, sends[0].target, sends[0].last_block, is_bundle)
        if is_bundle:
            self.step_by_hash |= {send.tx_hash: (send.name, send.nonce) for send in sends}
        self.parcels |= {tx.tx_hash: offer for tx in txs}

    def _withdraw(self, effect: e.Withdraw) -> None:
        """An honest relay forgets what it is asked to."""
        for tx_hash in effect.hashes:
            self.kept.pop(tx_hash, None)

    def _check_bundle(self, effect: e.SendBundle) -> None:
        """Every step of it, in order, in its lane, at one block."""
        slots = [self.state.slots[send.nonce] for send in effect.sends]
        intents = [self.state.intents[slot.key] for slot in slots]
        assert len(effect.sends) == intents[0].bundle
        assert [intent.step for intent in intents] == list(range(len(intents)))
        nonces = [send.nonce for send in effect.sends]
        assert nonces == list(range(nonces[0], nonces[0] + len(nonces)))
        assert {send.lane for send in effect.sends} == {Lane.BUNDLE}
        assert len({(send.target, send.last_block) for send in effect.sends}) == 1
        assert all(slot.mined is None and slot.last.kind is Kind.NORMAL for slot in slots)

    def _check_lane(self, effect: r.SendBegun) -> None:
        """10: bytes of a private intent go to private endpoints until a record says that they go public."""
        slot = self.moves.state.slots[effect.nonce]
        attempt = slot.attempt(effect.tx_hash)
        assert attempt is not None
        if attempt.kind is Kind.CANCEL:
            assert effect.endpoints == self.ways.of(self.ways.lane_to_cancel)
            return
        lane = self._lane_by_journal(effect.nonce)
        assert lane is slot.lane
        assert effect.endpoints == self.ways.of(lane), "10: other endpoints than the lane's"
        if lane.is_private:
            assert slot.last_block, "no window was opened before the bytes left"
            assert self.state.head < slot.last_block, "sent past its window"

    def _lane_by_journal(self, nonce: int) -> Lane:
        """What the records say of a nonce since it was reserved last; a switch to public waits past its
        window."""
        lane = Lane.PUBLIC
        for record in self.journal:
            match record:
                case r.Reserved(nonce=n, key=key) | r.Reclaimed(nonce=n, key=key) if n == nonce:
                    lane = self.moves.state.intents[key].lane
                    if isinstance(record, r.Reclaimed):
                        lane = self.moves.state.slots[n].lane
                case r.Routed(nonce=n) if n == nonce:
                    lane = record.lane
        return lane

    def _write(self, record: Any) -> None:
        if isinstance(record, r.Routed) and record.lane is Lane.PUBLIC:
            self._check_switch(record)
        super()._write(record)

    def _check_switch(self, record: r.Routed) -> None:
        """T15: past the window and the margin, with the nonce unused; or the caller's own word."""
        slot = self.moves.state.slots[record.nonce]
        intent = self.moves.state.intents[slot.key]
        if not intent.lane.is_private:
            return
        assert intent.route is not None
        assert intent.route.then_public
        self._check_past(slot.nonce, slot.last_block)

    def _check_past(self, nonce: int, last_block: int) -> None:
        assert self.state.head > last_block + model.POLICY.drop_margin, "T15: its window is not past"
        assert self.chain.nonce(min(self.state.head, self.chain.head)) <= nonce, "T15: the nonce is used"

    def _check_release(self, effect: r.Released) -> None:
        """12 and T15: as in public, or past the window, or because given-up bytes have the nonce."""
        slot = self.moves.state.slots[effect.nonce]
        if effect.refusal is Refusal.OVERTAKEN:
            has_nonce = effect.nonce in self.state.slots or effect.nonce in self.state.finished
            assert has_nonce, "nobody has overtaken it"
            return
        is_out = slot.is_exposed and slot.lane.is_private
        if is_out:
            self._check_past(effect.nonce, slot.last_block)
        elif not slot.lane.is_private or not slot.attempts:
            super()._check_release(effect)
        else:
            assert all(item.is_refused or not item.is_begun for item in slot.attempts)

    def _check_reservation(self, effect: r.Reserved) -> None:
        """3; the steps of one bundle do not wait for each other, and follow each other."""
        intent = self.state.intents[effect.key]
        if not intent.bundle:
            super()._check_reservation(effect)
            return
        before = [s for s in self.moves.state.slots.values() if s.nonce < effect.nonce and s.mined is None]
        others = [s for s in before if self.moves.state.intents[s.key].batch != intent.batch]
        assert not [s for s in others if not s.attempts]

    # What the caller does

    @rule(
        window=WINDOWS,
        then_public=st.booleans(),
        deadline=model.DEADLINES,
        budget=model.BUDGETS,
        crash=model.CRASHES,
    )
    def submit_private(
        self, window: int, then_public: bool, deadline: int | None, budget: int | None, crash: int | None
    ) -> None:
        key = f"p{len(self.submitted)}"
        goes_public = then_public and bool(self.ways.of(Lane.PUBLIC))
        self.routes[key] = RoutePolicy(is_private=True, window=window, then_public=goes_public)
        self.submit_one(deadline, budget, crash, key)

    @rule(count=st.integers(2, 3), window=WINDOWS, deadline=model.DEADLINES, crash=model.CRASHES)
    def submit_bundle(self, count: int, window: int, deadline: int | None, crash: int | None) -> None:
        name = f"q{len(self.submitted)}"
        self.steps_of[name] = [f"{name}.{number}" for number in range(count)]
        self.routes |= {key: RoutePolicy.private(window) for key in self.steps_of[name]}
        self._submit_steps(name, deadline, crash)

    @precondition(lambda self: self._bundles_refused())
    @rule(data=st.data(), deadline=model.DEADLINES, crash=model.CRASHES)
    def submit_bundle_again(self, data: st.DataObject, deadline: int | None, crash: int | None) -> None:
        """All of its steps were dropped, withdrawn or refused."""
        name = data.draw(st.sampled_from(self._bundles_refused()))
        self.again |= set(self.steps_of[name])
        self._submit_steps(name, deadline, crash)

    def _bundles_refused(self) -> list[str]:
        refused = set(self._refused())
        return [name for name, keys in self.steps_of.items() if set(keys) <= refused]

    def _submit_steps(self, name: str, deadline: int | None, crash: int | None) -> None:
        if self.state.halted:
            return
        keys = self.steps_of[name]
        wanted = [self._intent(key, deadline, None, name, number) for number, key in enumerate(keys)]
        steps = tuple(change(item, bundle=len(keys)) for item in wanted)
        self._feed_or_crash(e.SubmitBatch(steps), crash)

    def _intent(
        self, key: str, deadline: int | None, budget: int | None, batch: str = "", step: int = 0
    ) -> r.Submitted:
        route = self.routes.get(key)
        if route is None and not self.ways.of(Lane.PUBLIC):
            route = self.routes[key] = RoutePolicy.private(4)
        return change(super()._intent(key, deadline, budget, batch, step), route=route)

    @precondition(lambda self: self.rehearsals)
    @rule(data=st.data(), does_good=st.sampled_from([True, True, False]), crash=model.CRASHES)
    def rehearse(self, data: st.DataObject, does_good: bool, crash: int | None) -> None:
        """Its answer comes: it would do no good, or it would, or nobody can tell."""
        number = data.draw(st.integers(0, len(self.rehearsals) - 1))
        self._feed_or_crash(self._rehearsed(self.rehearsals.pop(number), does_good), crash)

    def _rehearsed(self, asked: e.Rehearse, does_good: bool = True) -> e.Rehearsed:
        return e.Rehearsed(asked.nonce, "" if does_good else "it reverts", self.ways, self.at, asked.ask)

    def _open_rehearsals(self) -> list[e.Rehearse]:
        """Those whose answer is still waited for."""
        slots = self.state.slots
        return [
            item for item in self.rehearsals if item.nonce in slots and slots[item.nonce].asked == item.ask
        ]

    def _work_off(self, *, answered: bool = True) -> None:
        super()._work_off(answered=answered)
        while self.rehearsals:
            self.feed(self._rehearsed(self.rehearsals.pop(0)))
            super()._work_off(answered=answered)

    def _recover(self) -> None:
        self.rehearsals = []
        super()._recover()

    # What relays do

    def _deliver(self, asked: e.SendAnswered) -> SendClass | None:
        if asked.endpoint not in RELAYS:
            return super()._deliver(asked)
        self._hand_over(asked, is_kept=True)
        tx = self._tx(asked.tx_hash)
        return SendClass.NONCE_LOW if tx.nonce < self.chain.nonce() else None

    def _hand_over(self, asked: e.SendAnswered, *, is_kept: bool) -> None:
        offer = self.parcels.get(TxHash(asked.tx_hash))
        if offer is None:  # a cancellation where nobody serves the public lane
            tx = self._tx(asked.tx_hash)
            offer = Offer((tx,), 0, self.chain.head + 25, is_bundle=False)
        self.hoard |= {tx.tx_hash: offer for tx in offer.txs}
        if is_kept:
            self.kept |= {tx.tx_hash: offer for tx in offer.txs}

    @precondition(lambda self: any(item.endpoint in RELAYS for item in self.answers))
    @rule(data=st.data(), refusal=st.sampled_from(REFUSALS))
    def lie(self, data: st.DataObject, refusal: SendClass) -> None:
        """A relay says no, and has the bytes; or yes, and throws them away."""
        asked = data.draw(st.sampled_from([item for item in self.answers if item.endpoint in RELAYS]))
        self.answers.remove(asked)
        if data.draw(st.booleans()):
            self._hand_over(asked, is_kept=True)
            said = (Outcome.REJECTED, str(refusal))
        else:
            said = (Outcome.ACCEPTED, "")
        self.feed(replace(asked, outcome=said[0], send_class=said[1], at=self.at))

    @precondition(lambda self: self.kept)
    @rule()
    def forget(self) -> None:
        """The relays lose all that they have."""
        self.kept.clear()

    @precondition(lambda self: self.hoard and self.ways.of(Lane.PUBLIC))
    @rule(data=st.data(), endpoint=st.sampled_from(model.ENDPOINTS))
    def leak(self, data: st.DataObject, endpoint: str) -> None:
        """Something that a relay ever had comes to a public pool."""
        tx_hash = data.draw(st.sampled_from(sorted(self.hoard)))
        self.exposed.add(tx_hash)
        self.chain.offer(endpoint, self._tx(tx_hash))

    @precondition(lambda self: self.hoard)
    @rule(data=st.data(), alone=st.sampled_from([False, False, True]))
    def include_at_will(self, data: st.DataObject, alone: bool) -> None:
        """A builder includes what it ever had: before its time, after its window, part of a bundle."""
        offer = self.hoard[data.draw(st.sampled_from(sorted(self.hoard)))]
        txs = offer.txs[:1] if alone else offer.txs
        if alone and offer.is_bundle:
            self.exposed.add(txs[0].tx_hash)
        if self._may_be_mined(txs):
            self.chain.mine(txs)
            self.at += 12

    @rule(before=st.booleans())
    def build(self, before: bool) -> None:
        """An honest block: a bundle that is for it, or what is private at the next nonces, then public."""
        picks = self._calm_picks() if before else self._bundle_picks()
        self.chain.mine(picks)
        self.at += 12

    @precondition(lambda self: self.chain.head >= 4)
    @rule(depth=st.integers(1, 3), keep=st.booleans())
    def reorg(self, depth: int, keep: bool) -> None:
        """An uncled block shows everybody what was in it."""
        self.exposed |= {tx.tx_hash for block in self.chain.blocks[-depth:] for tx in block.txs}
        self.chain.reorg(depth, keep)

    def _candidates(self, nonce: int) -> list[ModelTx]:
        """Pools', and private ones at their price; bundles go as a whole or not at all."""
        offers = {tx.tx_hash: tx for tx in super()._candidates(nonce)}
        balance, block = self.chain.balance(), self.chain.head + 1
        for tx_hash, offer in self.kept.items():
            tx = offer.txs[0]
            is_for_it = not offer.is_bundle and tx.nonce == nonce and offer.fits(block)
            if is_for_it and tx.fees.fee_cap >= self.chain.base_fee and tx.worst_cost <= balance:
                offers[tx_hash] = tx
        return list(offers.values())

    def _may_be_mined(self, txs: Sequence[ModelTx]) -> bool:
        nonce = self.chain.nonce()
        return (
            [tx.nonce for tx in txs] == list(range(nonce, nonce + len(txs)))
            and all(tx.fees.fee_cap >= self.chain.base_fee for tx in txs)
            and sum(tx.worst_cost for tx in txs) <= self.chain.balance()
        )

    def _bundle_picks(self) -> list[ModelTx]:
        block = self.chain.head + 1
        offers = [offer for offer in self.kept.values() if offer.is_bundle and offer.fits(block)]
        return next((list(offer.txs) for offer in reversed(offers) if self._may_be_mined(offer.txs)), [])

    def _calm_picks(self) -> list[ModelTx]:
        picks = self._bundle_picks()
        nonce = self.chain.nonce() + len(picks)
        while offers := self._candidates(nonce):
            picks.append(offers[0])
            nonce += 1
        return picks

    # Invariants

    @invariant()
    def private_bytes_are_in_no_public_pool(self) -> None:
        """10: of a normal attempt, unless the journal sent them there, or somebody else did."""
        pooled = self.chain.pooled() - self.exposed
        for record in self.journal:
            if isinstance(record, r.SendBegun) and set(record.endpoints) & set(model.ENDPOINTS):
                pooled.discard(record.tx_hash)
        assert not pooled & set(self.hoard), "10: private bytes in a public pool"

    @invariant()
    def bundles_happen_as_a_whole(self) -> None:
        """The steps of one bundle are canonical in one block, or none is; but for what others took out."""
        mined = self.chain.mined()
        shown = {self.step_by_hash[h][0] for h in self.exposed if h in self.step_by_hash}
        for keys in self.steps_of.values():
            if shown.isdisjoint(keys):
                done = {self.step_by_hash[h] for h in mined if h in self.step_by_hash}
                steps = sorted(item for item in done if item[0] in keys)
                assert len(steps) in (0, len(keys)), f"half a bundle: {steps}"
                blocks = {mined[h].number for h in mined if self.step_by_hash.get(h, ("",))[0] in keys}
                assert len(blocks) <= 1

    @invariant()
    def silence_makes_nothing_public(self) -> None:
        """10, 12: nor does any answer of a relay, whatever its class."""
        asked = [item for item in self.answers if item.endpoint in RELAYS][:1]
        events: list[e.Event] = [e.Observed(self.state.head, self.state.at, ways=self.ways)]
        for said in (Outcome.REJECTED, Outcome.AMBIGUOUS) if asked else ():
            events += [replace(asked[0], outcome=said, send_class=str(SendClass.PERMANENT), at=self.state.at)]
        for event in events:
            _, effects = step(self.state, event, self.policy)
            for effect in effects:
                assert not isinstance(effect, r.Reclaimed)
                assert not (isinstance(effect, r.Routed) and effect.lane is Lane.PUBLIC)

    @invariant()
    def what_was_given_up_is_watched(self) -> None:
        """A nonce that was given back with its bytes out, and is not final, still has them in the state."""
        for key, slot in self.state.given_up.items():
            assert self.state.intents[key].state in {*NOT_SENT, IntentState.CHECKED, IntentState.QUEUED}
            assert slot.attempts

    def teardown(self) -> None:
        super().teardown()
        mined = self.chain.mined()
        if self.state.halted is None:
            given_up = {a.tx_hash for slot in self.state.given_up.values() for a in slot.attempts}
            assert not given_up & mined.keys(), "a lost execution"

    def _settle_calmly(self) -> None:
        self._work_off()
        self.chain.mine(self._calm_picks())
        self.at += 12
        self.feed(self._view())

    def _check_execution(self, intent: Any) -> None:
        """And of what the journal ever sent for it, all is counted."""
        super()._check_execution(intent)
        mined = self.chain.mined()
        holder: dict[int, str] = {}
        for record in self.journal:
            if isinstance(record, r.Reserved):
                holder[record.nonce] = record.key
            elif isinstance(record, r.Attempted) and holder[record.nonce] == intent.key:
                is_ours = record.kind is Kind.NORMAL and record.tx_hash in mined
                assert not is_ours or intent.state not in NOT_SENT, f"{intent.key} happened: {intent.state}"


class LongPrivateEngine(PrivateEngine):
    """The same machine, for `make soak`."""


TestLongPrivateEngine = pytest.mark.soak(LongPrivateEngine.TestCase)
TestLongPrivateEngine.settings = machine_settings(10_000, 80)
TestPrivateEngine = PrivateEngine.TestCase
TestPrivateEngine.settings = machine_settings(300, 40)
