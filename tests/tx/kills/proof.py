"""What a run must have come to, read from the chain; the journal is only asked whether it agrees."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.tx.kills.orders import ENDS, Order, Role

from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.tx import records as r
from trimtab.tx.records import decode_record, stream_name
from trimtab.tx.reducer import replay
from trimtab.tx.states import Kind

BATCH = 100


@dataclass(frozen=True)
class Sent:
    """A transaction of the account, as a block has it."""

    nonce: int
    tx_hash: str
    to: str
    value: int


@dataclass(frozen=True)
class Count:
    """What the chain shows of a run. `executed` by key; `cancels` are transfers of nothing to oneself;
    `replaced` orders were signed again at another price."""

    executed: Mapping[str, int]
    cancels: int
    transactions: int
    replaced: int = 0


async def check_run(
    client: Client, account: Address, first: int, orders: Sequence[Order], ends: Mapping[str, str], path: Path
) -> Count:
    """Every claim about a run that is over. Raises `AssertionError` with the one that does not hold."""
    sent = await read_sent(client, account, first)
    nonces = [item.nonce for item in sent]
    assert nonces == list(range(len(nonces))), f"nonces of {account} on chain: {nonces}"
    assert await client.nonce(account, "pending") == len(nonces), "something is left in the pool"
    count = count_sent(account, orders, sent)
    steps = [item.to for item in sent if item.to in {o.payee for o in orders if o.role is Role.ORDERED}]
    assert steps == [order.payee for order in orders if order.role is Role.ORDERED], "the batch out of order"
    for order in orders:
        end, executed = ends.get(order.key, "missing"), count.executed[order.key]
        assert end in ENDS[order.role], f"{order.key} ended as {end}"
        assert executed == (end == "succeeded"), (
            f"{order.key} ended as {end}, the chain has it {executed} times"
        )
        assert await client.balance(order.payee) == executed, f"{order.payee} was paid by others"
    return replace(count, replaced=check_journal(path, client.chain_id, account, sent))


async def read_sent(client: Client, account: Address, first: int) -> list[Sent]:
    """The account's transactions from block `first` on, in the chain's order."""
    last = await client.block_number()
    found: list[Sent] = []
    for start in range(first, last + 1, BATCH):
        numbers = range(start, min(start + BATCH, last + 1))
        blocks = await client.batch([("eth_getBlockByNumber", [hex(n), True]) for n in numbers])
        for block in blocks:
            found += [_sent(tx) for tx in block["transactions"] if tx["from"].lower() == account]
    return found


def count_sent(account: Address, orders: Sequence[Order], sent: Sequence[Sent]) -> Count:
    """Raises `AssertionError` for a transaction that nobody wanted."""
    payees = {order.payee: order.key for order in orders}
    executed = Counter({order.key: 0 for order in orders})
    cancels = 0
    for item in sent:
        if item.to == account and item.value == 0:
            cancels += 1
        else:
            key = payees.get(Address(item.to))
            assert key is not None, f"nobody wanted {item}"
            assert item.value == 1, f"nobody wanted {item}"
            executed[key] += 1
    doubled = {key: times for key, times in executed.items() if times > 1}
    assert not doubled, f"executed more than once: {doubled}"
    return Count(executed, cancels, len(sent))


def check_journal(path: Path, chain_id: int, account: Address, sent: Sequence[Sent]) -> int:
    """It is whole, no record of it is there twice, it knows all that is on chain (each life saw to it that
    the bytes were in it before they left), and it says the same as the chain. How many were replaced."""
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    facts = read_facts(path, chain_id, account)  # which verifies each record's checksum, and so the order
    attempts = [fact for fact in facts if isinstance(fact, r.Attempted)]
    archived = [fact for fact in facts if isinstance(fact, r.Archived)]
    by_hash = {str(fact.tx_hash): fact for fact in attempts}
    check_attempts(facts)
    assert all("0x" + keccak256(fact.raw).hex() == key for key, fact in by_hash.items())
    kept = [fact for fact in facts if isinstance(fact, r.Archived | r.GivenUp)]  # by compactions
    known = by_hash.keys() | {str(item.tx_hash) for fact in kept for item in fact.slot.attempts}
    missing = [item for item in sent if item.tx_hash not in known]
    assert not missing, f"on chain, and not in the journal: {missing}"
    finals = Counter(fact.nonce for fact in facts if isinstance(fact, r.Final))
    finals.update(fact.slot.nonce for fact in archived)
    assert all(times == 1 for times in finals.values()), f"ended twice: {finals}"
    state = replay(facts)
    assert state.halted is None, state.halted
    assert not state.slots, f"not final: {state.slots}"
    assert not state.queue
    ended = {slot.mined.tx_hash for slot in state.finished.values() if slot.mined is not None}
    assert ended == {item.tx_hash for item in sent}
    assert all(intent.state.is_terminal for intent in state.intents.values())
    normal = ([item.kind is Kind.NORMAL for item in slot.attempts] for slot in state.finished.values())
    return sum(sum(kinds) > 1 for kinds in normal)


def check_attempts(facts: Sequence[r.Durable]) -> None:
    """None is written twice while its nonce is held. One that never left may come again with the nonce: the
    same content at the same price has the same signature."""
    held: dict[int, set[str]] = {}
    for fact in facts:
        if isinstance(fact, r.Reserved):
            held[fact.nonce] = set()
        elif isinstance(fact, r.Attempted):
            known = held.setdefault(fact.nonce, set())
            assert fact.tx_hash not in known, f"{fact.tx_hash} was written twice"
            known.add(fact.tx_hash)


def attempts_of(path: Path, chain_id: int, account: Address) -> dict[str, int]:
    """The hashes that a journal has in flight, with the nonce of each."""
    facts = read_facts(path, chain_id, account)
    return {str(fact.tx_hash): fact.nonce for fact in facts if isinstance(fact, r.Attempted)}


def read_facts(path: Path, chain_id: int, account: Address) -> list[r.Durable]:
    with Journal.open(path, read_only=True) as journal:
        stream = stream_name(chain_id, account)
        return [decode_record(record.payload) for record in journal.replay(stream)]


def _sent(tx: Mapping[str, Any]) -> Sent:
    to = (tx["to"] or "").lower()
    return Sent(int(tx["nonce"], 16), tx["hash"].lower(), to, int(tx["value"], 16))
