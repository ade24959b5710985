"""A local Safe is a genuine one."""

from __future__ import annotations

import pytest
from tests.tx.safe.conftest import DEPLOYER, OWNERS, SHOP

from trimtab.chain.client import Client
from trimtab.errors import RevertedError
from trimtab.tx.safe.safe_tx import SafeTx, safe_abi
from trimtab.world.node import AnvilNode
from trimtab.world.safe import deploy_safe, execute_safe_tx

pytestmark = pytest.mark.node


@pytest.mark.parametrize("version", ["1.3.0", "1.4.1"])
async def test_a_safe_of_each_version(version: str) -> None:
    """Its owners, threshold and version are what was asked for; too few signatures do nothing."""
    async with AnvilNode.open() as node, Client.open(node.url) as client:
        made = await deploy_safe(client, DEPLOYER, [o.address for o in OWNERS], 2, version=version)
        abi = safe_abi()
        reads = [abi.function(name).read(made.address) for name in ("VERSION", "getOwners", "getThreshold")]
        found = await client.read_many(reads)
        assert found == [version, tuple(owner.address for owner in OWNERS), 2]
        with pytest.raises(RevertedError, match="GS020"):
            await execute_safe_tx(client, DEPLOYER, made.address, SafeTx(SHOP, 0, b"", 0), OWNERS[:1])
        receipt = await execute_safe_tx(client, DEPLOYER, made.address, SafeTx(SHOP, 0, b"", 0), OWNERS[::2])
        assert receipt.status
