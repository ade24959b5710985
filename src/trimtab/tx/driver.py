"""The reducer's hands: writes its records, then does what it asks, and brings back what happened."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, runtime_checkable

from trimtab.chain.chains import chain_info
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.errors import (
    FeeCapExceededError,
    HaltError,
    InsufficientFundsError,
    LimitError,
    SigningError,
    TrimtabError,
)
from trimtab.journal import Journal
from trimtab.model.ids import Address, TxHash
from trimtab.tx import events as e
from trimtab.tx.broadcast import Broadcaster
from trimtab.tx.chain_clock import ChainClock
from trimtab.tx.drafting import Desk, Draft, check_funds
from trimtab.tx.envelope import Authorization, SignedTx, TxFields
from trimtab.tx.guard import Guard
from trimtab.tx.lanes import RoutePolicy, Ways
from trimtab.tx.ledger import Ledger
from trimtab.tx.market import FeeMarket
from trimtab.tx.options import SenderOptions
from trimtab.tx.outbox import Outbox
from trimtab.tx.reducer import advance
from trimtab.tx.routes.base import Route
from trimtab.tx.signers.base import Signer, check_signed
from trimtab.tx.states import Intent, Kind, Refusal
from trimtab.tx.trials import Trials
from trimtab.tx.turn import Effect

logger = logging.getLogger(__name__)

_REFUSALS: dict[type[TrimtabError], Refusal] = {
    FeeCapExceededError: Refusal.FEE_CAP,
    InsufficientFundsError: Refusal.FUNDS,
    SigningError: Refusal.SIGNER,
    LimitError: Refusal.LIMIT,
}


@runtime_checkable
class NowaitSigner(Signer, Protocol):
    """A signer that has its key at hand, and need not wait."""

    def sign_nowait(self, fields: TxFields) -> SignedTx: ...


class Driver:
    """Owns the state of one account. `feed` takes an event; everything else follows from the reducer.

    All records of one turn of the event loop are one commit, made before any byte of theirs leaves. Signing
    with a key at hand happens in between, so a submitted intent costs one commit at most. When the journal
    cannot be written, the driver is broken for good: memory is ahead of the disk.
    """

    def __init__(
        self,
        client: Client,
        signer: Signer,
        journal: Journal,
        stream: str,
        options: SenderOptions,
        routes: Sequence[Route],
        clock: ChainClock,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.ledger = Ledger(journal, stream, options.compact_after)
        self.state = self.ledger.state
        self.market = FeeMarket(client.chain_id, options.tip_floor, options.cancel_gas)
        self.clock = clock
        self.balance: int | None = None
        self._pledged: dict[int, tuple[int, int]] = {}  # by nonce: the question, the worst cost of its draft
        self.look_now = asyncio.Event()
        self.receipts: dict[TxHash, Receipt] = {}
        self._client = client
        self._signer = signer
        self._sign_nowait = signer.sign_nowait if isinstance(signer, NowaitSigner) else None
        self._options = options
        self._tasks = tasks
        chain = chain_info(client.chain_id)
        self._desk = Desk(client.chain_id, signer.address, options.fee_cap, not chain.has_mempool)
        self.guard = Guard(options.limits, client.chain_id, signer.address, options.pause_file)
        self._running: set[asyncio.Task[None]] = set()
        self._inbox: deque[e.Event] = deque()
        self._is_draining = False
        self._outbox = Outbox(self.ledger.write, self._do, self._fail)
        self._broadcaster = Broadcaster(routes, clock, options.send_timeout, self._spawn, self._take_answers)
        self.trials = Trials(
            client,
            signer.address,
            options,
            self.state,
            self.guard,
            clock,
            self._broadcaster.ways,
            self._spawn,
            self.feed,
        )
        self._waiters: dict[str, asyncio.Event] = {}
        self._broken: HaltError | None = None

    @property
    def ways(self) -> Ways:
        return self._broadcaster.ways

    @property
    def default_route(self) -> RoutePolicy:
        """Of intents that do not say who may have their bytes."""
        return self._options.route

    def check_whole(self) -> None:
        """Raise the `HaltError` that stopped it: a journal that cannot be written, a chain that undid what is
        final, the sender's own end."""
        if self._broken is not None:
            raise self._broken

    def feed(self, *events: e.Event) -> None:
        """Take events: the state moves at once, and what follows is written and done in the next turn of the
        event loop, with all else that comes until then."""
        self.check_whole()
        self._inbox.extend(events)
        if self._is_draining:
            return  # the drain below this call on the stack takes it
        self._is_draining = True
        try:
            while self._inbox:
                for effect in advance(self.state, self._inbox.popleft(), self._options.policy):
                    self._sort(effect)
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._is_draining = False

    def write(self) -> None:
        """Make all that was fed durable, and do what follows, now."""
        self.check_whole()
        self._outbox.flush()

    def _fail(self, error: BaseException) -> None:
        self.stop(error if isinstance(error, HaltError) else HaltError(f"the sender failed: {error}"))

    def stop(self, reason: HaltError) -> None:
        """Take nothing more, and let whoever waits know why."""
        self._broken = self._broken or reason
        self._outbox.close()
        self.ledger.stories.stop(self._broken)
        waiters, self._waiters = self._waiters, {}
        for event in waiters.values():
            event.set()

    async def close(self) -> None:
        """Wait a while for the answers to broadcasts, so that they are written; then stop."""
        await self._broadcaster.wait(self._options.close_timeout)
        if self._broken is None:
            self._outbox.flush()
        self.stop(HaltError("the sender is closed: open it again"))
        for task in self._running:
            task.cancel()

    async def changed(self, key: str, timeout: float | None) -> None:
        """Wait until the intent moves. Raises `TimeoutError`."""
        self.check_whole()  # after the end nobody would set the event
        event = self._waiters.setdefault(key, asyncio.Event())
        async with asyncio.timeout(timeout):
            await event.wait()
        self.check_whole()

    def _sort(self, effect: Effect) -> None:
        match effect:
            case e.Sign():
                self._sign(effect)
            case e.Check(key=key) if not self._options.simulate:
                self.feed(e.CheckPassed(key, self.state.intents[key].gas_limit, self.clock.now()))
            case (
                e.Check()
                | e.Rehearse()
                | e.Send()
                | e.SendBundle()
                | e.Withdraw()
                | e.Observe()
                | e.Changed()
            ):
                self._outbox.put_action(effect)
            case _ if effect.durable:
                self.ledger.note(effect)
                self._outbox.put_record(effect)

    def _do(self, actions: Sequence[e.Action]) -> None:
        self._broadcaster.send([action for action in actions if isinstance(action, e.Send | e.SendBundle)])
        for action in actions:
            match action:
                case e.Check(key=key):
                    self.trials.start_check(key)
                case e.Rehearse():
                    self.trials.start_rehearsal(action)
                case e.Withdraw():
                    self._broadcaster.withdraw(action)
                case e.Observe():
                    self.look_now.set()
                case e.Changed(key=key):
                    waiter = self._waiters.pop(key, None)
                    if waiter is not None:
                        waiter.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    # Signatures

    def _sign(self, ask: e.Sign) -> None:
        if not self._is_asked(ask):
            return  # given back in the same turn
        slot = self.state.slots[ask.nonce]
        try:
            draft = self._draft(ask)
            self._check_funds(ask, draft)
            if self._sign_nowait is not None and self._delegates_to(ask) is None:
                self._take_signed(ask, draft, self._sign_nowait(draft.fields))
                return
        except InsufficientFundsError:
            pass  # the balance may be old: ask before refusing
        except TrimtabError as error:
            self._refuse_signature(ask, slot.key, error)
            return
        self._spawn(self._sign_later(ask, slot.key))

    async def _sign_later(self, ask: e.Sign, key: str) -> None:
        try:
            self.balance = await self._client.balance(self._signer.address)
        except TrimtabError:
            logger.warning("the balance of %s could not be read", self._signer.address)
        if not self._is_asked(ask):
            return
        try:
            async with asyncio.timeout(self._options.sign_timeout):
                own = await self._sign_own_code(ask)
                if not self._is_asked(ask):
                    return
                draft = self._draft(ask, own)
                self._check_funds(ask, draft)
                signed = await self._signer.sign_transaction(draft.fields)
            if self._is_asked(ask):
                self.guard.check_draft(self.state, ask, draft, now=self.clock.now())  # it may be late
            self._take_signed(ask, draft, signed)
        except TimeoutError:
            silent = f"the signer did not answer in {self._options.sign_timeout} s; nothing was sent"
            self._refuse_signature(ask, key, SigningError(silent))
        except TrimtabError as error:
            self._refuse_signature(ask, key, error)

    def _check_funds(self, ask: e.Sign, draft: Draft) -> None:
        """Several drafts of one turn are signed before the first signature is in the state: each counts the
        ones before it."""
        slots = self.state.slots
        self._pledged = {
            nonce: (number, cost)
            for nonce, (number, cost) in self._pledged.items()
            if nonce in slots and slots[nonce].asked == number
        }
        pledged = {nonce: cost for nonce, (_, cost) in self._pledged.items()}
        check_funds(self.state, draft, self.balance, pledged)
        self._pledged[ask.nonce] = (ask.ask, draft.worst_cost)

    def _is_asked(self, ask: e.Sign) -> bool:
        """Whether the answer is still wanted: a nonce may be given back while the signer is busy."""
        slot = self.state.slots.get(ask.nonce)
        return slot is not None and slot.asked == ask.ask

    def _intent_of(self, ask: e.Sign) -> Intent:
        return self.state.intents[self.state.slots[ask.nonce].key]

    def _draft(self, ask: e.Sign, own: Authorization | None = None) -> Draft:
        intent = self.guard.tighten(self._intent_of(ask))
        draft = self._desk.draft(intent, ask, self.market.terms(), own)
        self.guard.check_draft(self.state, ask, draft, now=self.clock.now())
        return draft

    def _delegates_to(self, ask: e.Sign) -> Address | None:
        return self._intent_of(ask).delegate_to if ask.kind is Kind.NORMAL else None

    async def _sign_own_code(self, ask: e.Sign) -> Authorization | None:
        """The account's leave for its own new code: the chain counts the transaction's nonce first."""
        code = self._delegates_to(ask)
        if code is None:
            return None
        self.guard.check_wanted(self.state, self._intent_of(ask), now=self.clock.now())
        return await self._signer.sign_authorization(self._client.chain_id, code, ask.nonce + 1)

    def _take_signed(self, ask: e.Sign, draft: Draft, signed: SignedTx) -> None:
        check_signed(signed, draft.fields, self._signer.address)
        self.feed(
            e.Signed(
                nonce=ask.nonce,
                kind=ask.kind,
                tx_hash=signed.tx_hash,
                raw=signed.raw,
                fees=draft.fees,
                gas_limit=draft.fields.gas_limit,
                worst_cost=draft.worst_cost,
                reserve=draft.reserve,
                ways=self.ways,
                at=self.clock.now(),
                ask=ask.ask,
            )
        )

    def _refuse_signature(self, ask: e.Sign, key: str, error: TrimtabError) -> None:
        if not self._is_asked(ask):
            return
        self.trials.errors[key] = error
        refusal = _REFUSALS.get(type(error), Refusal.SIGNER)
        self.feed(e.SignFailed(ask.nonce, refusal, str(error), self.clock.now(), ask.ask))

    # Answers to broadcasts

    def _take_answers(self, answers: Sequence[e.SendAnswered]) -> None:
        self.feed(*answers)
        self._outbox.put_action(e.Observe())
