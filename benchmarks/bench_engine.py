"""The transaction engine: decision to durable bytes and to the wire, and the rate it sustains on a real node.

web3.py counts its nonces itself here, as its users do, and keeps nothing on disk.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from eth_account import Account
from web3 import AsyncWeb3, WebSocketProvider

from benchmarks.bench_tx import CALLDATA, HOUSE, KEY, event_to_signed
from benchmarks.harness import MIN_ROUNDS, Result, counted
from trimtab.chain.address import checksum
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.chain.messages import Reply
from trimtab.chain.transports import make_transport
from trimtab.chain.transports.base import Request, StreamingTransport
from trimtab.journal import Journal
from trimtab.model.ids import BlockHash, TxHash
from trimtab.model.limits import Limits
from trimtab.tx import Sender, SenderOptions, TxIntent, TxPolicy
from trimtab.tx import records as r
from trimtab.tx.records import decode_record, encode_record
from trimtab.tx.reducer import replay
from trimtab.tx.signers import LocalSigner
from trimtab.tx.states import Kind, Outcome, Terminal
from trimtab.world.node import AnvilNode

PEER_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
SENDS = 600
IN_FLIGHT = 16
BURST = 240
"""Transactions of one round of the sustained rate."""
STEADY_ROUNDS = 5
SIGNS = "eth-account signs, nothing durable"
DISK = "write and fdatasync of 1 kB"
SIZES = (10_000, 100_000, 1_000_000)
PER_INTENT = 8
"""Records of one intent that goes well: intent, reserved, attempt, begin, result, seen, confirmed, final."""


class StampedJournal(Journal):
    """Remembers when its last commit with a signed attempt was durable."""

    durable_at = 0.0

    def append_many(self, stream: str, payloads: Sequence[Mapping[str, Any] | bytes]) -> None:
        super().append_many(stream, payloads)
        if any(b'"attempt"' in bytes(item) for item in payloads if isinstance(item, bytes)):
            StampedJournal.durable_at = perf_counter()


class StampedTransport:
    """A transport that remembers when a broadcast was handed to the socket."""

    def __init__(self, inner: StreamingTransport) -> None:
        self.name = inner.name
        self.subscribe = inner.subscribe
        self.close = inner.close
        self.wire_at = 0.0
        self._inner = inner

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        if method == "eth_sendRawTransaction":
            self.wire_at = perf_counter()
        return await self._inner.send(method, params, timeout)

    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]:
        return await self._inner.send_batch(requests, timeout)


def _options() -> SenderOptions:
    policy = TxPolicy(finality_depth=4)
    return SenderOptions(simulate=False, policy=policy, limits=Limits.unrestricted())


class Peer:
    """web3.py with a local nonce counter: sign, send, wait for the receipt."""

    def __init__(self, w3: Any) -> None:
        self._w3 = w3
        self._account = Account.from_key(PEER_KEY)
        self._nonces = count()

    def sign(self, nonce: int) -> Any:
        return self._account.sign_transaction(
            {
                "type": 2,
                "chainId": 31337,
                "nonce": nonce,
                "maxPriorityFeePerGas": 10**9,
                "maxFeePerGas": 10**10,
                "gas": 21_000,
                "to": checksum(HOUSE),
                "value": 1,
            }
        )

    async def send(self) -> None:
        sent = await self._w3.eth.send_raw_transaction(self.sign(next(self._nonces)).raw_transaction)
        await self._w3.eth.wait_for_transaction_receipt(sent, timeout=60, poll_latency=0.005)


@asynccontextmanager
async def _desks(folder: Path) -> AsyncIterator[tuple[Sender, StampedTransport, Peer]]:
    """Ours and the peer, each with an account of its own, on one node."""
    async with AnvilNode.open() as node:
        inner = make_transport(node.ws_url)
        assert isinstance(inner, StreamingTransport)
        transport = StampedTransport(inner)
        w3: Any = AsyncWeb3(WebSocketProvider(node.ws_url))
        await w3.provider.connect()
        async with Client.open(transport) as client:
            with StampedJournal.open(folder / "bench.db") as journal:
                async with Sender.open(client, LocalSigner.from_key(KEY), journal, _options()) as sender:
                    try:
                        yield sender, transport, Peer(w3)
                    finally:
                        await w3.provider.disconnect()


def _disk(folder: Path, rounds: int) -> list[float]:
    """What the disk itself takes to make a kilobyte durable: the floor under every figure with a journal."""
    times = []
    with (folder / "floor").open("ab", buffering=0) as file:
        for _ in range(rounds):
            start = perf_counter()
            file.write(b"x" * 1024)
            os.fdatasync(file.fileno())
            times.append(perf_counter() - start)
    return times


def _decisions() -> list[Result]:
    """Event bytes to signed bytes in process, call by call: the middle and the tail."""
    ours, peer = event_to_signed()
    gc.collect()
    gc.freeze()
    mine, theirs = _times(ours, 5_000), _times(peer, 300)
    gc.unfreeze()
    return [
        counted(
            f"event bytes to signed transaction, {name}",
            ours=_at(mine, share) * 1e6,
            peer=_at(theirs, share) * 1e6,
            peer_name="web3.py",
            unit="us",
            promised=promised,
        )
        for name, share, promised in (("p50", 0.5, 25), ("p99", 0.99, 10))
    ]


def _times(call: Callable[[], Any], number: int) -> list[float]:
    call()
    times = []
    for _ in range(number):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return times


async def _latencies(sender: Sender, transport: StampedTransport, peer: Peer, folder: Path) -> list[Result]:
    """One submit at a time, in turns with the peer's signing and with the bare disk."""
    numbers, durable, wire, signed, disk = count(), list[float](), list[float](), list[float](), list[float]()
    gc.collect()
    gc.freeze()
    for _ in range(SENDS):
        intent = TxIntent(f"latency {next(numbers)}", Call(HOUSE, b"", 1), gas_limit=21_000)
        start = perf_counter()
        handle = await sender.submit(intent)
        durable.append(StampedJournal.durable_at - start)
        wire.append(transport.wire_at - start)
        await handle.outcome(timeout=60)
        start = perf_counter()
        peer.sign(0)
        signed.append(perf_counter() - start)
        disk += _disk(folder, 1)
    gc.unfreeze()
    return [
        _row("decision to durable bytes, p50", durable, signed, 0.5, SIGNS),
        _row("decision to durable bytes, p50, beside the disk", durable, disk, 0.5, DISK),
        _row("decision to durable bytes, p99, beside the disk", durable, disk, 0.99, DISK),
        _row("submit to first byte on the wire, p50", wire, signed, 0.5, SIGNS),
        _row("submit to first byte on the wire, p99", wire, disk, 0.99, DISK),
    ]


def _row(name: str, ours: list[float], peer: list[float], share: float, peer_name: str) -> Result:
    return counted(
        name, ours=_at(ours, share) * 1e3, peer=_at(peer, share) * 1e3, peer_name=peer_name, unit="ms"
    )


def _at(times: list[float], share: float) -> float:
    """The time that this share of all is below."""
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


async def _rate(send: Callable[[], Awaitable[None]]) -> float:
    """Transactions per second, from submit to receipt, so many in flight at a time."""
    left = iter(range(BURST))

    async def work() -> None:
        for _ in left:
            await send()

    start = perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(work())
    return BURST / (perf_counter() - start)


async def _sustained(sender: Sender, peer: Peer) -> Result:
    numbers = count()

    async def ours() -> None:
        intent = TxIntent(f"steady {next(numbers)}", Call(HOUSE, b"", 1), gas_limit=21_000)
        handle = await sender.submit(intent)
        await handle.outcome(timeout=60)

    await _rate(ours)
    await _rate(peer.send)
    pairs = [(await _rate(ours), await _rate(peer.send)) for _ in range(STEADY_ROUNDS)]
    our_rate, peer_rate = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    return Result(
        f"transactions per second and key, {IN_FLIGHT} in flight, durable",
        our_rate,
        peer_rate,
        "AsyncWeb3, own nonce counter, not durable",
        "1/s",
        our_rate / peer_rate,
        promised=2,
    )


def history(records: int) -> Iterator[bytes]:
    """The journal of many intents that went well, `PER_INTENT` records each."""
    for nonce in range(records // PER_INTENT):
        key, tx_hash = f"k{nonce}", TxHash("0x" + keccak256(str(nonce).encode()).hex())
        facts = (
            r.Submitted(key=key, digest=key, target=HOUSE, data=CALLDATA, value=0, gas_limit=1, at=1),
            r.Reserved(nonce=nonce, key=key),
            r.Attempted(
                nonce=nonce,
                kind=Kind.NORMAL,
                tx_hash=tx_hash,
                raw=CALLDATA,
                tip=1,
                fee_cap=2,
                gas_limit=1,
                worst_cost=2,
            ),
            r.SendBegun(nonce=nonce, tx_hash=tx_hash, endpoints=("a",), at=1, block=1),
            r.SendResult(nonce=nonce, tx_hash=tx_hash, endpoint="a", outcome=Outcome.ACCEPTED, send_class=""),
            r.Seen(
                nonce=nonce,
                tx_hash=tx_hash,
                block=2,
                block_hash=BlockHash("0x"),
                is_success=True,
                gas_used=1,
                fee_wei=1,
            ),
            r.Confirmed(nonce=nonce, tx_hash=tx_hash),
            r.Final(nonce=nonce, outcome=Terminal.SUCCEEDED),
        )
        yield from map(encode_record, facts)


def _recovery(records: int) -> Result:
    """Open a journal and fold it. The specification allows a second for 100,000 records."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.db"
        with Journal.open(path) as journal:
            journal.append_many("tx/1/0x", list(history(records)))
        times = []
        for _ in range(3):
            start = perf_counter()
            with Journal.open(path) as journal:
                replay(decode_record(record.payload) for record in journal.replay("tx/1/0x"))
            times.append(perf_counter() - start)
    return counted(
        f"recover a journal of {records:,} records",
        ours=min(times),
        peer=records / 100_000,
        peer_name="the specification's limit",
        unit="s",
        promised=1,
    )


MEMORY = """
import gc, sys
sys.path.insert(0, ".")
from benchmarks.bench_engine import PER_INTENT, history, resident
from trimtab.tx.records import decode_record
from trimtab.tx.reducer import replay
replay(decode_record(item) for item in history(1000 * PER_INTENT))
gc.collect()
before = resident()
kept = replay(decode_record(item) for item in history(100_000 * PER_INTENT))
gc.collect()
print(resident() - before)
"""


def resident() -> float:
    """Megabytes of this process in memory, as Linux tells them."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def _memory() -> Result:
    """Resident memory of 100,000 finished intents, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEMORY, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    out, _ = await process.communicate()
    megabytes = float(out)
    return counted(
        "memory of 100,000 finished intents",
        ours=megabytes,
        peer=resident(),
        peer_name="this process, web3.py loaded",
        unit="MB",
    )


async def run() -> list[Result]:
    """Latency, rate, recovery and memory of the engine."""
    assert STEADY_ROUNDS * BURST >= MIN_ROUNDS * IN_FLIGHT
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:  # the journal's disk, not a RAM disk
        folder = Path(name)
        async with _desks(folder) as (sender, transport, peer):
            latencies = await _latencies(sender, transport, peer, folder)
            steady = await _sustained(sender, peer)
    return [*_decisions(), *latencies, steady, *map(_recovery, SIZES), await _memory()]
