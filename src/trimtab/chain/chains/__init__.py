"""Say what is known of a chain beforehand: one data file and one line per chain."""

from __future__ import annotations

from trimtab.chain.chains.arbitrum import ARBITRUM
from trimtab.chain.chains.base import LEAST_TIP, MULTICALL3, ChainInfo
from trimtab.chain.chains.base_mainnet import BASE
from trimtab.chain.chains.ethereum import ETHEREUM
from trimtab.chain.chains.local import LOCAL
from trimtab.chain.chains.optimism import OPTIMISM
from trimtab.chain.chains.polygon import POLYGON

__all__ = ["CHAINS", "MULTICALL3", "ChainInfo", "chain_info"]

CHAINS = {chain.chain_id: chain for chain in (ETHEREUM, OPTIMISM, BASE, ARBITRUM, POLYGON, LOCAL)}


def chain_info(chain_id: int) -> ChainInfo:
    """What is known of a chain; careful defaults for one that is not known."""
    known = CHAINS.get(chain_id)
    return known or ChainInfo(chain_id, f"chain-{chain_id}", "ETH", 12.0, tip_floor=LEAST_TIP, reorg_depth=64)
