"""A journal told anew: one record for each intent that is final, the rest as it was. Pure.

What is in flight keeps its records word by word, so no hash is forgotten before its nonce is final; neither
are the hashes that every endpoint refused. Forgotten are intents that were refused, for good and with nothing
on chain: their keys were free again before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from trimtab.tx import records as r
from trimtab.tx.evolve import evolve
from trimtab.tx.nonces import Nonces
from trimtab.tx.states import SlotState, State, change
from trimtab.tx.stories import Stories


def compact(records: Iterable[r.Durable]) -> tuple[r.Durable, ...]:
    """Fewer records that fold to the same state, but for refused intents; also of a journal that was
    compacted before and went on."""
    state, stories = State(), Stories()
    for record in stories.through(records):
        evolve(state, record)
    return (*archive(state), *remainder(state, stories))


def archive(state: State, after: int = 0) -> Iterator[r.Archived]:
    """A record for each final intent but the first `after`, in the order in which they became final."""
    for slot in islice(state.finished.values(), after, None):
        yield r.Archived(intent=state.intents[slot.key], slot=slot)


def remainder(state: State, stories: Stories) -> Iterator[r.Durable]:
    """What stands behind the archive: the account's own facts, then the stories of what is in flight or waits
    for its turn."""
    if state.genesis is not None:
        yield r.ChainNamed(genesis=state.genesis)
    for tx_hash, nonce in state.forgone.items():
        yield r.Forgone(nonce=nonce, tx_hash=tx_hash)
    for key, slot in state.given_up.items():
        yield r.GivenUp(intent=state.intents[key], slot=slot, head=state.head)
    if state.nonces != Nonces():
        # The stories below hold their nonces anew.
        yield r.NoncesNoted(
            next=state.nonces.next, free=tuple(sorted(state.nonces.free | state.slots.keys()))
        )
    if state.halted is not None:
        yield r.Halted(reason=state.halted)
    if state.paused is not None:
        yield r.Paused(reason=state.paused)
    held = [state.slots[nonce].key for nonce in sorted(state.slots)]
    for key in held:
        yield from _before(state, key, stories.flying[key])
        yield from stories.flying[key]
    for key in state.queue:
        yield from stories.flying.get(key, ())


def _before(state: State, key: str, story: Iterable[r.Durable]) -> Iterator[r.GivenUp]:
    """Bytes that an intent has from before its story began: they had been given up."""
    slot = state.slot_of(key)
    told = {record.tx_hash for record in story if isinstance(record, r.Attempted)}
    attempts = tuple(item for item in slot.attempts if item.tx_hash not in told) if slot else ()
    if slot is not None and attempts:
        as_it_was = change(slot, attempts=attempts, mined=None, state=SlotState.COMMITTED)
        yield r.GivenUp(intent=state.intents[key], slot=as_it_was)
