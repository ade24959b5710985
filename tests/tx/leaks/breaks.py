"""The engine with one guard broken, in this process alone: what the proof must find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

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
    take = decide._take_answer

    def take_and_fall_back(turn: Turn, event: e.SendAnswered) -> None:
        take(turn, event)
        slot = turn.state.slots.get(event.nonce)
        is_no = event.outcome is not Outcome.ACCEPTED
        if slot is not None and slot.lane is Lane.PRIVATE and is_no and slot.attempts:
            turn.state.slots[event.nonce] = change(slot, lane=Lane.PUBLIC)
            names = ("http://fallback",)
            turn.rebroadcast(turn.state.slots[event.nonce], Ways.public(*names), event.at)

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


BREAKS: dict[str, tuple[Callable[[], Any] | None, str]] = {
    "the public route": (None, "is in public, and its lane is"),
    "the lane": (_forget_lane, "is in public, and its lane is"),
    "recovery": (_recover_in_public, "is in public, and its lane is"),
    "an error": (_fall_back, "is in public, and its lane is|http://fallback"),
    "the margin": (_hurry, "private window ended"),
    "a bundle": (_part_bundles, "a part of a bundle was sent alone"),
    "one aim for each head": (_repeat, "was aimed at"),
}
"""What is broken: how, and the words with which the proof must fail."""


def break_guard(broken: str) -> None:
    """Break it in this process; nothing for an empty name."""
    spoil = BREAKS[broken][0] if broken else None
    if spoil is not None:
        spoil()
