"""The calls of one plan become transactions, each once, and their ends one report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count, takewhile

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
from trimtab.execution.keys import part_key, step_key, tx_key
from trimtab.execution.options import ExecutorOptions
from trimtab.execution.orders import Order, advance, record
from trimtab.execution.outcomes import settle
from trimtab.model.ids import Address
from trimtab.model.order import ExecutionReport, OptionQuote, OrderStatus, PerpQuote
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
        route: RoutePolicy | None = None,
    ) -> ExecutionReport:
        """Submit the calls one after the other, each after the one before it succeeded. What is refused
        before anything left raises; later refusals end the order."""
        if dry_run:
            return replace(
                report_of(venue, plan.market, order, quote, None), is_dry_run=True, notes=plan.labels
            )
        reason: str | None = None
        notional = quote.notional if quote is not None else notional
        if not plan.calls:
            order = advance(order, OrderStatus.FILLED)
        for number, (call, label) in enumerate(zip(plan.calls, plan.labels, strict=True)):
            is_last = number == len(plan.calls) - 1
            intent = TxIntent(
                tx_key(order.key, number) if order.is_trade else step_key(order.key, plan, number),
                call,
                budget_wei=self._options.budget_wei,
                deadline=deadline,
                label=label,
                cause=cause,
                route=route,
                notional=None if notional is None else notional if is_last else Decimal(0),
            )
            before = self.find(intent.key)
            try:
                handle = await self.sender.submit(intent if before is None else before.renew(intent))
            except SimulationRevertedError as error:
                explained = venue.explain_revert(error.data, plan.market or None)
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

    async def settle(
        self, venue: Venue, account: Address, order: Order, handle: TxHandle, *, market: str, is_last: bool
    ) -> tuple[Order, str | None]:
        """The order after this transaction's end, and why it failed if it did."""
        settled = await settle(
            self.sender,
            self._client,
            handle,
            venue,
            account,
            market=market,
            finality=self._options.finality,
            timeout=self._options.timeout,
        )
        order = record(order, settled.tx, settled.fills, is_last=is_last, drift=settled.drift)
        return order, settled.reason

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
        sender = self._maybe_sender
        if sender is not None and sender.address != account.lower():
            raise IntentError(
                f"the order is of {account}, the sender signs for {sender.address}: use that account's key",
                field="account",
                value=account,
            )

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
