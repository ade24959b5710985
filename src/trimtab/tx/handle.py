"""A durable hold on one transaction: where it stands, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.errors import NotSentError, OutcomeUnknownError
from trimtab.model.ids import TxHash
from trimtab.tx import events as e
from trimtab.tx.driver import Driver
from trimtab.tx.failures import explain_revert, not_sent
from trimtab.tx.forecast import Forecast
from trimtab.tx.intent import TxIntent
from trimtab.tx.lanes import Lane
from trimtab.tx.outcome import (
    Cancelled,
    Dropped,
    Expired,
    Finality,
    Reverted,
    Succeeded,
    Superseded,
    TxOutcome,
)
from trimtab.tx.progress import NotSent, Teller, TxProgress
from trimtab.tx.records import Durable, Foreseen
from trimtab.tx.rehearsal import Rehearsal
from trimtab.tx.states import Intent, IntentState, Mined, Refusal, Slot

_AT_LEAST: dict[Finality, frozenset[IntentState]] = {
    Finality.INCLUDED: frozenset(state for state in IntentState if state.is_mined),
    Finality.CONFIRMED: frozenset(state for state in IntentState if state.is_mined) - {IntentState.INCLUDED},
    Finality.SAFE: frozenset(state for state in IntentState if state.is_mined)
    - {IntentState.INCLUDED, IntentState.CONFIRMED},
    Finality.FINAL: frozenset(state for state in IntentState if state.is_mined and state.is_terminal),
}


class TxHandle:
    """Given by `Sender.submit` and `Sender.recovered`. It holds no state of its own: dropping it or
    cancelling a wait changes nothing."""

    def __init__(self, key: str, driver: Driver, client: Client) -> None:
        self.key = key
        self._driver = driver
        self._client = client

    def __repr__(self) -> str:
        return f"<TxHandle {self.key} {self.state} nonce={self.nonce}>"

    @property
    def state(self) -> IntentState:
        return self._intent.state

    @property
    def cause(self) -> str:
        """What it was planned from, as its intent said; empty when it said nothing."""
        return self._intent.cause

    @property
    def is_refused(self) -> bool:
        """It ended with nothing on chain: its key is free again. Where private bytes of it left, whoever kept
        them may still have them mined, and its key is free for the same content only."""
        return self._intent.refusal is not None

    @property
    def lane(self) -> Lane:
        """Who may have its bytes now."""
        slot = self._slot
        return self._intent.lane if slot is None else slot.lane

    @property
    def last_block(self) -> int:
        """The last block in which a private lane may include it; 0 in the public one, and before it left."""
        slot = self._slot
        return slot.last_block if slot is not None and slot.lane.is_private else 0

    @property
    def rehearsal(self) -> Rehearsal | None:
        """What its bytes were found to do before they left, while it is in flight; None when nobody tried."""
        slot = self._slot
        hashes = [attempt.tx_hash for attempt in slot.attempts] if slot is not None else []
        known = self._driver.trials.rehearsals
        return next((known[item] for item in reversed(hashes) if item in known), None)

    async def read_forecast(self) -> Forecast | None:
        """What the journal keeps of its rehearsal, also in later lives; None when there was none, and when a
        compaction has taken it."""
        found = [record.forecast for record in await self._story() if isinstance(record, Foreseen)]
        return found[-1] if found else None

    @property
    def nonce(self) -> int:
        """The nonce it holds; -1 when it was refused before it got one."""
        nonce = self._intent.nonce
        return -1 if nonce is None else nonce

    @property
    def tx_hash(self) -> TxHash:
        """The hash that is mined, else the one broadcast last; empty when nothing was signed."""
        slot = self._slot
        if slot is None or not slot.attempts:
            return TxHash("")
        return slot.mined.tx_hash if slot.mined else slot.last.tx_hash

    def renew(self, wanted: TxIntent) -> TxIntent:
        """`wanted` as the transaction of this key that relays dropped, with its call and a route no less
        private: while its bytes could still land only the same one is taken under the key. Any other handle
        gives back what is `wanted`."""
        intent, route = self._intent, wanted.route
        is_open = route is None or route.is_private
        if intent.route is None or not is_open or self.key not in self._driver.state.given_up:
            return wanted
        may_publish = route is not None and route.then_public
        routes = [route] if intent.route.then_public and not may_publish else [route, intent.route]
        default = self._driver.default_route
        if not default.is_private or (default.then_public and not intent.route.then_public):
            routes = [one for one in routes if one is not None]  # it may be another one today
        same = replace(wanted, call=Call(intent.target, intent.data, intent.value))
        again = (replace(same, route=one) for one in routes)
        return next((one for one in again if one.digest == intent.digest), wanted)

    async def outcome(self, *, at: Finality = Finality.INCLUDED, timeout: float | None = None) -> TxOutcome:
        """Wait until the chain has decided to the depth `at`. What happened on chain never raises.

        Raises `OutcomeUnknownError` after `timeout` seconds: it may still be mined, so wait again or
        reconcile, and never submit it under another key. Raises `NotSentError` for a handle whose intent was
        refused.
        """
        clock = asyncio.get_running_loop().time
        until = None if timeout is None else clock() + timeout
        while (ended := self._ended(at)) is None:
            left = None if until is None else until - clock()
            try:
                await self._driver.changed(self.key, left)
            except TimeoutError:
                raise self._unknown(at, timeout or 0) from None
        if isinstance(ended, Mined):
            return await self._read_outcome(ended)
        return ended

    async def events(self) -> AsyncGenerator[TxProgress, None]:
        """All that happens to it, from its beginning to its end, as it becomes durable: first what has
        happened, also in earlier lives, then the rest as it comes. The last is `Final` or `NotSent`.

        A slow reader misses nothing and holds up nobody; any number may read. Raises `HaltError` when the
        sender stops before the end, `NotSentError` when an intent was withdrawn before it was durable.
        """
        teller, told, story = Teller(), 0, await self._story()
        if not story and (refusal := self._intent.refusal) is not None:  # forgotten by a compaction
            yield NotSent(refusal, self._intent.reason)
            return
        while True:
            while told < len(story):  # it grows while the reader takes its time
                for event in teller.tell(story[told]):
                    yield event
                told += 1
            if teller.is_over:
                return
            await self._driver.ledger.stories.grow(self.key)

    def cancel(self) -> None:
        """Ask for a transfer of nothing in its place, at the same nonce; which of them is mined decides, and
        `outcome` says it."""
        self._driver.feed(e.CancelAsked(self.key))

    def bump(self, *, budget_wei: int | None = None) -> None:
        """Ask for a replacement at the next legal price now, or the market's if that is dearer, without the
        patience of the policy. `budget_wei` raises the intent's budget first; an unlimited one stays so. The
        sender's own fee cap and limits hold as always: an event says when they forbid the price."""
        self._driver.feed(e.BumpAsked(self.key, budget_wei))

    def _ended(self, at: Finality) -> TxOutcome | Mined | None:
        intent = self._intent
        match intent.state:
            case IntentState.EXPIRED:
                return Expired()
            case IntentState.DROPPED:
                return Dropped(self.nonce, intent.reason)
            case IntentState.SUPERSEDED:
                return Superseded(self.nonce)
            case IntentState.REJECTED if intent.refusal is Refusal.WITHDRAWN:
                return Cancelled(None)
            case IntentState.REJECTED:
                raise not_sent(intent, self._slot)
        slot = self._slot
        return slot.mined if slot is not None and intent.state in _AT_LEAST[at] else None

    async def _read_outcome(self, mined: Mined) -> TxOutcome:
        receipt = await self._receipt(mined)
        slot = self._slot
        if slot is not None and slot.is_cancelled_by(mined.tx_hash):
            return Cancelled(receipt)
        if mined.is_success:
            return Succeeded(receipt)
        return Reverted(receipt, await explain_revert(self._client, receipt, self._intent))

    async def _receipt(self, mined: Mined) -> Receipt:
        kept = self._driver.receipts.get(mined.tx_hash)
        if kept is not None and kept.block_hash == mined.block_hash:
            return kept
        receipt = await self._client.receipt(mined.tx_hash)
        if receipt is None:
            raise OutcomeUnknownError(
                f"{mined.tx_hash} was in block {mined.block}, and the node no longer shows its receipt: "
                "wait for its outcome again",
                tx_hash=mined.tx_hash,
                nonce=self.nonce,
            )
        return receipt

    def _unknown(self, at: Finality, timeout: float) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            f"{self.key} (nonce {self.nonce}, {self.tx_hash}) is {self.state}, not {at}, after {timeout} s: "
            "it may still be mined. Wait again, or reconcile; do not submit it under another key",
            tx_hash=self.tx_hash,
            nonce=self.nonce,
        )

    async def _story(self) -> Sequence[Durable]:
        ledger = self._driver.ledger
        while (story := ledger.stories.of(self.key)) is None:
            if ledger.is_behind:
                self._driver.write()
            elif self._intent.state.is_terminal:
                return await ledger.read_story(self.key)
            else:  # it is being checked: nothing of it is durable yet
                await self._driver.changed(self.key, None)
        return story

    @property
    def _intent(self) -> Intent:
        intent = self._driver.state.intents.get(self.key)
        if intent is None:
            raise NotSentError(
                f"{self.key} was withdrawn before anything of it was written; nothing was sent"
            )
        return intent

    @property
    def _slot(self) -> Slot | None:
        return self._driver.state.slot_of(self.key)
