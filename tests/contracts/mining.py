"""Transactions one by one, each in a block that is asked for. anvil's own mining loses one of some thousands,
that arrived while it closed the block before: in a long run that is every run."""

from __future__ import annotations

from typing import Any

from trimtab.chain.client import Client


async def mine_on_request(client: Client) -> None:
    """From now on blocks come by `send_and_mine` only."""
    await client.request("evm_setAutomine", [False])


async def send_and_mine(client: Client, fields: dict[str, Any]) -> dict[str, Any]:
    """The receipt of a transaction in a block of its own."""
    tx_hash = await client.request("eth_sendTransaction", [fields])
    await client.request("evm_mine")
    receipt: dict[str, Any] | None = await client.request("eth_getTransactionReceipt", [tx_hash])
    assert receipt is not None, f"{tx_hash} is in no block"
    return receipt
