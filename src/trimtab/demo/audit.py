"""Count, on the chain itself, what the trader's key did, and hold it against the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.demo.protocol import Hedge
from trimtab.execution.reconcile import Reconciliation, reconcile_perp
from trimtab.hedging.book import PerpLeg
from trimtab.model.ids import Address, TxHash
from trimtab.model.order import Fill, TxRecord

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Audit:
    """`transactions` are all that the chain holds from the trader's key since the run began. `orphans` are
    those that the journal does not know, transactions of the journal that the chain does not know, and perp
    size that no fill explains. `duplicate_hedges` are perp trades beyond one for an occasion."""

    transactions: tuple[TxHash, ...]
    orphans: int
    duplicate_hedges: int
    reconciliation: Reconciliation


async def audit(
    client: Client,
    leg: PerpLeg,
    records: Sequence[TxRecord],
    hedges: Sequence[Hedge],
    *,
    first_block: int,
    first_nonce: int,
    opening: Sequence[TxHash] = (),
) -> Audit:
    """Compare blocks `first_block` to the latest with the journal's `records`, the hedger's `hedges`, and the
    trade that `opening` may hold."""
    last_block = await client.block_number()
    on_chain = await read_sent(client, leg.account, first_block, last_block)
    found = await reconcile_perp(client, records, leg.venue, leg.account, leg.market, first_nonce=first_nonce)
    strangers = set(on_chain) - {record.tx_hash for record in records}
    reasons = {hedge.tx_hash: hedge.reason for hedge in hedges if hedge.tx_hash is not None}
    return Audit(
        on_chain,
        len(strangers) + len(found.vanished) + bool(found.unexplained_size),
        count_duplicates(found.fills, dict.fromkeys(opening, "opening") | reasons),
        found,
    )


async def read_sent(client: Client, account: Address, first: int, last: int) -> tuple[TxHash, ...]:
    """Every transaction of `account` in the blocks `first` to `last`, in order."""
    sent: list[TxHash] = []
    for start in range(first, last + 1, _BATCH):
        numbers = range(start, min(start + _BATCH, last + 1))
        blocks = await client.batch([("eth_getBlockByNumber", [hex(n), True]) for n in numbers])
        for block in blocks:
            if isinstance(block, Exception):
                raise block
            sent += [TxHash(tx["hash"]) for tx in block["transactions"] if tx["from"].lower() == account]
    return tuple(sent)


async def read_receipts(client: Client, account: Address, first: int, last: int) -> tuple[Receipt, ...]:
    """The receipts of all that."""
    found = [await client.receipt(tx_hash) for tx_hash in await read_sent(client, account, first, last)]
    return tuple(receipt for receipt in found if receipt is not None)


def count_duplicates(fills: Iterable[Fill], reasons: Mapping[TxHash, str]) -> int:
    """Perp trades beyond the first for each occasion; a trade of no known occasion is one of its own."""
    trades = {fill.tx_hash for fill in fills}
    occasions = Counter(reasons.get(tx_hash, "") for tx_hash in trades)
    unknown = occasions.pop("", 0)
    return sum(count - 1 for count in occasions.values()) + unknown
