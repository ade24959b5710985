"""`trimtab hedge`: keep the configured book's delta inside its band, head by head."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab.cli.failures import run
from trimtab.cli.options import ConfigOption, DebugOption, JsonOption
from trimtab.cli.output import console, money, number, to_plain

if TYPE_CHECKING:
    from decimal import Decimal

    from trimtab.cli.wiring import Session
    from trimtab.config import HedgeSettings
    from trimtab.hedging.hedger import Hedger, HedgeStep

OnceOption = Annotated[bool, typer.Option("--once", help="One look at the latest block, then exit.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Decide and quote, but send nothing; needs no key.")
]


def hedge(
    once: OnceOption = False,
    dry_run: DryRunOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Hedge the book of the settings file: reconcile first, then look at every new block. Ctrl-C stops."""

    async def job() -> None:
        from trimtab.cli.wiring import open_session

        _start_logging(as_json=json)
        show = _print_line if json else _Lines().show
        async with open_session(config) as session, _open_hedger(session, dry_run=dry_run) as hedger:
            if once:
                show(await hedger.step())
                return
            async with aclosing(hedger.run()) as looks:
                async for step in looks:
                    show(step)

    run(job(), as_json=json, debug=debug)


def _start_logging(*, as_json: bool) -> None:
    """Warnings with their time on standard error, unless the host program logs in its own way already."""
    import logging

    if not logging.getLogger().handlers:
        from trimtab.runtime.logging import configure_logging

        configure_logging(as_json=as_json)


@asynccontextmanager
async def _open_hedger(session: Session, *, dry_run: bool) -> AsyncIterator[Hedger]:
    from trimtab.cli.wiring import executor_options, open_sender
    from trimtab.execution.executor import Executor
    from trimtab.hedging.book import Book, OptionLeg, PerpLeg
    from trimtab.hedging.decisions import DecisionLog
    from trimtab.hedging.hedger import Hedger
    from trimtab.journal import Journal

    settings = _settings(session)
    account = session.trader()
    option_venue, _ = await session.find_option(settings.option_market, settings.option_venue)
    perp_venue, _ = await session.find_perp(settings.perp_market, settings.perp_venue)
    book = Book(
        (OptionLeg(option_venue, settings.option_market, account, settings.underlying),),
        (PerpLeg(perp_venue, settings.perp_market, account, settings.underlying),),
    )

    def make(executor: Executor, journal: Journal) -> tuple[Hedger, DecisionLog]:
        log = DecisionLog(journal, session.client.chain_id, settings.underlying, account, read_only=dry_run)
        hedger = Hedger(
            book,
            executor,
            settings.policy,
            settings.limits,
            underlying=settings.underlying,
            client=session.client,
            log=log,
            dry_run=dry_run,
        )
        return hedger, log

    options = executor_options(session.config)
    if dry_run:
        with Journal.open(session.config.journal.path) as journal:
            yield make(Executor(None, session.client, options), journal)[0]
        return
    async with open_sender(session) as (sender, journal):
        hedger, log = make(Executor(sender, session.client, options), journal)
        try:
            yield hedger
        finally:
            log.close()


def _settings(session: Session) -> HedgeSettings:
    from trimtab.errors import ConfigError

    settings = session.config.hedge
    if settings is None:
        raise ConfigError("no book is configured: add a [hedge] table to the settings file", key="hedge")
    return settings


def _print_line(step: HedgeStep) -> None:
    """One JSON object a line: the command may run for weeks."""
    import json
    import sys

    sys.stdout.write(json.dumps(to_plain(_facts(step))) + "\n")
    sys.stdout.flush()


def _facts(step: HedgeStep) -> dict[str, Any]:
    exposure = step.after
    return {
        "reason": step.reason,
        "block": exposure.block,
        "underlying": exposure.underlying,
        "spot": exposure.spot_price,
        "mark": exposure.mark_price,
        "delta_before": step.before.delta if step.before else None,
        "delta_after": exposure.delta,
        "venue_delta": exposure.venue_greeks.delta,
        "greeks": exposure.greeks,
        "band": step.wanted.band if step.wanted else None,
        "wanted": step.wanted.size if step.wanted else None,
        "hedge": step.decision,
        "planned": step.report.quote if step.report and step.report.is_dry_run else None,
        "verdict": step.report.verdict if step.report else None,
        "refusal": step.refusal,
    }


class _Lines:
    """One line a look under one heading, so that a day of looks reads as one table."""

    _COLUMNS = (
        ("Block", 9),
        ("Spot", 11),
        ("Before", 10),
        ("After", 10),
        ("Band", 8),
        ("Gamma", 10),
        ("Vega", 10),
    )

    def __init__(self) -> None:
        self._has_heading = False

    def show(self, step: HedgeStep) -> None:
        exposure = step.after
        if not self._has_heading:
            self._print([name for name, _ in self._COLUMNS], f"{exposure.underlying} delta, hedges")
            self._has_heading = True
        cells = (
            str(exposure.block),
            money(exposure.spot_price),
            number(step.before.delta if step.before else None),
            number(exposure.delta),
            number(step.wanted.band if step.wanted else None),
            number(exposure.greeks.gamma, 6),
            number(exposure.greeks.vega, 2),
        )
        self._print(cells, _what(step))

    def _print(self, cells: Sequence[str], last: str) -> None:
        line = "".join(f"{cell:>{width}}" for cell, (_, width) in zip(cells, self._COLUMNS, strict=True))
        console().print(f"{line}  {last}", highlight=False, markup=False, soft_wrap=True)


def _what(step: HedgeStep) -> str:
    if step.refusal is not None:
        return f"refused: {step.refusal}"
    if step.decision is not None and step.decision.ending is not None:
        ending = step.decision.ending
        return f"{ending.status} {_signed(ending.filled)} at {money(ending.price)}, {ending.tx_hash}"
    if step.report is not None and step.wanted is not None:
        return f"would trade {_signed(step.wanted.size)}"
    return "inside the band"


def _signed(size: Decimal) -> str:
    return f"+{number(size)}" if size > 0 else number(size)
