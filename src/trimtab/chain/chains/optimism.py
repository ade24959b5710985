"""OP Mainnet: the sequencer orders by tip, the L1 data fee comes on top of gas."""

from __future__ import annotations

from trimtab.chain.chains.base import ChainInfo
from trimtab.model.ids import Address

# Predeploy GasPriceOracle (specs.optimism.io, "Predeploys").
GAS_PRICE_ORACLE = Address("0x420000000000000000000000000000000000000f")

OPTIMISM = ChainInfo(
    chain_id=10,
    name="optimism",
    currency="ETH",
    block_time=2.0,
    tip_floor=1_000_000,
    reorg_depth=30,
    has_mempool=False,
    l1_fee_oracle=GAS_PRICE_ORACLE,
)
