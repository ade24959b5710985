"""A local node (anvil, Hardhat)."""

from __future__ import annotations

from trimtab.chain.chains.base import LEAST_TIP, ChainInfo

LOCAL = ChainInfo(
    chain_id=31337,
    name="local",
    currency="ETH",
    block_time=1.0,
    tip_floor=LEAST_TIP,
    reorg_depth=1,
    finality="latest",
    multicall=None,
)
