"""An intent becomes checks, a quote, a plan, transactions, fills and one report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.errors import (
    ConfigError,
    IntentError,
    LimitError,
    NonceConflictError,
    NotSentError,
    SimulationRevertedError,
    TransportError,
)
from trimtab.execution import checks
from trimtab.execution.cause import cause_of
from trimtab.execution.checks import QuoteRules
from trimtab.execution.orders import Order, advance, record
from trimtab.execution.outcomes import settle
from trimtab.execution.protect import protect_option, protect_perp
from trimtab.model.ids import Address
from trimtab.model.order import (
    ExecutionReport,
    OptionIntent,
    OptionQuote,
    OrderStatus,
    PerpIntent,
    PerpQuote,
)
from trimtab.tx import Finality, Sender, TxHandle, TxIntent
from trimtab.venues.base import ChainPlan, OptionVenue, PerpVenue, Venue

Quote = PerpQuote | OptionQuote


@dataclass(frozen=True, slots=True)
class ExecutorOptions:
    """`chain_id` None trusts the client's own check. `timeout` in seconds is how long one transaction's
    outcome is waited for before the order becomes UNKNOWN. `budget_wei` caps each transaction's worst-case
    cost."""

    chain_id: int | None = None
    rules: QuoteRules = field(default_factory=QuoteRules)
    finality: Finality = Finality.INCLUDED
    timeout: float = 120.0
    budget_wei: int | None = None


class Executor:
    """Executes intents, each once: the same `key` again gives the first one's report and sends nothing,
    unless the first was refused before anything left.

    Whatever is refused before anything left this machine raises (`IntentError`, `VenueError`,
    `NotSentError`, which includes another order under a used key); once something left, the report tells,
    and a status of UNKNOWN means: reconcile, never resend. Without a sender only dry runs work.
    """

    def __init__(self, sender: Sender | None, client: Client, options: ExecutorOptions | None = None) -> None:
        self._maybe_sender = sender
        self._client = client
        self._options = options or ExecutorOptions()

    async def execute_perp(
        self,
        venue: PerpVenue,
        account: Address,
        intent: PerpIntent,
        *,
        key: str,
        rules: QuoteRules | None = None,
        dry_run: bool = False,
        shown: PerpQuote | None = None,
    ) -> ExecutionReport:
        """Trade a perpetual. `rules` take the place of the executor's own for this intent. Without an
        acceptable price of its own it gets that of the terms that were `shown`, else the quoted one with the
        rules' slippage. After its deadline the transaction is not broadcast any more, and one that is out is
        cancelled."""
        self._check_account(account)
        asked = intent.side.sign * intent.size if intent.size is not None else None
        if self.knows(key):
            self._check_same(key, intent)
            return await self.resume(venue, account, key, market=intent.market, asked=asked)
        head = await self._client.block("latest")
        checks.check_chain(self._options.chain_id, self._client.chain_id)
        checks.check_perp_intent(intent, await venue.read_markets(), now=head.at)
        rules = rules or self._options.rules
        quote = protect_perp(await venue.read_quote(account, intent), rules, shown)
        checks.check_perp_quote(quote, rules, head=head.number, now=head.at)
        plan = venue.encode_order(account, quote.intent, quote)
        return await self._run(
            venue,
            account,
            Order(key, asked=asked),
            plan,
            quote,
            dry_run=dry_run,
            deadline=intent.deadline,
            cause=cause_of(intent),
        )

    async def execute_option(
        self,
        venue: OptionVenue,
        account: Address,
        intent: OptionIntent,
        *,
        key: str,
        rules: QuoteRules | None = None,
        dry_run: bool = False,
        shown: OptionQuote | None = None,
    ) -> ExecutionReport:
        """Open, close or force close options. Without a limit cost of its own it gets that of the terms that
        were `shown`, else the quoted one with the rules' slippage."""
        self._check_account(account)
        if self.knows(key):
            self._check_same(key, intent)
            return await self.resume(venue, account, key, market=intent.series.market.name)
        head = await self._client.block("latest")
        checks.check_chain(self._options.chain_id, self._client.chain_id)
        checks.check_option_intent(intent, await venue.read_option_markets(), now=head.at)
        rules = rules or self._options.rules
        quote = protect_option(await venue.read_option_quote(account, intent), rules, shown)
        checks.check_option_quote(quote, rules, head=head.number, now=head.at)
        plan = venue.encode_option_order(account, quote.intent, quote)
        return await self._run(
            venue, account, Order(key), plan, quote, dry_run=dry_run, cause=cause_of(intent)
        )

    async def execute_plan(
        self,
        venue: Venue,
        account: Address,
        plan: ChainPlan,
        *,
        key: str,
        dry_run: bool = False,
        notional: Decimal | None = None,
    ) -> ExecutionReport:
        """Send a plan of no order: deposits, approvals, keeper duties. An empty plan is done. A step is known
        by what it does: planned again under the same key, only what is missing is sent. `notional` is what it
        trades all the same, in quote currency, for a key whose notional is limited."""
        checks.check_chain(self._options.chain_id, self._client.chain_id)
        order = Order(key, is_trade=False)
        return await self._run(venue, account, order, plan, None, dry_run=dry_run, notional=notional)

    def knows(self, key: str) -> bool:
        """Whether something of this key may be out, in this life or an earlier one. What was refused before
        anything left is not: it may be asked for again."""
        handle = None if self._maybe_sender is None else self._find(_tx_key(key, 0))
        return handle is not None and not handle.is_refused

    async def read_is_mined(self, key: str, *, by: int) -> bool:
        """Whether all transactions of an order are in the chain up to block `by`, asked of the node: a reorg
        takes back what a report told."""
        for handle in self._handles(key):
            receipt = await self._client.receipt(handle.tx_hash) if handle.tx_hash else None
            if receipt is None or receipt.block > by:
                return False
            block = await self._client.find_block(receipt.block)
            if block is None or block.hash != receipt.block_hash:
                return False
        return True

    async def resume(
        self, venue: Venue, account: Address, key: str, *, market: str, asked: Decimal | None = None
    ) -> ExecutionReport:
        """The report of an order whose transactions were submitted under this key before: waits for their
        outcomes and sends nothing new."""
        order, reason = Order(key, asked=asked), None
        handles = self._handles(key)
        for number, handle in enumerate(handles, 1):
            order, reason = await self._settle(
                venue, account, order, handle, market=market, is_last=number == len(handles)
            )
            if _is_over(order):
                break
        return _report(venue, market, order, None, reason)

    async def _run(
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
    ) -> ExecutionReport:
        if dry_run:
            return replace(
                _report(venue, plan.market, order, quote, None), is_dry_run=True, notes=plan.labels
            )
        reason: str | None = None
        notional = quote.notional if quote is not None else notional
        if not plan.calls:
            order = advance(order, OrderStatus.FILLED)
        for number, (call, label) in enumerate(zip(plan.calls, plan.labels, strict=True)):
            is_last = number == len(plan.calls) - 1
            intent = TxIntent(
                _tx_key(order.key, number) if order.is_trade else _step_key(order.key, plan, number),
                call,
                budget_wei=self._options.budget_wei,
                deadline=deadline,
                label=label,
                cause=cause,
                notional=None if notional is None else notional if is_last else Decimal(0),
            )
            try:
                handle = await self._sender.submit(intent)
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
            order, reason = await self._settle(
                venue, account, order, handle, market=plan.market, is_last=is_last
            )
            if _is_over(order):
                break
        return _report(venue, plan.market, order, quote, reason)

    async def _settle(
        self, venue: Venue, account: Address, order: Order, handle: TxHandle, *, market: str, is_last: bool
    ) -> tuple[Order, str | None]:
        settled = await settle(
            self._sender,
            handle,
            venue,
            account,
            market=market,
            finality=self._options.finality,
            timeout=self._options.timeout,
        )
        return record(order, settled.tx, settled.fills, is_last=is_last), settled.reason

    def _handles(self, key: str) -> list[TxHandle]:
        handles: list[TxHandle] = []
        while (handle := self._find(_tx_key(key, len(handles)))) is not None:
            handles.append(handle)
        return handles

    def _find(self, tx_key: str) -> TxHandle | None:
        try:
            return self._sender.handle(tx_key)
        except IntentError:
            return None

    def _check_same(self, key: str, intent: PerpIntent | OptionIntent) -> None:
        """One key, one order: the first one's report must not answer for another."""
        handle = self._find(_tx_key(key, 0))
        if handle is not None and handle.cause not in ("", cause_of(intent)):
            raise NonceConflictError(
                f"the key {key!r} was given to another order before: give this one a new key", key=key
            )

    def _check_account(self, account: Address) -> None:
        """An order trades for whoever sends it: quoted for one account it must not be sent by another."""
        sender = self._maybe_sender
        if sender is not None and sender.address != account.lower():
            raise IntentError(
                f"the order is of {account}, the sender signs for {sender.address}: use that account's key",
                field="account",
                value=account,
            )

    @property
    def _sender(self) -> Sender:
        if self._maybe_sender is None:
            raise ConfigError("sending needs a key: configure one, or use a dry run")
        return self._maybe_sender


def _tx_key(key: str, number: int) -> str:
    return f"{key}/{number}"


def _step_key(key: str, plan: ChainPlan, number: int) -> str:
    """Names a step by its label, because its place in the plan changes when an approval is given already."""
    label = plan.labels[number]
    again = plan.labels[:number].count(label)
    digest = keccak256(label.encode()).hex()[:16]
    return f"{key}/{digest}" + (f"/{again}" if again else "")


def _is_over(order: Order) -> bool:
    return order.status.is_terminal or order.status is OrderStatus.UNKNOWN


def _report(
    venue: Venue, market: str, order: Order, quote: Quote | None, reason: str | None
) -> ExecutionReport:
    return ExecutionReport(
        order.key, venue.name, market, order.status, quote, order.fills, order.transactions, reason
    )
