"""OP Mainnet: the sequencer keeps a pool that is not public and orders it by tip; the L1 fee is on top of
gas."""

from __future__ import annotations

from trimtab.chain.chains.base import LEAST_TIP, ChainInfo
from trimtab.model.ids import Address

# Predeploy GasPriceOracle (specs.optimism.io, "Predeploys").
GAS_PRICE_ORACLE = Address("0x420000000000000000000000000000000000000f")

OPTIMISM = ChainInfo(
    chain_id=10,
    name="optimism",
    currency="ETH",
    block_time=2.0,
    tip_floor=LEAST_TIP,
    reorg_depth=30,
    l1_fee_oracle=GAS_PRICE_ORACLE,
)
