"""`trimtab trade`: quote, confirm, send once, report. Also margin in and out."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab.cli.exposure_view import exposure_facts, route_facts
from trimtab.cli.failures import exit_code, run
from trimtab.cli.options import ConfigOption, DebugOption, JsonOption, VenueOption
from trimtab.cli.output import print_facts
from trimtab.cli.quote import (
    NUMBERS,
    ActionOption,
    AmountArgument,
    CloseOption,
    CollateralOption,
    DeadlineOption,
    IterationsOption,
    LimitCostOption,
    LimitOption,
    NotionalOption,
    OptionMarketArgument,
    PerpMarketArgument,
    PositionOption,
    ReduceOption,
    SideArgument,
    SizeArgument,
    StrikeArgument,
    TypeArgument,
    option_facts,
    option_intent,
    perp_facts,
    perp_intent,
)
from trimtab.cli.report_view import failure_of, print_report
from trimtab.cli.routes import PrivateOption, PublicOption, RouteFlags, ThenPublicOption, WindowOption
from trimtab.model.order import OptionAction, OptionIntent, OptionQuote, PerpQuote

if TYPE_CHECKING:
    from decimal import Decimal

    from trimtab.cli.wiring import Session
    from trimtab.execution.executor import Executor
    from trimtab.model.ids import Address
    from trimtab.model.order import ExecutionReport
    from trimtab.tx import RoutePolicy
    from trimtab.venues.base import OptionVenue, PerpVenue

trade = typer.Typer(help="Trade or move margin: shown, asked, sent once.")

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before sending.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Everything but sending; needs no key.")]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", help="Idempotency key: the same key again sends nothing and tells the outcome."),
]
CurrencyArgument = Annotated[str, typer.Argument(help="Collateral, for example USDC.")]
MoneyArgument = Annotated[str, typer.Argument(help="Amount in the currency's own units, above 0.")]


@trade.command(context_settings=NUMBERS)
def perp(
    market: PerpMarketArgument,
    side: SideArgument,
    size: SizeArgument = None,
    notional: NotionalOption = None,
    limit_price: LimitOption = None,
    reduce_only: ReduceOption = False,
    close: CloseOption = False,
    deadline: DeadlineOption = None,
    private: PrivateOption = False,
    private_then_public: ThenPublicOption = False,
    public: PublicOption = False,
    window: WindowOption = None,
    key: KeyOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    venue: VenueOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Buy or sell a perpetual at the market, within a limit price."""

    async def job() -> None:
        shown: PerpQuote | None = None
        flags = RouteFlags(private, private_then_public, public, window)
        intent = perp_intent(market, side, size, notional, limit_price, reduce_only, close, deadline)

        async def execute(session: Session, executor: Executor, preview: bool) -> ExecutionReport:
            nonlocal shown
            source, _ = await session.find_perp(market, venue)
            report = await executor.execute_perp(
                source,
                session.trader(),
                intent,
                key=key or _new_key(),
                dry_run=preview,
                shown=shown,
                route=flags.policy(session.config.routes),
            )
            if isinstance(report.quote, PerpQuote):
                shown = report.quote  # a yes is to these terms, and to their limit
            return report

        await _trade(config, execute, dry_run=dry_run, yes=yes, as_json=json, flags=flags)

    run(job(), as_json=json, debug=debug)


@trade.command(context_settings=NUMBERS)
def option(
    market: OptionMarketArgument,
    strike: StrikeArgument,
    kind: TypeArgument,
    amount: AmountArgument,
    action: ActionOption = OptionAction.OPEN,
    position: PositionOption = None,
    collateral: CollateralOption = "0",
    limit_cost: LimitCostOption = None,
    iterations: IterationsOption = 1,
    private: PrivateOption = False,
    private_then_public: ThenPublicOption = False,
    public: PublicOption = False,
    window: WindowOption = None,
    key: KeyOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    venue: VenueOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Open, close or force close options, within a limit cost; gives missing approvals first."""

    shown: OptionQuote | None = None
    flags = RouteFlags(private, private_then_public, public, window)

    async def execute(session: Session, executor: Executor, preview: bool) -> ExecutionReport:
        nonlocal shown
        source, _ = await session.find_option(market, venue)
        account = session.trader()
        intent = await option_intent(
            source, market, strike, kind, amount, action, position, collateral, limit_cost, iterations
        )
        name = key or _new_key()
        route = flags.policy(session.config.routes)
        if executor.door is not None:
            report, shown = await _trade_option_together(
                executor, source, account, intent, key=name, preview=preview, shown=shown, route=route
            )
            return report
        looked = await executor.execute_option(source, account, intent, key=name, dry_run=True)
        if isinstance(looked.quote, OptionQuote):
            shown = shown or looked.quote  # a yes is to these terms, and to their limit
        if preview or not looked.is_dry_run:
            return looked
        # Only for an order that would go through: an approval for a refused one would be sent for nothing.
        approvals = await source.encode_approvals(account, market)
        await executor.execute_plan(source, account, approvals, key=f"{name}/approve")
        return await executor.execute_option(source, account, intent, key=name, shown=shown, route=route)

    job = _trade(config, execute, dry_run=dry_run, yes=yes, as_json=json, flags=flags)
    run(job, as_json=json, debug=debug)


@trade.command()
def approve(
    market: OptionMarketArgument,
    key: KeyOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    venue: VenueOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Give the token approvals that trading in an option market needs."""

    async def execute(session: Session, executor: Executor, preview: bool) -> ExecutionReport:
        source, _ = await session.find_option(market, venue)
        account = session.trader()
        plan = await source.encode_approvals(account, market)
        return await executor.execute_plan(source, account, plan, key=key or _new_key(), dry_run=preview)

    run(_trade(config, execute, dry_run=dry_run, yes=yes, as_json=json), as_json=json, debug=debug)


@trade.command(context_settings=NUMBERS)
def deposit(
    currency: CurrencyArgument,
    amount: MoneyArgument,
    key: KeyOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    venue: VenueOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Post margin at a perp venue; gives the missing approval first."""

    async def execute(session: Session, executor: Executor, preview: bool) -> ExecutionReport:
        from trimtab.cli.wallet import check_wallet

        source, account, money_in = _margin(session, venue, amount)
        await check_wallet(session.client, source, account, currency, money_in)
        plan = await source.encode_deposit(account, currency, money_in)
        return await executor.execute_plan(source, account, plan, key=key or _new_key(), dry_run=preview)

    run(_trade(config, execute, dry_run=dry_run, yes=yes, as_json=json), as_json=json, debug=debug)


@trade.command(context_settings=NUMBERS)
def withdraw(
    currency: CurrencyArgument,
    amount: MoneyArgument,
    key: KeyOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    venue: VenueOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Take free margin out of a perp venue."""

    async def execute(session: Session, executor: Executor, preview: bool) -> ExecutionReport:
        from trimtab.venues.base import FactsVenue

        source, account, money_out = _margin(session, venue, amount)
        plan, facts = source.encode_withdraw(account, currency, money_out), None
        if isinstance(source, FactsVenue):
            facts = await source.read_withdrawal_facts(account, currency, money_out)
        return await executor.execute_plan(
            source, account, plan, key=key or _new_key(), dry_run=preview, trade=facts
        )

    run(_trade(config, execute, dry_run=dry_run, yes=yes, as_json=json), as_json=json, debug=debug)


async def _trade_option_together(
    executor: Executor,
    source: OptionVenue,
    account: Address,
    intent: OptionIntent,
    *,
    key: str,
    preview: bool,
    shown: OptionQuote | None,
    route: RoutePolicy | None,
) -> tuple[ExecutionReport, OptionQuote | None]:
    """Missing approvals and the trade as one transaction, and the terms that were shown first."""
    from trimtab.execution.terms import Terms
    from trimtab.execution.together import Leg

    approvals = await source.encode_approvals(account, intent.series.market.name)
    legs = [Leg(source, approvals), Leg(source, intent, shown=shown)]
    terms = Terms(prices=False, sizes=False)  # the venue itself holds the limit cost
    told = await executor.execute_together(account, legs, key=key, terms=terms, dry_run=preview, route=route)
    report = replace(told.legs[-1], notes=told.notes)
    return report, shown or (report.quote if isinstance(report.quote, OptionQuote) else None)


Execute = Callable[["Session", "Executor", bool], Awaitable["ExecutionReport"]]


async def _trade(
    config: Path | None,
    execute: Execute,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    flags: RouteFlags = RouteFlags(),
) -> None:
    """Preview by a dry run, ask, send. With --json there is no question: --yes or --dry-run must say it."""
    from trimtab.cli.wiring import open_executor, open_session
    from trimtab.errors import IntentError

    if as_json and not (yes or dry_run):
        raise IntentError("--json asks no questions: add --yes to send or --dry-run to look")
    async with open_session(config) as session:
        route = flags.policy(session.config.routes)  # says what is wrong with it before anything is shown
        if not (dry_run or session.config.account.has_key):
            _ = session.signer  # says what is missing before anything is shown or asked
        if dry_run or not yes:
            async with open_executor(session, can_send=False) as looker:
                preview = await execute(session, looker, True)
            if not as_json:
                _print_preview(preview, route)
            if dry_run:
                print_report(preview, as_json=as_json)
                return
            _confirm()
        async with open_executor(session) as executor:
            report = await execute(session, executor, False)
    print_report(report, as_json=as_json)
    failure = failure_of(report)
    if failure is not None and as_json:
        raise typer.Exit(exit_code(failure))  # the report was the one document
    if failure is not None:
        raise failure


def _margin(session: Session, venue: str | None, amount: str) -> tuple[PerpVenue, Address, Decimal]:
    from trimtab.errors import ConfigError
    from trimtab.model.units import to_positive

    sources = session.perp_venues(venue)
    if len(sources) != 1:
        names = ", ".join(source.name for source in sources) or "none"
        raise ConfigError(f"choose the perp venue with --venue; configured: {names}", key="venues")
    return sources[0], session.trader(), to_positive(amount, "amount")


def _confirm() -> None:
    if not sys.stdin.isatty() or not typer.confirm("Send this?", default=False, err=True):
        typer.echo("Nothing was sent. Add --yes to send without a question.", err=True)
        raise typer.Exit(5)


def _new_key() -> str:
    return f"cli/{uuid.uuid4()}"


def _print_preview(report: ExecutionReport, route: RoutePolicy | None) -> None:
    from trimtab.model.order import PerpQuote

    if report.quote is None:
        print_facts("Plan", {str(n): note for n, note in enumerate(report.notes, 1)})
        return
    facts: Mapping[str, object] = (
        perp_facts(report.quote) if isinstance(report.quote, PerpQuote) else option_facts(report.quote)
    )
    more = {**exposure_facts(report.verdict, route), **route_facts(route, report.verdict)}
    steps = {"steps": "; ".join(report.notes)} if len(report.notes) > 1 else {}
    print_facts(f"{report.market} at {report.venue}", {**facts, **more, **steps})
