"""Several orders as one transaction: each leg quoted and checked, one plan, one report for each leg."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.errors import CallRevertedError, ConfigError, IntentError, VenueError
from trimtab.execution import checks
from trimtab.execution.cause import cause_of
from trimtab.execution.checks import QuoteRules
from trimtab.execution.doors import Door, find_probe
from trimtab.execution.legs import share_fills
from trimtab.execution.options import ExecutorOptions
from trimtab.execution.orders import Order, record
from trimtab.execution.outcomes import Settled
from trimtab.execution.preparing import PerpJob, prepare, prepare_option
from trimtab.execution.terms import Terms, Traded, conditions_of, told
from trimtab.hooks.plans import Conditions
from trimtab.hooks.probes import ProbedAccount, read_probe
from trimtab.model.exposure_rule import ExposureAction, ExposureVerdict
from trimtab.model.ids import Address
from trimtab.model.order import (
    ExecutionReport,
    OptionIntent,
    OptionQuote,
    OrderStatus,
    PerpIntent,
    PerpQuote,
    TxRecord,
)
from trimtab.model.trade import TradeFacts, combine
from trimtab.tx import RoutePolicy
from trimtab.venues.base import ChainPlan, OptionVenue, PerpVenue, ProbedVenue, Venue

VENUES = "+"
"""Between the names of venues that share a transaction."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One of several orders that happen together: a perpetual, an option, or a plan of no order such as a
    deposit. `rules` take the place of the executor's own; `shown` are terms that its limit is of, as in
    `execute_option`. Raises `IntentError` when the venue cannot."""

    venue: Venue
    want: PerpIntent | OptionIntent | ChainPlan
    rules: QuoteRules | None = None
    shown: PerpQuote | OptionQuote | None = None

    def __post_init__(self) -> None:
        role = {PerpIntent: PerpVenue, OptionIntent: OptionVenue}.get(type(self.want), Venue)
        if not isinstance(self.venue, role):
            raise IntentError(
                f"{self.venue.name} takes no {type(self.want).__name__}: give it to a venue that does",
                field="venue",
                value=self.venue.name,
            )

    @property
    def is_order(self) -> bool:
        """Whether it fills; a plan of no order is done when its calls are."""
        return not isinstance(self.want, ChainPlan)

    @property
    def market(self) -> str:
        """The venue's name of it, empty for a plan of none."""
        want = self.want
        return want.series.market.name if isinstance(want, OptionIntent) else want.market

    @property
    def size(self) -> Decimal | None:
        """Signed size to fill; None where only the fill tells it."""
        want = self.want
        if isinstance(want, OptionIntent):
            return want.amount if checks.is_payer(want) else -want.amount
        if isinstance(want, PerpIntent) and want.size is not None:
            return want.side.sign * want.size
        return None


@dataclass(frozen=True, slots=True)
class TogetherReport:
    """One report for each leg, all of the same transaction. `notes` of a dry run: its steps, then what must
    hold after them."""

    key: str
    status: OrderStatus
    legs: tuple[ExecutionReport, ...]
    transactions: tuple[TxRecord, ...] = ()
    reason: str | None = None
    is_dry_run: bool = False
    notes: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()

    @property
    def gas_wei(self) -> int:
        """What it cost, once."""
        return sum(tx.fee_wei for tx in self.transactions)


@dataclass(frozen=True, slots=True)
class TogetherJob:
    """What a caller asked for, whole."""

    account: Address
    legs: tuple[Leg, ...]
    key: str
    terms: Terms = field(default_factory=Terms)
    route: RoutePolicy | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        if not self.legs:
            raise IntentError("there are no legs: give at least one order", field="legs")

    @property
    def cause(self) -> str:
        """Names the orders among the legs: what only prepares them, an approval say, may be done by now."""
        wants = ((leg.venue.name, leg.want) for leg in self.legs)
        causes = [f"{name} {cause_of(want)}" for name, want in wants if not isinstance(want, ChainPlan)]
        return keccak256("; ".join(causes).encode()).hex()[:32]


@dataclass(frozen=True, slots=True)
class Prepared:
    """Legs that may be sent. `plan` has all their calls; `quotes` and `verdicts` are by leg."""

    plan: ChainPlan
    quotes: tuple[PerpQuote | OptionQuote | None, ...]
    verdicts: tuple[ExposureVerdict | None, ...]
    conditions: Conditions
    conditions_told: tuple[str, ...]
    route: RoutePolicy | None
    deadline: int | None

    @property
    def notional(self) -> Decimal:
        """Of all legs, in quote currency."""
        return sum((quote.mark_notional for quote in self.quotes if quote is not None), Decimal(0))

    @property
    def trade(self) -> TradeFacts | None:
        """For the limits of the key. Unknown where legs share a venue, each quoted without the other."""
        parts = [(quote.mark_notional, quote.trade) for quote in self.quotes if quote is not None]
        is_shared = len(self.plan.venue.split(VENUES)) < len(self.quotes)
        return None if is_shared or not parts else combine(parts)


@dataclass(frozen=True, slots=True)
class _Part:
    """One leg on its own."""

    leg: Leg
    plan: ChainPlan
    quote: PerpQuote | OptionQuote | None = None
    verdict: ExposureVerdict | None = None
    route: RoutePolicy | None = None


async def prepare_together(client: Client, options: ExecutorOptions, job: TogetherJob) -> Prepared:
    """Quote and check each leg against the chain as it is now; raises what is said against one of them.
    Margin that an earlier leg brings is not there yet: then the simulation of the whole says whether it
    suffices."""
    door, terms, legs = door_of(options), job.terms, job.legs
    funded: set[str] = set()
    parts: list[_Part] = []
    for leg in legs:
        parts.append(
            await _prepare_leg(client, options, job, leg, has_funds_to_come=leg.venue.name in funded)
        )
        if isinstance(leg.want, ChainPlan):
            funded.add(leg.venue.name)
    traded = _traded(door, parts) if terms.prices or terms.sizes else []
    probes = {leg.probe for leg in traded} if terms.sizes else set()
    held = {probe: await _read_held(client, probe, job.account) for probe in probes}
    conditions = conditions_of(terms, traded, door.probes, held)
    names = dict.fromkeys(leg.venue.name for leg in legs)
    markets = dict.fromkeys(leg.market for leg in legs if leg.market)
    routes = [part.route for part in parts if part.route is not None]
    deadlines = [
        leg.want.deadline
        for leg in legs
        if isinstance(leg.want, PerpIntent) and leg.want.deadline is not None
    ]
    return Prepared(
        ChainPlan(
            VENUES.join(names),
            VENUES.join(markets),
            tuple(call for part in parts for call in part.plan.calls),
            tuple(label for part in parts for label in part.plan.labels),
        ),
        tuple(part.quote for part in parts),
        tuple(part.verdict for part in parts),
        conditions,
        told(conditions, traded, terms),
        job.route or (routes[0] if routes else None),
        min(deadlines, default=None),
    )


def door_of(options: ExecutorOptions) -> Door:
    """Raises `ConfigError` when there is none."""
    if options.door is None:
        raise ConfigError(
            "orders happen together through an executor or a guard only: set [hooks] executor or guard "
            "(ExecutorOptions(door=...))",
            key="hooks",
        )
    return options.door


def reports_of(
    key: str, legs: Sequence[Leg], settled: Settled | None, prepared: Prepared | None = None
) -> TogetherReport:
    """What one transaction made of its legs; `settled` None: nothing was sent."""
    orders = [leg for leg in legs if leg.is_order]
    wanted = [(leg.venue.name, leg.market, leg.size) for leg in orders]
    shares = iter(share_fills(wanted, settled.fills if settled else ()))
    reports = []
    for number, leg in enumerate(legs):
        mine = next(shares) if leg.is_order else ()
        order = Order(key, asked=leg.size, is_trade=leg.is_order)
        if settled is not None:
            order = record(order, settled.tx, mine, is_last=True, drift=settled.drift)
        reports.append(
            ExecutionReport(
                key,
                leg.venue.name,
                leg.market,
                order.status,
                prepared.quotes[number] if prepared else None,
                order.fills,
                order.transactions,
                settled.reason if settled else None,
                drifts=order.drifts,
                verdict=prepared.verdicts[number] if prepared else None,
            )
        )
    return TogetherReport(
        key,
        _status_of(reports),
        tuple(reports),
        (settled.tx,) if settled else (),
        settled.reason if settled else None,
        conditions=prepared.conditions_told if prepared else (),
    )


def preview_of(job: TogetherJob, prepared: Prepared, ways: Sequence[str] = ()) -> TogetherReport:
    """What would be sent: `ways` before all, then the steps of the one transaction."""
    whole = reports_of(job.key, job.legs, None, prepared)
    reports = tuple(replace(report, is_dry_run=True) for report in whole.legs)
    return replace(whole, legs=reports, is_dry_run=True, notes=(*ways, *prepared.plan.labels))


async def _prepare_leg(
    client: Client, options: ExecutorOptions, job: TogetherJob, leg: Leg, *, has_funds_to_come: bool
) -> _Part:
    venue, want, account, rules = leg.venue, leg.want, job.account, leg.rules or options.rules
    if isinstance(want, ChainPlan):
        return _Part(leg, want)
    if isinstance(want, PerpIntent):
        assert isinstance(venue, PerpVenue)
        perp = PerpJob(venue, account, want, job.key, rules, job.route, job.dry_run)
        shown = leg.shown if isinstance(leg.shown, PerpQuote) else None
        ready = await prepare(
            client, _whole_only(options), perp, want, shown=shown, has_margin_to_come=has_funds_to_come
        )
        return _Part(leg, ready.plan, ready.quote, ready.verdict, ready.route)
    assert isinstance(venue, OptionVenue)
    seen = leg.shown if isinstance(leg.shown, OptionQuote) else None
    quote = await prepare_option(client, options, venue, account, want, rules, seen)
    return _Part(leg, venue.encode_option_order(account, quote.intent, quote), quote)


def _whole_only(options: ExecutorOptions) -> ExecutorOptions:
    """A leg is not split: its rule has no such way out."""
    rule = options.exposure
    if rule is None:
        return options
    prefer = tuple(action for action in rule.prefer if action is not ExposureAction.SPLIT)
    return replace(options, exposure=replace(rule, prefer=prefer or (ExposureAction.REFUSE,)))


def _traded(door: Door, parts: Sequence[_Part]) -> list[Traded]:
    """The legs that trade, with the number of their last call."""
    found, call = [], -1
    for part in parts:
        call += len(part.plan.calls)
        if part.quote is None:
            continue
        venue = part.leg.venue
        if not isinstance(venue, ProbedVenue):
            raise VenueError(
                f"{venue.name} has no probe: it cannot be traded within conditions", venue=venue.name
            )
        _, probe = find_probe(door, venue.name, part.leg.market)
        market = venue.probe_market(part.quote.intent)
        found.append(Traded(call, f"{venue.name} {part.leg.market}", probe, market, part.quote))
    return found


async def _read_held(client: Client, probe: Address, account: Address) -> ProbedAccount:
    try:
        return await client.call(read_probe(probe, account), block="pending")
    except CallRevertedError as error:
        raise VenueError(f"the probe {probe} cannot read {account} now: {error}") from error


def _status_of(reports: Sequence[ExecutionReport]) -> OrderStatus:
    """All legs end alike, because their transaction does; a leg that filled otherwise is what matters."""
    statuses = [report.status for report in reports]
    return next((status for status in statuses if status is not OrderStatus.FILLED), statuses[0])
