"""Compare journal, chain and venue: which transactions of a key nobody can explain, and which sizes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.order import Fill, TxRecord, TxStatus
from trimtab.tx.records import decode_record, stream_name
from trimtab.tx.reducer import replay
from trimtab.tx.reporting import record_of
from trimtab.venues.base import PerpVenue


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the three say at one block. `foreign_nonces` were used on chain by this key without a journalled
    transaction: another holder of the key, or a lost journal. `vanished` are keys that the journal calls
    mined and the chain does not know. `unexplained_size` is the position minus what the fills of journalled
    transactions add up to (units of underlying)."""

    account: Address
    block: int
    foreign_nonces: tuple[int, ...]
    vanished: tuple[str, ...]
    unresolved: tuple[str, ...]
    fills: tuple[Fill, ...]
    unexplained_size: Decimal

    @property
    def orphans(self) -> int:
        """Transactions and positions that nothing in the journal explains."""
        return len(self.foreign_nonces) + len(self.vanished) + bool(self.unexplained_size)

    @property
    def is_clean(self) -> bool:
        return not self.orphans and not self.unresolved


async def reconcile_perp(
    client: Client,
    records: Sequence[TxRecord],
    venue: PerpVenue,
    account: Address,
    market: str,
    *,
    first_nonce: int = 0,
    opening_size: Decimal = Decimal(0),
) -> Reconciliation:
    """Compare the journal's `records` with the chain and with the venue's position at one block.

    `first_nonce` and `opening_size` are the account's before the journal began. A nonce identifies an
    account's transaction, so this needs no scan of blocks.
    """
    block = await client.block_number()
    async with asyncio.TaskGroup() as group:
        used = group.create_task(client.nonce(account, block))
        position = group.create_task(venue.read_position(account, market, block=block))
        receipts = [(r, group.create_task(client.receipt(r.tx_hash))) for r in records if _is_mined(r)]
    found = [(record, task.result()) for record, task in receipts]
    fills = _fills([receipt for _, receipt in found if receipt is not None], venue, account, market)
    return Reconciliation(
        account,
        block,
        foreign_nonces(records, first_nonce, used.result()),
        tuple(record.key for record, receipt in found if receipt is None),
        tuple(record.key for record in records if record.status is TxStatus.UNKNOWN),
        fills,
        position.result().size - opening_size - sum((fill.size for fill in fills), Decimal(0)),
    )


def read_records(journal: Journal, chain_id: int, account: Address) -> tuple[TxRecord, ...]:
    """Every transaction of an account that the journal knows, in the order of their intents; needs neither
    key nor lock."""
    stream = stream_name(chain_id, account)
    state = replay(decode_record(record.payload) for record in journal.replay(stream))
    return tuple(record_of(state, key) for key in state.intents)


def foreign_nonces(records: Sequence[TxRecord], first: int, used: int) -> tuple[int, ...]:
    """The nonces in [first, used) that no record holds; `used` is the account's nonce on chain."""
    held = {record.nonce for record in records}
    return tuple(nonce for nonce in range(first, used) if nonce not in held)


def _is_mined(record: TxRecord) -> bool:
    return record.status in (TxStatus.SUCCEEDED, TxStatus.REVERTED, TxStatus.CANCELED)


def _fills(receipts: Sequence[Receipt], venue: PerpVenue, account: Address, market: str) -> tuple[Fill, ...]:
    decoded = [fill for receipt in receipts for fill in venue.decode_fills(receipt, account)]
    return tuple(sorted((f for f in decoded if f.market == market), key=lambda f: (f.block, f.log_index)))
