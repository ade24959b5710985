"""Ethereum mainnet: transactions whose tip was far below a gwei have waited for many blocks."""

from __future__ import annotations

from trimtab.chain.chains.base import ChainInfo

ETHEREUM = ChainInfo(
    chain_id=1, name="ethereum", currency="ETH", block_time=12.0, tip_floor=1_000_000_000, reorg_depth=64
)
