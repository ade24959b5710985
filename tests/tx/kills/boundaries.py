"""Where a process can die: each statement of its journal and each request of its wires, counted from outside.

Nothing in the package knows of this: the journal is a subclass, its SQL is seen by SQLite's own trace, and
the wires are real ones whose connections tell what they write.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn

import msgspec
from tests.zygote import tell

from trimtab.chain.hashing import keccak256
from trimtab.chain.messages import Reply
from trimtab.chain.transports.base import Request
from trimtab.chain.transports.ipc import IpcTransport
from trimtab.chain.transports.stream import Connection, Multiplexer, StreamTransport
from trimtab.chain.transports.websocket import WebSocketTransport
from trimtab.journal import Journal, WriterLock
from trimtab.journal.rewrite import Rewrite
from trimtab.journal.tail import Tail

SEND = "eth_sendRawTransaction"
TELLING = ("released", "refused", "cancelling", "resolving", "resolved", "unseen", "capped", "attempt")
"""Records that name a commit before all others, because what they say decides what may be sent."""
_connect = sqlite3.connect
METHODS = re.compile(rb'"method":\s*"(\w+)"')
RAW = re.compile(rb'"0x(02[0-9a-f]+)"')


POINTS = {
    "before commit": 0,
    "written, uncommitted": 1,
    "committed, without witness": 2,
    "after commit": 2,
    "before bytes of": 0,
    "before the answer to": 1,
    "after the answer to": 2,
}
"""Where at a commit or a request: before, in the middle, after."""


def split_kind(kind: str) -> tuple[str, str, str]:
    """Phase, point and subject of a boundary."""
    phase, rest = kind.split(": ", 1)
    point = next((point for point in POINTS if rest.startswith(point + " ")), "")
    return phase, point, rest[len(point) :].strip()


class Hunt(msgspec.Struct, frozen=True):
    """Which boundary kills: the first of a kind in `prey`, or that begins with `prefix` when that is not
    empty; at the latest boundary number `at`, from 1, whatever it is (0 for none)."""

    prey: frozenset[str] = frozenset()
    prefix: str = ""
    at: int = 0


@dataclass
class Boundaries:
    """Counts what a life passes, and ends it where the hunt says. `report` is a file descriptor."""

    hunt: Hunt
    report: int
    phase: str = "opening"
    met: Counter[str] = field(default_factory=Counter)
    sent: list[str] = field(default_factory=list)
    unanswered: int = 0

    def meet(self, point: str, subject: str, **facts: Any) -> None:
        """The process stands at a boundary; it may not go on from here."""
        kind = f"{self.phase}: {point} {subject}"
        self.met[kind] += 1
        if self._is_prey(kind):
            self.tell({"killed": kind, **facts})
            os.kill(os.getpid(), signal.SIGKILL)

    def tell(self, what: Mapping[str, Any]) -> None:
        """One line to whoever watches this life."""
        tell(self.report, {**what, "met": dict(self.met), "sent": self.sent})

    def fault(self, words: str) -> NoReturn:
        """The engine broke a promise: the watcher shall know, and nothing may hide it."""
        self.tell({"fault": words})
        os._exit(3)

    def _is_prey(self, kind: str) -> bool:
        hunt = self.hunt
        if self.met.total() == hunt.at or kind in hunt.prey:
            return True
        return bool(hunt.prefix) and kind.startswith(hunt.prefix)


class WatchedJournal(Journal):
    """A journal that stands still before, in the middle of and after each commit, and before the lock file
    bears witness to it. The statements themselves are seen by `watch_sqlite`."""

    boundaries: Boundaries
    subject = "make the file"

    def acquire(self, stream: str) -> WriterLock:
        with self._about("acquire"):
            return super().acquire(stream)

    def append_many(self, stream: str, payloads: Sequence[Mapping[str, Any] | bytes]) -> None:
        with self._about(subject_of(payloads)):
            super().append_many(stream, payloads)

    @contextmanager
    def rewrite(self, stream: str) -> Iterator[Rewrite]:
        with self._about("compaction"), super().rewrite(stream) as rewrite:
            yield rewrite

    def sweep(self, rows: int = 500) -> bool:
        with self._about("sweep"):
            return super().sweep(rows)

    @contextmanager
    def _about(self, subject: str) -> Iterator[None]:
        before, WatchedJournal.subject = WatchedJournal.subject, subject
        yield
        self.boundaries.meet("after commit", subject)
        WatchedJournal.subject = before


def subject_of(payloads: Sequence[Mapping[str, Any] | bytes]) -> str:
    """The type of the record that matters most in a commit."""
    kinds = [str(msgspec.json.decode(item)["type"]) for item in payloads if isinstance(item, bytes)]
    return next((kind for kind in TELLING if kind in kinds), kinds[-1] if kinds else "records")


def watch_sqlite(boundaries: Boundaries) -> None:
    """From here on every connection of this process to SQLite meets a boundary before each statement that
    writes: BEGIN (nothing written), COMMIT (all written, nothing durable), and those that make the file."""
    WatchedJournal.boundaries = boundaries
    advance = WriterLock.advance

    def trace(statement: str) -> None:
        if statement.startswith("BEGIN IMMEDIATE"):
            boundaries.meet("before commit", WatchedJournal.subject)
        elif statement.startswith("COMMIT"):
            boundaries.meet("written, uncommitted", WatchedJournal.subject)
        elif statement.startswith(("CREATE", "INSERT INTO meta")) or "_mode=WAL" in statement:
            boundaries.meet("before statement", "make the file")

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        db = _connect(*arguments, **options)
        db.set_trace_callback(trace)
        return db

    def witness(lock: WriterLock, tail: Tail | None) -> None:
        boundaries.meet("committed, without witness", WatchedJournal.subject)
        advance(lock, tail)

    sqlite3.connect = connect  # type: ignore[assignment]
    WriterLock.advance = witness  # type: ignore[method-assign,assignment]


class WriteAhead:
    """Looks into the journal's file by a connection of its own: it sees what is committed, and no more."""

    def __init__(self, path: str) -> None:
        self._db = _connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)

    def has(self, tx_hash: str, raw: bytes) -> bool:
        """Whether an attempt's record holds just these bytes, or its nonce is final already and archived:
        what was about to leave then may still do so."""
        row = self._db.execute(
            "SELECT 1 FROM records WHERE instr(payload, ?) AND (instr(payload, ?) OR instr(payload, ?))",
            (
                f'"tx_hash":"{tx_hash}"'.encode(),
                b'"raw":"' + b64encode(raw) + b'"',
                b'"type":"archived"',
            ),
        ).fetchone()
        return row is not None


class _WatchedConnection(Connection):
    """Stands still before bytes leave and right after."""

    def __init__(self, inner: Connection, boundaries: Boundaries, path: str) -> None:
        self._inner = inner
        self._boundaries = boundaries
        self._path = path

    def write(self, payload: bytes) -> None:
        subject = request_subject(payload)
        raws = (
            [bytes.fromhex(raw.decode()) for raw in RAW.findall(payload)] if SEND.encode() in payload else []
        )
        hashes = [f"0x{keccak256(raw).hex()}" for raw in raws]
        self._boundaries.meet("before bytes of", subject, hashes=hashes)
        check_written_ahead(self._boundaries, self._path, dict(zip(hashes, raws, strict=True)))
        self._inner.write(payload)
        self._boundaries.meet("before the answer to", subject, hashes=hashes)

    def close(self) -> None:
        self._inner.close()

    async def wait_closed(self) -> None:
        await self._inner.wait_closed()


def check_written_ahead(boundaries: Boundaries, path: str, raws: Mapping[str, bytes]) -> None:
    """Invariant 4: no endpoint is contacted with bytes that are not durable."""
    ahead = WriteAhead(path) if raws else None
    for tx_hash, raw in raws.items():
        if ahead is not None and not ahead.has(tx_hash, raw):
            boundaries.fault(f"{tx_hash} leaves, and the journal does not have it")
        boundaries.sent.append(tx_hash)


def request_subject(payload: bytes) -> str:
    """A method, or the method that a batch is about."""
    methods = list(dict.fromkeys(METHODS.findall(payload)))
    name = next((m for m in (SEND.encode(), b"eth_getTransactionReceipt") if m in methods), methods[0])
    return ("a batch with " if payload[:1] == b"[" else "") + name.decode()


class _Watched(StreamTransport):
    """A real wire; what is read from it stands still before anybody gets it. `slow` seconds pass before the
    answer to a broadcast is given on."""

    boundaries: Boundaries
    journal_path: str
    slow: float = 0.0

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        async with self._answer_to(method):
            return await super().send(method, params, timeout)

    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]:
        async with self._answer_to(_batch_subject(requests)):
            return await super().send_batch(requests, timeout)

    @asynccontextmanager
    async def _answer_to(self, subject: str) -> AsyncIterator[None]:
        self.boundaries.unanswered += 1
        try:
            yield
            if self.slow and SEND in subject:
                await asyncio.sleep(self.slow)
        finally:
            self.boundaries.unanswered -= 1
        self.boundaries.meet("after the answer to", subject)

    async def _connect(self, mux: Multiplexer, timeout: float) -> Connection:
        inner = await super()._connect(mux, timeout)  # type: ignore[safe-super]  # the wire's own, mixed in
        return _WatchedConnection(inner, self.boundaries, self.journal_path)


class _WatchedIpc(_Watched, IpcTransport):
    pass


class _WatchedWebSocket(_Watched, WebSocketTransport):
    pass


def watched_wire(
    name: str, url: str, boundaries: Boundaries, journal_path: str, slow: float = 0.0
) -> StreamTransport:
    """A WebSocket for a ws:// URL, an IPC socket for a path; `name` tells endpoints of one node apart."""
    wire = _WatchedWebSocket(url) if url.startswith("ws://") else _WatchedIpc(url)
    wire.name, wire.boundaries, wire.journal_path, wire.slow = name, boundaries, journal_path, slow
    return wire


def _batch_subject(requests: Sequence[Request]) -> str:
    names = [method for method, _ in requests]
    name = next((m for m in (SEND, "eth_getTransactionReceipt") if m in names), names[0])
    return f"a batch with {name}"
