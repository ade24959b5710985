"""Arbitrum One: first come, first served; the tip is ignored; the L1 cost stands inside the gas limit."""

from __future__ import annotations

from trimtab.chain.chains.base import ChainInfo

ARBITRUM = ChainInfo(
    chain_id=42161,
    name="arbitrum",
    currency="ETH",
    block_time=0.25,
    tip_floor=0,
    reorg_depth=240,
    has_mempool=False,
    transfer_gas=None,
)
