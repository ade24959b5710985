"""The main job: open a book in a local world, move the price, let the hedger work, keep the books."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from trimtab.chain.client import Client
from trimtab.demo.accounts import AccountValues, read_accounts
from trimtab.demo.atomic import Comparison, Cost, compare, cost_of, hedge_plainly, open_together
from trimtab.demo.audit import audit, read_receipts
from trimtab.demo.ledger import Ledger, Posting
from trimtab.demo.opening import Opening, open_book
from trimtab.demo.options import OPTION_MARKET, PERP_MARKET, UNDERLYING, DemoOptions
from trimtab.demo.protocol import Hedge, Start
from trimtab.demo.run import Event, Finished, Opened, Stepped
from trimtab.demo.runner import Runner, open_runner
from trimtab.demo.stage import Stage, open_stage
from trimtab.demo.wiring import make_book, opening_limits
from trimtab.errors import ConfigError
from trimtab.execution.executor import Executor, ExecutorOptions
from trimtab.execution.reconcile import read_records
from trimtab.hedging.book import Book
from trimtab.hedging.policy import FixedBand
from trimtab.journal import Journal
from trimtab.model.order import TxRecord
from trimtab.tx import Sender, SenderOptions
from trimtab.tx.signers import LocalSigner
from trimtab.world.customers import Customers
from trimtab.world.prices import GbmOptions, gbm_path, load_csv, resample
from trimtab.world.world import World

JOURNAL = "journal.db"
JUMP = Decimal("0.04")
"""A move of this much in one step is told as a jump."""
VOLATILITY = 0.6
"""Of the path, a year: below what the options are sold at, which is what their writer hopes for."""
JUMPS = {"gbm": 0.0, "gbm-jumps": 300.0}
"""Jumps a year by the path's name: 300 are one in thirty hours."""


async def play(options: DemoOptions) -> AsyncGenerator[Event, None]:
    """Run the demo: `Opened`, then a `Stepped` for each step, then `Finished`.

    Iterate it inside `contextlib.aclosing`: everything that was started is stopped when that ends, however it
    ends. Raises what the rooms that it uses raise.
    """
    started = time.monotonic()
    with _folder(options.folder) as folder:
        async with open_stage(options) as stage:
            scenario = await Scenario.open(options, stage, folder)
            yield scenario.opened
            async with open_runner(options, scenario.start, folder) as runner:
                for number in range(options.steps):
                    yield await scenario.step(number, runner)
            yield await scenario.finish(runner.crashes, time.monotonic() - started)


@dataclass(slots=True)
class Scenario:
    """A book that was opened on a stage, and the way from one step to the next."""

    options: DemoOptions
    stage: Stage
    start: Start
    book: Book
    opened: Opened
    ledger: Ledger
    customers: Customers | None
    prices: Sequence[Decimal]
    began_at: int
    first_block: int
    first_nonce: int
    steps: list[Stepped]
    plain_opening: Cost | None

    @classmethod
    async def open(cls, options: DemoOptions, stage: Stage, folder: Path) -> Scenario:
        """Open the book and the ledger; afterwards the trader's key is the hedger's alone."""
        client, trader = stage.world.client, stage.trader.address
        start = _start_message(options, stage, folder)
        book = make_book(client, start)
        block, nonce = await client.block_number(), await client.nonce(trader)
        chain = await book.options[0].venue.read_chain(OPTION_MARKET)
        customers = await Customers.open(stage.world, chain, options.seed) if options.has_flow else None
        ledger = Ledger(chain.rate)
        ledger.open(await read_accounts(client, book, UNDERLYING, stage.tokens))
        clock = time.monotonic()
        opening, plain = await _open(options, stage, start, book)
        values = await read_accounts(client, book, UNDERLYING, stage.tokens)
        fills = [fill for report in opening.reports for fill in report.fills]
        gas_wei = sum(record.fee_wei for record in _read_records(start))
        posting = ledger.post(values, fills, gas_wei)
        stage.seconds["opening"] = time.monotonic() - clock
        return cls(
            options,
            stage,
            start,
            book,
            Opened(stage.seconds, opening, posting, stage.world.url),
            ledger,
            customers,
            make_prices(options, values.spot),
            values.at,
            block + 1,
            nonce,
            [],
            plain,
        )

    async def step(self, number: int, runner: Runner) -> Stepped:
        """Let customers trade and move the price (not in the first step), let the runner look, write the
        books."""
        if number:
            await self._move(number)
        crashes = runner.crashes
        before = await self._read()
        looked = await runner.look(f"step-{number}")
        after = await self._read()
        event = _tell(self.prices, number, restarted=runner.crashes > crashes)
        posting = await self._post(before, after)
        self.steps.append(Stepped(number, before, looked, posting, event))
        return self.steps[-1]

    async def finish(self, crashes: int, wall_seconds: float) -> Finished:
        """Count on the chain what was done, and close the books."""
        client = self.stage.world.client
        leg = self.book.hedge_leg(UNDERLYING)
        records = _read_records(self.start)
        audited = await audit(
            client,
            leg,
            records,
            self._hedges(),
            first_block=self.first_block,
            first_nonce=self.first_nonce,
            opening=[tx.tx_hash for tx in self.opened.opening.transactions],
        )
        return Finished(
            self.options,
            self.opened,
            self.ledger.postings[0],
            self.steps,
            audited,
            records,
            crashes,
            wall_seconds,
            self.stage.name,
            _notes(self.options, self._hedges(), crashes),
            await self._compare(records),
        )

    async def _compare(self, records: Sequence[TxRecord]) -> Comparison | None:
        if self.plain_opening is None:
            return None
        hedges = [hedge.tx_hash for hedge in self._hedges() if hedge.tx_hash is not None]
        return await compare(self.stage.world.client, records, self.plain_opening, hedges)

    async def _move(self, number: int) -> None:
        """The customers trade at the old price, while the venue's caches are fresh."""
        seconds = self.options.step_seconds
        before = self.began_at + (number - 1) * seconds
        if self.customers is not None:
            at = before + seconds // 4
            await self.customers.trade(number, self.prices[number - 1], at=at)
        await self.stage.world.set_price(UNDERLYING, self.prices[number], at=before + seconds)

    async def _read(self) -> AccountValues:
        return await read_accounts(self.stage.world.client, self.book, UNDERLYING, self.stage.tokens)

    async def _post(self, before: AccountValues, after: AccountValues) -> Posting:
        """What the chain says the trader did in this step, whatever the hedger told."""
        leg = self.book.hedge_leg(UNDERLYING)
        client = self.stage.world.client
        receipts = await read_receipts(client, leg.account, before.block + 1, after.block)
        fills = [fill for r in receipts for fill in leg.venue.decode_fills(r, leg.account)]
        return self.ledger.post(after, fills, sum(r.fee_wei for r in receipts))

    def _hedges(self) -> list[Hedge]:
        return [step.looked.hedge for step in self.steps if step.looked and step.looked.hedge]


def make_prices(options: DemoOptions, spot: Decimal) -> Sequence[Decimal]:
    """The spot at each step, the first one the opening price. A file of history is scaled to begin there;
    `ConfigError` when it is too short."""
    if options.path in JUMPS:
        walk = GbmOptions(spot, VOLATILITY, step_seconds=options.step_seconds, jump_rate=JUMPS[options.path])
        return [point.price for point in islice(gbm_path(walk, options.seed), options.steps)]
    points = resample(load_csv(Path(options.path)), options.step_seconds, spot=spot)
    if len(points) < options.steps:
        raise ConfigError(
            f"{options.path} holds {len(points)} steps of {options.step_seconds} s, {options.steps} asked "
            "for: give a longer history or fewer --steps",
            key="path",
        )
    return [point.price for point in points[: options.steps]]


def _notes(options: DemoOptions, hedges: Sequence[Hedge], crashes: int) -> tuple[str, ...]:
    if options.crash_at is None or crashes:
        return ()
    return (f"no crash: hedge {options.crash_at} was asked for, there were {len(hedges)}",)


def _tell(prices: Sequence[Decimal], number: int, *, restarted: bool) -> str | None:
    words = ["crash and restart"] if restarted else []
    move = prices[number] / prices[number - 1] - 1 if number else Decimal(0)
    if abs(move) >= JUMP:
        words.insert(0, f"jump {move * 100:+.1f} %")
    return "; ".join(words) or None


async def _open(options: DemoOptions, stage: Stage, start: Start, book: Book) -> tuple[Opening, Cost | None]:
    """The book, and what opening it plainly would have taken where it was opened in one transaction."""
    if start.door is None:
        return await _open_positions(options, stage, start, book), None
    async with stage.world.fork() as twin:
        plain = await _measure_plainly(options, stage, start, twin)
    return await _open_positions(options, stage, start, book), plain


def _read_records(start: Start) -> tuple[TxRecord, ...]:
    with Journal.open(start.journal) as journal:
        return read_records(journal, start.chain_id, start.account)


def _start_message(options: DemoOptions, stage: Stage, folder: Path) -> Start:
    world, policy = stage.world, options.make_policy()
    return Start(
        url=world.url,
        chain_id=world.client.chain_id,
        key="0x" + stage.trader.key.hex(),
        account=stage.trader.address,
        journal=str(folder / JOURNAL),
        underlying=UNDERLYING,
        option_market=OPTION_MARKET,
        perp_market=PERP_MARKET,
        perp=world.perp,
        lyra=world.lyra,
        limits=options.limits,
        fixed_band=policy if isinstance(policy, FixedBand) else None,
        whalley_wilmott=None if isinstance(policy, FixedBand) else policy,
        crash_at=options.crash_at,
        door=stage.door,
    )


async def _open_positions(options: DemoOptions, stage: Stage, start: Start, book: Book) -> Opening:
    """Through the one door for writes, into the journal that the hedger goes on with."""
    settlement = start.perp.settlement
    async with _open_executor(stage.world.client, stage, start, book) as executor:
        if start.door is None:
            return await open_book(
                executor, book.options[0], book.hedge_leg(UNDERLYING), options.book, settlement=settlement
            )
        return await open_together(executor, book, options.book, settlement=settlement, band=options.band)


async def _measure_plainly(options: DemoOptions, stage: Stage, start: Start, twin: World) -> Cost:
    """What the same opening takes without our contracts, on a fork of the chain before it."""
    with tempfile.TemporaryDirectory(prefix="trimtab-plain-") as folder:
        plain = replace(start, url=twin.url, journal=str(Path(folder) / JOURNAL), door=None)
        book = make_book(twin.client, plain)
        await _open_positions(options, dataclasses.replace(stage, world=twin), plain, book)
        async with _open_executor(twin.client, stage, plain, book) as executor:
            await hedge_plainly(executor, twin.client, book)
        with Journal.open(plain.journal) as journal:
            return cost_of(read_records(journal, twin.client.chain_id, start.account))


@asynccontextmanager
async def _open_executor(client: Client, stage: Stage, start: Start, book: Book) -> AsyncIterator[Executor]:
    limits = opening_limits(book)
    if start.door is not None:
        limits = start.door.allow(limits, start.account)
    signer, door = LocalSigner.from_key(stage.trader.key), ExecutorOptions(door=start.door)
    with Journal.open(start.journal) as journal:
        async with Sender.open(client, signer, journal, SenderOptions(limits=limits)) as sender:
            yield Executor(sender, client, door)


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """The folder of journal and logs: a given one is kept, else one that goes with the run. `ConfigError`
    when it holds an older run: its journal is of another chain."""
    if given is not None:
        if (given / JOURNAL).exists():
            raise ConfigError(f"{given} holds the journal of an older run: name another folder", key="folder")
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="trimtab-demo-") as name:
        yield Path(name)
