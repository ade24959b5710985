"""What the chain shows after a storm, beside what the engine said of each wish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.storm.wishes import Wish

from trimtab.chain.client import Client
from trimtab.model.ids import Address

BATCH = 50
EXECUTED = "succeeded"
TERMINAL = frozenset({EXECUTED, "reverted", "cancelled", "refused", "expired", "superseded"})


@dataclass(frozen=True)
class Mined:
    """A transaction of the account; `cost` is its value and its fee, in wei."""

    nonce: int
    tx_hash: str
    to: str
    value: int
    cost: int


@dataclass
class Count:
    """Keys by what is wrong with them; all empty when nothing is. `lost`: not terminal, or said to be
    executed and not on chain, or wanted to the end and given up. `unsaid`: on chain, and said not to be.
    `strays`: transactions that nobody wanted."""

    executed: int = 0
    cancels: int = 0
    transactions: int = 0
    spent_wei: int = 0
    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)
    over_budget: list[str] = field(default_factory=list)
    strays: list[str] = field(default_factory=list)
    is_contiguous: bool = True

    @property
    def is_clean(self) -> bool:
        wrong = (self.duplicates, self.lost, self.unsaid, self.over_budget, self.strays)
        return self.is_contiguous and not any(wrong)


async def read_mined(client: Client, account: Address, first: int) -> list[Mined]:
    """The account's transactions on the canonical chain from block `first` on, with what each cost."""
    last = await client.block_number()
    found: list[Mined] = []
    for start in range(first, last + 1, BATCH):
        numbers = [hex(n) for n in range(start, min(start + BATCH, last + 1))]
        blocks = await client.batch([("eth_getBlockByNumber", [n, True]) for n in numbers])
        receipts = await client.batch([("eth_getBlockReceipts", [n]) for n in numbers])
        fees = {item["transactionHash"]: _fee(item) for block in receipts for item in block}
        for block in blocks:
            mine = (tx for tx in block["transactions"] if tx["from"].lower() == account)
            found += [_mined(tx, fees[tx["hash"]]) for tx in mine]
    return found


def count_mined(
    account: Address, wishes: Sequence[Wish], mined: Sequence[Mined], ends: Mapping[str, str], cancel_wei: int
) -> Count:
    """`cancel_wei` is the most that a cancellation may cost."""
    by_payee = {wish.payee: wish for wish in wishes}
    count = Count(transactions=len(mined), spent_wei=sum(item.cost for item in mined))
    count.is_contiguous = [item.nonce for item in mined] == list(range(len(mined)))
    executed: Counter[str] = Counter()
    for item in mined:
        wish = by_payee.get(Address(item.to))
        if item.to == account and item.value == 0:
            count.cancels += 1
            if item.cost > cancel_wei:
                count.over_budget.append(f"cancellation at nonce {item.nonce}")
        elif wish is None or item.value != 1:
            count.strays.append(item.tx_hash)
        else:
            executed[wish.key] += 1
            if item.cost > wish.budget_wei:
                count.over_budget.append(wish.key)
    count.executed = len(executed)
    count.duplicates = [key for key, times in executed.items() if times > 1]
    for wish in wishes:
        end = ends.get(wish.key, "none")
        if end not in TERMINAL or (end == EXECUTED and not executed[wish.key]):
            count.lost.append(wish.key)
        elif end != EXECUTED and executed[wish.key]:
            count.unsaid.append(wish.key)
        if wish.is_lasting and end in TERMINAL and end != EXECUTED:
            count.lost.append(wish.key)
    return count


def _fee(receipt: Mapping[str, Any]) -> int:
    return int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)


def _mined(tx: Mapping[str, Any], fee: int) -> Mined:
    value = int(tx["value"], 16)
    return Mined(int(tx["nonce"], 16), tx["hash"].lower(), (tx["to"] or "").lower(), value, value + fee)
