"""Everything about an order on a perpetual that comes before sending: checked, quoted, weighed, encoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.execution import checks
from trimtab.execution.checks import QuoteRules
from trimtab.execution.exposure import check_verdict
from trimtab.execution.options import ExecutorOptions
from trimtab.execution.protect import protect_option, protect_perp
from trimtab.execution.weighing import Scales, weigh
from trimtab.model.exposure_rule import ExposureAction, ExposureVerdict
from trimtab.model.ids import Address
from trimtab.model.order import OptionIntent, OptionQuote, PerpIntent, PerpQuote
from trimtab.tx import RoutePolicy
from trimtab.venues.base import ChainPlan, OptionVenue, PerpVenue


@dataclass(frozen=True, slots=True)
class PerpJob:
    """What a caller asked for, whole. `route` None leaves it to the rule."""

    venue: PerpVenue
    account: Address
    intent: PerpIntent
    key: str
    rules: QuoteRules
    route: RoutePolicy | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """An order, or a part of one, that may be sent."""

    quote: PerpQuote
    plan: ChainPlan
    verdict: ExposureVerdict | None = None
    route: RoutePolicy | None = None


async def prepare(
    client: Client,
    options: ExecutorOptions,
    job: PerpJob,
    intent: PerpIntent,
    *,
    shown: PerpQuote | None = None,
    worst: Decimal | None = None,
    has_margin_to_come: bool = False,
) -> Ready:
    """The whole of a job, or what is left of it as `intent`. Its price limit is never worse than `worst`.
    Exposure is read where a rule is set or the terms are to be shown. Raises what is said against it."""
    venue, account = job.venue, job.account
    head = await client.block("latest")
    checks.check_chain(options.chain_id, client.chain_id)
    checks.check_perp_intent(intent, await venue.read_markets(), now=head.at)
    quote = protect_perp(await venue.read_quote(account, intent), job.rules, shown, worst)
    checks.check_perp_quote(
        quote, job.rules, head=head.number, now=head.at, has_margin_to_come=has_margin_to_come
    )
    verdict, route = None, job.route
    if job.dry_run or options.rule is not None:
        verdict = await weigh(client, venue, account, intent, quote, scales_of(options, job.rules, route))
    if verdict is not None:
        check_verdict(verdict, intent.market)
        if verdict.acceptable_price is not None:
            quote = replace(quote, intent=replace(quote.intent, acceptable_price=verdict.acceptable_price))
        if verdict.action is ExposureAction.PRIVATE and route is None:
            route = options.private
    return Ready(quote, venue.encode_order(account, quote.intent, quote), verdict, route)


async def prepare_option(
    client: Client,
    options: ExecutorOptions,
    venue: OptionVenue,
    account: Address,
    intent: OptionIntent,
    rules: QuoteRules,
    shown: OptionQuote | None = None,
) -> OptionQuote:
    """An option's terms, bounded and checked. Raises what is said against it."""
    head = await client.block("latest")
    checks.check_chain(options.chain_id, client.chain_id)
    checks.check_option_intent(intent, await venue.read_option_markets(), now=head.at)
    quote = protect_option(await venue.read_option_quote(account, intent), rules, shown)
    checks.check_option_quote(quote, rules, head=head.number, now=head.at)
    return quote


def scales_of(options: ExecutorOptions, rules: QuoteRules, route: RoutePolicy | None) -> Scales:
    """The caller's route decides what the rule may still do. It has no say about what its caller hides
    anyway, nor, where it knows nothing but private routes, about what its caller wants public."""
    rule, slippage = options.rule, rules.max_slippage
    actions = () if rule is None else rule.prefer
    if route is not None or options.private is None:
        actions = tuple(action for action in actions if action is not ExposureAction.PRIVATE)
    if route is not None and (route.is_private or not actions):
        return Scales(None, (), slippage)
    return Scales(rule, actions, slippage)
