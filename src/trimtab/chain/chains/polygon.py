"""Polygon PoS: validators take no tip below 25 gwei, most none below 30."""

from __future__ import annotations

from trimtab.chain.chains.base import ChainInfo

POLYGON = ChainInfo(
    chain_id=137, name="polygon", currency="POL", block_time=2.0, tip_floor=30_000_000_000, reorg_depth=64
)
