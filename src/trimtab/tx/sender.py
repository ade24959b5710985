"""The one door for writes: intents in, durable handles out. A thin shell round the reducer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Self

from trimtab.chain.chains import chain_info
from trimtab.chain.client import Client
from trimtab.errors import (
    HaltError,
    IntentError,
    NonceConflictError,
    NotSentError,
    WrongChainError,
)
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.order import TxRecord, TxStatus
from trimtab.runtime import Clock, SystemClock, open_tasks
from trimtab.tx import events as e
from trimtab.tx.admission import check_bundle, route_of, submitted
from trimtab.tx.asks import Ask, AskBox, AskKind
from trimtab.tx.chain_clock import ChainClock
from trimtab.tx.delegation import check_authorizations
from trimtab.tx.driver import Driver
from trimtab.tx.failures import not_sent
from trimtab.tx.handle import TxHandle
from trimtab.tx.intent import TxIntent
from trimtab.tx.lanes import WINDOW, RoutePolicy
from trimtab.tx.ledger import Compaction
from trimtab.tx.options import SenderOptions
from trimtab.tx.records import Submitted, stream_name
from trimtab.tx.reporting import record_of
from trimtab.tx.routes.base import Route
from trimtab.tx.routes.public import PublicRoute
from trimtab.tx.signers.base import Signer
from trimtab.tx.states import IntentState, change
from trimtab.tx.voting import read_pending_nonce
from trimtab.tx.watching import Watcher

__all__ = ["Compaction", "Sender", "SenderOptions", "Snapshot"]

_WAITING = frozenset({IntentState.QUEUED, IntentState.CHECKED, IntentState.ASSIGNED})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The journal's view of an account, without a request. `halted` and `paused` say why, None when it is
    not."""

    chain_id: int
    account: Address
    next_nonce: int
    balance: int | None
    halted: str | None
    queued: tuple[str, ...]
    in_flight: tuple[TxRecord, ...]
    paused: str | None = None


class Sender:
    """Sends intents of one account on one chain, each exactly once. Made by `Sender.open`."""

    def __init__(self, client: Client, signer: Signer, driver: Driver, options: SenderOptions) -> None:
        self.address = signer.address
        self.recovered: tuple[TxHandle, ...] = ()
        self._client = client
        self._driver = driver
        self._options = options

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        client: Client,
        signer: Signer,
        journal: Journal,
        options: SenderOptions | None = None,
        routes: Sequence[Route] | None = None,
        clock: Clock | None = None,
    ) -> AsyncIterator[Self]:
        """Lock the account, replay its journal and recover: when the body runs, what was in flight has been
        broadcast again as identical bytes, and `recovered` holds it.

        Raises `ConfigError` when another process has the account, `WrongChainError`, `TransportError`, and
        `HaltError` for a damaged journal.
        """
        chosen = options or SenderOptions()
        _check_chain(chosen.chain_id, client.chain_id)
        policy = chosen.policy.on(chain_info(client.chain_id))
        policy = replace(policy, rehearses=chosen.rehearse and chosen.simulate)
        chosen = replace(chosen, policy=policy)
        stream = stream_name(client.chain_id, signer.address)
        ways = list(routes) if routes is not None else [PublicRoute(client)]
        chain_clock = ChainClock(clock or SystemClock())
        with journal.acquire(stream):
            async with open_tasks() as tasks:
                driver = Driver(client, signer, journal, stream, chosen, ways, chain_clock, tasks)
                watcher = Watcher(client, signer.address, driver, chosen)
                loops: list[asyncio.Task[None]] = []
                try:
                    await watcher.recover()
                    sender = cls(client, signer, driver, chosen)
                    sender.recovered = sender._in_flight()
                    tidy = driver.ledger.tidy(driver.write)
                    loops += map(tasks.create_task, (watcher.follow_heads(), watcher.look(), tidy))
                    loops.append(tasks.create_task(AskBox(journal, stream).follow(sender.obey)))
                    yield sender
                    driver.check_whole()  # what failed after the body's last call is told at its end
                finally:
                    await driver.close()
                    for task in loops:
                        task.cancel()

    async def submit(self, intent: TxIntent) -> TxHandle:
        """Check, simulate, price, sign, write and broadcast; a handle once an endpoint has the bytes, or may
        have them. The same key with the same content gives the same transaction, also after a restart; a key
        that was refused with nothing exposed is free again.

        Raises while nothing is exposed: `IntentError`, `LimitError` (the key may not),
        `NonceConflictError` (the key of the intent means something else),
        `SimulationRevertedError`, `InsufficientFundsError`, `FeeCapExceededError`, `SigningError`,
        `RouteRefusedError` (every endpoint said no), `AbiError` (no code at the target), `HaltError`,
        `TransportError`. Cancelling the wait withdraws an intent that has no nonce yet, else changes nothing.
        """
        self._driver.check_whole()
        if not self._is_known(intent):
            wanted = self._check(intent)
            self._driver.trials.errors.pop(intent.key, None)
            self._driver.feed(e.Submit(wanted))
        return await self._reach_network(intent.key)

    async def submit_bundle(
        self, intents: Sequence[TxIntent], *, window: int = WINDOW
    ) -> tuple[TxHandle, ...]:
        """Steps that happen in one block, in this order, or not at all: they are simulated together, signed,
        and leave as one bundle, aimed anew at each of the next `window` blocks. What was not included by then
        is dropped as a whole, and its nonces are free. Cancelling one stops all.

        Raises as `submit_batch`; `ConfigError` when no route takes bundles; `IntentError` for more than
        `TxPolicy.window` steps, and when some of the keys were submitted before and others not.
        """
        self._driver.check_whole()
        check_bundle(intents, self._driver.ways, self._options.policy)
        route = RoutePolicy.private(window)
        steps = [replace(intent, route=route) for intent in intents]
        new = [intent for intent in steps if not self._is_known(intent)]
        if new and len(new) < len(steps):
            raise IntentError(
                f"{new[0].key} is new, and other steps of its bundle are known: a bundle is submitted whole. "
                "Give its steps new keys",
                field="key",
                value=new[0].key,
            )
        if new:
            await self._submit_together(steps, dict(enumerate(steps)), bundle=len(steps))
        await self._leave_queue(steps[-1].key)
        self._check_sent(*(intent.key for intent in steps))
        return tuple(TxHandle(intent.key, self._driver, self._client) for intent in steps)

    async def submit_batch(self, intents: Sequence[TxIntent]) -> tuple[TxHandle, ...]:
        """Steps that belong together, like an approval and the trade that needs it: each is simulated on what
        the one before it leaves, all are admitted or none, and their nonces rise in this order. Returns once
        the first step is out. When a step is refused, cancelled or too late, those after it are withdrawn:
        what waits is refused, what is out is cancelled.

        Raises as `submit` does while nothing is exposed; from then on the handles tell. Steps whose keys are
        known already are not sent again; `IntentError` when those before a new one are not this batch's own.
        """
        self._driver.check_whole()
        if not intents or len({intent.key for intent in intents}) < len(intents):
            raise IntentError("a batch needs steps, and each step a key of its own", field="key")
        name = intents[0].key
        missing = self._missing(intents, name)
        if missing:
            await self._submit_together(intents, missing)
        handles = tuple(TxHandle(intent.key, self._driver, self._client) for intent in intents)
        await self._reach_network(intents[0].key)
        return handles

    async def _submit_together(
        self, intents: Sequence[TxIntent], missing: dict[int, TxIntent], bundle: int = 0
    ) -> None:
        """Simulate the missing steps one on the other, then admit them at once."""
        name = intents[0].key
        wanted = [change(self._check(item), batch=name, step=n, bundle=bundle) for n, item in missing.items()]
        ready = await self._driver.trials.find_gas_together(wanted)
        for item in missing.values():  # the account may have been halted or paused meanwhile
            self._check(item)
            self._driver.trials.errors.pop(item.key, None)
        if missing == self._missing(intents, name):  # else the same batch was submitted meanwhile
            self._driver.feed(e.SubmitBatch(tuple(ready)))

    def handle(self, key: str) -> TxHandle:
        """The transaction that was submitted under `key`, now or in an earlier life. Raises `IntentError`
        when there is none."""
        self._check_known(key)
        return TxHandle(key, self._driver, self._client)

    def record(self, key: str) -> TxRecord:
        """One transaction as reports tell it. Raises `IntentError` for an unknown key."""
        self._check_known(key)
        return record_of(self._driver.state, key)

    def snapshot(self) -> Snapshot:
        """Where the account stands, from memory."""
        state = self._driver.state
        return Snapshot(
            chain_id=self._client.chain_id,
            account=self.address,
            next_nonce=state.nonces.lowest,
            balance=self._driver.balance,
            halted=state.halted,
            queued=tuple(state.queue),
            in_flight=tuple(record_of(state, slot.key) for slot in state.unmined),
            paused=state.paused,
        )

    async def resume(self) -> None:
        """Let a halted account go on, from the chain's own nonce: call it after you know who used the key."""
        nonce = await read_pending_nonce(self._client, self.address)
        self._driver.feed(e.ResumeAsked(nonce))

    async def compact(self) -> Compaction:
        """Tell the journal anew in fewer records, now: of what is final only what later lives need. It
        happens by itself when it pays (`SenderOptions.compact_after`); others go on meanwhile."""
        return await self._driver.ledger.compact(self._driver.write)

    def pause(self, reason: str) -> None:
        """Sign nothing new from now on but cancellations, also after a restart: written when this returns.
        What is out stays out, and its bytes are broadcast again as they are; cancel it if it shall not
        happen."""
        self._driver.feed(e.PauseAsked(reason or "no reason was given"))
        self._driver.write()

    def unpause(self) -> None:
        """Sign again."""
        self._driver.feed(e.PauseAsked(None))
        self._driver.write()

    async def obey(self, ask: Ask) -> None:
        """Do what a person asks, here or from another process; durable when this returns. Raises
        `IntentError` for an unknown key."""
        match ask.kind:
            case AskKind.CANCEL:
                self.handle(ask.key).cancel()
            case AskKind.BUMP:
                self.handle(ask.key).bump(budget_wei=ask.budget_wei)
            case AskKind.RESUME:
                await self.resume()
            case AskKind.PAUSE:
                self.pause(ask.reason)
            case AskKind.UNPAUSE:
                self.unpause()
        self._driver.write()

    def _missing(self, intents: Sequence[TxIntent], batch: str) -> dict[int, TxIntent]:
        """The steps that were not submitted yet. Raises `IntentError` when they cannot follow those that
        were: one of them comes later, did not happen, or is under way apart, where its end stops nobody."""
        missing = {n: intent for n, intent in enumerate(intents) if not self._is_known(intent)}
        for step, intent in enumerate(intents):
            if not missing or step in missing:
                continue
            known, status = self._driver.state.intents[intent.key], self.record(intent.key).status
            is_coming = known.batch == batch and status is TxStatus.UNKNOWN
            if step > min(missing) or not (is_coming or status is TxStatus.SUCCEEDED):
                raise IntentError(
                    f"{intent.key} is {known.state}, and {intents[min(missing)].key} of its batch is new: "
                    "a batch keeps its order, and goes on only after steps that succeeded. Give its steps "
                    "new keys, or wait for those before the new ones",
                    field="key",
                    value=intent.key,
                )
        return missing

    def _is_known(self, intent: TxIntent) -> bool:
        """Whether it was submitted before. Raises `NonceConflictError` when its key means something else."""
        known = self._driver.state.intents.get(intent.key)
        if known is None:
            return False
        if known.refusal is not None and intent.key not in self._driver.state.given_up:
            return False
        if known.digest != intent.digest:
            raise NonceConflictError(
                f"the key {intent.key!r} already means another transaction (nonce {known.nonce}): "
                "give each transaction a key of its own",
                nonce=known.nonce,
                key=intent.key,
            )
        return known.refusal is None

    def _check(self, intent: TxIntent) -> Submitted:
        """All that can be said against an intent without a request."""
        driver = self._driver
        now = driver.clock.now()
        if driver.state.halted is not None:
            raise HaltError(
                f"{self.address} is halted: {driver.state.halted}. Find out who uses the key, then resume()"
            )
        if intent.deadline is not None and intent.deadline <= now:
            raise IntentError(
                f"{intent.key}: its deadline {intent.deadline} has passed; the chain's time is {now}",
                field="deadline",
                value=intent.deadline,
            )
        if not self._options.simulate and intent.gas_limit is None:
            raise IntentError(f"{intent.key}: without simulation give it a gas_limit", field="gas_limit")
        check_authorizations(intent, self._client.chain_id)
        route = route_of(intent, self._options.route, self._driver.ways)
        wanted = submitted(intent, now, self.address, route)
        driver.guard.check_wanted(driver.state, wanted, now=now)
        return wanted

    async def _reach_network(self, key: str) -> TxHandle:
        await self._leave_queue(key)
        self._check_sent(key)
        return TxHandle(key, self._driver, self._client)

    async def _leave_queue(self, key: str) -> None:
        """Wait until an endpoint has its bytes, or may have them, or it was refused."""
        driver = self._driver
        try:
            async with asyncio.timeout(self._options.submit_timeout):
                while self._is_waiting(key):
                    await driver.changed(key, None)
        except (TimeoutError, asyncio.CancelledError) as stopped:
            if key not in driver.state.queue:
                if isinstance(stopped, TimeoutError):
                    return
                raise
            driver.feed(e.CancelAsked(key))
            if isinstance(stopped, TimeoutError):
                raise NotSentError(
                    f"{key} waited {self._options.submit_timeout} s for a place among the "
                    f"{self._options.policy.window} in flight: submit it again later"
                ) from None
            raise

    def _is_waiting(self, key: str) -> bool:
        self._driver.check_whole()
        intent = self._driver.state.intents.get(key)
        return intent is not None and intent.state in _WAITING

    def _check_sent(self, *keys: str) -> None:
        """Raise what stopped an intent, or one of those that go together, before any of its bytes were
        out."""
        driver = self._driver
        key = keys[-1]
        intent = driver.state.intents.get(key)
        if intent is not None and intent.refusal is None:
            return
        errors = [driver.trials.errors.pop(item) for item in keys if item in driver.trials.errors]
        if errors:
            raise errors[0]
        if intent is None:
            if driver.state.halted is not None:
                raise HaltError(f"{key} was not sent: {driver.state.halted}")
            raise NotSentError(f"{key} was not sent: it was withdrawn, or its deadline passed")
        raise not_sent(intent, driver.state.slot_of(key))

    def _check_known(self, key: str) -> None:
        if key not in self._driver.state.intents:
            raise IntentError(f"no transaction was submitted under the key {key!r}", field="key", value=key)

    def _in_flight(self) -> tuple[TxHandle, ...]:
        slots = sorted(self._driver.state.slots.values(), key=lambda slot: slot.nonce)
        return tuple(TxHandle(slot.key, self._driver, self._client) for slot in slots)


def _check_chain(expected: int | None, actual: int) -> None:
    if expected is not None and expected != actual:
        raise WrongChainError(
            f"the node serves chain {actual}, this sender is for chain {expected}: check the URL",
            expected=expected,
            actual=actual,
        )
