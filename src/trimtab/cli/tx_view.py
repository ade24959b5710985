"""What `trimtab tx` shows: read from the journal on disk, without a lock and without a node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from trimtab.cli.exposure_view import route_words
from trimtab.cli.output import DASH, console, number, print_facts, print_json, print_table, to_plain
from trimtab.cli.relay_status import read_relays
from trimtab.config import Config, find_config, load_config
from trimtab.errors import IntentError
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.order import TxRecord, TxStatus
from trimtab.model.units import from_base
from trimtab.tx import progress
from trimtab.tx.fees import Fees
from trimtab.tx.forecast import Forecast
from trimtab.tx.ledger import Ledger
from trimtab.tx.progress import Teller, TxProgress
from trimtab.tx.records import Submitted, decode_record, stream_name
from trimtab.tx.reporting import record_of
from trimtab.tx.states import Attempt, Refusal, State
from trimtab.tx.stories import pick_story

WIDE = 120
"""Columns from which a list of transactions has room for attempts, price and hash."""


@dataclass(frozen=True, slots=True)
class Books:
    """Where an account's transactions are written."""

    path: Path
    chain_id: int
    account: Address

    @property
    def stream(self) -> str:
        return stream_name(self.chain_id, self.account)


def find_books(config: Path | None) -> tuple[Config, Books]:
    """The settings, and the stream of their account. Raises `ConfigError` when there is no account."""
    from trimtab.cli.wiring import account_of

    settings = load_config(find_config(config))
    return settings, Books(settings.journal.path, settings.chain.chain_id, account_of(settings.account))


def read_state(books: Books) -> State:
    """What the journal folds to; nothing when there is none yet. Raises `HaltError` for a damaged one."""
    if not books.path.exists():
        return State()
    with Journal.open(books.path, read_only=True) as journal:
        return Ledger(journal, books.stream).state


def find_key(books: Books, state: State, given: str) -> str:
    """The key of a transaction by its own, or by that of the trade whose only one it is. Raises `IntentError`
    for a key that the journal does not know, and for a trade of several transactions, with their keys."""
    if given in state.intents:
        return given
    steps = [key for key in state.intents if key.startswith(f"{given}/")]
    if len(steps) == 1:
        return steps[0]
    unknown = f"the journal {books.path} knows no transaction {given!r} of {books.account}"
    several = f"{given!r} has {len(steps)} transactions: name one of {', '.join(steps)}"
    advice = "`trimtab tx ls --all` lists them"
    raise IntentError(several if steps else f"{unknown}; {advice}", field="key", value=given)


async def show_list(config: Path | None, *, every: bool, as_json: bool) -> None:
    """All that is not final, lowest nonce first, and what was given up and could still land; `every` with the
    rest."""
    _, books = find_books(config)
    state = read_state(books)
    slots = {**state.finished, **state.slots} if every else state.slots
    keys = [slots[nonce].key for nonce in sorted(slots)]
    given_up = [key for key in state.given_up if key not in keys]
    rows = [record_of(state, key) for key in [*keys, *given_up, *state.queue]]
    if as_json:
        print_json(
            {
                "chain_id": books.chain_id,
                "account": books.account,
                "next_nonce": state.nonces.lowest,
                "halted": state.halted,
                "paused": state.paused,
                "transactions": rows,
            }
        )
        return
    print_records(f"Transactions of {books.account} on chain {books.chain_id}", rows, state)


def print_records(title: str, rows: Sequence[TxRecord], state: State) -> None:
    """A table of transactions, and below it how the account stands. What a narrow terminal has no room for,
    and the whole hash, is in `tx show`."""
    columns: tuple[str, ...] = (">Nonce", "Key", "State", "Lane", ">Block", "What")
    extra: tuple[str, ...] = (">Attempts", ">Fee cap, gwei", "Hash") if console().width >= WIDE else ()
    cells = [
        (
            number(row.nonce) if row.nonce >= 0 else DASH,
            row.key,
            row.journal_state,
            lane_of(row),
            number(row.block),
            row.label or DASH,
            number(row.attempts),
            number(_fee_cap(state, row.key)),
            f"{row.tx_hash[:10]}…{row.tx_hash[-6:]}" if row.tx_hash else DASH,
        )[: len(columns) + len(extra)]
        for row in rows
    ]
    caption = f"next nonce {state.nonces.lowest}"
    if state.halted is not None:
        caption += f" · halted: {state.halted}"
    if state.paused is not None:
        caption += f" · paused: {state.paused}"
    print_table(title, columns + extra, cells, caption if rows else f"nothing here · {caption}")


def lane_of(row: TxRecord) -> str:
    """Who may have its bytes, and while it waits in a private lane until which block."""
    is_waiting = row.last_block and row.block is None and row.status is TxStatus.UNKNOWN
    return f"{row.lane} to {row.last_block}" if is_waiting else row.lane


def _fee_cap(state: State, key: str) -> Decimal | None:
    slot = state.slot_of(key) or state.given_up.get(key)
    return from_base(slot.last.fees.fee_cap, 9) if slot is not None and slot.attempts else None


async def show_one(config: Path | None, key: str, *, as_json: bool, relays: bool = False) -> None:
    """One transaction, whole; with `relays` what those of the settings say of it, which asks them. Raises
    `IntentError` for a key that the journal does not know."""
    settings, books = find_books(config)
    state = read_state(books)
    key = find_key(books, state, key)
    story = read_story(books, key)
    row, intent = record_of(state, key), state.intents[key]
    slot = state.slot_of(key) or state.given_up.get(key)
    attempts = slot.attempts if slot is not None else ()
    told = await read_relays(settings, [item.tx_hash for item in attempts]) if relays else None
    if as_json:
        timeline = [{"at": at, "event": type(event).__name__, **to_plain(event)} for at, event in story]
        shown = {**to_plain(row), "reason": intent.reason, "refusal": intent.refusal}
        shown |= {"attempt_list": list(map(_plain_attempt, attempts)), "timeline": timeline}
        print_json({**shown, "route": intent.route and route_words(intent.route), "relays": told})
        return
    print_facts(
        f"{key} on chain {books.chain_id}",
        {
            "state": row.journal_state + (f" ({intent.reason})" if intent.reason else ""),
            "what": row.label or DASH,
            "target": intent.target or DASH,
            "value, wei": number(intent.value),
            "gas limit": number(intent.gas_limit),
            "budget, wei": number(intent.budget_wei),
            "deadline": number(intent.deadline),
            "nonce": number(row.nonce) if row.nonce >= 0 else DASH,
            "route": route_words(intent.route),
            "lane": row.lane,
            "window's last block": number(row.last_block) if row.last_block else DASH,
            "block": number(row.block),
            "fee paid, wei": number(row.fee_wei) if row.block is not None else DASH,
        },
    )
    columns = (">#", "Kind", ">Tip, gwei", ">Fee cap, gwei", "Answers", "Hash")
    print_table("Attempts", columns, [_attempt_cells(n, item) for n, item in enumerate(attempts, 1)])
    if told is not None:
        rows = [(item.endpoint, item.state.value, item.reason or DASH, item.tx_hash) for item in told]
        said = (
            "what a relay says is no proof; the chain decides" if rows else "no relay of the settings tells"
        )
        print_table("Relays", ("Endpoint", "State", "Reason", "Hash"), rows, said)
    times = [(_clock(at), *tell(event)) for at, event in story]
    print_table("What happened", ("When (UTC)", "What", "Detail"), times)


def read_story(books: Books, key: str) -> list[tuple[float, TxProgress]]:
    """What happened to a transaction, each with the wall clock's second of its record."""
    with Journal.open(books.path, read_only=True) as journal:
        found = list(journal.replay(books.stream))
    picked = pick_story((decode_record(record.payload) for record in found), key)
    teller, story = Teller(), list[tuple[float, TxProgress]]()
    for record, fact in zip(found, picked, strict=True):
        if isinstance(fact, Submitted):
            teller, story = Teller(), []  # wanted again after a refusal: only that counts
        story += [(record.at, event) for event in (teller.tell(fact) if fact is not None else ())]
    return story


def tell(event: TxProgress) -> tuple[str, str]:
    """An event for people: its name, and what it says."""
    name = _name(event)
    match event:
        case progress.Signed():
            return name, f"{event.kind}, nonce {event.nonce}, {_price(event.fees)}, {event.tx_hash}"
        case progress.Bumped():
            return name, f"{_price(event.old)} -> {_price(event.new)}"
        case progress.Foreseen():
            return name, _forecast(event.forecast)
        case progress.Routed():
            until = f" up to block {event.last_block}" if event.last_block else ""
            return name, f"{event.lane}{until}" + (f": {event.reason}" if event.reason else "")
        case progress.Sent():
            aim = f", for block {event.target}" if event.target else ""
            return name, f"to {', '.join(event.endpoints)}{aim}"
        case progress.Accepted():
            return name, event.endpoint
        case progress.Refused() | progress.Ambiguous():
            return name, f"{event.endpoint}: {event.message or event.send_class}"
        case progress.Included():
            done = "succeeded" if event.is_success else "reverted"
            return name, f"block {event.block}, {done}, paid {number(event.fee_wei)} wei"
        case progress.Reorged() | progress.Confirmed() | progress.Safe():
            return name, f"block {event.block}"
        case progress.Final():
            return name, event.outcome.value
        case progress.BudgetRaised():
            return name, f"{number(event.budget_wei)} wei"
    return name, getattr(event, "reason", "")


def _name(event: TxProgress) -> str:
    is_dropped = isinstance(event, progress.NotSent) and event.refusal is Refusal.DROPPED
    return "Dropped" if is_dropped else type(event).__name__  # relays had it: it was sent


def _forecast(seen: Forecast) -> str:
    end = "succeeds" if seen.ok else "reverts"
    gas = DASH if seen.gas_used is None else number(seen.gas_used)
    part = "" if seen.is_complete else "; not all that comes before it was counted"
    return f"by {seen.method} in block {seen.block}: {end}, {gas} gas{part}"


def _price(fees: Fees) -> str:
    return f"fee cap {number(from_base(fees.fee_cap, 9))} gwei"


def _attempt_cells(place: int, attempt: Attempt) -> tuple[str, ...]:
    answers = "\n".join(
        f"{endpoint} {outcome}" + (f" ({send_class})" if send_class else "")
        for endpoint, (outcome, send_class) in attempt.results.items()
    )
    return (
        str(place),
        attempt.kind.value,
        number(from_base(attempt.fees.tip, 9)),
        number(from_base(attempt.fees.fee_cap, 9)),
        answers or DASH,
        attempt.tx_hash,
    )


def _plain_attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "kind": attempt.kind,
        "tx_hash": attempt.tx_hash,
        "tip": attempt.fees.tip,
        "fee_cap": attempt.fees.fee_cap,
        "gas_limit": attempt.gas_limit,
        "worst_cost": attempt.worst_cost,
        "answers": {name: {"outcome": o, "class": c} for name, (o, c) in attempt.results.items()},
    }


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
