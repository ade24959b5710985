"""Ordered batches: steps that are admitted together, and go no further than the first that is refused; of a
bundle none goes without the others."""

from __future__ import annotations

from trimtab.tx import records as r
from trimtab.tx.states import Intent, Refusal, SlotState
from trimtab.tx.turn import Turn


def stop_followers(turn: Turn) -> None:
    """Withdraw the later steps of every batch that lost one in this turn, because it was refused, cancelled
    or too late: what waits is refused, what is out is cancelled. What is mined stands."""
    while turn.lost:
        lost = turn.lost.pop()
        for follower in _followers(turn, lost):
            _stop(turn, follower, f"an earlier step of its batch does not happen: {lost.key}")


def _followers(turn: Turn, lost: Intent) -> list[Intent]:
    held = [turn.state.intents[slot.key] for slot in turn.state.slots.values() if slot.mined is None]
    waiting = [turn.state.intents[key] for key in turn.state.queue]
    fellows = [item for item in (*held, *waiting) if item.batch == lost.batch]
    return fellows if lost.bundle else [item for item in fellows if item.step > lost.step]


def _stop(turn: Turn, intent: Intent, reason: str) -> None:
    slot = turn.state.slot_of(intent.key)
    if slot is None:
        turn.note(r.Refused(key=intent.key, refusal=Refusal.BATCH, reason=reason))
    elif slot.state is SlotState.RESERVED or slot.waits_again:
        turn.note(r.Released(nonce=slot.nonce, refusal=Refusal.BATCH, reason=reason))
    elif not slot.is_cancelling:
        turn.cancel(slot, reason)
