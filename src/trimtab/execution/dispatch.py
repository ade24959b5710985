"""The calls of one plan become transactions, each once, and their ends one report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import count, takewhile

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import (
    ConfigError,
    IntentError,
    LimitError,
    NonceConflictError,
    NotSentError,
    SimulationRevertedError,
    TransportError,
)
from trimtab.execution.doors import LABELS, NO_CONDITIONS, NO_DOOR, wrap
from trimtab.execution.entrance import Entrance
from trimtab.execution.keys import part_key, step_key, tx_key
from trimtab.execution.legs import Behind, Dialect
from trimtab.execution.options import ExecutorOptions
from trimtab.execution.orders import Order, advance, record
from trimtab.execution.outcomes import Settled, settle
from trimtab.execution.together import Prepared, TogetherJob, TogetherReport, door_of, reports_of
from trimtab.hooks.plans import Conditions
from trimtab.model.ids import Address
from trimtab.model.order import ExecutionReport, OptionQuote, OrderStatus, PerpQuote
from trimtab.model.trade import TradeFacts
from trimtab.tx import RoutePolicy, Sender, TxHandle, TxIntent
from trimtab.venues.base import ChainPlan, Venue

Quote = PerpQuote | OptionQuote


class Dispatcher:
    """Between an executor's decisions and its sender: what is out under a key, and how it ended. Without a
    sender nothing is out, and `run` makes dry runs only."""

    def __init__(self, sender: Sender | None, client: Client, options: ExecutorOptions) -> None:
        self._maybe_sender = sender
        self._client = client
        self._options = options
        self._entrance = None if options.door is None else Entrance(client, options.door, options.timeout)

    async def run(
        self,
        venue: Venue,
        account: Address,
        order: Order,
        plan: ChainPlan,
        quote: Quote | None,
        *,
        dry_run: bool,
        deadline: int | None = None,
        cause: str = "",
        notional: Decimal | None = None,
        trade: TradeFacts | None = None,
        route: RoutePolicy | None = None,
    ) -> ExecutionReport:
        """Submit the calls one after the other, each after the one before it succeeded; behind a door, all as
        one. What is refused before anything left raises; later refusals end the order."""
        if dry_run:
            ways = await self.read_ways(account, len(plan.calls), NO_CONDITIONS)
            report = report_of(venue, plan.market, order, quote, None)
            return replace(report, is_dry_run=True, notes=ways + plan.labels)
        if quote is not None:
            notional, trade = quote.mark_notional, quote.trade
        if not plan.calls:
            order = advance(order, OrderStatus.FILLED)
        steps = await self._read_steps(account, order, plan, deadline)
        reason, voice = None, self.voice_of([venue], plan.labels)
        for number, (name, call, label) in enumerate(steps):
            is_last = number == len(steps) - 1
            intent = TxIntent(
                name,
                call,
                budget_wei=self._options.budget_wei,
                deadline=deadline,
                label=label,
                cause=cause,
                route=route,
                notional=None if notional is None else notional if is_last else Decimal(0),
                trade=trade if is_last else None,
            )
            by_deed = self._options.door is not None and not order.is_trade
            try:
                handle = await self._submit(intent, by_deed=by_deed)
            except SimulationRevertedError as error:
                explained = voice.explain_revert(error.data, plan.market or None)
                if number == 0:
                    raise explained from error
                order, reason = advance(order, OrderStatus.REJECTED), str(explained)
                break
            except (NotSentError, LimitError, TransportError) as error:
                if number == 0:
                    raise
                order, reason = advance(order, OrderStatus.REJECTED), str(error)
                break
            order, reason = await self.settle(
                venue, account, order, handle, market=plan.market, is_last=is_last
            )
            if is_over(order):
                break
        return report_of(venue, plan.market, order, quote, reason)

    async def run_together(self, job: TogetherJob, prepared: Prepared) -> TogetherReport:
        """Submit all legs as one transaction and tell what it made of each. What is refused before anything
        left raises."""
        door = door_of(self._options)
        await self.enter(job.account)
        plan = wrap(door, job.account, prepared.plan, prepared.conditions, deadline=prepared.deadline)
        intent = TxIntent(
            tx_key(job.key, 0),
            plan.calls[0],
            budget_wei=self._options.budget_wei,
            deadline=prepared.deadline,
            label=plan.labels[0],
            cause=job.cause,
            route=prepared.route,
            notional=prepared.notional,
            trade=prepared.trade,
        )
        try:
            await self._submit(intent)
        except SimulationRevertedError as error:
            voice = self.voice_of([leg.venue for leg in job.legs], prepared.plan.labels)
            raise voice.explain_revert(error.data, prepared.plan.market or None) from error
        return await self.settle_together(job, prepared)

    async def settle_together(self, job: TogetherJob, prepared: Prepared | None = None) -> TogetherReport:
        """The report of what is out under the job's key; sends nothing."""
        handle = self.sender.handle(tx_key(job.key, 0))
        settled = await self._settle([leg.venue for leg in job.legs], job.account, handle, "")
        return reports_of(job.key, job.legs, settled, prepared)

    async def settle(
        self, venue: Venue, account: Address, order: Order, handle: TxHandle, *, market: str, is_last: bool
    ) -> tuple[Order, str | None]:
        """The order after this transaction's end, and why it failed if it did."""
        settled = await self._settle([venue], account, handle, market)
        order = record(order, settled.tx, settled.fills, is_last=is_last, drift=settled.drift)
        return order, settled.reason

    async def _settle(
        self, venues: Sequence[Venue], account: Address, handle: TxHandle, market: str
    ) -> Settled:
        labels = self.sender.record(handle.key).label.split(LABELS)
        return await settle(
            self.sender,
            self._client,
            handle,
            self.voice_of(venues, labels),
            account,
            market=market,
            finality=self._options.finality,
            timeout=self._options.timeout,
        )

    async def enter(self, account: Address) -> None:
        """Make sure that the door is open to this account; nothing without a door."""
        if self._entrance is not None:
            await self._entrance.open(self.sender, account)

    async def read_ways(self, account: Address, calls: int, conditions: Conditions) -> tuple[str, ...]:
        """What would be sent before a plan of so many calls, once for an account."""
        door = self._options.door
        if self._entrance is None or door is None or not door.is_needed(calls, conditions):
            return ()
        return await self._entrance.read_ways(account)

    def voice_of(self, venues: Sequence[Venue], labels: Sequence[str]) -> Dialect:
        """Who explains what a transaction did: the venue itself, or what stands before it."""
        return venues[0] if self._options.door is None else Behind(venues, labels)

    async def _read_steps(
        self, account: Address, order: Order, plan: ChainPlan, deadline: int | None
    ) -> list[tuple[str, Call, str]]:
        """Key, call and label of each transaction. One that holds a plan of no order is known by its last
        step, which is what it is for: approvals before it may be given by another time."""
        door, names = self._options.door, [step_key(order.key, plan, n) for n in range(len(plan.calls))]
        if door is not None and door.is_needed(len(plan.calls), NO_CONDITIONS):
            await self.enter(account)
            plan = wrap(door, account, plan, deadline=deadline)
            names = names[-len(plan.calls) :]
        if order.is_trade:
            names = [tx_key(order.key, number) for number in range(len(plan.calls))]
        return list(zip(names, plan.calls, plan.labels, strict=True))

    async def _submit(self, intent: TxIntent, *, by_deed: bool = False) -> TxHandle:
        """`by_deed`: what is known under the key is the same deed, whatever stood before it in its plan."""
        before = self.find(intent.key)
        if before is None:
            return await self.sender.submit(intent)
        if by_deed and not before.is_refused:
            return before
        return await self.sender.submit(before.renew(intent))

    def is_out(self, key: str) -> bool:
        """Whether the order's first transaction is, or may be."""
        handle = None if self._maybe_sender is None else self.find(tx_key(key, 0))
        return handle is not None and not handle.is_refused

    def parts(self, key: str) -> Iterator[str]:
        """The keys of the parts that are out."""
        return takewhile(self.is_out, (part_key(key, number) for number in count(1)))

    def handles(self, key: str) -> list[TxHandle]:
        """The order's transactions, in their order."""
        handles: list[TxHandle] = []
        while (handle := self.find(tx_key(key, len(handles)))) is not None:
            handles.append(handle)
        return handles

    def find(self, tx_key: str) -> TxHandle | None:
        try:
            return self.sender.handle(tx_key)
        except IntentError:
            return None

    def check_same(self, key: str, cause: str) -> None:
        """One key, one order: the first one's report must not answer for another."""
        handle = self.find(tx_key(key if self.is_out(key) else part_key(key, 1), 0))
        if handle is not None and handle.cause not in ("", cause):
            raise NonceConflictError(
                f"the key {key!r} was given to another order before: give this one a new key", key=key
            )

    def check_account(self, account: Address) -> None:
        """An order trades for whoever sends it: quoted for one account it must not be sent by another."""
        sender, door = self._maybe_sender, self._options.door
        if sender is not None:
            (door or NO_DOOR).check_account(account, sender.address)

    @property
    def sender(self) -> Sender:
        """Raises `ConfigError` when there is none."""
        if self._maybe_sender is None:
            raise ConfigError("sending needs a key: configure one, or use a dry run")
        return self._maybe_sender


def is_over(order: Order) -> bool:
    """Whether no more of its transactions may be sent now."""
    return order.status.is_terminal or order.status is OrderStatus.UNKNOWN


def report_of(
    venue: Venue, market: str, order: Order, quote: Quote | None, reason: str | None
) -> ExecutionReport:
    """What an order came to so far."""
    return ExecutionReport(
        order.key,
        venue.name,
        market,
        order.status,
        quote,
        order.fills,
        order.transactions,
        reason,
        drifts=order.drifts,
    )
