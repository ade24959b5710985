"""The transaction engine's mind: `step(state, event) -> (state, effects)`. No I/O and no clock."""

from __future__ import annotations

from collections.abc import Iterable

from trimtab.tx.decide import decide
from trimtab.tx.events import Event
from trimtab.tx.evolve import evolve
from trimtab.tx.policy import TxPolicy
from trimtab.tx.records import TxFact
from trimtab.tx.states import State
from trimtab.tx.turn import Effect, Turn


def step(state: State, event: Event, policy: TxPolicy) -> tuple[State, tuple[Effect, ...]]:
    """What follows from `event`. Effects are in order: records must be durable before a later action runs."""
    after = state.copy()
    return after, advance(after, event, policy)


def advance(state: State, event: Event, policy: TxPolicy) -> tuple[Effect, ...]:
    """`step` in place, for an owner of the only copy: the cost does not grow with the history."""
    turn = Turn(state, policy)
    decide(turn, event)
    return turn.finish()


def replay(records: Iterable[TxFact]) -> State:
    """The state that records fold to. Raises `ValueError` when they contradict each other."""
    state = State()
    for record in records:
        evolve(state, record)
    return state
