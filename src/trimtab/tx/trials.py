"""What is tried before it is done: calls before they are signed, signed private bytes before they leave."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from trimtab.chain.call import Call
from trimtab.chain.chains import chain_info
from trimtab.chain.client import Client
from trimtab.errors import (
    InsufficientFundsError,
    IntentError,
    LimitError,
    SimulationRevertedError,
    TrimtabError,
)
from trimtab.model.ids import Address, TxHash
from trimtab.tx import events as e
from trimtab.tx.chain_clock import ChainClock
from trimtab.tx.drift import forecast_of
from trimtab.tx.envelope import SetCodeTx
from trimtab.tx.forecast import Forecast
from trimtab.tx.guard import Guard
from trimtab.tx.lanes import Ways
from trimtab.tx.options import SenderOptions
from trimtab.tx.records import Submitted
from trimtab.tx.rehearsal import Rehearsal, check_succeeds
from trimtab.tx.rehearsing import Rehearser
from trimtab.tx.simulate import Simulator, Trial
from trimtab.tx.states import Intent, State, change

logger = logging.getLogger(__name__)

CERTAIN = (SimulationRevertedError, InsufficientFundsError)
"""What a rehearsal finds that would be found on the chain too; a base fee may fall again."""


class Trials:
    """Tries for one account, behind what it has in flight. `errors` are what stopped an intent, by key;
    `rehearsals` what signed bytes were found to do, by hash."""

    def __init__(
        self,
        client: Client,
        account: Address,
        options: SenderOptions,
        state: State,
        guard: Guard,
        clock: ChainClock,
        ways: Ways,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        feed: Callable[[e.Event], None],
    ) -> None:
        chain = chain_info(client.chain_id)
        self.errors: dict[str, TrimtabError] = {}
        self.rehearsals: dict[TxHash, Rehearsal] = {}
        self._simulator = Simulator(client, account, estimates=chain.transfer_gas is None)
        self._rehearser = Rehearser(client)
        # where L1 is paid for by the byte, a list costs more than it saves
        self._wants_lists = options.access_lists and chain.l1_fee_oracle is None
        self._options = options
        self._state = state
        self._guard = guard
        self._clock = clock
        self._ways = ways
        self._spawn = spawn
        self._feed = feed
        self._checks: dict[str, asyncio.Task[None]] = {}

    def start_check(self, key: str) -> None:
        """One check of a key at a time: an older one was for a try that was withdrawn."""
        older = self._checks.pop(key, None)
        if older is not None:
            older.cancel()
        intent = self._state.intents.get(key)
        if intent is None:
            return
        check = self._checks[key] = self._spawn(self._check(intent))
        check.add_done_callback(partial(self._forget_check, key))

    def start_rehearsal(self, ask: e.Rehearse) -> None:
        """Run signed bytes; the event says whether they may leave."""
        self._spawn(self._rehearse(ask, self._state.slots[ask.nonce].key))

    async def find_gas_together(self, wanted: Sequence[Submitted]) -> list[Submitted]:
        """The steps of a batch with their gas limits, each simulated on what the one before it left."""
        if not self._options.simulate:
            return list(wanted)
        trials = [trial_of(item) for item in wanted]
        found = await self._simulator.find_gas_together(trials, ahead=self._hidden())
        return [change(item, gas_limit=gas.gas_limit) for item, gas in zip(wanted, found, strict=True)]

    def forget(self, flying: set[TxHash]) -> None:
        """Keep only the rehearsals of what is in flight."""
        self.rehearsals = {key: kept for key, kept in self.rehearsals.items() if key in flying}

    async def _check(self, intent: Intent) -> None:
        key, ahead = intent.key, self._hidden()
        try:
            found = await self._simulator.find_gas(
                trial_of(intent), wants_access_list=self._wants_lists, ahead=ahead
            )
        except TrimtabError as error:
            if self._is_queued(intent):
                self.errors[key] = error
                self._feed(e.CheckFailed(key))
            return
        if self._is_queued(intent):
            self._feed(e.CheckPassed(key, found.gas_limit, self._clock.now(), found.access_list))

    async def _rehearse(self, ask: e.Rehearse, key: str) -> None:
        """What the bytes would meet for certain keeps them here, and so does a pause that came meanwhile; a
        node that cannot tell does not."""
        reason, forecasts = "", list[Forecast]()
        try:
            _check_no_delegations(*ask.raws, *ask.ahead)
            async with asyncio.timeout(self._options.rehearsal_timeout):
                found = await self._rehearser.rehearse(ask.raws, ahead=ask.ahead)
            self.rehearsals |= {item.tx.tx_hash: found for item in found.txs}
            forecasts += [forecast_of(found, item) for item in found.txs]
            check_succeeds(found)
        except CERTAIN as error:
            self.errors[key], reason = error, str(error)
        except (TrimtabError, TimeoutError) as error:
            logger.warning("the bytes of %s leave without a rehearsal: %s", key, repr(error))
        now = self._clock.now()
        try:
            self._guard.check_open(self._state, key, now)
        except LimitError as error:
            self.errors[key], reason = error, str(error)
        self._feed(e.Rehearsed(ask.nonce, reason, self._ways, now, ask.ask, tuple(forecasts)))

    def _forget_check(self, key: str, check: asyncio.Task[None]) -> None:
        if self._checks.get(key) is check:
            del self._checks[key]

    def _hidden(self) -> list[Trial]:
        """What is in flight and no node knows, lowest nonce first."""
        private = [slot for slot in self._state.unmined if slot.flies_private]
        return [trial_of(self._state.intents[slot.key]) for slot in private]

    def _is_queued(self, checked: Intent) -> bool:
        """Whether its key still means what was checked: it may have been withdrawn, and given to another."""
        known = self._state.intents.get(checked.key)
        return known is not None and known.digest == checked.digest


def trial_of(intent: Intent | Submitted) -> Trial:
    """The transaction as it would be sent."""
    return Trial(
        Call(intent.target, intent.data, intent.value),
        intent.gas_limit or None,
        intent.access_list,
        intent.authorizations,
        intent.delegate_to,
    )


def _check_no_delegations(*raws: bytes) -> None:
    """Raise `IntentError` for a transaction that carries signed delegations (EIP-7702): the node that runs it
    must read them, and whoever reads one can use it without the rest."""
    if any(raw[:1] == bytes([SetCodeTx.type]) for raw in raws):
        raise IntentError("the node would read the delegations that are signed in it", field="authorizations")
