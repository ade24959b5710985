"""The real sender on model nodes in virtual time: processes that die anywhere, files that survive them, and
an auditor between the sender and the world that trusts neither."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from tests.tx.model_chain import ModelChain, ModelTx
from tests.tx.model_node import CHAIN_ID, ModelNode, StreamWire, Wire, decode_raw
from tests.tx.moves import Moves
from tests.tx.virtual_time import VirtualClock, VirtualLoop

from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.errors import HaltError
from trimtab.journal import Journal
from trimtab.journal.tail import ROOM
from trimtab.net import BackoffPolicy
from trimtab.tx import asks
from trimtab.tx import records as r
from trimtab.tx.envelope import SignedTx, TxFields
from trimtab.tx.fees import CANCEL_GAS, bump_price
from trimtab.tx.lanes import Ways
from trimtab.tx.options import SenderOptions
from trimtab.tx.routes.base import Route
from trimtab.tx.routes.public import PublicRoute
from trimtab.tx.sender import Sender
from trimtab.tx.signers import LocalSigner
from trimtab.tx.states import IntentState, Kind, State

START = 1_700_000_000
SIGNER = LocalSigner.from_hex("0x" + "11" * 32)
STREAM = r.stream_name(CHAIN_ID, SIGNER.address)


class Steady(BackoffPolicy):
    """Back-off without dice: the same run takes the same steps."""

    def delay(self, attempt: int, *, rng: Any, retry_after: float | None = None) -> float:
        return self.bound(attempt) / 2 + (retry_after or 0.0)


CLIENT = ClientOptions(poll_interval=4.0, backoff=Steady())


class SlowSigner:
    """A signer in another process: it takes two seconds."""

    address = SIGNER.address

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        await asyncio.sleep(2.0)
        return SIGNER.sign_nowait(fields)

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        raise NotImplementedError


@dataclass
class Fuse:
    """Ends a process at the `left`-th `moment` from now: "turn" of the loop, "commit", "torn" (the commit
    reaches the disk in part), "committed", "request" or "delivered"."""

    moment: str
    left: int

    def burns(self, moment: str) -> bool:
        if moment != self.moment:
            return False
        self.left -= 1
        return self.left < 0


class FusedJournal(Journal):
    """The real journal; the process may die at its commits, and is audited there."""

    life: Life

    def append_many(self, stream: str, payloads: Sequence[Mapping[str, Any] | bytes]) -> None:
        life = self.life
        life.spark("commit")
        life.check_alive()
        may_tear = life.fuse is not None and life.fuse.moment == "torn"
        before = life.files() if may_tear else {}
        super().append_many(stream, payloads)
        if may_tear and life.fuse is not None and life.fuse.burns("torn"):
            name = life.wal.name
            held, log = len(before.get(name, b"")), life.files()[name]
            life.die({**before, name: log[: held + (len(log) - held) // 2]})
        life.check_alive()
        life.spark("committed")
        with life.auditor.watch():
            life.auditor.take_commit(life)


@dataclass
class Life:
    """One process: from the opening of its journal to its death, which may be any time."""

    loop: VirtualLoop
    nodes: Sequence[ModelNode]
    path: Path
    options: SenderOptions
    auditor: Auditor
    signer: Any = SIGNER
    fuse: Fuse | None = None
    sender: Sender | None = None
    heir: Path | None = None
    """The files as they were at the moment of death; None while it lives or after an orderly end."""
    error: BaseException | None = None
    balances: tuple[int, ...] = (0,)
    """What the sender knew in this round of the loop and before the last change of it, in wei."""
    work: set[asyncio.Task[Any]] = field(default_factory=set)
    wires: list[Wire] = field(default_factory=list)
    routes: Callable[[Client, Life], Sequence[Route]] = lambda *_: ()
    """Beside the public one."""
    _main: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def wal(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    @property
    def state(self) -> State:
        assert self.sender is not None
        return self.sender._driver.state

    @property
    def is_over(self) -> bool:
        return self.heir is not None or (self._main is not None and self._main.done())

    @property
    def is_up(self) -> bool:
        return self.sender is not None and not self.is_over

    def start(self) -> None:
        self.loop.on_turn = self.turn
        self._main = self.loop.create_task(self._run())

    async def _run(self) -> None:
        self.wires = [_wire(node, self) for node in self.nodes]
        try:
            # Nobody leaves asks here: looking for them four times a second would be half of the work.
            with patch.object(asks, "SECONDS_BETWEEN_LOOKS", 60.0):
                await self._live()
        except BaseException as error:  # noqa: BLE001  the machine judges it
            self.error = error

    async def _live(self) -> None:
        async with Client.open(self.wires, CLIENT) as client:
            with FusedJournal.open(self.path) as journal:
                assert isinstance(journal, FusedJournal)
                journal.life = self
                clock = VirtualClock(self.loop)
                ways = [PublicRoute(client), *self.routes(client, self)]
                async with Sender.open(client, self.signer, journal, self.options, ways, clock) as sender:
                    self.sender = sender
                    await self._stop.wait()

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """A task of the caller's, which dies with the process."""
        task = self.loop.create_task(work)
        self.work.add(task)
        task.add_done_callback(self.work.discard)
        return task

    def turn(self) -> None:
        """Between two rounds of the loop."""
        if self.sender is not None:
            balance = self.sender._driver.balance or 0
            if self.balances[-1] != balance:
                self.balances = (self.balances[-1], balance)
        self.spark("turn")

    def spark(self, moment: str) -> None:
        if self.heir is None and self.fuse is not None and self.fuse.burns(moment):
            self.die()

    def files(self) -> dict[str, bytes]:
        """The journal as it is on the disk: file, log, and the locks with what they bear witness to."""
        found = self.path.parent.glob(f"{self.path.name}*")
        return {path.name: path.read_bytes() for path in found if not path.name.endswith("-shm")}

    def die(self, disk: Mapping[str, bytes] | None = None) -> None:
        """Power loss: the disk is left as it is (or as `disk`), and nothing else ever happens."""
        folder = self.path.parent.with_name(f"{self.path.parent.name}x")
        folder.mkdir()
        for name, content in (self.files() if disk is None else disk).items():
            folder.joinpath(name).write_bytes(content)
        self.heir = folder / self.path.name
        for wire in self.wires:
            wire.is_cut = True
        self.loop.stop()

    def check_alive(self) -> None:
        if self.heir is not None:
            raise HaltError("this process is dead: it writes nothing more")

    def end(self) -> None:
        """Close in order, or clear away what a death left; then the file is free."""
        self._stop.set()
        main = self._main
        while main is not None and not main.done():
            if self.heir is not None or self.sender is None:
                main.cancel()
            self.loop.run_for(1.0)
        for task in list(self.work):
            task.cancel()
        while self.work:
            self.loop.run_for(1.0)
        self.loop.on_turn = None

    def on_request(self, moment: str, body: bytes) -> None:
        if moment == "leaves" and b"eth_sendRawTransaction" in body:
            with self.auditor.watch():
                self.auditor.check_departure(body, self)
        self.spark("request" if moment == "leaves" else "delivered")


def _wire(node: ModelNode, life: Life) -> Wire:
    wire = (StreamWire if node.streams else Wire)(node, life.loop)
    wire.on_request = life.on_request
    return wire


class Auditor:
    """Sees what is written, what leaves and what arrives, and holds the engine to its invariants."""

    def __init__(self, chain: ModelChain, ways: Ways | None = None) -> None:
        self.chain = chain
        self.ways = ways or Ways.public(*chain.pools)
        self.final: dict[str, IntentState] = {}
        self.stories: dict[str, list[Any]] = {}
        """The records of each intent."""
        self._moves = Moves(self.final)
        self.begun: dict[str, float] = {}
        """When the last broadcast of a hash was decided, on the loop's clock."""
        self.endpoints: dict[str, set[str]] = {}
        self.kinds: dict[str, tuple[Kind, str]] = {}
        self.is_disturbed = False  # the key was used elsewhere
        self.violations: list[AssertionError] = []
        self._db: sqlite3.Connection | None = None
        self._stream = self._last = 0

    def open(self, path: Path) -> None:
        """A new life begins on this file: all that it holds is read again."""
        self.close()
        self._db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        self._begin(0)
        with suppress(sqlite3.OperationalError):  # a new file has no tables yet
            self.read_file()

    def _begin(self, stream: int) -> None:
        self._moves, self.endpoints, self.kinds, self.stories = Moves(self.final), {}, {}, {}
        self._stream = stream
        self._last = 0

    @property
    def mirror(self) -> State:
        """What the file folds to, record by record (16)."""
        return self._moves.state

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Keep a violation, whatever the engine makes of the exception."""
        try:
            yield
        except AssertionError as violation:
            self.violations.append(violation)
            raise

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    # What is written

    def take_commit(self, life: Life) -> None:
        """Called when a commit is durable, before anything that follows from it is done."""
        self.read_file(life)

    def _check_now(self, record: r.TxFact, life: Life) -> None:
        """What must hold when a record is written; `mirror` is the state just after it."""
        match record:
            case r.Attempted():
                self._check_funds(record, life)
            case r.SendBegun():
                self.begun[record.tx_hash] = life.loop.now
                slot = self.mirror.slots[record.nonce]
                if self.kinds[record.tx_hash][0] is Kind.NORMAL:
                    late = self.mirror.intents[slot.key].is_late(record.at)
                    assert not late, "9: a normal broadcast began after its deadline"
                if len(slot.attempts) == 1 and not slot.last.results and not self.is_disturbed:
                    self._check_gapless(record.nonce)
            case r.Seen():
                block = self.chain.blocks[record.block]
                assert block.hash == record.block_hash, "12: seen in a block that is not canonical"

    def _check_funds(self, new: r.Attempted, life: Life) -> None:
        """8: all that is in flight, and a cancellation of this one at twice its price, are covered."""
        if life.sender is None:
            return
        known = max(*life.balances, life.sender._driver.balance or 0)
        slot = self.mirror.slots[new.nonce]
        others = self.mirror.committed_cost - slot.worst_cost
        reserve = CANCEL_GAS * new.fee_cap * 2
        assert others + max(new.worst_cost, reserve) <= known, "8: not covered by the balance"
        intent = self.mirror.intents[slot.key]
        if new.kind is Kind.NORMAL and intent.budget_wei is not None:
            assert new.worst_cost <= intent.budget_wei, "8: above the intent's budget"

    def read_file(self, life: Life | None = None) -> None:
        """Fold what was added to the file, checking each step of each intent (4, 11, 16), and what `life` may
        write now."""
        assert self._db is not None
        query = "SELECT id FROM streams WHERE name = ? AND role = 'live'"
        found = self._db.execute(query, (STREAM,)).fetchone()
        if found is None:
            return
        if found[0] != self._stream:  # told anew: another number, other records, the same story
            self._begin(found[0])
            life = None
        query = "SELECT id, payload FROM records WHERE id > ? AND id < ? ORDER BY id"
        first = max(self._last, self._stream * ROOM)
        for number, payload in self._db.execute(query, (first, (self._stream + 1) * ROOM)).fetchall():
            self._last = number
            record = r.decode_record(payload)
            self._fold(record)
            if life is not None:
                self._check_now(record, life)

    def _fold(self, record: Any) -> None:
        key = self._moves.fold(record)
        if key is not None:
            self.stories.setdefault(key, []).append(record)
        match record:
            case r.Attempted():
                self.kinds[record.tx_hash] = (record.kind, self.mirror.slots[record.nonce].key)
                self._check_prices(record.nonce)
            case r.GivenUp(intent=intent, slot=slot):
                for attempt in slot.attempts:
                    self.kinds[attempt.tx_hash] = (attempt.kind, intent.key)
                    names = attempt.results.keys() | attempt.pending
                    self.endpoints.setdefault(attempt.tx_hash, set()).update(names)
            case r.SendBegun():
                self._check_lane(record)
                self.endpoints.setdefault(record.tx_hash, set()).update(record.endpoints)

    def _check_lane(self, record: r.SendBegun) -> None:
        """10: to the endpoints of its lane by the records before it; a cancellation is for everybody."""
        slot = self.mirror.slots[record.nonce]
        is_cancel = self.kinds[record.tx_hash][0] is Kind.CANCEL
        allowed = self.ways.of(self.ways.lane_to_cancel if is_cancel else slot.lane)
        assert record.endpoints == allowed, f"10: {record.tx_hash} in {slot.lane} to {record.endpoints}"

    def _check_prices(self, nonce: int) -> None:
        """7: every attempt replaces the one before it at every known pool, under the cap."""
        attempts = self.mirror.slots[nonce].attempts
        for old, new in pairwise(attempts):
            assert new.fees.tip >= bump_price(old.fees.tip), "7: a tip that some pool refuses"
            assert new.fees.fee_cap >= bump_price(old.fees.fee_cap), "7: a fee cap that some pool refuses"

    # What leaves and what arrives

    def check_departure(self, body: bytes, life: Life) -> None:
        """9 on the wire: the first byte of a normal attempt leaves before its deadline."""
        asked: Any = msgspec.json.decode(body)
        for item in asked if isinstance(asked, list) else [asked]:
            tx = decode_raw(bytes.fromhex(item["params"][0][2:]), SIGNER.address)
            if self.begun.get(tx.tx_hash) == life.loop.now:
                continue  # judged in its record
            kind, key = self.kinds[tx.tx_hash]
            intent = self.mirror.intents[key]
            if kind is Kind.NORMAL and life.sender is not None:
                at = life.sender._driver.clock.now()
                assert not intent.is_late(at), f"9: {key} left at {at}, after its deadline {intent.deadline}"

    def take_raw(self, node: ModelNode, raw: bytes, tx: ModelTx) -> None:
        """4, 6, 10: what arrives is in the file, byte for byte, and was meant for this endpoint."""
        with self.watch():
            self.read_file()
            if any(slot.attempt(tx.tx_hash) for slot in self.mirror.finished.values()):
                return
            assert tx.tx_hash in self.endpoints, f"4: {tx.tx_hash} arrived and the file does not know it"
            assert node.name in self.endpoints[tx.tx_hash], "10: sent to an endpoint that no record names"

    def _check_gapless(self, sent: int) -> None:
        """3: when a nonce is first sent, whatever is below it is used on chain or held."""
        for nonce in range(self.chain.nonce(), sent):
            held = nonce in self.mirror.slots or nonce in self.mirror.finished
            assert held, f"3: nonce {sent} is sent, and nobody holds {nonce}"
