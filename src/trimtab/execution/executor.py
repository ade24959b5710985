"""An intent becomes checks, a quote, a plan, transactions, fills and one report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.errors import ChainError, IntentError, NotSentError, VenueError
from trimtab.execution import checks
from trimtab.execution.cause import cause_of
from trimtab.execution.checks import QuoteRules
from trimtab.execution.dispatch import Dispatcher, is_over, report_of
from trimtab.execution.doors import Door
from trimtab.execution.keys import part_key
from trimtab.execution.options import ExecutorOptions
from trimtab.execution.orders import Order
from trimtab.execution.parts import add_up, left_of, part_of
from trimtab.execution.preparing import PerpJob, Ready, prepare, prepare_option, scales_of
from trimtab.execution.protect import protect_perp
from trimtab.execution.terms import Terms
from trimtab.execution.together import Leg, TogetherJob, TogetherReport, prepare_together, preview_of
from trimtab.execution.weighing import weigh
from trimtab.model.exposure_rule import ExposureAction, ExposureVerdict
from trimtab.model.ids import Address
from trimtab.model.order import (
    ExecutionReport,
    Fill,
    OptionIntent,
    OptionQuote,
    OrderStatus,
    PerpIntent,
    PerpQuote,
)
from trimtab.model.trade import TradeFacts
from trimtab.tx import RoutePolicy, Sender
from trimtab.venues.base import ChainPlan, OptionVenue, PerpVenue, Venue

__all__ = ["Executor", "ExecutorOptions"]

PART_TRIES = 5
"""How often a part is weighed until it is small enough for the block that it is weighed at."""


class Executor:
    """Executes intents, each once: the same `key` again gives the first one's report and sends nothing,
    unless the first was refused before anything left.

    Whatever is refused before anything left this machine raises (`IntentError`, `VenueError`,
    `NotSentError`, which includes another order under a used key); once something left, the report tells,
    and a status of UNKNOWN means: reconcile, never resend. Without a sender only dry runs work.
    """

    def __init__(self, sender: Sender | None, client: Client, options: ExecutorOptions | None = None) -> None:
        self._dispatcher = Dispatcher(sender, client, options or ExecutorOptions())
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
        route: RoutePolicy | None = None,
    ) -> ExecutionReport:
        """Trade a perpetual. `rules` take the place of the executor's own for this intent. Without an
        acceptable price of its own it gets that of the terms that were `shown`, else the quoted one with the
        rules' slippage. After its deadline the transaction is not broadcast any more, and one that is out is
        cancelled.

        Where the options have a rule for exposures it decides before anything leaves: `IntentError` when it
        refuses. An order in parts goes on under its key where it stopped. `route` is the caller's own word
        on who may have the bytes, and is not overruled.
        """
        self._dispatcher.check_account(account)
        job = PerpJob(venue, account, intent, key, rules or self._options.rules, route, dry_run)
        if self.knows(key):
            self._dispatcher.check_same(key, cause_of(intent))
            if not self._dispatcher.is_out(key) and not dry_run:
                return await self._send_parts(job, None)
            asked = intent.side.sign * intent.size if intent.size is not None else None
            return await self.resume(venue, account, key, market=intent.market, asked=asked)
        ready = await prepare(self._client, self._options, job, intent, shown=shown)
        if ready.verdict is not None and ready.verdict.action is ExposureAction.SPLIT and not dry_run:
            return await self._send_parts(job, ready)
        return await self._send(job, key, intent, ready)

    async def weigh_perp(
        self,
        venue: PerpVenue,
        account: Address,
        intent: PerpIntent,
        quote: PerpQuote,
        *,
        rules: QuoteRules | None = None,
        route: RoutePolicy | None = None,
    ) -> ExposureVerdict | None:
        """What a sandwich could earn on this order, and what the rule would do about it; sends nothing. None
        at a venue that does not tell."""
        rules = rules or self._options.rules
        protected = protect_perp(quote, rules)
        return await weigh(
            self._client, venue, account, intent, protected, scales_of(self._options, rules, route)
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
        route: RoutePolicy | None = None,
    ) -> ExecutionReport:
        """Open, close or force close options. Without a limit cost of its own it gets that of the terms that
        were `shown`, else the quoted one with the rules' slippage. `route` says who may have the bytes."""
        self._dispatcher.check_account(account)
        if self.knows(key):
            self._dispatcher.check_same(key, cause_of(intent))
            return await self.resume(venue, account, key, market=intent.series.market.name)
        quote = await prepare_option(
            self._client, self._options, venue, account, intent, rules or self._options.rules, shown
        )
        plan = venue.encode_option_order(account, quote.intent, quote)
        return await self._dispatcher.run(
            venue, account, Order(key), plan, quote, dry_run=dry_run, cause=cause_of(intent), route=route
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
        trade: TradeFacts | None = None,
    ) -> ExecutionReport:
        """Send a plan of no order: deposits, approvals, keeper duties. An empty plan is done. A step is known
        by what it does: planned again under the same key, only what is missing is sent. `notional` is what it
        trades all the same, in quote currency, and `trade` what it does to the account, for a key whose
        limits need them."""
        checks.check_chain(self._options.chain_id, self._client.chain_id)
        order = Order(key, is_trade=False)
        return await self._dispatcher.run(
            venue, account, order, plan, None, dry_run=dry_run, notional=notional, trade=trade
        )

    async def execute_together(
        self,
        account: Address,
        legs: Sequence[Leg],
        *,
        key: str,
        terms: Terms | None = None,
        dry_run: bool = False,
        route: RoutePolicy | None = None,
    ) -> TogetherReport:
        """Several orders, of any venues, as one transaction: all legs happen, within `terms` and their own
        limits, or none does. Each is quoted on the chain as it is before all of them, so what one leg moves
        counts against the next one's slippage. Exactly once under its key, as every order. Raises
        `ConfigError` without a door (`ExecutorOptions`)."""
        job = TogetherJob(account, tuple(legs), key, terms or Terms(), route, dry_run)
        self._dispatcher.check_account(account)
        if self._dispatcher.is_out(key):
            self._dispatcher.check_same(key, job.cause)
            return await self._dispatcher.settle_together(job)
        prepared = await prepare_together(self._client, self._options, job)
        if dry_run:
            ways = await self._dispatcher.read_ways(account, len(prepared.plan.calls), prepared.conditions)
            return preview_of(job, prepared, ways)
        return await self._dispatcher.run_together(job, prepared)

    @property
    def door(self) -> Door | None:
        """What makes several calls one transaction; None when nothing does."""
        return self._options.door

    def knows(self, key: str) -> bool:
        """Whether something of this key may be out, in this life or an earlier one. What was refused before
        anything left is not: it may be asked for again. Nor is what relays had and dropped."""
        return self._dispatcher.is_out(key) or self._dispatcher.is_out(part_key(key, 1))

    async def read_is_mined(self, key: str, *, by: int) -> bool:
        """Whether all transactions of an order are in the chain up to block `by`, asked of the node: a reorg
        takes back what a report told."""
        parts = [handle for part in self._dispatcher.parts(key) for handle in self._dispatcher.handles(part)]
        for handle in [*self._dispatcher.handles(key), *parts]:
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
        handles = self._dispatcher.handles(key)
        parts = [] if self._dispatcher.is_out(key) else list(self._dispatcher.parts(key))
        if parts:
            told = [await self.resume(venue, account, part, market=market) for part in parts]
            left = (
                None if asked is None else abs(asked - sum((part.filled_size for part in told), Decimal(0)))
            )
            return add_up(report_of(venue, market, order, None, None), told, left)
        for number, handle in enumerate(handles, 1):
            order, reason = await self._dispatcher.settle(
                venue, account, order, handle, market=market, is_last=number == len(handles)
            )
            if is_over(order):
                break
        return report_of(venue, market, order, None, reason)

    async def _send(self, job: PerpJob, key: str, intent: PerpIntent, ready: Ready) -> ExecutionReport:
        asked = intent.side.sign * intent.size if intent.size is not None else None
        report = await self._dispatcher.run(
            job.venue,
            job.account,
            Order(key, asked=asked),
            ready.plan,
            ready.quote,
            dry_run=job.dry_run,
            deadline=intent.deadline,
            cause=cause_of(job.intent),
            route=ready.route,
        )
        return replace(report, verdict=ready.verdict)

    async def _send_parts(self, job: PerpJob, first: Ready | None) -> ExecutionReport:
        """One part after the other, until all is filled or one is not; those that an earlier life sent count.
        None may be worse than what was quoted for the whole."""
        whole, worst = report_of(job.venue, job.intent.market, Order(job.key), None, None), None
        if first is not None:
            whole = replace(whole, quote=first.quote, verdict=first.verdict)
            worst = first.quote.intent.acceptable_price
        parts: list[ExecutionReport] = []
        while left := left_of(job.intent, _fills(parts)):
            try:
                parts.append(await self._send_part(job, part_key(job.key, len(parts) + 1), left, worst))
            except (IntentError, NotSentError, VenueError, ChainError) as error:
                if not parts:
                    raise
                whole = replace(whole, reason=str(error))
                break
            if parts[-1].status is not OrderStatus.FILLED or not parts[-1].fills:
                break
        return add_up(whole, parts, left_of(job.intent, _fills(parts)))

    async def _send_part(
        self, job: PerpJob, key: str, left: Decimal, worst: Decimal | None
    ) -> ExecutionReport:
        if self._dispatcher.is_out(key):
            return await self.resume(job.venue, job.account, key, market=job.intent.market)
        intent = part_of(job.intent, left)
        for _ in range(PART_TRIES):
            ready = await prepare(self._client, self._options, job, intent, worst=worst)
            if ready.verdict is None or ready.verdict.amount is None:
                return await self._send(job, key, intent, ready)
            intent = part_of(job.intent, min(ready.verdict.amount, left))
        raise IntentError(
            f"{intent.market}: what a sandwich could earn changes faster than a part can be weighed: "
            "try again later",
            field="exposure",
        )


def _fills(reports: Iterable[ExecutionReport]) -> Iterator[Fill]:
    return (fill for report in reports for fill in report.fills)
