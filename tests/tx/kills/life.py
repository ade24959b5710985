"""One life of a process that sends: it opens, wants everything of its run done, and is killed or comes to the
end. The next life does the same again, as an application does that starts anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum

import msgspec
from tests.tx.kills.boundaries import Boundaries, Hunt, WatchedJournal, watch_sqlite, watched_wire
from tests.tx.kills.orders import Order, Role

from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.errors import (
    FeeCapExceededError,
    IntentError,
    NonceConflictError,
    NotSentError,
)
from trimtab.model.limits import Limits
from trimtab.tx import Cancelled, Expired, Finality, Sender, SenderOptions, Succeeded, TxHandle, TxPolicy
from trimtab.tx.signers import LocalSigner

GWEI = 10**9
HIGH_FEE, CALM_FEE = 4 * GWEI, GWEI
"""Transactions are priced for twice the base fee: four times it leaves them in the pool."""
POLICY = TxPolicy(
    confirmations=2, finality_depth=4, bump_after_blocks=2, rebroadcast_after=1, clean_passes=2, requotes=2
)
OPTIONS = SenderOptions(
    policy=POLICY,
    limits=Limits.unrestricted(),
    simulate=False,
    poll_interval=0.05,
    submit_timeout=20.0,
    close_timeout=2.0,
    compact_after=40,
)
"""A run has some hundred records: it is compacted once or more."""
PATIENCE = 60.0
"""Seconds until a life that does not end is a fault."""


class Work(StrEnum):
    """ALL: submit every order, and wait for its end. RECOVER: open and close. FINISH: submit nothing, and
    wait for the end of what earlier lives submitted."""

    ALL = "all"
    RECOVER = "recover"
    FINISH = "finish"


class Life(msgspec.Struct, frozen=True):
    """What a process is told. `urls` are its endpoints, the last of which holds back its answers to
    broadcasts for `slow` seconds; `control` is the way to the node's own methods. A life with `leaves` ends
    while its transactions are in flight. It is killed from outside after `kill_after` seconds, 0 for
    never."""

    key: str
    journal: str
    urls: tuple[str, ...]
    control: str
    orders: tuple[Order, ...]
    hunt: Hunt
    work: Work = Work.ALL
    leaves: bool = False
    slow: float = 0.0
    kill_after: float = 0.0


def live(order: bytes, report: int) -> None:
    """Run a life in this process, which has no event loop yet. What became of its orders goes to `report`."""
    life = msgspec.json.decode(order, type=Life)
    boundaries = Boundaries(life.hunt, report)
    watch_sqlite(boundaries)
    try:
        ends = asyncio.run(asyncio.wait_for(_live(life, boundaries), PATIENCE))
    except BaseException as error:  # noqa: BLE001  whatever it is, the watcher is told
        boundaries.fault(f"{type(error).__name__}: {error}")
    boundaries.tell({"ends": ends})


async def _live(life: Life, boundaries: Boundaries) -> dict[str, str]:
    last = len(life.urls) - 1
    wires = [
        watched_wire(f"endpoint-{i}", url, boundaries, life.journal, life.slow if i == last else 0.0)
        for i, url in enumerate(life.urls)
    ]
    async with (
        Client.open(wires, ClientOptions(timeout=5.0)) as client,
        Client.open(life.control) as control,
        WatchedJournal.open(life.journal) as journal,
        Sender.open(client, LocalSigner.from_hex(life.key), journal, OPTIONS) as sender,
    ):
        boundaries.phase = "recovery"
        await _rest(boundaries)
        boundaries.phase = "work"
        ends = await Day(sender, Stage(control), life).work()
        boundaries.phase = "closing"
    boundaries.phase = "closed"
    return ends


async def _rest(boundaries: Boundaries) -> None:
    """Until what recovery sent is answered."""
    await asyncio.sleep(0)
    while boundaries.unanswered:  # noqa: ASYNC110 - the wires have no event for it
        await asyncio.sleep(0.001)


class Stage:
    """The node's hand on blocks, fees and time."""

    def __init__(self, control: Client) -> None:
        self._request = control.request
        self._control = control

    async def mine(self) -> None:
        await self._request("evm_mine")

    async def hold(self) -> None:
        """No block comes by itself."""
        await self._request("evm_setAutomine", [False])

    async def raise_fee(self) -> None:
        """The next block is too dear for all that is in the pool."""
        await self._request("anvil_setNextBlockBaseFeePerGas", [hex(HIGH_FEE)])

    async def calm(self) -> None:
        """Blocks are cheap, and come with each transaction."""
        await self._request("anvil_setNextBlockBaseFeePerGas", [hex(CALM_FEE)])
        await self.mine()
        await self._request("evm_setAutomine", [True])

    async def pass_deadline(self, deadline: int) -> None:
        """The chain's next block is later than the deadline."""
        now = (await self._control.block()).at
        if now <= deadline:
            await self._request("evm_setNextBlockTimestamp", [deadline + 1])
        await self.mine()


class Day:
    """Every order of a run, in three acts: calm, stalled, calm again. Whatever an earlier life did already is
    found by its key."""

    def __init__(self, sender: Sender, stage: Stage, life: Life) -> None:
        self._sender = sender
        self._stage = stage
        self._life = life

    async def work(self) -> dict[str, str]:
        """How each order ended, by its key; nothing for a life that does not wait for that."""
        match self._life.work:
            case Work.RECOVER:
                return {}
            case Work.FINISH:
                return await self._finish()
        return await self._submit_all()

    async def _submit_all(self) -> dict[str, str]:
        by_role: dict[Role, list[Order]] = {role: [] for role in Role}
        for order in self._life.orders:
            by_role[order.role].append(order)
        await self._stage.calm()
        await asyncio.gather(
            self._submit_in_order(by_role[Role.ORDERED]),
            *map(self._submit, by_role[Role.PAY]),
            *map(self._retry, by_role[Role.RETRIED]),
            *map(self._overspend, by_role[Role.UNAFFORDABLE]),
        )
        await self._stage.hold()
        await asyncio.gather(
            *map(self._submit, by_role[Role.REPLACED] + by_role[Role.EXPIRING]),
            *map(self._withdraw, by_role[Role.CANCELLED]),
        )
        await self._stage.raise_fee()
        if self._life.leaves:
            return {}
        for _ in range(3):
            await self._stage.mine()
            await asyncio.sleep(0.01)
        for order in by_role[Role.EXPIRING][:1]:
            assert order.deadline is not None
            await self._stage.pass_deadline(order.deadline)
        await self._stage.calm()
        await self._submit_in_order(by_role[Role.ORDERED])  # a dear block may have refused them, and others
        wanted = (Role.PAY, Role.REPLACED, Role.RETRIED)
        await asyncio.gather(*(self._submit(order) for role in wanted for order in by_role[role]))
        return await self._finish()

    async def _submit(self, order: Order) -> TxHandle | None:
        try:
            return await self._sender.submit(order.intent())
        except (NotSentError, IntentError):
            return None  # its deadline has passed; anything else shows in how it ends

    async def _submit_in_order(self, orders: Sequence[Order]) -> None:
        with suppress(NotSentError):
            if orders:
                await self._sender.submit_batch([order.intent() for order in orders])

    async def _retry(self, order: Order) -> None:
        """Too little first; then enough, under the same key."""
        await self._overspend(order)
        await self._submit(order)

    async def _overspend(self, order: Order) -> None:
        try:
            await self._sender.submit(order.intent(budget_wei=1))
        except (FeeCapExceededError, NonceConflictError):
            return
        raise AssertionError(f"{order.key} was sent for a budget of 1 wei")

    async def _withdraw(self, order: Order) -> None:
        handle = await self._submit(order)
        if handle is not None:
            handle.cancel()

    async def _finish(self) -> dict[str, str]:
        """Blocks come until every order has an end that no reorg can change."""
        endings = {order.key: asyncio.ensure_future(self._end(order.key)) for order in self._life.orders}
        while not all(task.done() for task in endings.values()):
            await self._stage.mine()
            await asyncio.wait(endings.values(), timeout=0.02)
        return {key: task.result() for key, task in endings.items()}

    async def _end(self, key: str) -> str:
        try:
            outcome = await self._sender.handle(key).outcome(at=Finality.FINAL)
        except (NotSentError, IntentError):
            return "refused"
        match outcome:
            case Succeeded():
                return "succeeded"
            case Cancelled():
                return "cancelled"
            case Expired():
                return "expired"
        return type(outcome).__name__.lower()
