"""Stands in front of every signature: permission and spending, asked at submit and again before each."""

from __future__ import annotations

from pathlib import Path

from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.tx.drafting import Draft
from trimtab.tx.events import Sign
from trimtab.tx.permission import Permission, Wanted
from trimtab.tx.spend_log import Amounts
from trimtab.tx.spending import amounts_of, at_worst, check_spending, wanted
from trimtab.tx.states import Intent, Kind, Slot, State, change

REMEMBERED = 1_000
"""Slots whose worst cost is known by heart; few are ever in flight."""


class Guard:
    """The limits of one account on one chain. It keeps nothing but what was allowed and is not signed yet:
    what was spent is in the state, hence in the journal.

    While `pause_file` exists nothing new is signed; an operator can make it while the sender runs.
    """

    def __init__(
        self, limits: Limits, chain_id: int, account: Address, pause_file: Path | None = None
    ) -> None:
        self._limits = limits
        self._permission = Permission(limits, chain_id, account)
        self._pause_file = pause_file
        self._pledges: dict[int, tuple[int, Amounts]] = {}
        self._worst: dict[int, tuple[Slot, Amounts]] = {}

    def check_wanted(self, state: State, wanted: Wanted, *, now: int) -> None:
        """Raise `LimitError` when it may not be sent now, as far as that is known before its price."""
        self.check_open(state, wanted.key, now)
        self._permission.check_intent(wanted)
        least = amounts_of(wanted, fee=1)
        self._check_spending(state, wanted.key, least, now, self._pledged(state))

    def tighten(self, intent: Intent) -> Intent:
        """The intent with its budget no higher than the limits' cost of a transaction."""
        budget = self._permission.least_budget(intent)
        return intent if budget == intent.budget_wei else change(intent, budget_wei=budget)

    def check_draft(self, state: State, ask: Sign, draft: Draft, *, now: int) -> None:
        """Raise `LimitError` unless the draft that answers `ask` may be signed now. A cancellation may, as
        long as it is nothing but that."""
        slot = state.slots[ask.nonce]
        intent = state.intents[slot.key]
        self._permission.check_fields(ask.kind, intent, draft.fields)
        if ask.kind is Kind.CANCEL:
            return
        self.check_open(state, intent.key, now)
        self._permission.check_intent(intent)
        asked = wanted(state, slot, draft.worst_cost, draft.reserve)
        pledged = self._pledged(state, besides=ask.nonce)
        self._check_spending(state, intent.key, asked, now, pledged)
        self._pledges[ask.nonce] = (ask.ask, asked)

    def _check_spending(
        self, state: State, key: str, asked: Amounts, now: int, pledged: list[Amounts]
    ) -> None:
        check_spending(self._limits, state, key, asked, now=now, pledged=pledged, worst=self._at_worst)

    def _at_worst(self, state: State, slot: Slot) -> Amounts:
        """As `at_worst`, remembered: a slot is a value, and the same as long as it is the same object."""
        known = self._worst.get(slot.nonce)
        if known is None or known[0] is not slot:
            if len(self._worst) > REMEMBERED:
                self._worst.clear()
            known = self._worst[slot.nonce] = (slot, at_worst(state, slot))
        return known[1]

    def check_open(self, state: State, key: str, now: int) -> None:
        """Raise `LimitError` while paused, after the expiry, and on a chain that is not allowed."""
        paused = state.paused
        if paused is None and self._pause_file is not None and self._pause_file.exists():
            paused = f"the file {self._pause_file} is there"
        self._permission.check_open(key, now=now, paused=paused)

    def _pledged(self, state: State, besides: int | None = None) -> list[Amounts]:
        """What was allowed to other nonces whose signature is not in the state yet."""
        open_ = {nonce for nonce, slot in state.slots.items() if slot.asked}
        self._pledges = {
            nonce: (ask, amounts)
            for nonce, (ask, amounts) in self._pledges.items()
            if nonce in open_ and state.slots[nonce].asked == ask
        }
        return [amounts for nonce, (_, amounts) in self._pledges.items() if nonce != besides]
