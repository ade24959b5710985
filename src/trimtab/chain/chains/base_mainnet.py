"""Base, an OP stack chain."""

from __future__ import annotations

from trimtab.chain.chains.base import LEAST_TIP, ChainInfo
from trimtab.chain.chains.optimism import GAS_PRICE_ORACLE

BASE = ChainInfo(
    chain_id=8453,
    name="base",
    currency="ETH",
    block_time=2.0,
    tip_floor=LEAST_TIP,
    reorg_depth=30,
    l1_fee_oracle=GAS_PRICE_ORACLE,
)
