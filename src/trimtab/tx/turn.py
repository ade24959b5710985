"""One event's work: facts noted so far, the state they fold to, and the actions that follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.evolve import evolve
from trimtab.tx.fees import Fees
from trimtab.tx.policy import TxPolicy
from trimtab.tx.states import Attempt, Intent, Kind, Refusal, Slot, SlotState, State

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

    def send(self, attempt: Attempt, nonce: int, endpoints: Sequence[str], at: int) -> None:
        self.note(
            r.SendBegun(
                nonce=nonce,
                tx_hash=attempt.tx_hash,
                endpoints=tuple(endpoints),
                at=at,
                block=self.state.head,
            )
        )
        self.act(e.Send(nonce, attempt.tx_hash, attempt.raw))

    def rebroadcast(self, slot: Slot, endpoints: Sequence[str], at: int) -> None:
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
        self.send(slot.last, slot.nonce, endpoints, at)

    def cancel(self, slot: Slot, reason: str) -> None:
        """T7, T8: from here on no normal attempt is broadcast; which hash is mined decides."""
        self.note(r.Cancelling(nonce=slot.nonce, reason=reason))
        if not slot.is_signing and self.state.halted is None:
            self.ask_signature(slot.nonce, Kind.CANCEL, slot.last.fees)

    def expire(self, nonce: int) -> None:
        """T8: give back what no endpoint took in time."""
        reason = "its deadline passed before any endpoint took it"
        self.note(r.Released(nonce=nonce, refusal=Refusal.EXPIRED, reason=reason))

    def _key_of(self, record: r.TxFact) -> str | None:
        match record:
            case r.Queued(intent=intent):
                return intent.key
            case (
                r.HeadMoved()
                | r.HeadSetBack()
                | r.CodeSeen()
                | r.NonceRaised()
                | r.GapFound()
                | r.ChainNamed()
                | r.Halted()
                | r.Resumed()
                | r.Paused()
                | r.Unpaused()
                | r.Archived()
                | r.Forgone()
                | r.NoncesNoted()
            ):
                return None
            case (
                r.Submitted(key=key)
                | r.Dropped(key=key)
                | r.Refused(key=key)
                | r.Reserved(key=key)
                | r.BudgetRaised(key=key)
            ):
                return key
            case _:
                return self.state.slots[record.nonce].key
