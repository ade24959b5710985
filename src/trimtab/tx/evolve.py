"""Fold one record into the state. No decision is made here: a record is a fact."""

from __future__ import annotations

from trimtab.tx import records as r
from trimtab.tx.fees import Fees
from trimtab.tx.nonces import Nonces
from trimtab.tx.spending import taken, time_of
from trimtab.tx.states import (
    Attempt,
    Intent,
    IntentState,
    Mined,
    Outcome,
    Refusal,
    Slot,
    SlotState,
    State,
    Terminal,
    change,
)

_REFUSED_AS = {Refusal.EXPIRED: IntentState.EXPIRED, Refusal.DROPPED: IntentState.DROPPED}


def evolve(state: State, record: r.TxFact) -> None:  # noqa: C901  a table of cases
    """Change `state` by one record. Raises `ValueError` for a record that does not fit: a broken journal."""
    match record:
        case r.Archived():
            state.intents[record.intent.key] = record.intent
            _archive(state, record.slot)
        case r.Queued(intent=intent):
            if intent.key in state.given_up:
                state.past.setdefault(intent.key, state.intents[intent.key])
            _add_intent(state, intent, IntentState.QUEUED)
        case r.Submitted(key=key):
            state.past.pop(key, None)
            _add_intent(state, record, IntentState.CHECKED)
        case r.Dropped(key=key):
            state.queue.pop(key, None)
            state.intents.pop(key, None)
            _restore(state, key)
        case r.Refused():
            state.queue.pop(record.key, None)
            _refuse(state, record.key, record.refusal, record.reason)
        case r.BudgetRaised(key=key, budget_wei=budget):
            state.intents[key] = change(state.intents[key], budget_wei=budget)
        case r.Reserved():
            _reserve(state, record)
        case r.Released():
            _release(state, record)
        case r.Reclaimed(key=key):
            _restore(state, key)
            _reclaim(state, state.given_up.pop(key))
        case r.Doubted(count=count):
            state.doubts = count
        case r.GivenUp():
            _give_up(state, record)
        case r.HeadMoved():
            _move_head(state, record)
        case r.HeadSetBack(block=block):
            state.head, state.behind_since = block, 0
        case r.CodeSeen():
            state.is_delegated = record.is_delegated
        case r.NonceRaised(nonce=nonce):
            state.nonces = state.nonces.raise_to(nonce)
        case r.GapFound(nonce=nonce):
            state.nonces = state.nonces.open(nonce)
        case r.ChainNamed(genesis=genesis):
            state.genesis = genesis
        case r.Halted(reason=reason):
            state.halted = reason
        case r.Resumed():
            state.halted = None
        case r.Paused(reason=reason):
            state.paused = reason
        case r.Unpaused():
            state.paused = None
        case r.Forgone(nonce=nonce, tx_hash=tx_hash):
            state.forgone[tx_hash] = nonce
        case r.NoncesNoted():
            state.nonces = Nonces(record.next, frozenset(record.free))
        case _:
            _evolve_slot(state, _slot(state, record.nonce), record)


def _evolve_slot(state: State, slot: Slot, record: r.TxFact) -> None:  # noqa: C901  a table of cases
    match record:
        case r.Attempted():
            _put(state, change(slot, attempts=(*slot.attempts, _attempt(state, record)), asked=0))
        case r.Routed(lane=lane, last_block=last_block):
            _put(state, change(slot, lane=lane, last_block=last_block, misses=0))
        case r.Foreseen():
            pass  # for those who compare it with what happened
        case r.SendBegun():
            _begin_send(state, slot, record)
        case r.SendResult():
            _take_result(state, slot, record)
        case r.Seen():
            _include(state, slot, record)
        case r.Unseen():
            _put(state, change(slot, mined=None, state=SlotState.COMMITTED, misses=0))
            _move(state, slot.key, _flying_state(slot))
        case r.Confirmed():
            _move(state, slot.key, IntentState.CONFIRMED)
        case r.Safe():
            _move(state, slot.key, IntentState.SAFE)
        case r.Cancelling(reason=reason):
            _put(state, change(slot, is_cancelling=True))
            _move(state, slot.key, IntentState.CANCELLING, reason)
        case r.Resolving(reason=reason):
            _put(state, change(slot, state=SlotState.COMMITTED, misses=0))
            _move(state, slot.key, IntentState.RESOLVING, reason)
        case r.Resolved():
            _put(state, change(slot, misses=0))
            _move(state, slot.key, _flying_state(slot))
        case r.Final():
            _finish(state, slot, record)
        case r.Capped(block=block):
            _put(state, change(slot, capped_block=block, asked=0))
        case r.SignAsked():
            state.asks = record.ask
            _put(state, change(slot, asked=record.ask))
        case r.AskEnded():
            _put(state, change(slot, asked=0))
        case r.Missed(count=count):
            _put(state, change(slot, misses=count))
        case _:
            raise ValueError(f"no rule for {type(record).__name__}")


def _slot(state: State, nonce: int) -> Slot:
    try:
        return state.slots[nonce]
    except KeyError:
        raise ValueError(f"the journal speaks of nonce {nonce}, which it never reserved") from None


def _put(state: State, slot: Slot) -> None:
    state.slots[slot.nonce] = slot


def _move(state: State, key: str, to: IntentState, reason: str = "") -> None:
    state.intents[key] = change(state.intents[key], state=to, reason=reason)


def _flying_state(slot: Slot) -> IntentState:
    return IntentState.CANCELLING if slot.is_cancelling else IntentState.LIVE


def _move_head(state: State, record: r.HeadMoved) -> None:
    if record.block >= state.head:
        state.head, state.behind_since = record.block, 0
    elif not state.behind_since:
        state.behind_since = record.at
    state.at = max(state.at, record.at)


def _add_intent(state: State, record: r.Submitted, to: IntentState) -> None:
    state.intents[record.key] = Intent(
        key=record.key,
        digest=record.digest,
        target=record.target,
        data=record.data,
        value=record.value,
        gas_limit=record.gas_limit,
        deadline=record.deadline,
        budget_wei=record.budget_wei,
        label=record.label,
        cause=record.cause,
        notional=record.notional,
        trade=record.trade,
        access_list=record.access_list,
        authorizations=record.authorizations,
        delegate_to=record.delegate_to,
        is_delegation=record.is_delegation,
        batch=record.batch,
        step=record.step,
        route=record.route,
        bundle=record.bundle,
        submitted_at=record.at,
        state=to,
    )
    state.queue[record.key] = None


def _refuse(state: State, key: str, refusal: Refusal, reason: str) -> None:
    to = _REFUSED_AS.get(refusal, IntentState.REJECTED)
    state.intents[key] = change(state.intents[key], state=to, refusal=refusal, reason=reason)


def _restore(state: State, key: str) -> None:
    """Its key was wanted again, and nothing of that is in the journal: it is what it was."""
    past = state.past.pop(key, None)
    if past is not None:
        state.intents[key] = past


def _reserve(state: State, record: r.Reserved) -> None:
    state.nonces = state.nonces.reserve(record.nonce)
    state.queue.pop(record.key, None)
    intent = state.intents[record.key]
    slot = Slot(record.nonce, intent.key, lane=intent.lane)  # one text in memory, not one for each record
    earlier = state.given_up.pop(record.key, None)
    if earlier is not None:  # the same content at the same nonce: its bytes count as what they are
        slot = change(slot, attempts=earlier.attempts, state=SlotState.COMMITTED)
    _put(state, slot)
    state.intents[record.key] = change(intent, state=IntentState.ASSIGNED, nonce=record.nonce)


def _release(state: State, record: r.Released) -> None:
    slot = state.slots.pop(record.nonce)
    begun = [attempt for attempt in slot.attempts if attempt.is_begun]
    if slot.is_exposed or (begun and slot.lane.is_private):  # a relay that refuses has them all the same
        state.given_up[slot.key] = change(slot, attempts=tuple(begun), asked=0, misses=0)
    else:
        state.forgone |= {attempt.tx_hash: slot.nonce for attempt in begun}
    state.nonces = state.nonces.release(record.nonce)
    _refuse(state, slot.key, record.refusal, record.reason)


def _give_up(state: State, record: r.GivenUp) -> None:
    state.head = max(state.head, record.head)
    state.intents[record.intent.key] = record.intent
    state.given_up[record.intent.key] = record.slot


def _reclaim(state: State, slot: Slot) -> None:
    state.nonces = state.nonces.take_back(slot.nonce)
    state.queue.pop(slot.key, None)
    _put(state, change(slot, state=SlotState.COMMITTED, asked=0, misses=0))
    back = change(state.intents[slot.key], state=_flying_state(slot), nonce=slot.nonce, refusal=None)
    state.intents[slot.key] = back


def _attempt(state: State, record: r.Attempted) -> Attempt:
    return Attempt(
        kind=record.kind,
        tx_hash=record.tx_hash,
        raw=record.raw,
        fees=Fees(record.tip, record.fee_cap),
        gas_limit=record.gas_limit,
        worst_cost=record.worst_cost,
        reserve=record.reserve,
        block=state.head,
    )


def _begin_send(state: State, slot: Slot, record: r.SendBegun) -> None:
    attempt = slot.attempt(record.tx_hash)
    if attempt is None:
        raise ValueError(f"the journal sends {record.tx_hash}, which it never signed")
    pending = frozenset(record.endpoints)
    if attempt.is_begun:
        begun = change(attempt, pending=pending)
    else:
        begun = change(attempt, pending=pending, block=record.block, sent_at=record.at)
    to = SlotState.PROVISIONAL if slot.state is SlotState.RESERVED else slot.state
    if attempt.pending:  # what was not answered may have been taken, whatever a repetition is told
        to = SlotState.COMMITTED
        if state.intents[slot.key].state is IntentState.ASSIGNED:
            _move(state, slot.key, IntentState.LIVE)
    sent = change(slot.with_attempt(begun), state=to, sent_at=record.at, target=record.target)
    _put(state, change(sent, until=max(slot.until, record.until)))


def _take_result(state: State, slot: Slot, record: r.SendResult) -> None:
    attempt = slot.attempt(record.tx_hash)
    if attempt is None:
        raise ValueError(f"the journal has an answer for {record.tx_hash}, which it never signed")
    before = attempt.results.get(record.endpoint)
    result = (record.outcome, record.send_class)
    if before is not None and before[0] is Outcome.ACCEPTED and record.outcome is Outcome.AMBIGUOUS:
        result = before  # it has the bytes, whatever became of a repetition
    results = {**attempt.results, record.endpoint: result}
    answered = change(attempt, results=results, pending=attempt.pending - {record.endpoint})
    exposed = record.outcome is not Outcome.REJECTED
    to = SlotState.COMMITTED if exposed and slot.state is SlotState.PROVISIONAL else slot.state
    _put(state, change(slot.with_attempt(answered), state=to))
    if exposed and state.intents[slot.key].state is IntentState.ASSIGNED:
        _move(state, slot.key, IntentState.LIVE)


def _include(state: State, slot: Slot, record: r.Seen) -> None:
    mined = Mined(
        record.tx_hash,
        record.block,
        record.block_hash,
        record.is_success,
        record.gas_used,
        record.fee_wei,
        record.at,
    )
    state.head = max(state.head, record.block)  # a later life begins with it
    _put(state, change(slot, mined=mined, state=SlotState.CONSUMED, asked=0, misses=0))
    _move(state, slot.key, IntentState.INCLUDED)


def _finish(state: State, slot: Slot, record: r.Final) -> None:
    del state.slots[slot.nonce]
    # The bytes stay in the journal; in memory only their hashes are needed from here on.
    bare = tuple(
        change(attempt, raw=b"", block=0, results={}, pending=frozenset()) for attempt in slot.attempts
    )
    _move(state, slot.key, IntentState(record.outcome))
    if record.outcome is not Terminal.REVERTED:  # a revert may still have to be explained
        state.intents[slot.key] = change(state.intents[slot.key], data=b"")
    ended = change(slot, attempts=bare, state=SlotState.CONSUMED, capped_block=-1, asked=0, misses=0)
    _archive(state, ended)


def _archive(state: State, slot: Slot) -> None:
    """A nonce is final, and with it every lower one."""
    state.finished[slot.nonce] = slot
    if slot.mined is not None:
        state.head = max(state.head, slot.mined.block)
        state.spent.add(time_of(slot), taken(state, slot))
    if state.forgone or state.given_up:
        _forget(state, slot.nonce)


def _forget(state: State, final: int) -> None:
    for tx_hash in [known for known, nonce in state.forgone.items() if nonce <= final]:
        del state.forgone[tx_hash]
    for key in [key for key, slot in state.given_up.items() if slot.nonce <= final]:
        del state.given_up[key]
