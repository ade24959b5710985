"""Keep a book's delta inside its band: look, decide, write it down, trade, look again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.chain.receipt import Block
from trimtab.errors import (
    CallRevertedError,
    HaltError,
    IntentError,
    MarketClosedError,
    NotSentError,
    OrderRejectedError,
    OutcomeUnknownError,
    ReorgError,
    RpcError,
    StalePriceError,
    TransportError,
    VenueError,
)
from trimtab.execution.checks import QuoteRules
from trimtab.execution.executor import Executor
from trimtab.execution.terms import Terms
from trimtab.execution.together import Leg
from trimtab.hedging.book import Book, PerpLeg
from trimtab.hedging.conditions import hedge_terms, read_probed_delta, watch_book
from trimtab.hedging.decisions import VOID, Decision, DecisionLog, Ending, ending_of
from trimtab.hedging.exposure import UnderlyingExposure, read_exposure
from trimtab.hedging.limits import WINDOW_SECONDS, Allowance, HedgeLimits, apply_limits
from trimtab.hedging.policy import HedgeDecision, HedgePolicy
from trimtab.model.order import ExecutionReport, OrderStatus, PerpIntent, Side

logger = logging.getLogger(__name__)
_ZERO = Decimal(0)

PASSING = (
    TransportError,
    RpcError,
    CallRevertedError,
    OutcomeUnknownError,
    StalePriceError,
    MarketClosedError,
    OrderRejectedError,
)
"""What a later look may not meet again: a node that is silent, behind or asked too early, an oracle or a
market that is paused, a view that a venue refuses for now, a transaction that is not mined yet. Nothing is
concluded from any of them."""
HEADS_REST_SECONDS = 1.0
"""Seconds before a stream of heads that broke off is opened again."""
MAX_FAILURES = 3
"""After so many hedges of the last hour in a row were mined and failed, the hedger stops: each costs gas."""


@dataclass(frozen=True, slots=True)
class HedgeStep:
    """One look at the book and what came of it.

    `before` is what was decided on, None when an earlier life did. `wanted` is the policy's word. `decision`
    is None when there was nothing to do, when the limits refused (`refusal` says why) and in a dry run.
    """

    reason: str
    before: UnderlyingExposure | None
    after: UnderlyingExposure
    wanted: HedgeDecision | None = None
    allowed: Allowance | None = None
    decision: Decision | None = None
    report: ExecutionReport | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Restart:
    """What the comparison at the start found: the decision that was open, as it ended, and by how much the
    position moved since the last decision without this hedger (units of underlying)."""

    resolved: Decision | None
    position_gap: Decimal


class Hedger:
    """Hedges one underlying of a book with the book's perp.

    Call `reconcile` first: a decision that an earlier life left unfinished is resolved through the journal
    and the chain before anything new is decided. `step` is one look; `run` looks at every head.
    """

    def __init__(
        self,
        book: Book,
        executor: Executor,
        policy: HedgePolicy,
        limits: HedgeLimits,
        *,
        underlying: str,
        client: Client,
        log: DecisionLog,
        dry_run: bool = False,
    ) -> None:
        self._book = book
        self._executor = executor
        self._policy = policy
        self._limits = limits
        self._underlying = underlying
        self._leg = book.hedge_leg(underlying)
        self._client = client
        self._log = log
        self._dry_run = dry_run
        door = executor.door
        self._watched = None if door is None else watch_book(book, underlying, door)

    async def reconcile(self) -> Restart:
        """Compare journal, chain and venue before anything new is decided: resolve the decision that an
        earlier life left open, then hold the position against the last one. `OutcomeUnknownError` when the
        open one stays unknown. A dry run resolves nothing."""
        resolved = await self._resolve()
        gap = await self._read_gap()
        if gap:
            logger.warning(
                "the %s position moved by %s outside this hedger: it is counted as it is",
                self._leg.market,
                gap,
            )
        return Restart(resolved, gap)

    async def step(self, reason: str | None = None) -> HedgeStep:
        """Look at the latest block and hedge if the policy and the limits say so.

        `reason` names the occasion (the block, unless given): for one occasion at most one hedge is ever
        sent, also across restarts. `OutcomeUnknownError` while an earlier hedge is out and nobody knows its
        end: look again later. A look at blocks that do not hold the last hedge decides nothing.
        """
        await self._resolve()
        before = await self._look()
        why = reason or f"block-{before.block}"
        done = self._log.find(why)
        if done is not None:
            return HedgeStep(why, None, before, decision=done)
        if self._log.unfinished is not None:
            refusal = f"hedge {self._log.unfinished.key} is not resolved yet"
            return HedgeStep(why, before, before, refusal=refusal)
        hidden = await self._check_view(before)
        if hidden is not None:
            logger.warning("nothing is hedged for %s: %s", why, hidden)
            return HedgeStep(why, before, before, refusal=hidden)
        wanted = self._policy.decide(before)
        if not wanted.is_hedge:
            return HedgeStep(why, before, before, wanted)
        allowed = apply_limits(wanted, before, self._limits, self._log.history(before.at - WINDOW_SECONDS))
        if allowed.refusal is not None:
            logger.warning("hedge for %s refused: %s", why, allowed.refusal)
            return HedgeStep(why, before, before, wanted, allowed, refusal=allowed.refusal)
        if self._dry_run:
            return await self._plan(why, before, wanted, allowed)
        return await self._hedge(why, before, wanted, allowed)

    async def run(self) -> AsyncGenerator[HedgeStep, None]:
        """Reconcile, then look at every new head, until the consumer stops (iterate inside `aclosing`). Heads
        that came while it traded are looked at once, at the latest; a look that failed for now (`PASSING`) is
        made again at the next head. Raises `TransportError` when no head comes for too long."""
        try:
            await self.reconcile()
        except OutcomeUnknownError as error:
            logger.warning("an earlier hedge is still out, looking again at the next head: %s", error)
        seen = -1
        async with aclosing(self._heads()) as heads:
            async for head in heads:
                if head.number <= seen:
                    continue
                try:
                    step = await self.step()
                except PASSING as error:
                    # A decision under way stays unfinished in the log: the next look resolves it first.
                    logger.warning("this look failed, looking again at the next head: %s", error)
                    continue
                seen = step.after.block
                yield step

    async def _heads(self) -> AsyncGenerator[Block, None]:
        """New blocks, for as long as the node is there: a stream that broke off is opened again."""
        while True:
            try:
                async with aclosing(self._client.heads()) as heads:
                    async for head in heads:
                        if isinstance(head, Block):
                            yield head
            except (RpcError, ReorgError) as error:
                logger.warning("following heads was interrupted, trying again: %s", error)
                await asyncio.sleep(HEADS_REST_SECONDS)

    async def _resolve(self) -> Decision | None:
        """A decision whose transaction was never written to the journal never left: it is void. Otherwise its
        outcome is waited for, never sent again."""
        decision = self._log.unfinished
        if decision is None or self._dry_run:
            return None
        if not self._executor.knows(decision.key):
            return self._log.end(decision, Ending(VOID, text="the process ended before it was sent"))
        try:
            report = await self._executor.resume(
                self._leg.venue,
                self._leg.account,
                decision.key,
                market=self._leg.market,
                asked=decision.size,
            )
        except NotSentError as error:
            return self._log.end(decision, Ending(VOID, text=str(error)))
        return self._end(decision, report)

    async def _check_view(self, before: UnderlyingExposure) -> str | None:
        """Why `before` must not be decided on: it lacks what the last hedge filled, because the node lags or
        a reorg took it out. A position that somebody else changed is no reason."""
        last = self._log.last_fill
        if last is None or last.ending is None:
            return None
        if before.block < (last.ending.block or 0):
            return (
                f"block {before.block} is older than block {last.ending.block} of the last hedge: a node lags"
            )
        is_there = _held(before, self._leg) == last.held + last.ending.filled
        if is_there or self._dry_run or await self._executor.read_is_mined(last.key, by=before.block):
            return None
        return f"the last hedge {last.key} is no longer in the chain: it is waited for, never made again"

    async def _read_gap(self) -> Decimal:
        """The position now, less what it was at the last decision and what that filled; 0 without one."""
        if not self._log.decisions or self._log.unfinished is not None:
            return _ZERO
        last = self._log.decisions[-1]
        position = await self._leg.venue.read_position(self._leg.account, self._leg.market)
        return position.size - last.held - (last.ending.filled if last.ending else _ZERO)

    async def _hedge(
        self, why: str, before: UnderlyingExposure, wanted: HedgeDecision, allowed: Allowance
    ) -> HedgeStep:
        self._check_failures(before.at)
        limit, terms = _limit(allowed), await self._read_terms(before, wanted, allowed)
        held = _held(before, self._leg)
        decision = self._log.decide(why, before, held=held, band=wanted.band, size=allowed.size, limit=limit)
        try:
            report = await self._execute(decision.key, before, allowed, terms)
        except (IntentError, NotSentError, VenueError) as error:
            # The three that say for certain that nothing left this machine; any other error leaves the
            # decision unfinished, and reconcile resolves it.
            self._log.end(decision, Ending(VOID, text=str(error)))
            logger.warning("hedge for %s was not sent: %s", why, error)
            return HedgeStep(why, before, before, wanted, allowed, refusal=str(error))
        ended = self._end(decision, report)
        return HedgeStep(why, before, await self._look(), wanted, allowed, ended, report)

    async def _plan(
        self, why: str, before: UnderlyingExposure, wanted: HedgeDecision, allowed: Allowance
    ) -> HedgeStep:
        try:
            terms = await self._read_terms(before, wanted, allowed)
            report = await self._execute(f"dry/{why}", before, allowed, terms, dry_run=True)
        except (IntentError, VenueError) as error:
            return HedgeStep(why, before, before, wanted, allowed, refusal=str(error))
        return HedgeStep(why, before, before, wanted, allowed, report=report)

    async def _execute(
        self,
        key: str,
        before: UnderlyingExposure,
        allowed: Allowance,
        terms: Terms | None,
        *,
        dry_run: bool = False,
    ) -> ExecutionReport:
        seconds, leg = self._limits.deadline_seconds, self._leg
        intent = PerpIntent(
            leg.market,
            Side.BUY if allowed.size > 0 else Side.SELL,
            size=abs(allowed.size),
            acceptable_price=_limit(allowed),
            deadline=None if seconds is None else before.at + seconds,
        )
        rules = QuoteRules(min_health_after=self._health_floor(before, allowed))
        if terms is None:
            return await self._executor.execute_perp(
                leg.venue, leg.account, intent, key=key, rules=rules, dry_run=dry_run
            )
        legs = [Leg(leg.venue, intent, rules)]
        told = await self._executor.execute_together(leg.account, legs, key=key, terms=terms, dry_run=dry_run)
        return replace(told.legs[0], notes=told.conditions)

    async def _read_terms(
        self, before: UnderlyingExposure, wanted: HedgeDecision, allowed: Allowance
    ) -> Terms | None:
        """What shall hold on the chain after the hedge; None where nothing can check it there."""
        if self._watched is None:
            return None
        delta = await read_probed_delta(self._client, self._watched, self._underlying, before.block)
        floor = self._health_floor(before, allowed)
        return hedge_terms(wanted, before, allowed.size, delta, self._watched, self._leg, floor)

    def _health_floor(self, before: UnderlyingExposure, allowed: Allowance) -> Decimal | None:
        return None if _is_reducing(before, self._leg, allowed) else self._limits.min_health

    def _end(self, decision: Decision, report: ExecutionReport) -> Decision:
        ending = ending_of(report)
        if ending is None:
            last = report.transactions[-1] if report.transactions else None
            raise OutcomeUnknownError(
                f"hedge {decision.key} is {report.status} ({report.reason or 'no receipt'}): "
                "nothing new is hedged before its end is known. Look again when the node answers",
                tx_hash=last.tx_hash if last else "",
                nonce=last.nonce if last else -1,
            )
        if report.status is not OrderStatus.FILLED:
            logger.error("hedge %s ended %s: %s", decision.key, report.status, report.reason)
        return self._log.end(decision, ending)

    def _check_failures(self, now: int) -> None:
        recent = [d for d in self._log.decisions[-MAX_FAILURES:] if d.at > now - WINDOW_SECONDS]
        last = [d.ending for d in recent if d.ending is not None]
        if len(last) == MAX_FAILURES and all(ending.gas_wei and not ending.filled for ending in last):
            raise HaltError(
                f"the last {MAX_FAILURES} hedges were mined and failed: "
                f"{self._log.decisions[-1].ending}; see why before more gas is spent"
            )

    async def _look(self) -> UnderlyingExposure:
        return (await read_exposure(self._book, self._client)).of(self._underlying)


def _limit(allowed: Allowance) -> Decimal:
    if allowed.acceptable_price is None:
        raise HaltError(f"a refused hedge has no price ({allowed.refusal}): this is a fault in trimtab")
    return allowed.acceptable_price


def _held(exposure: UnderlyingExposure, leg: PerpLeg) -> Decimal:
    """Signed size of the leg's own position; the book may hold others on the same underlying."""
    ours = (leg.venue.name, leg.market, leg.account)
    sizes = (p.size for p in exposure.perps if (p.venue, p.market, p.account) == ours)
    return sum(sizes, _ZERO)


def _is_reducing(before: UnderlyingExposure, leg: PerpLeg, allowed: Allowance) -> bool:
    """A hedge that only makes the perp position smaller is never refused for health."""
    held = _held(before, leg)
    return held * allowed.size < 0 and abs(allowed.size) <= abs(held)
