"""Which intent gets the next nonce, and when (T2)."""

from __future__ import annotations

from trimtab.tx import records as r
from trimtab.tx.observing import fill, may_hold
from trimtab.tx.states import Intent, IntentState, Kind, Refusal, Slot, SlotState, State
from trimtab.tx.turn import Turn


def assign_ready(turn: Turn) -> None:
    """T2: in submit order, the lowest nonce first."""
    state = turn.state
    while state.queue and state.halted is None:
        key = next(iter(state.queue))
        intent = state.intents[key]
        if intent.state is not IntentState.CHECKED or not _has_room(turn, state.nonces.lowest, intent):
            return
        nonce = state.nonces.lowest
        elsewhere = _held_elsewhere(state, intent, nonce)
        if elsewhere is not None and elsewhere > nonce and fill(turn, nonce):
            continue  # nobody else needs the nonces below its own
        if elsewhere is not None:
            reason = f"bytes of an earlier try have nonce {elsewhere}, which is not final: submit it later"
            turn.note(r.Refused(key=key, refusal=Refusal.HELD, reason=reason))
            if intent.batch:
                return  # the later steps go with it, before any of them is given a nonce
            continue
        held = state.given_up.get(key)
        turn.note(r.Reserved(nonce=nonce, key=key))
        if held is not None and held.lane.is_private and not intent.lane.is_private:
            reason = "the same content was submitted again, for a public route"
            turn.note(r.Routed(nonce=nonce, lane=intent.lane, reason=reason))
        turn.ask_signature(nonce, Kind.NORMAL, None if held is None else held.last.fees)


def _held_elsewhere(state: State, intent: Intent, nonce: int) -> int | None:
    """Another nonce than the one that it would get now, at which its bytes may still be mined; of a bundle
    each step's, before the first is given one."""
    steps = [intent]
    if intent.bundle:
        waiting = (state.intents[key] for key in state.queue)
        steps = [item for item in waiting if item.bundle and item.batch == intent.batch]
    for item in steps:
        held = state.given_up.get(item.key)
        if held is not None and held.nonce != nonce + item.step - intent.step:
            return held.nonce
    return None


def _has_room(turn: Turn, nonce: int, intent: Intent) -> bool:
    """Whether `nonce` may be used now: everything below it is out, or on its way with no refusal yet. A nonce
    that those above it wait for needs no place in the window; a bundle needs as many as it has steps, before
    the first of them holds a nonce."""
    if not may_hold(turn.state, intent, nonce):
        return False
    unmined = [slot for slot in turn.state.slots.values() if slot.mined is None]
    below = [slot for slot in unmined if slot.nonce < nonce]
    if _is_full(turn, unmined, intent) and len(below) == len(unmined):
        return False
    if any(_is_unsure(turn, slot, intent) for slot in below):
        return False
    return sum(slot.state is SlotState.PROVISIONAL for slot in below) < turn.policy.pipeline


def _is_full(turn: Turn, unmined: list[Slot], intent: Intent) -> bool:
    """No place for it beside others; the steps of its own bundle are none."""
    others = [slot for slot in unmined if not _is_fellow(turn, slot, intent)]
    places = intent.bundle or 1
    return len(others) + places > max(_window(turn, unmined, intent), places)


def _is_fellow(turn: Turn, slot: Slot, intent: Intent) -> bool:
    return bool(intent.bundle) and turn.state.intents[slot.key].batch == intent.batch


def _window(turn: Turn, unmined: list[Slot], intent: Intent) -> int:
    """Pools take one transaction at a time of an account that has code, or is about to have it (EIP-7702)."""
    intents = (intent, *(turn.state.intents[slot.key] for slot in unmined))
    is_alone = turn.state.is_delegated or any(item.is_delegation for item in intents)
    return 1 if is_alone else turn.policy.window


def _is_unsure(turn: Turn, slot: Slot, after: Intent) -> bool:
    """It may yet be given back, or used by somebody else. The steps of one bundle wait for each other."""
    if _is_fellow(turn, slot, after):
        return False
    if slot.state is SlotState.RESERVED or turn.state.intents[slot.key].state is IntentState.RESOLVING:
        return True
    return slot.state is SlotState.PROVISIONAL and any(item.results for item in slot.attempts)
