"""What is known of chains."""

from __future__ import annotations

import pytest

from trimtab.chain.chains import CHAINS, chain_info
from trimtab.chain.chains.base import LEAST_TIP, ChainInfo


@pytest.mark.parametrize("chain", CHAINS.values(), ids=[c.name for c in CHAINS.values()])
def test_every_chain_is_sane(chain: ChainInfo) -> None:
    """Lower-case addresses, positive times, wei and not gwei; only where nothing waits the tip is nothing."""
    assert CHAINS[chain.chain_id] is chain
    assert 0 < chain.block_time <= 15
    assert chain.reorg_depth >= 1
    assert 10**6 <= chain.tip_floor <= 10**11 if chain.has_mempool else chain.tip_floor == 0
    assert (chain.transfer_gas is None) == (chain.name == "arbitrum")
    for address in (chain.multicall, chain.l1_fee_oracle):
        assert address is None or (len(address) == 42 and address == address.lower())
    assert chain.finality in ("finalized", "safe", "latest")
    assert (chain.l1_fee_oracle is not None) == (chain.name in ("optimism", "base"))


def test_names_are_unique() -> None:
    """A chain can be named on the command line."""
    assert len({chain.name for chain in CHAINS.values()}) == len(CHAINS)


def test_any_chain_is_taken() -> None:
    """A chain that is not listed gets careful values, not an error."""
    unknown = chain_info(987654321)
    assert (unknown.chain_id, unknown.tip_floor, unknown.reorg_depth) == (987654321, LEAST_TIP, 64)
    assert chain_info(10).name == "optimism"
