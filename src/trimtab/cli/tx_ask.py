"""What `trimtab tx` does: by the sender that runs, if one does, else by one of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from trimtab.cli.output import print_facts, print_json
from trimtab.cli.tx_view import Books, find_books, find_key, print_records, read_state, read_story
from trimtab.cli.wiring import open_sender, open_session, parse_amount
from trimtab.config import Config
from trimtab.errors import ConfigError, HaltError, IntentError, NotSentError, OutcomeUnknownError
from trimtab.journal import Journal
from trimtab.model.order import TxRecord
from trimtab.model.units import to_base_exact
from trimtab.tx import Sender
from trimtab.tx.asks import Ask, AskBox
from trimtab.tx.progress import FeeCapped
from trimtab.tx.reporting import record_of
from trimtab.tx.states import State

PATIENCE = 10.0
"""Seconds that a running sender has to take an ask."""
LOOK_EVERY = 0.2


def budget_of(ether: str | None) -> int | None:
    """Wei of a number of ether from the command line. Raises `IntentError`."""
    amount = parse_amount(ether, "--budget-eth")
    return None if amount is None else to_base_exact(amount, 18, "--budget-eth")


async def ask_about(config: Path | None, ask: Ask, *, timeout: float, as_json: bool) -> None:
    """Have a transaction cancelled or bumped, wait a while, and tell where it stands. Raises `NotSentError`
    when a cap or limit forbids the price."""
    settings, books = find_books(config)
    state = read_state(books)
    ask = msgspec.structs.replace(ask, key=find_key(books, state, ask.key))
    late = "; it was decided before" if _is_decided(state, ask.key) else ""
    told = len(read_story(books, ask.key))
    if is_written(books):
        who = "by the running sender"
        await leave(books, ask)
        await _watch(books, ask.key, told, timeout)
    else:
        who = "by this command"
        async with _own_sender(settings) as sender:
            await sender.obey(ask)
            await _watch(books, ask.key, told, timeout)
    _tell(record_of(read_state(books), ask.key), f"asked to {ask.kind} it, {who}{late}", as_json=as_json)


async def ask_account(config: Path | None, ask: Ask, *, as_json: bool) -> None:
    """Resume, pause or unpause the account, and tell how it stands."""
    settings, books = find_books(config)
    if is_written(books):
        await leave(books, ask)
    else:
        async with _own_sender(settings) as sender:
            await sender.obey(ask)
    state = read_state(books)
    facts = {
        "account": books.account,
        "chain": books.chain_id,
        "halted": state.halted,
        "paused": state.paused,
    }
    if as_json:
        print_json(facts)
    else:
        print_facts(f"{ask.kind}: done", {**facts, "chain": str(books.chain_id)})


async def recover(config: Path | None, *, timeout: float, as_json: bool) -> None:
    """Open a sender, which recovers, and wait for all that was in flight. Raises `OutcomeUnknownError` when
    something is not resolved in time, `HaltError` for a halted account."""
    settings, books = find_books(config)
    async with _own_sender(settings) as sender:
        keys = [handle.key for handle in sender.recovered]
        async with asyncio.TaskGroup() as waits:
            for key in keys:
                waits.create_task(_settle(sender, key, timeout))
        halted = sender.snapshot().halted
    state = read_state(books)
    rows = [record_of(state, key) for key in keys]
    if as_json:
        print_json({"recovered": rows, "halted": halted})
    else:
        print_records(f"Looked after {len(rows)} of {books.account} on chain {books.chain_id}", rows, state)
    if halted is not None:
        raise HaltError(
            f"{books.account} is halted: {halted}. Find out who uses the key, then `trimtab tx resume`"
        )
    open_keys = [key for key in keys if not _is_decided(state, key)]
    if open_keys:
        slot = state.slot_of(open_keys[0])
        raise OutcomeUnknownError(
            f"not resolved after {timeout:g} s: {', '.join(open_keys)}. They may still be mined: run this "
            "again, bump or cancel them, and never send them under other keys",
            tx_hash=slot.last.tx_hash if slot is not None else "",
            nonce=slot.nonce if slot is not None else -1,
        )


def is_written(books: Books) -> bool:
    """Whether a sender of this account runs in another process."""
    with Journal.open(books.path) as journal:
        try:
            journal.acquire(books.stream).release()
        except ConfigError:
            return True
        return False


async def leave(books: Books, ask: Ask) -> None:
    """Leave an ask for the running sender. Raises what it answers, or `HaltError` when it does not."""
    with Journal.open(books.path) as journal:
        box = AskBox(journal, books.stream)
        box.leave(ask)
        try:
            async with asyncio.timeout(PATIENCE):
                while (answer := box.find_answer(ask)) is None:  # noqa: ASYNC110  another process writes it
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            box.withdraw(ask)
            raise HaltError(
                f"the process that writes {books.stream} did not answer in {PATIENCE:g} s: it may hang, or "
                "be of an older trimtab. It was not asked; look at it, or stop it and run this again"
            ) from None
    if answer.error:
        raise IntentError(answer.error, field="key", value=ask.key)


@asynccontextmanager
async def _own_sender(settings: Config) -> AsyncIterator[Sender]:
    async with open_session(settings) as session, open_sender(session) as (sender, _):
        yield sender


async def _settle(sender: Sender, key: str, timeout: float) -> None:
    """Wait for a decision on the chain, a while."""
    try:
        await sender.handle(key).outcome(timeout=timeout)
    except (OutcomeUnknownError, NotSentError):
        return


async def _watch(books: Books, key: str, told: int, timeout: float) -> None:
    """Wait until the journal has the transaction decided, a while. Raises `NotSentError` when an event after
    the first `told` says that a cap forbids the price."""
    until = asyncio.get_running_loop().time() + timeout
    while not _is_decided(read_state(books), key) and asyncio.get_running_loop().time() < until:
        capped = [event for _, event in read_story(books, key)[told:] if isinstance(event, FeeCapped)]
        if capped:
            raise NotSentError(
                f"{key} was not replaced: {capped[-1].reason}. What is out stays out, and may still be mined"
            )
        await asyncio.sleep(LOOK_EVERY)


def _is_decided(state: State, key: str) -> bool:
    intent = state.intents[key].state
    return intent.is_mined or intent.is_terminal


def _tell(row: TxRecord, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"transaction": row, "done": done})
        return
    facts = {
        "state": row.journal_state,
        "nonce": row.nonce,
        "attempts": row.attempts,
        "block": row.block,
        "hash": row.tx_hash,
    }
    print_facts(row.key, facts, done)
