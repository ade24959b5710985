"""What one look at the chain means for one nonce. Nothing follows from what could not be read."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import Address, TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.fees import has_headroom
from trimtab.tx.lanes import Lane, Ways
from trimtab.tx.states import (
    Intent,
    IntentState,
    Kind,
    Mined,
    Refusal,
    Slot,
    SlotState,
    State,
    Terminal,
)
from trimtab.tx.turn import Turn
from trimtab.tx.windows import keep_private

LABEL = "fill a gap below the account's transactions"
_FLYING = frozenset({IntentState.LIVE, IntentState.CANCELLING, IntentState.ASSIGNED})


def observe_slot(turn: Turn, nonce: int, seen: e.Observed, ways: Ways) -> None:
    """T5, T6, T8 to T15 for one slot; nothing for one that another's look has ended."""
    slot = turn.state.slots.get(nonce)
    if slot is None:
        return
    was_mined = slot.mined is not None
    if slot.mined is not None and _is_orphaned(turn, slot, slot.mined, seen):
        turn.note(r.Unseen(nonce=slot.nonce, tx_hash=slot.mined.tx_hash))
    slot = turn.state.slots[slot.nonce]
    found = _find_mined(slot, seen) if slot.mined is None else None
    if found is not None:
        turn.note(_sighting(slot.nonce, found, seen.at))
        _count_authorization(turn, slot, found)
        slot = turn.state.slots[slot.nonce]
    if slot.mined is not None:
        _deepen(turn, slot, slot.mined, seen)
    elif was_mined:
        if slot.flies_private:
            turn.open_window(slot, "the block that held it is no longer canonical")
            slot = turn.state.slots[slot.nonce]
        turn.rebroadcast(slot, ways, seen.at)  # T13: the reorg may have dropped it from every pool
    elif slot.attempts:
        _watch_flight(turn, slot, seen, ways)


def is_behind(turn: Turn, seen: e.Observed) -> bool:
    """The node has not come as far as one was before: what it lacks proves nothing."""
    return seen.head < turn.state.head


def _is_orphaned(turn: Turn, slot: Slot, mined: Mined, seen: e.Observed) -> bool:
    """T13: as many nodes as the quorum asks show another block at its height. While too few of several
    answer, and none of them shows ours, it takes as many looks in a row as a single node's word about a nonce
    does."""
    at_height = seen.canonical.get(mined.block)
    if at_height is None or is_behind(turn, seen):
        return False
    if at_height == mined.block_hash:
        count = 0
    elif seen.dissent.get(mined.block, 1) >= min(turn.policy.quorum, seen.readers):
        return True
    else:
        count = 0 if seen.assent.get(mined.block, 0) else slot.misses + 1
    if count != slot.misses:
        turn.note(r.Missed(nonce=slot.nonce, count=count))
    return count >= turn.policy.clean_passes


def _find_mined(slot: Slot, seen: e.Observed) -> Mined | None:
    """T12: a receipt counts only in a block that is canonical in this very pass."""
    for attempt in slot.attempts:
        mined = seen.mined.get(attempt.tx_hash)
        if mined is not None and seen.canonical.get(mined.block) == mined.block_hash:
            return mined
    return None


def _count_authorization(turn: Turn, slot: Slot, found: Mined) -> None:
    """An account that delegates itself uses two nonces: the transaction's, and its authorisation's after it
    (EIP-7702)."""
    if turn.state.intents[slot.key].is_delegation and not slot.is_cancelled_by(found.tx_hash):
        turn.note(r.NonceRaised(nonce=slot.nonce + 2))


def _sighting(nonce: int, mined: Mined, at: int) -> r.Seen:
    return r.Seen(
        nonce=nonce,
        tx_hash=mined.tx_hash,
        block=mined.block,
        block_hash=mined.block_hash,
        is_success=mined.is_success,
        gas_used=mined.gas_used,
        fee_wei=mined.fee_wei,
        at=at,
    )


def _deepen(turn: Turn, slot: Slot, mined: Mined, seen: e.Observed) -> None:
    """T14, for success, revert and cancellation alike; only while the block is known to be canonical."""
    if seen.canonical.get(mined.block) != mined.block_hash:
        return
    depth = seen.head - mined.block + 1
    if depth >= turn.policy.confirmations and turn.state.intents[slot.key].state is IntentState.INCLUDED:
        turn.note(r.Confirmed(nonce=slot.nonce, tx_hash=mined.tx_hash))
    if _is_safe(turn, mined, depth, seen) and turn.state.intents[slot.key].state is IntentState.CONFIRMED:
        turn.note(r.Safe(nonce=slot.nonce, tx_hash=mined.tx_hash))
    finality = turn.policy.finality_depth
    is_final = depth >= finality if finality is not None else (seen.finalized or -1) >= mined.block
    if is_final and turn.given_up_hashes(slot.nonce) <= seen.absent:  # they are forgotten with it
        turn.note(r.Final(nonce=slot.nonce, outcome=_outcome(slot, mined)))


def _is_safe(turn: Turn, mined: Mined, depth: int, seen: e.Observed) -> bool:
    if turn.policy.safe_depth is not None:
        return depth >= turn.policy.safe_depth
    return max(seen.safe or -1, seen.finalized or -1) >= mined.block


def _outcome(slot: Slot, mined: Mined) -> Terminal:
    if slot.is_cancelled_by(mined.tx_hash):
        return Terminal.CANCELLED
    return Terminal.SUCCEEDED if mined.is_success else Terminal.REVERTED


def _watch_flight(turn: Turn, slot: Slot, seen: e.Observed, ways: Ways) -> None:
    state = turn.state.intents[slot.key].state
    if state is IntentState.RESOLVING:
        _resolve(turn, slot, seen)
    elif seen.account_nonce is not None and seen.account_nonce > slot.nonce and state in _FLYING:
        turn.note(r.Resolving(nonce=slot.nonce, reason="the chain used the nonce; no receipt of ours yet"))
        turn.act(e.Observe())
        return
    slot = turn.state.slots.get(slot.nonce, slot)
    if slot.state is SlotState.CONSUMED or slot.is_signing:
        return
    if any(attempt.pending for attempt in slot.attempts) and not slot.flies_private:
        return  # a relay that is slow must not cost the next block
    _keep_alive(turn, slot, seen, ways)


def _resolve(turn: Turn, slot: Slot, seen: e.Observed) -> None:
    """T11, or back to LIVE when the chain has not used the nonce after all."""
    if is_behind(turn, seen):
        return
    if seen.account_nonce is not None and seen.account_nonce <= slot.nonce:
        if slot.may_be_out:
            turn.note(r.Resolved(nonce=slot.nonce))
        return
    hashes = {attempt.tx_hash for attempt in slot.attempts}
    is_used = seen.final_nonce is not None and seen.final_nonce > slot.nonce
    are_absent = hashes | turn.given_up_hashes(slot.nonce) <= seen.absent
    if not (is_used and are_absent and _has_quorum(turn, hashes, seen)):
        if slot.misses:  # in a row, or it proves nothing: the node may be one that does not see all
            turn.note(r.Missed(nonce=slot.nonce, count=0))
        return
    turn.note(r.Missed(nonce=slot.nonce, count=slot.misses + 1))
    if slot.misses + 1 < turn.policy.clean_passes:
        turn.act(e.Observe())
        return
    turn.note(r.Final(nonce=slot.nonce, outcome=Terminal.SUPERSEDED))
    if slot.is_filler:
        return  # whoever used the nonce closed the gap
    turn.superseded = (
        f"nonce {slot.nonce} was used by a transaction that is not ours: the key is used elsewhere"
    )


def _has_quorum(turn: Turn, hashes: Iterable[TxHash], seen: e.Observed) -> bool:
    """Each hash is unknown to as many nodes as must say so; of a single node it is its own word."""
    least = min(turn.policy.quorum, seen.readers)
    return least <= 1 or all(seen.witnesses.get(tx_hash, 0) >= least for tx_hash in hashes)


def fill_gap(turn: Turn, seen: e.Observed) -> None:
    """N5: ours wait above a nonce that nobody holds. A transfer of nothing to oneself takes that nonce."""
    state = turn.state
    gap = None if state.halted or not state.unmined else _find_gap(turn, seen)
    if gap is None:
        return
    if gap not in state.nonces.free and f"fill/{gap}/{state.head}" not in state.intents:
        turn.note(r.GapFound(nonce=gap))
    fill(turn, gap)


def fill(turn: Turn, nonce: int) -> bool:
    """Hold `nonce` with a transfer of nothing to oneself. False when that was tried at this head, and
    refused."""
    state = turn.state
    key = f"fill/{nonce}/{state.head}"
    if key in state.intents:
        return False
    turn.note(
        r.Submitted(
            key=key, digest="", target=Address(""), data=b"", value=0, gas_limit=0, label=LABEL, at=state.at
        )
    )
    turn.note(r.Reserved(nonce=nonce, key=key))
    turn.ask_signature(nonce, Kind.CANCEL, None)
    return True


def _find_gap(turn: Turn, seen: e.Observed) -> int | None:
    """A nonce that was given back below others that are out; or one that others had used, when the chain
    waits for it and has long done so: the answer may be an old one."""
    state, gap, lowest = turn.state, seen.account_nonce, turn.state.unmined[0]
    if state.nonces.free and not _is_spoken_for(state):
        return min(state.nonces.free)
    if gap is None or gap >= lowest.nonce or gap in state.slots or gap in state.finished:
        return None
    if is_behind(turn, seen):
        return None
    is_old = bool(lowest.attempts) and seen.head - lowest.last.block >= turn.policy.bump_after_blocks
    return gap if is_old else None


def _is_spoken_for(state: State) -> bool:
    """Whether the next in the queue will take the lowest nonce."""
    key = next(iter(state.queue), None)
    return key is not None and may_hold(state, state.intents[key], state.nonces.lowest)


def may_hold(state: State, intent: Intent, nonce: int) -> bool:
    """Whether an intent may have a nonce that others in flight are above: not one that uses the nonce after
    its own too (EIP-7702), no step of a bundle, whose nonces follow each other, and no step of a batch below
    an earlier one."""
    if not (intent.batch or intent.is_delegation):
        return True
    above = [state.intents[slot.key] for slot in state.unmined if slot.nonce > nonce]
    if intent.is_delegation or intent.bundle:
        return not above
    return all(item.batch != intent.batch for item in above)


def _keep_alive(turn: Turn, slot: Slot, seen: e.Observed, ways: Ways) -> None:
    intent = turn.state.intents.get(slot.key)
    if intent is None or slot.nonce not in turn.state.slots:
        return
    if intent.is_late(seen.at) and not slot.is_cancelling:
        turn.end(slot, Refusal.EXPIRED, "its deadline passed")  # T8
    elif slot.flies_private and (slot.lane is Lane.BUNDLE or not slot.is_cancelling):
        keep_private(turn, slot, seen, ways)
    elif slot.is_cancelling and slot.last.kind is Kind.NORMAL:
        if slot.capped_block < turn.state.head and turn.state.halted is None:
            turn.ask_signature(slot.nonce, Kind.CANCEL, slot.last.fees)
    elif _is_bump_due(turn, slot, seen):
        if slot.is_capped and seen.at - slot.sent_at >= _patience(turn, slot):
            turn.rebroadcast(slot, ways, seen.at)  # the caps may forbid a new price at every head to come
        turn.ask_signature(slot.nonce, slot.last.kind, slot.last.fees)
    elif seen.at - slot.sent_at >= _patience(turn, slot):
        if _needs_new_price(turn, slot, seen):
            turn.ask_signature(slot.nonce, slot.last.kind, slot.last.fees)
        else:
            turn.rebroadcast(slot, ways, seen.at)


def _is_bump_due(turn: Turn, slot: Slot, seen: e.Observed) -> bool:
    """T6: only the lowest nonce holds up the others; only when it is old and the market above it, or so old
    that its price is not the cause: anvil's pool forgets to wake a nonce that comes while the one before it
    is being mined, and then takes no block, nor the same bytes again, for a reason to."""
    intent = turn.state.intents[slot.key]
    if not turn.policy.replaces_stuck or seen.market is None or turn.state.halted:
        return False
    if slot.nonce != turn.state.unmined[0].nonce:
        return False
    if intent.state not in (IntentState.LIVE, IntentState.CANCELLING):
        return False
    last = slot.last
    if seen.at - last.sent_at >= turn.policy.stuck_after and slot.capped_block < turn.state.head:
        return True
    is_old = seen.head - max(last.block, slot.capped_block) >= turn.policy.bump_after_blocks
    return is_old and (seen.market.fee_cap > last.fees.fee_cap or seen.market.tip > last.fees.tip)


def _needs_new_price(turn: Turn, slot: Slot, seen: e.Observed) -> bool:
    """Where nothing waits in a mempool, bytes whose price has no room above the base fee would only be
    refused again: they are priced anew, unless the caps forbade it at this very head."""
    if turn.policy.replaces_stuck or turn.state.halted or slot.capped_block >= turn.state.head:
        return False
    was_refused = SendClass.FEECAP_LT_BASE in slot.last.classes
    return was_refused or not has_headroom(slot.last.fees, seen.base_fee)


def _patience(turn: Turn, slot: Slot) -> int:
    if slot.state is SlotState.PROVISIONAL or slot.last.is_refused:
        return turn.policy.retry_after
    return turn.policy.rebroadcast_after
