"""Where an intent may go from where, for both machines: what is not listed stays for ever (11, 16)."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import Phase, settings

from trimtab.tx import records as r
from trimtab.tx.evolve import evolve
from trimtab.tx.states import IntentState, State

_S = IntentState
_FLYING = {_S.LIVE, _S.CANCELLING, _S.RESOLVING, _S.INCLUDED}
FINAL = {_S.SUCCEEDED, _S.REVERTED, _S.CANCELLED, _S.SUPERSEDED}
_ENDS = FINAL - {_S.SUPERSEDED}
_GIVEN_UP = {_S.REJECTED, _S.EXPIRED, _S.DROPPED}
MOVES: dict[IntentState | None, set[IntentState]] = {
    None: {_S.CHECKED},
    _S.CHECKED: {_S.ASSIGNED, _S.REJECTED, _S.EXPIRED},
    _S.ASSIGNED: {*_FLYING, *_GIVEN_UP},
    _S.LIVE: {_S.CANCELLING, _S.RESOLVING, _S.INCLUDED, *_GIVEN_UP},
    _S.CANCELLING: {_S.RESOLVING, _S.INCLUDED, _S.REJECTED, _S.EXPIRED},
    _S.RESOLVING: {_S.LIVE, _S.CANCELLING, _S.INCLUDED, _S.SUPERSEDED, *_GIVEN_UP},
    _S.INCLUDED: {_S.CONFIRMED, _S.SAFE, _S.LIVE, _S.CANCELLING, *_ENDS},
    _S.CONFIRMED: {_S.SAFE, _S.LIVE, _S.CANCELLING, *_ENDS},
    _S.SAFE: {_S.LIVE, _S.CANCELLING, *_ENDS},
    _S.REJECTED: {_S.CHECKED},  # with nothing exposed the key is free again
    _S.EXPIRED: {_S.CHECKED},
    _S.DROPPED: {_S.CHECKED},
}
_RECLAIMED = {_S.LIVE, _S.CANCELLING}


def machine_settings(examples: int, steps: int) -> settings:
    """How long a machine runs; a mutation run wants fewer examples, and no shrinking of what fails."""
    bounded = os.environ.get("TRIMTAB_EXAMPLES")
    if bounded is None:
        return settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    return settings(
        max_examples=min(int(bounded), examples),
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
    )


class Moves:
    """Folds records one by one, and holds each intent to `MOVES`. `final` outlives a telling anew."""

    def __init__(self, final: dict[str, IntentState] | None = None) -> None:
        self.state = State()
        self.final: dict[str, IntentState] = {} if final is None else final

    def fold(self, record: Any) -> str | None:
        """The intent that it was about."""
        key = self.key_of(record)
        before = self.state.intents[key].state if key in self.state.intents else None
        evolve(self.state, record)
        if key is None:
            return None
        after = self.state.intents[key].state
        is_retold = isinstance(record, r.Archived | r.GivenUp)
        is_back = isinstance(record, r.Reclaimed)
        allowed = _RECLAIMED if is_back else {before, *MOVES.get(before, ())}
        assert is_retold or after in allowed, f"16: {key} went from {before} to {after}"
        if after in FINAL:
            assert self.final.setdefault(key, after) is after, f"11: {key} was {self.final[key]}, is {after}"
        return key

    def key_of(self, record: Any) -> str | None:
        """The intent that a record is about."""
        if isinstance(record, r.Archived | r.GivenUp):
            return record.intent.key
        if getattr(record, "key", None) is not None:
            return str(record.key)
        slot = self.state.slots.get(getattr(record, "nonce", -1))
        return slot.key if slot else None
