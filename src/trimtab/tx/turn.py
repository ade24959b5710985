"""One event's work: facts noted so far, the state they fold to, and the actions that follow."""

from __future__ import annotations

from typing import TypeAlias

from trimtab.model.ids import TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.evolve import evolve
from trimtab.tx.fees import Fees
from trimtab.tx.lanes import WINDOW, Lane, Ways
from trimtab.tx.policy import TxPolicy
from trimtab.tx.states import Intent, Kind, Refusal, Slot, SlotState, State

Effect: TypeAlias = r.TxFact | e.Action


class Turn:
    """`effects` are in order: a record must be durable before any action after it is done. `lost` are the
    steps of batches that will not happen."""

    def __init__(self, state: State, policy: TxPolicy) -> None:
        self.state = state
        self.policy = policy
        self.effects: list[Effect] = []
        self.superseded: str | None = None
        self.lost: list[Intent] = []
        self._changed: dict[str, None] = {}

    def note(self, record: r.TxFact) -> None:
        """A fact: folded at once, so that the next decision sees it."""
        key = self._key_of(record)
        evolve(self.state, record)
        self.effects.append(record)
        if key is None:
            return
        self._changed[key] = None
        if isinstance(record, r.Released | r.Refused | r.Cancelling) and self.state.intents[key].batch:
            self.lost.append(self.state.intents[key])

    def act(self, action: e.Action) -> None:
        self.effects.append(action)

    def finish(self) -> tuple[Effect, ...]:
        """All effects, with a wake-up for every intent that moved."""
        return (*self.effects, *map(e.Changed, self._changed))

    def ask_signature(self, nonce: int, kind: Kind, above: Fees | None) -> None:
        ask = self.state.asks + 1
        self.note(r.SignAsked(nonce=nonce, ask=ask))
        self.act(e.Sign(nonce, kind, above, ask))

    def leave(self, slot: Slot, ways: Ways, at: int) -> None:
        """Bytes that were just signed: private ones are rehearsed before the first of a nonce goes, where the
        policy says so, and those of a bundle together."""
        slots = self.fellows(self.state.intents[slot.key])
        is_first = not any(attempt.is_begun for item in slots for attempt in item.attempts)
        if not (self.policy.rehearses and slot.flies_private and is_first):
            self.send(slot, ways, at)
        elif self._is_whole(slots):
            self._rehearse(slots)

    def _rehearse(self, slots: list[Slot]) -> None:
        first, ask = slots[0], self.state.asks + 1
        below = [slot for slot in self.state.unmined if slot.nonce < first.nonce and slot.attempts]
        self.note(r.SignAsked(nonce=first.nonce, ask=ask))
        raws = tuple(slot.last.raw for slot in slots)
        self.act(e.Rehearse(first.nonce, raws, tuple(slot.last.raw for slot in below), ask))

    def _is_whole(self, slots: list[Slot]) -> bool:
        """Every step of a bundle is there, signed and not mined; a transaction alone always is."""
        bundle = self.state.intents[slots[0].key].bundle
        is_whole = len(slots) == (bundle or 1) and all(slot.mined is None for slot in slots)
        return is_whole and all(slot.attempts and not slot.is_signing for slot in slots)

    def send(self, slot: Slot, ways: Ways, at: int) -> None:
        """The dearest attempt, in its lane and nowhere else, and not past its window; a bundle as a whole."""
        if slot.flies_private and slot.last_block and self.state.head >= slot.last_block:
            return
        if slot.lane is Lane.BUNDLE:
            self._send_bundle(self.state.intents[slot.key], ways, at)
            return
        send = self._begin(slot, ways, at)
        if send is not None:
            self.act(send)

    def fellows(self, intent: Intent) -> list[Slot]:
        """The slots of its bundle, lowest nonce first; the intent's own alone when it is in none."""
        if not intent.bundle:
            own = self.state.slots.get(-1 if intent.nonce is None else intent.nonce)
            return [own] if own is not None and own.key == intent.key else []
        slots = sorted(self.state.slots.values(), key=lambda slot: slot.nonce)
        return [slot for slot in slots if self.state.intents[slot.key].batch == intent.batch]

    def given_up_hashes(self, nonce: int) -> frozenset[TxHash]:
        """Of bytes that were given up and could be mined at this nonce or a lower one."""
        slots = [slot for slot in self.state.given_up.values() if slot.nonce <= nonce]
        return frozenset(attempt.tx_hash for slot in slots for attempt in slot.attempts)

    def leads(self, slot: Slot) -> bool:
        """Whether it is the first of its bundle, or alone."""
        return self.fellows(self.state.intents[slot.key])[0].nonce == slot.nonce

    def _send_bundle(self, intent: Intent, ways: Ways, at: int) -> None:
        """Nothing leaves before every step of it is signed, and nothing alone."""
        slots = self.fellows(intent)
        if not self._is_whole(slots):
            return
        end = max(slot.last_block for slot in slots)
        for slot in slots:
            if 0 < end != slot.last_block:  # a crash or a reorg came between them
                reason = "one window for all of its bundle"
                self.note(r.Routed(nonce=slot.nonce, lane=slot.lane, last_block=end, reason=reason))
        sends = [self._begin(self.state.slots[slot.nonce], ways, at) for slot in slots]
        if None not in sends:
            self.act(e.SendBundle(tuple(send for send in sends if send is not None), intent.batch))

    def _begin(self, slot: Slot, ways: Ways, at: int) -> e.Send | None:
        """The record that comes before the bytes; None where nobody serves the lane."""
        attempt, head = slot.last, self.state.head
        is_cancel = attempt.kind is Kind.CANCEL
        lane = ways.lane_to_cancel if is_cancel else slot.lane
        endpoints = ways.of(lane)
        if not endpoints:
            return None
        if lane.is_private and not is_cancel and not slot.last_block:
            self.open_window(slot)
        target = head + 1 if lane.is_private else 0
        end = head + WINDOW if is_cancel else self.state.slots[slot.nonce].last_block
        self.note(
            r.SendBegun(
                nonce=slot.nonce,
                tx_hash=attempt.tx_hash,
                endpoints=endpoints,
                at=at,
                block=head,
                target=target,
                until=ways.may_come_until(endpoints, head, end) if target else 0,
            )
        )
        return e.Send(
            slot.nonce,
            attempt.tx_hash,
            attempt.raw,
            lane,
            target,
            last_block=end if target else 0,
            name=slot.key,
            deadline=None if is_cancel else self.state.intents[slot.key].deadline,
        )

    def open_window(self, slot: Slot, reason: str = "") -> None:
        """A private lane may include it in so many blocks from now on."""
        last = self.state.head + max(self.state.intents[slot.key].window, 1)
        self.note(r.Routed(nonce=slot.nonce, lane=slot.lane, last_block=last, reason=reason))

    def rebroadcast(self, slot: Slot, ways: Ways, at: int) -> None:
        """T5: identical bytes of the dearest attempt, unless the deadline forbids them (T8)."""
        if slot.mined is not None or not slot.attempts:
            return
        is_normal = slot.last.kind is Kind.NORMAL
        if is_normal and slot.is_cancelling:
            return
        if is_normal and self.state.intents[slot.key].is_late(at):
            if slot.state is SlotState.COMMITTED:
                self.cancel(slot, "its deadline passed")
            return
        self.send(slot, ways, at)

    def cancel(self, slot: Slot, reason: str) -> None:
        """T7, T8: from here on no normal attempt is broadcast; which hash is mined decides. Private endpoints
        are asked to forget it; a bundle is just not aimed at the next block, and over once nobody may include
        it any more."""
        if slot.lane is Lane.BUNDLE:
            self._stop_bundle(self.state.intents[slot.key], reason)
            return
        self.note(r.Cancelling(nonce=slot.nonce, reason=reason))
        if slot.lane.is_private:
            self._withdraw(slot.key, slot.lane, [slot])
        if not slot.is_signing and self.state.halted is None:
            self.ask_signature(slot.nonce, Kind.CANCEL, slot.last.fees)

    def _stop_bundle(self, intent: Intent, reason: str) -> None:
        slots = self.fellows(intent)
        for slot in slots:
            if slot.is_cancelling or slot.mined is not None:
                return
        for slot in slots:
            self.note(r.Cancelling(nonce=slot.nonce, reason=reason))
        for slot in slots:
            last = max(slot.until, slot.target) or max(self.state.head, 1)
            self.note(r.Routed(nonce=slot.nonce, lane=slot.lane, last_block=last, reason=reason))
        self._withdraw(intent.batch, Lane.BUNDLE, slots)

    def _withdraw(self, name: str, lane: Lane, slots: list[Slot]) -> None:
        attempts = [attempt for slot in slots for attempt in slot.attempts if attempt.kind is Kind.NORMAL]
        hashes = tuple(attempt.tx_hash for attempt in attempts)
        self.act(e.Withdraw(name, lane, tuple(attempt.raw for attempt in attempts), hashes))

    def give_up(self, slot: Slot, refusal: Refusal, reason: str) -> None:
        """Its nonce is free again; those of its bundle too, the highest first."""
        intent = self.state.intents[slot.key]
        for item in reversed(self.fellows(intent)):
            if item.mined is None:  # one that leaked and was mined alone stands
                self.note(r.Released(nonce=item.nonce, refusal=refusal, reason=reason))
        for key in [key for key in self.state.queue if intent.bundle]:
            if self.state.intents[key].batch == intent.batch:
                self.note(r.Refused(key=key, refusal=refusal, reason=reason))

    def is_free(self, slot: Slot) -> bool:
        """Nothing of it can be mined, nor of its bundle."""
        return all(item.is_free for item in self.fellows(self.state.intents[slot.key]))

    def end(self, slot: Slot, refusal: Refusal, reason: str) -> None:
        """It shall not happen: give it up, or cancel it where some of its bundle is out."""
        if self.is_free(slot):
            self.give_up(slot, refusal, reason)
        elif not slot.is_cancelling:
            self.cancel(slot, reason)

    def expire(self, nonce: int) -> None:
        """T8: give back what no endpoint took in time."""
        reason = "its deadline passed before any endpoint took it"
        self.end(self.state.slots[nonce], Refusal.EXPIRED, reason)

    def _key_of(self, record: r.TxFact) -> str | None:
        match record:
            case r.Queued(intent=intent):
                return intent.key
            case (
                r.HeadMoved()
                | r.HeadSetBack()
                | r.CodeSeen()
                | r.Doubted()
                | r.NonceRaised()
                | r.GapFound()
                | r.ChainNamed()
                | r.Halted()
                | r.Resumed()
                | r.Paused()
                | r.Unpaused()
                | r.Archived()
                | r.Forgone()
                | r.GivenUp()
                | r.NoncesNoted()
            ):
                return None
            case (
                r.Submitted(key=key)
                | r.Dropped(key=key)
                | r.Refused(key=key)
                | r.Reserved(key=key)
                | r.BudgetRaised(key=key)
                | r.Reclaimed(key=key)
            ):
                return key
            case _:
                return self.state.slots[record.nonce].key
