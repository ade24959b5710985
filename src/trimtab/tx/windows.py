"""Private windows (T15): aim at the next block while one is open; past it, go public or give the nonce back.

That a relay dropped something is nothing that it could prove. What counts is the chain: past the window and
a margin, the nonce unused and no hash of it mined, look after look. Whoever kept the bytes could still have
them mined, until the nonce is final: so they stay watched, and an intent whose bytes land after all has its
nonce again.
"""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.model.ids import TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.fees import Fees, bump_price, has_headroom
from trimtab.tx.lanes import Lane, Ways
from trimtab.tx.states import Refusal, Slot
from trimtab.tx.turn import Turn


def keep_private(turn: Turn, slot: Slot, seen: e.Observed, ways: Ways) -> None:
    """What a look means for bytes that only private endpoints have; of a bundle the first step acts for
    all."""
    fellows = turn.fellows(turn.state.intents[slot.key])
    slots = [item for item in fellows if item.mined is None and item.attempts]
    if slot.nonce != slots[0].nonce or any(item.is_signing for item in fellows):
        return
    if seen.account_nonce is not None and seen.account_nonce > slot.nonce:
        return  # used: by one of ours, or by others, which is not found out here
    if _is_over(turn, slots, seen):
        _leave(turn, slot, seen, ways)
    elif not slot.is_cancelling and (not slot.last_block or turn.state.head < slot.last_block):
        _aim(turn, slots, seen, ways)


def _aim(turn: Turn, slots: list[Slot], seen: e.Observed, ways: Ways) -> None:
    """Once for each head: at the block after it, at a price that it can take."""
    if slots[0].target == turn.state.head + 1:
        return
    dear = [item for item in slots if turn.state.halted is None and not _can_pay(item, seen)]
    if all(item.is_capped for item in dear):  # perhaps the next block is cheaper
        turn.rebroadcast(slots[0], ways, seen.at)
    for item in dear:
        if item.capped_block < turn.state.head:
            turn.ask_signature(item.nonce, item.last.kind, item.last.fees)


def _can_pay(slot: Slot, seen: e.Observed) -> bool:
    return has_headroom(slot.last.fees, seen.base_fee)


def _is_over(turn: Turn, slots: list[Slot], seen: e.Observed) -> bool:
    """The chain is past the window beyond doubt, and has none of it: so many looks in a row, as for a nonce
    that others used."""
    first, end = slots[0], max(max(item.last_block, item.until) for item in slots)
    if not first.last_block or seen.head <= end + turn.policy.drop_margin:
        return False
    if seen.head < turn.state.head:
        return False  # a node that lags
    is_unused = seen.account_nonce is not None and seen.account_nonce <= first.nonce
    count = first.misses + 1 if is_unused and _hashes(slots) <= seen.absent else 0
    if count != first.misses:
        turn.note(r.Missed(nonce=first.nonce, count=count))
    if 0 < count < turn.policy.clean_passes:
        turn.act(e.Observe())
    return count >= turn.policy.clean_passes


def _leave(turn: Turn, slot: Slot, seen: e.Observed, ways: Ways) -> None:
    intent = turn.state.intents[slot.key]
    past = f"its private window ended with block {slot.last_block}, and block {seen.head} came without it"
    if slot.is_cancelling:
        refusal = Refusal.EXPIRED if intent.is_late(seen.at) else Refusal.WITHDRAWN
        turn.give_up(slot, refusal, intent.reason)
        turn.act(e.Observe())
    elif intent.route is not None and intent.route.then_public and slot.lane is Lane.PRIVATE:
        turn.note(r.Routed(nonce=slot.nonce, lane=Lane.PUBLIC, reason=past))
        turn.rebroadcast(turn.state.slots[slot.nonce], ways, seen.at)
    else:
        turn.give_up(slot, Refusal.DROPPED, past)
        turn.act(e.Observe())  # if later nonces are out already, somebody must take this one


def reclaim(turn: Turn, seen: e.Observed) -> None:
    """Bytes that were given up are in a canonical block after all: whoever had their nonce since then gives
    way."""
    for key, slot in tuple(turn.state.given_up.items()):
        holder = turn.state.slots.get(slot.nonce)
        if not _is_mined(slot, seen) or (holder is not None and holder.mined is not None):
            continue
        if holder is not None:
            reason = f"its nonce was used by {key}, which had been given up"
            turn.note(r.Released(nonce=slot.nonce, refusal=Refusal.OVERTAKEN, reason=reason))
        again = turn.state.intents[key] if key in turn.state.queue else None
        turn.note(r.Reclaimed(nonce=slot.nonce, key=key))
        if again is not None and again.bundle:
            turn.lost.append(again)  # it was to happen again with others: they have lost it


def outbid(turn: Turn, slot: Slot) -> bool:
    """What holds the nonce in a public pool may be bytes that were given up, and got about: then the dearest
    of them are what is to be replaced (F4). False where they cannot be the reason."""
    past = [item.last.fees for item in turn.state.given_up.values() if item.nonce == slot.nonce]
    if not past or slot.is_signing:
        return bool(past)
    own = slot.last.fees
    above = Fees(max(fees.tip for fees in past), max(fees.fee_cap for fees in past))
    if own.tip >= bump_price(above.tip) and own.fee_cap >= bump_price(above.fee_cap):
        return False
    above = Fees(max(own.tip, above.tip), max(own.fee_cap, above.fee_cap))
    turn.ask_signature(slot.nonce, slot.last.kind, above)
    return True


def used_elsewhere(turn: Turn, seen: e.Observed) -> int | None:
    """The highest nonce that the chain has used and this journal never held, or None. Where bytes that were
    given up may be the reason, it takes as many looks in a row that know of none of them as for a nonce that
    others used."""
    state, nonce = turn.state, seen.account_nonce
    is_used = nonce is not None and nonce > state.most_used
    suspects = [slot for slot in state.given_up.values() if is_used and slot.nonce >= state.most_used]
    count = state.doubts + 1 if suspects and _hashes(suspects) <= seen.absent else 0
    if count != state.doubts:
        turn.note(r.Doubted(count=count))
    if 0 < count < turn.policy.clean_passes:
        turn.act(e.Observe())
    is_sure = not suspects or count >= turn.policy.clean_passes
    return nonce - 1 if nonce is not None and is_used and is_sure else None


def _is_mined(slot: Slot, seen: e.Observed) -> bool:
    found = [seen.mined[item.tx_hash] for item in slot.attempts if item.tx_hash in seen.mined]
    return any(seen.canonical.get(mined.block) == mined.block_hash for mined in found)


def _hashes(slots: Iterable[Slot]) -> frozenset[TxHash]:
    return frozenset(attempt.tx_hash for slot in slots for attempt in slot.attempts)
