"""What is known of a chain beforehand. Everything here is a hint; the chain itself decides."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.ids import Address

# Multicall3 stands at one address on most chains (github.com/mds1/multicall3).
MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")

# geth's default for the least tip that a producer takes (miner.gasprice, 0.001 gwei).
LEAST_TIP = 1_000_000


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """Seconds and wei. `tip_floor`: the smallest tip worth bidding, per gas. `reorg_depth`: not undone in
    practice.

    `finality` is the block tag that the chain's own rules call final. `has_mempool` is False where nothing
    waits: a sequencer takes transactions in order of arrival, a nonce above the account's is refused, and
    neither a tip nor a dearer replacement buys anything. `transfer_gas` is what a transfer without data
    needs, None where the cost of L1 stands inside the gas limit, so that only the node can say it.
    `l1_fee_oracle`: the contract that knows the L1 fee where it comes on top of gas.
    """

    chain_id: int
    name: str
    currency: str
    block_time: float
    tip_floor: int
    reorg_depth: int
    finality: str = "finalized"
    has_mempool: bool = True
    transfer_gas: int | None = 21_000
    multicall: Address | None = MULTICALL3
    l1_fee_oracle: Address | None = None
