"""What is known of a chain beforehand. Everything here is a hint; the chain itself decides."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.model.ids import Address

# Multicall3 stands at one address on most chains (github.com/mds1/multicall3).
MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """Seconds and wei. `tip_floor`: the smallest tip worth bidding. `reorg_depth`: not undone in practice.

    `finality` is the block tag that the chain's own rules call final. `has_mempool` is False where a
    sequencer takes transactions in order of arrival and pending ones are not public.
    """

    chain_id: int
    name: str
    currency: str
    block_time: float
    tip_floor: int
    reorg_depth: int
    finality: str = "finalized"
    has_mempool: bool = True
    multicall: Address | None = MULTICALL3
    l1_fee_oracle: Address | None = None
