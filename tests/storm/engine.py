"""The process that the storm beats on: sixteen senders, one key, three endpoints that none may trust."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
from tests.storm.wishes import Mood, Wish, make_wishes
from tests.zygote import tell

import trimtab.chain.transports.http
import trimtab.chain.transports.websocket  # noqa: F401 - loaded once, for every life
from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.errors import ChainError, ConfigError, IntentError, NotSentError, OutcomeUnknownError
from trimtab.journal import Journal
from trimtab.model.limits import Limits
from trimtab.tx import Cancelled, Expired, Finality, Sender, SenderOptions, Succeeded, TxHandle, TxPolicy
from trimtab.tx.signers import LocalSigner

FINALITY = 12
"""Blocks: deeper than any reorg of the storm."""
POLICY = TxPolicy(
    window=32,  # twice what pools promise to keep: what one forgets is sent again
    confirmations=3,
    finality_depth=FINALITY,
    bump_after_blocks=3,
    rebroadcast_after=1,
    clean_passes=3,
)
OPTIONS = SenderOptions(
    policy=POLICY,
    limits=Limits.unrestricted(),
    simulate=False,
    poll_interval=0.1,
    submit_timeout=60.0,
    send_timeout=3.0,
    close_timeout=2.0,
    chain_id=31337,
)
WIRES = ClientOptions(chain_id=31337, timeout=4.0, attempt_timeout=0.5, max_attempts=6, poll_interval=0.2)
REST = 0.1
"""Seconds before what failed is tried again."""


class Job(msgspec.Struct, frozen=True):
    """What a life is told."""

    key: str
    journal: str
    urls: tuple[str, ...]
    transactions: int
    senders: int
    seed: int
    life: int


def live(order: bytes, report: int) -> None:
    """Run a life in this process, which has no event loop yet; how all wishes ended goes to `report`."""
    job = msgspec.json.decode(order, type=Job)
    asyncio.run(Engine(job, report).run())


class Engine:
    """Sends all wishes, and waits until each has an end that no reorg can change."""

    def __init__(self, job: Job, report: int) -> None:
        self._job = job
        self._report = report
        self._draw = random.Random(f"{job.seed}/{job.life}")
        self._wishes = make_wishes(job.transactions, job.seed)
        self._ends: dict[str, str] = {}
        self._troubles: Counter[str] = Counter()

    async def run(self) -> None:
        async with self._sender() as (client, sender):
            tell(self._report, {"opened": len(sender.recovered)})
            queue = iter(self._wishes)
            async with asyncio.TaskGroup() as tasks:
                teller = tasks.create_task(self._tell_now_and_then())
                async with asyncio.TaskGroup() as work:
                    for _ in range(self._job.senders):
                        work.create_task(self._send_all(client, sender, queue, work))
                teller.cancel()
            halted = sender.snapshot().halted
        tell(self._report, {"ends": self._ends, "halted": halted, "troubles": dict(self._troubles)})

    @asynccontextmanager
    async def _sender(self) -> AsyncIterator[tuple[Client, Sender]]:
        """Opened again until it is: the endpoints may lie about their very chain."""
        opened = False
        while not opened:
            try:
                async with (
                    Client.open(self._job.urls, WIRES) as client,
                    Journal.open(self._job.journal) as journal,
                    Sender.open(client, LocalSigner.from_hex(self._job.key), journal, OPTIONS) as sender,
                ):
                    opened = True
                    yield client, sender
            except (ChainError, ConfigError) as error:
                if opened:
                    raise
                self._troubles[f"open: {type(error).__name__}"] += 1
                await asyncio.sleep(REST)

    async def _send_all(
        self, client: Client, sender: Sender, queue: Iterator[Wish], work: asyncio.TaskGroup
    ) -> None:
        """One of the senders: takes the next wish once this one is on its way; what comes of it is waited for
        beside."""
        for wish in queue:
            handle = await self._submit(client, sender, wish)
            work.create_task(self._see_through(client, sender, wish, handle))

    async def _submit(self, client: Client, sender: Sender, wish: Wish) -> TxHandle | None:
        """None for a wish that is refused and not wanted any more."""
        while True:
            try:
                handle = sender.handle(wish.key) if _is_known(sender, wish) else None
                if handle is None or (handle.is_refused and wish.is_lasting):
                    handle = await sender.submit(wish.intent(await self._deadline(client, wish)))
                break
            except (NotSentError, IntentError) as error:
                self._troubles[f"submit: {type(error).__name__}"] += 1
                if not wish.is_lasting:
                    return None
            except ChainError as error:  # the chain's time could not be read
                self._troubles[f"submit: {type(error).__name__}"] += 1
            await asyncio.sleep(REST)
        if wish.mood is Mood.FICKLE:
            await asyncio.sleep(self._draw.choice((0.0, 0.05, 0.5)))
            handle.cancel()
        return handle

    async def _deadline(self, client: Client, wish: Wish) -> int | None:
        return (await client.block()).at + wish.patience if wish.patience else None

    async def _see_through(self, client: Client, sender: Sender, wish: Wish, handle: TxHandle | None) -> None:
        """Until it has ended for good; a lasting wish that was refused late is sent again."""
        while True:
            end = "refused" if handle is None else await self._end(handle)
            if end != "refused" or not wish.is_lasting:
                break
            handle = await self._submit(client, sender, wish)
        self._ends[wish.key] = end

    async def _end(self, handle: TxHandle) -> str:
        while True:
            try:
                outcome = await handle.outcome(at=Finality.FINAL)
            except NotSentError:
                return "refused"
            except (ChainError, OutcomeUnknownError) as error:  # the receipt could not be read just now
                self._troubles[f"outcome: {type(error).__name__}"] += 1
                await asyncio.sleep(REST)
                continue
            match outcome:
                case Succeeded():
                    return "succeeded"
                case Cancelled():
                    return "cancelled"
                case Expired():
                    return "expired"
            return type(outcome).__name__.lower()

    async def _tell_now_and_then(self) -> None:
        while True:
            tell(self._report, {"ended": len(self._ends)})
            await asyncio.sleep(0.25)


def _is_known(sender: Sender, wish: Wish) -> bool:
    try:
        sender.handle(wish.key)
    except IntentError:
        return False
    return True
