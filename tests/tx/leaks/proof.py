"""What a run must have come to, from three witnesses: the journal's file, the recorders before the public
endpoints, and the chain. Nothing here asks the engine."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from tests.tx.kills.proof import Sent, check_journal, read_facts
from tests.tx.leaks.life import POLICY
from tests.tx.leaks.orders import ENDS, LEAKED_ENDS, Order, groups_of
from tests.tx.leaks.sockets import raws_in
from tests.tx.leaks.weather import Weather

from trimtab.chain.client import Client
from trimtab.journal import Journal
from trimtab.model.ids import Address, TxHash
from trimtab.tx import records as r
from trimtab.tx.evolve import evolve
from trimtab.tx.lanes import Lane
from trimtab.tx.records import decode_record, stream_name
from trimtab.tx.reducer import replay
from trimtab.tx.states import Attempt, Kind, Refusal, State
from trimtab.world.recorder import Request

Parcel: TypeAlias = tuple[TxHash, ...]
_ALONE = "a part of a bundle was sent alone"
_CAME = re.compile(r"ended with block (\d+), and block (\d+) came without it")


@dataclass(frozen=True)
class Private:
    """A normal attempt that began as private. `open_from` is the second of the record that let it go public,
    None while there is none."""

    tx_hash: TxHash
    raw: bytes
    nonce: int
    key: str
    last_block: int = 0
    open_from: float | None = None


@dataclass
class Evidence:
    """What became known of one run on its way. `known` are all hashes that its journal ever had; `verdicts`
    are what it said when bytes came by."""

    known: set[str] = field(default_factory=set)
    privates: dict[str, Private] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)


class Journals:
    """One run's journal, read by a stranger."""

    def __init__(self, path: Path, chain_id: int, account: Address) -> None:
        self._path = path
        self._stream = stream_name(chain_id, account)

    def read(self) -> list[tuple[float, r.Durable]]:
        """Each record that is durable now, with the second of its commit."""
        with Journal.open(self._path, read_only=True) as journal:
            return [(item.at, decode_record(item.payload)) for item in journal.replay(self._stream)]

    def judge(self, request: Request, evidence: Evidence) -> None:
        """Look up the signed bytes in a public request, in what is durable at this moment."""
        hashes = raws_in(request.body.lower())
        if not hashes:
            return
        records = self.read()
        gather(records, evidence)
        state = replay([fact for _, fact in records])
        for tx_hash in hashes:
            _judge(state, tx_hash, request.at, evidence)


def _judge(state: State, tx_hash: str, at: float, evidence: Evidence) -> None:
    slots = (*state.slots.values(), *state.finished.values(), *state.given_up.values())
    found = [(slot, item) for slot in slots for item in slot.attempts if item.tx_hash == tx_hash]
    if not found:  # its nonce is final since it left: what is private is not open then
        return
    slot, attempt = found[0]
    if attempt.kind is Kind.NORMAL and slot.lane.is_private:
        words = f"{tx_hash} of {slot.key} (nonce {slot.nonce}) is in public, and its lane is {slot.lane}"
        evidence.verdicts.append(words)
    else:
        _open(evidence, (attempt,), 0, at)  # when a compaction has forgotten the record itself


def gather(records: Sequence[tuple[float, r.Durable]], evidence: Evidence) -> None:
    """Take the private attempts out of a journal: a compaction may forget their bytes later."""
    state, privates = State(), evidence.privates
    for at, fact in records:
        if isinstance(fact, r.Routed) and fact.lane is Lane.PUBLIC:
            slot = state.slots[fact.nonce]
            _open(evidence, slot.attempts, slot.last_block, at)
        evolve(state, fact)
        if isinstance(fact, r.Archived | r.GivenUp):
            evidence.known |= {attempt.tx_hash for attempt in fact.slot.attempts}
        elif isinstance(fact, r.Attempted):
            slot, tx_hash = state.slots[fact.nonce], fact.tx_hash
            evidence.known.add(tx_hash)
            if fact.kind is Kind.NORMAL and slot.lane.is_private and tx_hash not in privates:
                privates[tx_hash] = Private(tx_hash, fact.raw, fact.nonce, slot.key)


def _open(evidence: Evidence, attempts: Iterable[Attempt], last_block: int, at: float) -> None:
    """The journal lets them go public from that second on, past their last private block."""
    for attempt in attempts:
        known = evidence.privates.get(attempt.tx_hash)
        if known is not None and known.open_from is None:
            evidence.privates[attempt.tx_hash] = replace(known, last_block=last_block, open_from=at)


def check_requests(evidence: Evidence, weather: Weather) -> None:
    """No private bytes in any public request, in any dress, before the journal's word, and no half of their
    signature."""
    assert not evidence.verdicts, evidence.verdicts
    sent = {tx_hash for request in evidence.requests for tx_hash in raws_in(request.body.lower())}
    assert sent <= evidence.known, f"in public, and never in the journal: {sent - evidence.known}"
    everything = b"\n".join(request.body.lower() for request in evidence.requests)
    for private in evidence.privates.values():
        first = next((item for item in evidence.requests if item.holds(private.raw)), None)
        if first is None:
            assert private.raw.hex()[-64:].encode() not in everything, f"a part of {private.tx_hash} leaked"
            continue
        assert private.open_from is not None, f"{private.tx_hash} of {private.key} leaked: {first}"
        assert private.open_from <= first.at, f"{private.tx_hash} left before the record that lets it"
        seen = max(moment.number for moment in weather.log if moment.began <= first.at)
        is_past = seen > private.last_block + POLICY.drop_margin
        assert is_past, f"{private.key} is public at block {seen}, its last is {private.last_block}"


def count_hints(orders: Sequence[Order], evidence: Evidence) -> int:
    """Private orders whose calldata a public endpoint saw all the same: it was asked to simulate them."""
    kept = {item.key for item in evidence.privates.values() if item.open_from is None}
    marks = [order.mark.hex().encode() for order in orders if order.key in kept]
    return sum(any(mark in request.body for request in evidence.requests) for mark in marks)


def check_windows(records: Sequence[tuple[float, r.Durable]], births: Sequence[float]) -> int:
    """Each private send aims at the block after the head, within the window, and once for each head in each
    life; a bundle's steps aim together; what switches or is given up has its window behind it. How many
    private sends there were."""
    state, sends = State(), 0
    aims: dict[tuple[int, Parcel], list[int]] = defaultdict(list)
    steps: dict[str, list[r.SendBegun]] = defaultdict(list)
    for at, fact in records:
        if isinstance(fact, r.SendBegun):
            slot = state.slots[fact.nonce]
            attempt = slot.attempt(fact.tx_hash)
            assert attempt is not None
            is_private = slot.lane.is_private and attempt.kind is Kind.NORMAL
            assert all((":" in name and "//" not in name) == is_private for name in fact.endpoints), fact
            if is_private:
                assert fact.target == fact.block + 1, fact
                assert fact.target <= slot.last_block, f"{fact} after its window {slot.last_block}"
                intent = state.intents[slot.key]
                sent = steps[intent.batch if intent.bundle else slot.key]
                sent.append(fact)
                if len(sent) == max(intent.bundle, 1):
                    assert len({item.nonce for item in sent}) == len(sent), f"{_ALONE}: {sent}"
                    assert len({item.target for item in sent}) == 1, sent
                    life = sum(born <= at for born in births)
                    aims[life, tuple(item.tx_hash for item in sent)].append(fact.target)
                    sent.clear()
                    sends += 1
        elif isinstance(fact, r.Routed) and fact.lane is Lane.PUBLIC:
            route = state.intents[state.slots[fact.nonce].key].route
            assert route is not None, fact
            assert route.then_public, fact
            _check_past(fact.reason)
        elif isinstance(fact, r.Released) and fact.refusal is Refusal.DROPPED:
            _check_past(fact.reason)
        evolve(state, fact)
    assert not any(steps.values()), f"{_ALONE}: {steps}"
    for (_, parcel), targets in aims.items():
        assert all(a < b for a, b in pairwise(targets)), f"{parcel} was aimed at {targets}"
    return sends


def _check_past(reason: str) -> None:
    told = _CAME.search(reason)
    assert told is not None, reason
    assert int(told[2]) > int(told[1]) + POLICY.drop_margin, reason


def check_released(records: Sequence[tuple[float, r.Durable]], weather: Weather) -> int:
    """A nonce whose bytes others have is given back only where the chain, up to the block that the decision
    names, has none of them. How many were."""
    state, freed = State(), 0
    for at, fact in records:
        told = _CAME.search(fact.reason) if isinstance(fact, r.Released) else None
        if isinstance(fact, r.Released) and told is not None:
            slot = state.slots[fact.nonce]
            hashes, freed = {attempt.tx_hash for attempt in slot.attempts}, freed + 1
            for number, moment in weather.canonical(at).items():
                mined = hashes.intersection(moment.hashes)
                assert not mined or number > int(told[2]), f"{mined} was in block {number}, and given up"
        evolve(state, fact)
    return freed


def keys_of_archived(
    records: Sequence[tuple[float, r.Durable]], has_seen: Callable[[TxHash], bool]
) -> set[str]:
    """Private orders that ended before anybody looked, of which a compaction has left the hashes, and that a
    public pool has seen."""
    archived = [fact for _, fact in records if isinstance(fact, r.Archived) and fact.slot.lane.is_private]
    return {fact.intent.key for fact in archived if any(has_seen(one.tx_hash) for one in fact.slot.attempts)}


def check_reclaimed(records: Sequence[tuple[float, r.Durable]], leaked: Set[str]) -> int:
    """What was given back after its window, or because it was withdrawn or late, comes back by nobody's
    inclusion but the public's. How many came back."""
    given: dict[str, r.Released] = {}
    state, back = State(), 0
    for _, fact in records:
        if isinstance(fact, r.Released):
            given[state.slots[fact.nonce].key] = fact
        elif isinstance(fact, r.Reclaimed):
            is_over = given[fact.key].refusal in (Refusal.DROPPED, Refusal.WITHDRAWN, Refusal.EXPIRED)
            assert not is_over or fact.key in leaked, f"{fact.key} was mined after {given[fact.key]}"
            back += 1
        evolve(state, fact)
    return back


@dataclass(frozen=True)
class Landed(Sent):
    """A transaction of the account in a block, at its place in it."""

    block: int
    place: int
    mark: bytes
    is_success: bool


@dataclass(frozen=True)
class Count:
    """What the chain shows. `bundles` are whole; `halves` are those of which only a part is there, because
    the world had made their bytes public."""

    executed: int
    bundles: int
    halves: int
    transactions: int


async def check_chain(
    client: Client,
    account: Address,
    first: int,
    orders: Sequence[Order],
    ends: Mapping[str, str],
    path: Path,
    leaked: Set[str],
) -> Count:
    """Every order ended as the chain says, and was executed once at most; the journal says the same as the
    chain. `leaked` are the orders whose bytes others made public."""
    landed = await read_landed(client, account, first)
    assert [item.nonce for item in landed] == list(range(len(landed))), "a gap, or a nonce twice"
    marks = {order.mark for order in orders}
    strays = [item for item in landed if item.mark not in marks and (item.to, item.value) != (account, 0)]
    assert not strays, f"nobody wanted {strays}"
    for order in orders:
        found = [item for item in landed if item.mark == order.mark]
        assert len(found) <= 1, f"{order.key} was executed {len(found)} times: {found}"
        end = ends.get(order.key, "missing")
        truth = ("succeeded" if found[0].is_success else "reverted") if found else "nothing"
        assert (end if end in ("succeeded", "reverted") else "nothing") == truth, (
            f"{order.key}: {end}, {truth}"
        )
        allowed = ENDS[order.role] | (
            LEAKED_ENDS.get(order.role, ENDS[order.role]) if order.key in leaked else set()
        )
        assert end in allowed, f"{order.key} ended as {end}"
    check_journal(path, client.chain_id, account, landed)
    ended = replay(read_facts(path, client.chain_id, account)).finished.values()
    tracked = {slot.mined.tx_hash: slot.mined.block for slot in ended if slot.mined is not None}
    assert tracked == {item.tx_hash: item.block for item in landed}, "tracked to other blocks"
    wholes, halves = check_bundles(orders, landed, leaked)
    executed = sum(item.mark in marks for item in landed)
    return Count(executed, wholes, halves, len(landed))


def check_bundles(orders: Sequence[Order], landed: Sequence[Landed], leaked: Set[str]) -> tuple[int, int]:
    """Whole ones, and halves. A bundle is in one block, in its order, one step behind the other, or nowhere,
    unless others made it public."""
    wholes = halves = 0
    for group in groups_of(tuple(orders)):
        if not group[0].role.is_bundle:
            continue
        places = [(item.block, item.place) for o in group for item in landed if item.mark == o.mark]
        block, place = places[0] if places else (0, 0)
        if places == [(block, place + step) for step in range(len(group))]:
            wholes += 1
        elif places:
            assert any(order.key in leaked for order in group), f"{group[0].group} is at {places}"
            halves += 1
    return wholes, halves


def check_blocks(
    orders: Sequence[Order],
    privates: Iterable[Private],
    records: Sequence[tuple[float, r.Durable]],
    weather: Weather,
    leaked: Set[str],
) -> None:
    """The same for every block that ever was, also for those that the chain lost. Of what ended before
    anybody looked a compaction has left the hashes in `records`."""
    by_key: dict[str, set[str]] = defaultdict(set)
    for private in privates:
        by_key[private.key].add(private.tx_hash)
    for _, fact in records:
        if isinstance(fact, r.Archived):
            by_key[fact.intent.key] |= {attempt.tx_hash for attempt in fact.slot.attempts}
    for group in groups_of(tuple(orders)):
        if not group[0].role.is_bundle or any(order.key in leaked for order in group):
            continue
        for moment in weather.log:
            there = [bool(by_key[order.key].intersection(moment.hashes)) for order in group]
            assert all(there) or not any(there), f"{group[0].group} in block {moment.number}: {there}"


async def read_landed(client: Client, account: Address, first: int) -> list[Landed]:
    """The account's transactions from block `first` on, in the chain's order."""
    numbers = range(first, await client.block_number() + 1)
    blocks = await client.batch([("eth_getBlockByNumber", [hex(n), True]) for n in numbers])
    txs = [tx for block in blocks for tx in block["transactions"] if tx["from"].lower() == account]
    receipts = await client.batch([("eth_getTransactionReceipt", [tx["hash"]]) for tx in txs])
    return [
        Landed(
            nonce=int(tx["nonce"], 16),
            tx_hash=tx["hash"].lower(),
            to=(tx["to"] or "").lower(),
            value=int(tx["value"], 16),
            block=int(tx["blockNumber"], 16),
            place=int(tx["transactionIndex"], 16),
            mark=bytes.fromhex(tx["input"][2:]),
            is_success=receipt["status"] == "0x1",
        )
        for tx, receipt in zip(txs, receipts, strict=True)
    ]
