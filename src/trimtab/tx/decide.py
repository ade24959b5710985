"""What follows from an event: new facts, and actions that stand on them. The transitions T1 to T16.

QUEUED -> CHECKED -> ASSIGNED -> LIVE -> INCLUDED -> CONFIRMED -> SUCCEEDED | REVERTED | CANCELLED
REJECTED, EXPIRED: nothing on chain     LIVE <-> RESOLVING -> INCLUDED | SUPERSEDED (the account halts)
LIVE in private -> LIVE in public | DROPPED, when the window is past (T15, tx/windows.py)
"""

from __future__ import annotations

from trimtab.chain.rpc_errors import SendClass
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.assigning import assign_ready
from trimtab.tx.batches import stop_followers
from trimtab.tx.lanes import Lane
from trimtab.tx.observing import fill_gap, observe_slot
from trimtab.tx.states import Attempt, Intent, IntentState, Kind, Outcome, Refusal, Slot, SlotState, change
from trimtab.tx.turn import Turn
from trimtab.tx.windows import outbid, reclaim, used_elsewhere

REQUOTE = frozenset({SendClass.UNDERPRICED, SendClass.FEECAP_LT_BASE})
"""The price was too low on arrival: sign again at the market's, same nonce."""
RELEASE = frozenset(
    {
        SendClass.PERMANENT,
        SendClass.GASLIMIT,
        SendClass.INTRINSIC,
        SendClass.FUNDS,
        SendClass.CONDITIONAL,
        SendClass.NODE_CAP,
        SendClass.REVERT,
        SendClass.UNAUTHORISED,
    }
)
"""A definite no to these very bytes; with one from every endpoint the nonce is free again (T4)."""


def decide(turn: Turn, event: e.Event) -> None:  # noqa: C901  a table of cases
    """Add to `turn` what follows from `event`."""
    match event:
        case e.Submit(intent=intent):
            turn.note(r.Queued(intent=intent))
            turn.act(e.Check(intent.key))
        case e.SubmitBatch(intents=intents):
            for intent in intents:
                turn.note(r.Queued(intent=intent))
                turn.note(intent)
        case e.CheckPassed():
            _pass_check(turn, event)
        case e.CheckFailed(key=key):
            _fail_check(turn, key)
        case e.Signed():
            _take_signature(turn, event)
        case e.SignFailed():
            _take_no_signature(turn, event)
        case e.Rehearsed():
            _take_rehearsal(turn, event)
        case e.SendAnswered():
            _take_answer(turn, event)
        case e.Observed():
            _observe(turn, event)
        case e.HeadSeen(head=head, at=at):
            turn.note(r.HeadMoved(block=head, at=at))
        case e.Ticked(at=at):
            turn.note(r.HeadMoved(block=turn.state.head, at=at))
            _expire_queue(turn, at)
            for nonce in sorted(turn.state.slots):
                observe_slot(turn, nonce, e.Observed(turn.state.head, at), event.ways)
                stop_followers(turn)
        case e.CancelAsked(key=key):
            _cancel(turn, key)
        case e.BumpAsked():
            _bump(turn, event)
        case e.Recovered():
            _recover(turn, event)
        case e.ResumeAsked(account_nonce=nonce):
            turn.note(r.NonceRaised(nonce=nonce))
            turn.note(r.Resumed())
        case e.PauseAsked(reason=reason):
            turn.note(r.Unpaused() if reason is None else r.Paused(reason=reason))
    stop_followers(turn)
    assign_ready(turn)
    while turn.lost:  # a step that may not have the nonce which comes next: its batch stops with it
        stop_followers(turn)
        assign_ready(turn)


def _pass_check(turn: Turn, event: e.CheckPassed) -> None:
    """T1."""
    queued = turn.state.intents.get(event.key)
    if queued is None or queued.state is not IntentState.QUEUED:
        return
    if queued.is_late(event.at):
        turn.note(r.Dropped(key=event.key))
        return
    passed = _told_again(queued, at=event.at)
    found = event.access_list or queued.access_list
    turn.note(change(passed, gas_limit=event.gas_limit, access_list=found))


def _told_again(queued: Intent, at: int) -> r.Submitted:
    """The record of an intent that is not in the journal yet."""
    return r.Submitted(
        key=queued.key,
        digest=queued.digest,
        target=queued.target,
        data=queued.data,
        value=queued.value,
        gas_limit=queued.gas_limit,
        deadline=queued.deadline,
        budget_wei=queued.budget_wei,
        label=queued.label,
        cause=queued.cause,
        notional=queued.notional,
        trade=queued.trade,
        access_list=queued.access_list,
        authorizations=queued.authorizations,
        delegate_to=queued.delegate_to,
        is_delegation=queued.is_delegation,
        route=queued.route,
        at=at,
    )


def _fail_check(turn: Turn, key: str) -> None:
    """A check that comes late, after its intent was withdrawn and wanted again, says nothing about that."""
    intent = turn.state.intents.get(key)
    if intent is not None and intent.state is IntentState.QUEUED:
        turn.note(r.Dropped(key=key))


def _take_signature(turn: Turn, event: e.Signed) -> None:
    """T3, T6, T7: the bytes become durable, then leave."""
    slot = turn.state.slots.get(event.nonce)
    if slot is None or slot.asked != event.ask:
        return  # mined, or given up, while the signer was busy: the bytes are never used
    intent, halted = turn.state.intents[slot.key], turn.state.halted
    if halted is not None and not slot.attempts:
        turn.end(slot, Refusal.HALTED, halted)
        return
    if event.kind is Kind.NORMAL and (intent.is_late(event.at) or slot.is_cancelling):
        turn.note(r.AskEnded(nonce=event.nonce))
        if not slot.attempts:
            turn.expire(event.nonce)
        return
    turn.note(
        r.Attempted(
            nonce=event.nonce,
            kind=event.kind,
            tx_hash=event.tx_hash,
            raw=event.raw,
            tip=event.fees.tip,
            fee_cap=event.fees.fee_cap,
            gas_limit=event.gas_limit,
            worst_cost=event.worst_cost,
            reserve=event.reserve,
        )
    )
    turn.leave(turn.state.slots[event.nonce], event.ways, event.at)


def _take_rehearsal(turn: Turn, event: e.Rehearsed) -> None:
    """T3 goes on, or the bytes never leave."""
    slot = turn.state.slots.get(event.nonce)
    if slot is None or slot.asked != event.ask:
        return
    turn.note(r.AskEnded(nonce=event.nonce))
    intent, halted = turn.state.intents[slot.key], turn.state.halted
    if halted is not None:
        turn.give_up(slot, Refusal.HALTED, halted)
    elif event.reason:
        turn.give_up(slot, Refusal.REHEARSAL, event.reason)
    elif intent.is_late(event.at):
        turn.expire(event.nonce)
    else:
        foreseen = {forecast.tx_hash: forecast for forecast in event.forecasts}
        for item in turn.fellows(intent):
            if item.last.tx_hash in foreseen:
                turn.note(r.Foreseen(nonce=item.nonce, forecast=foreseen[item.last.tx_hash]))
        turn.send(turn.state.slots[event.nonce], event.ways, event.at)


def _take_no_signature(turn: Turn, event: e.SignFailed) -> None:
    slot = turn.state.slots.get(event.nonce)
    if slot is None or slot.asked != event.ask:
        return
    if slot.attempts and not turn.is_free(slot):
        turn.note(r.Capped(nonce=event.nonce, block=turn.state.head, reason=event.reason))
    else:
        turn.end(slot, event.refusal, event.reason)


def _take_answer(turn: Turn, event: e.SendAnswered) -> None:
    slot = turn.state.slots.get(event.nonce)
    attempt = slot and slot.attempt(event.tx_hash)
    if slot is None or attempt is None:
        return  # final or released meanwhile: a late answer changes nothing
    turn.note(
        r.SendResult(
            nonce=event.nonce,
            tx_hash=event.tx_hash,
            endpoint=event.endpoint,
            outcome=event.outcome,
            send_class=event.send_class,
            message=event.message[:200],
        )
    )
    if event.send_class == SendClass.DELEGATED_7702 and not turn.state.is_delegated:
        turn.note(r.CodeSeen(is_delegated=True))
    slot = turn.state.slots[event.nonce]
    state = turn.state.intents[slot.key].state
    if slot.mined is not None:
        return
    if _contradicts(slot, event):
        if event.send_class == SendClass.REPL_UNDERPRICED and outbid(turn, slot):
            return
        if state is not IntentState.RESOLVING:
            turn.note(r.Resolving(nonce=event.nonce, reason=f"{event.endpoint}: {event.message}"[:200]))
        turn.act(e.Observe())
    elif event.outcome is Outcome.ACCEPTED:
        if state is IntentState.RESOLVING:
            turn.note(r.Resolved(nonce=event.nonce))
    elif turn.is_free(slot):
        _take_refusal(turn, slot, slot.last, event)


def _contradicts(slot: Slot, event: e.SendAnswered) -> bool:
    """T9: the node says the nonce is used, or that something else holds it although nothing of ours does."""
    if event.send_class == SendClass.NONCE_LOW:
        return True
    return event.send_class == SendClass.REPL_UNDERPRICED and not slot.may_be_out


def _take_refusal(turn: Turn, slot: Slot, attempt: Attempt, event: e.SendAnswered) -> None:
    """Every endpoint refused, and nothing of this nonce is out: price again, wait, or give it back (T4)."""
    intent = turn.state.intents[slot.key]
    if intent.is_late(event.at):
        turn.expire(slot.nonce)
    elif attempt.classes <= REQUOTE and len(slot.attempts) <= turn.policy.requotes:
        turn.ask_signature(slot.nonce, attempt.kind, attempt.fees)
    elif attempt.classes <= RELEASE | REQUOTE:
        refusal = Refusal.FUNDS if SendClass.FUNDS in attempt.classes else Refusal.ROUTE
        turn.give_up(slot, refusal, event.message)
        turn.act(e.Observe())  # if later nonces are out already, somebody must take this one


def _observe(turn: Turn, event: e.Observed) -> None:
    _move_head(turn, event)
    if event.is_delegated is not None and event.is_delegated != turn.state.is_delegated:
        turn.note(r.CodeSeen(is_delegated=event.is_delegated))
    _expire_queue(turn, event.at)
    reclaim(turn, event)
    state = turn.state
    foreign = used_elsewhere(turn, event)
    if foreign is not None and not state.halted:
        _halt(
            turn,
            f"the chain has used nonce {foreign}, and this journal next uses "
            f"{state.nonces.next}: the key is used elsewhere",
        )
    for nonce in sorted(state.slots):
        observe_slot(turn, nonce, event, event.ways)
        stop_followers(turn)  # before they are sent once more
        if turn.superseded is not None:
            _halt(turn, turn.superseded)
            turn.superseded = None
    fill_gap(turn, event)


def _move_head(turn: Turn, event: e.Observed) -> None:
    """A lower head is a lagging node's, until nobody has shown another for long: then the chain itself went
    back, and what it no longer has is gone."""
    turn.note(r.HeadMoved(block=event.head, at=event.at))
    since = turn.state.behind_since
    if since and event.at - since >= turn.policy.lag_patience:
        turn.note(r.HeadSetBack(block=event.head))


def _halt(turn: Turn, reason: str) -> None:
    """T11, N8: no new nonce and no new price from here on; what is out stays watched."""
    turn.note(r.Halted(reason=reason))
    for key in tuple(turn.state.queue):
        _refuse_queued(turn, key, Refusal.HALTED, reason)


def _expire_queue(turn: Turn, at: int) -> None:
    for key in tuple(turn.state.queue):
        if turn.state.intents[key].is_late(at):
            _refuse_queued(turn, key, Refusal.EXPIRED, "its deadline passed while it waited for its turn")


def _refuse_queued(turn: Turn, key: str, refusal: Refusal, reason: str) -> None:
    if turn.state.intents[key].state is IntentState.QUEUED:
        turn.note(r.Dropped(key=key))
    else:
        turn.note(r.Refused(key=key, refusal=refusal, reason=reason))


def _cancel(turn: Turn, key: str) -> None:
    intent = turn.state.intents.get(key)
    if intent is None or intent.state.is_terminal:
        return
    if key in turn.state.queue:
        _refuse_queued(turn, key, Refusal.WITHDRAWN, "cancelled by the caller")
        return
    slot = turn.state.slot_of(key)
    if slot is None or slot.mined is not None or slot.is_cancelling:
        return
    if slot.state is SlotState.RESERVED:
        turn.note(r.Released(nonce=slot.nonce, refusal=Refusal.WITHDRAWN, reason="cancelled by the caller"))
        return
    turn.cancel(slot, "cancelled by the caller")


def _bump(turn: Turn, event: e.BumpAsked) -> None:
    """T6 by a person's word: whatever its age, its place and the market."""
    intent = turn.state.intents.get(event.key)
    if intent is None or intent.state.is_terminal:
        return
    wanted, given = event.budget_wei, intent.budget_wei
    if wanted is not None and given is not None and wanted > given:
        _raise_budget(turn, intent, wanted)
    slot = turn.state.slot_of(event.key)
    if slot is None or slot.is_signing or not slot.attempts or turn.state.halted is not None:
        return
    if slot.lane is Lane.BUNDLE and slot.is_cancelling:
        return  # it is not tried any more: there is nothing to replace
    if slot.mined is None and intent.state in (IntentState.LIVE, IntentState.CANCELLING):
        kind = Kind.CANCEL if slot.is_cancelling else slot.last.kind
        turn.ask_signature(slot.nonce, kind, slot.last.fees)


def _raise_budget(turn: Turn, intent: Intent, budget: int) -> None:
    """A queued intent is not in the journal: nothing may be written about it before its own record."""
    if intent.state is IntentState.QUEUED:
        turn.note(r.Queued(intent=change(_told_again(intent, intent.submitted_at), budget_wei=budget)))
    else:
        turn.note(r.BudgetRaised(key=intent.key, budget_wei=budget))


def _recover(turn: Turn, event: e.Recovered) -> None:
    """T16: give back what was never exposed, call ambiguous what was never answered, send again the rest."""
    state = turn.state
    turn.note(r.HeadMoved(block=event.head, at=event.at))
    if state.genesis is None and event.genesis is not None:
        turn.note(r.ChainNamed(genesis=event.genesis))
    for key in tuple(state.queue):
        _refuse_queued(turn, key, Refusal.INTERRUPTED, "interrupted before anything was signed")
    for nonce in sorted(state.slots, reverse=True):
        slots = turn.fellows(state.intents[state.slots[nonce].key])
        if not any(attempt.is_begun for slot in slots for attempt in slot.attempts):
            turn.note(
                r.Released(
                    nonce=nonce, refusal=Refusal.INTERRUPTED, reason="interrupted before anything was sent"
                )
            )
    if event.account_nonce > state.most_used:
        turn.note(r.NonceRaised(nonce=event.account_nonce))
    for nonce in sorted(state.slots):
        _call_ambiguous(turn, state.slots[nonce])
    for nonce in sorted(state.slots):
        if turn.leads(state.slots[nonce]):
            turn.rebroadcast(state.slots[nonce], event.ways, event.at)
    turn.act(e.Observe())


def _call_ambiguous(turn: Turn, slot: Slot) -> None:
    for attempt in slot.attempts:
        for endpoint in sorted(attempt.pending):
            turn.note(
                r.SendResult(
                    nonce=slot.nonce,
                    tx_hash=attempt.tx_hash,
                    endpoint=endpoint,
                    outcome=Outcome.AMBIGUOUS,
                    send_class=SendClass.AMBIGUOUS,
                    message="interrupted before the answer",
                )
            )
