"""The engine with one guard broken, in this process alone: what the proof must find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tests.tx.leaks.orders import Role

from trimtab.chain.client import Client
from trimtab.tx import decide, windows
from trimtab.tx import events as e
from trimtab.tx.lanes import Lane, Ways
from trimtab.tx.routes import Parcel, PublicRoute
from trimtab.tx.routes.base import Sending
from trimtab.tx.states import Intent, Kind, Outcome, Slot, change
from trimtab.tx.turn import Turn


class LeakyRoute(PublicRoute):
    """A public route that takes private parcels too."""

    lanes = frozenset(Lane)

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return super().send(replace(parcel, lane=Lane.PUBLIC))


def open_route(client: Client, broken: str) -> PublicRoute:
    """The public route of a life in which that is broken."""
    return LeakyRoute(client) if broken == "the public route" else PublicRoute(client)


def _forget_lane() -> None:
    """What is sent is sent in public, whatever lane its nonce has."""
    begin = Turn._begin

    def begin_in_public(turn: Turn, slot: Slot, ways: Ways, at: int) -> e.Send | None:
        return begin(turn, change(slot, lane=Lane.PUBLIC), ways, at)

    Turn._begin = begin_in_public  # type: ignore[method-assign,assignment]


def _recover_in_public() -> None:
    """A new life sends what it finds to everybody."""
    recover = decide._recover

    def recover_in_public(turn: Turn, event: e.Recovered) -> None:
        for nonce, slot in turn.state.slots.items():
            turn.state.slots[nonce] = change(slot, lane=Lane.PUBLIC)
        recover(turn, event)

    decide._recover = recover_in_public


def _fall_back() -> None:
    """A relay that does not say yes is replaced by the public mempool."""
    take, send, known = decide._take_answer, Turn.send, list[Ways]()

    def send_and_learn(turn: Turn, slot: Slot, ways: Ways, at: int) -> None:
        known[:] = [ways]
        send(turn, slot, ways, at)

    def take_and_fall_back(turn: Turn, event: e.SendAnswered) -> None:
        take(turn, event)
        slot = turn.state.slots.get(event.nonce)
        is_no = event.outcome is not Outcome.ACCEPTED
        if slot is not None and slot.flies_private and slot.lane is Lane.PRIVATE and is_no:
            turn.state.slots[event.nonce] = change(slot, lane=Lane.PUBLIC)
            turn.rebroadcast(turn.state.slots[event.nonce], known[0], event.at)

    Turn.send = send_and_learn  # type: ignore[method-assign,assignment]
    decide._take_answer = take_and_fall_back


def _hurry() -> None:
    """The window is over with its last block."""
    is_over = windows._is_over

    def is_over_at_once(turn: Turn, slots: list[Slot], seen: e.Observed) -> bool:
        patient = turn.policy
        turn.policy = replace(patient, clean_passes=1, drop_margin=1)
        try:
            shifted = [change(slot, last_block=max(slot.last_block - 2, 1)) for slot in slots]
            return is_over(turn, shifted, seen)
        finally:
            turn.policy = patient

    windows._is_over = is_over_at_once


def _part_bundles() -> None:
    """The steps of a bundle travel alone."""

    def send_each(turn: Turn, intent: Intent, ways: Ways, at: int) -> None:
        slots = [slot for slot in turn.fellows(intent) if slot.attempts and slot.last.kind is Kind.NORMAL]
        for slot in slots[:1]:
            send = turn._begin(slot, ways, at)
            if send is not None:
                turn.act(send)

    Turn._send_bundle = send_each  # type: ignore[method-assign,assignment]


def _repeat() -> None:
    """Every look aims anew, whether a block came or not."""

    def aim(turn: Turn, slots: list[Slot], seen: e.Observed, ways: Ways) -> None:
        turn.rebroadcast(slots[0], ways, seen.at)

    windows._aim = aim


def _look_away() -> None:
    """No look finds anything of ours on the chain."""
    observe = decide._observe

    def observe_nothing(turn: Turn, event: e.Observed) -> None:
        slots = turn.state.slots.values()
        watched = (*slots, *turn.state.given_up.values())
        hashes = frozenset(attempt.tx_hash for slot in watched for attempt in slot.attempts)
        lowest = min((slot.nonce for slot in slots), default=event.account_nonce)
        observe(turn, replace(event, mined={}, absent=hashes, account_nonce=lowest))

    decide._observe = observe_nothing


@dataclass(frozen=True)
class Break:
    """`spoil` breaks it, `words` are those with which the proof must fail, on orders of these `roles`."""

    words: str
    spoil: Callable[[], None] | None = None
    roles: tuple[Role, ...] = (Role.PRIVATE, Role.BUNDLED, Role.SWITCHED, Role.PUBLIC)


_PUBLIC = "is in public, and its lane is"
BREAKS = {
    "the public route": Break(_PUBLIC),
    "the lane": Break(_PUBLIC, _forget_lane),
    "recovery": Break(_PUBLIC, _recover_in_public),
    "an error": Break(f"{_PUBLIC}|SendBegun.*target=0", _fall_back),
    "the margin": Break("its last is|private window ended", _hurry),
    "a bundle": Break("a part of a bundle was sent alone", _part_bundles),
    "one aim for each head": Break("was aimed at", _repeat),
    "the look": Break("and given up", _look_away, (Role.PRIVATE,)),
}
"""By what is broken."""


def break_guard(broken: str) -> None:
    """Break it in this process; nothing for an empty name."""
    spoil = BREAKS[broken].spoil if broken else None
    if spoil is not None:
        spoil()
