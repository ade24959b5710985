"""The local service refuses what the real one refuses; tests/tx/safe/test_service.py posts what it takes."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from tests.tx.safe.conftest import DEPLOYER, OWNERS, SHOP

from trimtab.chain.address import checksum
from trimtab.chain.client import Client
from trimtab.tx.safe.safe_tx import SafeTx
from trimtab.world.node import AnvilNode
from trimtab.world.safe import LocalSafe, deploy_safe, execute_safe_tx
from trimtab.world.safe_service import LocalSafeService

pytestmark = pytest.mark.node


async def body_of(client: Client, safe: LocalSafe, tx: SafeTx) -> dict[str, Any]:
    """A proposal as the documentation has it."""
    signature = await OWNERS[0].sign_typed_data(tx.typed_data(client.chain_id, safe.address))
    return {
        "safe": checksum(safe.address),
        "to": checksum(tx.to),
        "value": str(tx.value),
        "data": None,
        "operation": 0,
        "safeTxGas": "0",
        "baseGas": "0",
        "gasPrice": "0",
        "gasToken": None,
        "refundReceiver": None,
        "nonce": tx.nonce,
        "contractTransactionHash": tx.hash(client.chain_id, safe.address),
        "sender": checksum(OWNERS[0].address),
        "signature": "0x" + signature.hex(),
    }


async def test_what_the_real_one_refuses() -> None:
    """No checksum, another Safe, a changed field, a stranger, a used nonce, a torn signature, no Safe."""
    async with AnvilNode.open() as node, Client.open(node.url) as client:
        safe = await deploy_safe(client, DEPLOYER, [o.address for o in OWNERS], 1)
        async with LocalSafeService.open(client) as service, aiohttp.ClientSession() as session:
            good = await body_of(client, safe, SafeTx(SHOP, 0, b"", 0))

            async def post(account: str = good["safe"], **changes: Any) -> tuple[int, str]:
                url = f"{service.url}/api/v2/safes/{account}/multisig-transactions/"
                async with session.post(url, json=good | changes) as answer:
                    return answer.status, await answer.text()

            for changes, words in (
                ({"sender": OWNERS[0].address}, "not checksummed"),
                ({"account": checksum(SHOP)}, "not that of the path"),
                ({"value": "1"}, "Contract-transaction-hash"),
                ({"sender": checksum(DEPLOYER)}, "not an owner"),
                ({"sender": checksum(OWNERS[1].address)}, "does not match sender"),
                ({"signature": good["signature"][:-4]}, "not valid"),
                ({"account": checksum(SHOP), "safe": checksum(SHOP)}, "not a Safe"),
            ):
                status, said = await post(**changes)
                assert status == 422
                assert words in said
            assert (await post())[0] == 201
            await execute_safe_tx(client, DEPLOYER, safe.address, SafeTx(SHOP, 0, b"", 0), OWNERS[:1])
            status, said = await post()
            assert (status, "too low" in said) == (422, True)
