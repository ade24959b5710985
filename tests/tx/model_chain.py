"""A chain for one account, with a pool for each endpoint: blocks, reorgs, replacement rules, and what an
honest node answers to a broadcast. Twin of a real one for both machines: the reducer's and the shell's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import BlockHash, TxHash
from trimtab.tx.fees import Fees, bump_price

FINAL_DEPTH = 3
"""Blocks above the finalized one; a reorg is never deeper."""


@dataclass(frozen=True)
class ModelTx:
    """What the chain knows of a transaction."""

    tx_hash: TxHash
    nonce: int
    fees: Fees
    to: str = ""
    value: int = 0
    data: bytes = b""
    gas_limit: int = 21_000
    reverts: bool = False

    @property
    def worst_cost(self) -> int:
        return self.gas_limit * self.fees.fee_cap + self.value


@dataclass(frozen=True)
class ModelBlock:
    number: int
    hash: BlockHash
    parent_hash: BlockHash
    at: int
    base_fee: int
    txs: tuple[ModelTx, ...] = ()

    def price_of(self, tx: ModelTx) -> int:
        """Wei per gas that `tx` paid here."""
        return min(tx.fees.fee_cap, self.base_fee + tx.fees.tip)

    def cost_of(self, tx: ModelTx) -> int:
        """Wei that `tx` took from the account here, all its gas used."""
        return tx.gas_limit * self.price_of(tx) + (0 if tx.reverts else tx.value)


class ModelChain:
    """`at` is the time of the next block, `base_fee` its price, `funds` what the account ever got, in wei."""

    def __init__(self, endpoints: Sequence[str], at: int = 1_000) -> None:
        self.blocks = [ModelBlock(0, _hash(0, 0), _hash(0, 1), at, 100)]
        self.pools: dict[str, dict[int, ModelTx]] = {name: {} for name in endpoints}
        self.at = at
        self.base_fee = 100
        self.funds = 10**18
        self.orphaned: dict[TxHash, ModelBlock] = {}
        self._finalized = 0
        self._made = 1

    @property
    def head(self) -> int:
        return self.blocks[-1].number

    @property
    def finalized(self) -> int:
        """It never goes back, however the head does."""
        self._finalized = max(self._finalized, self.head - FINAL_DEPTH)
        return self._finalized

    def finalize(self) -> None:
        """What is there now stays."""
        self._finalized = self.head

    @property
    def reorg_room(self) -> int:
        """How deep a reorg may be now."""
        return self.head - self.finalized

    def nonce(self, height: int | None = None) -> int:
        return sum(len(block.txs) for block in self._until(height))

    def mined(self, height: int | None = None) -> dict[TxHash, ModelBlock]:
        return {tx.tx_hash: block for block in self._until(height) for tx in block.txs}

    def find(self, tx_hash: str, height: int | None = None) -> tuple[ModelTx, ModelBlock] | None:
        """A canonical transaction and its block."""
        for block in self._until(height):
            for tx in block.txs:
                if tx.tx_hash == tx_hash:
                    return tx, block
        return None

    def balance(self, height: int | None = None) -> int:
        return self.funds - sum(block.cost_of(tx) for block in self._until(height) for tx in block.txs)

    def _until(self, height: int | None) -> Sequence[ModelBlock]:
        return self.blocks if height is None else self.blocks[: height + 1]

    def mine(self, picks: Iterable[ModelTx] = ()) -> None:
        self._made += 1
        parent = self.blocks[-1]
        number = parent.number + 1
        at = self.at = max(self.at, parent.at + 1)
        made = _hash(number, self._made)
        self.blocks.append(ModelBlock(number, made, parent.hash, at, self.base_fee, tuple(picks)))
        used = self.nonce()
        for pool in self.pools.values():
            for nonce in [n for n in pool if n < used]:
                del pool[nonce]

    def candidates(self, nonce: int) -> list[ModelTx]:
        """What a block may hold at `nonce`: from any pool, at a price that covers the base fee."""
        offers = {pool[nonce].tx_hash: pool[nonce] for pool in self.pools.values() if nonce in pool}
        balance = self.balance()
        return [tx for tx in offers.values() if tx.fees.fee_cap >= self.base_fee and tx.worst_cost <= balance]

    def reorg(self, depth: int, keep: bool) -> None:
        """The last `depth` blocks give way to empty ones; `keep`: the first pool gets theirs back."""
        dropped = self.blocks[-depth:]
        del self.blocks[-depth:]
        first = next(iter(self.pools.values()))
        for block in dropped:
            self.orphaned |= {tx.tx_hash: block for tx in block.txs}
            for tx in block.txs if keep else ():
                first.setdefault(tx.nonce, tx)
        for _ in dropped:
            self.mine()

    def offer(self, endpoint: str, tx: ModelTx) -> SendClass | None:
        """What an honest node answers; None is a plain yes."""
        pool = self.pools[endpoint]
        if tx.nonce < self.nonce():
            return SendClass.NONCE_LOW
        held = pool.get(tx.nonce)
        if held is not None and held.tx_hash == tx.tx_hash:
            return SendClass.ALREADY_KNOWN
        if held is None and any(n not in pool for n in range(self.nonce(), tx.nonce)):
            return SendClass.NONCE_HIGH
        if held is not None and tx.fees.fee_cap < bump_price(held.fees.fee_cap):
            return SendClass.REPL_UNDERPRICED
        if tx.fees.fee_cap < self.base_fee // 2:
            return SendClass.UNDERPRICED
        if tx.worst_cost > self.balance():
            return SendClass.FUNDS
        pool[tx.nonce] = tx
        return None

    def pooled(self) -> set[TxHash]:
        """The hashes that any pool holds."""
        return {tx.tx_hash for pool in self.pools.values() for tx in pool.values()}


def _hash(number: int, made: int) -> BlockHash:
    return BlockHash(f"0x{number:032x}{made:032x}")
