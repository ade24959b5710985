"""The special methods of a development node: its clock, its blocks, its balances, its chain's past."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.chain.client import Client
from trimtab.errors import RpcError
from trimtab.model.ids import Address


class NodeControl:
    """What a production node would never let you do. Raises `RpcError` where the engine lacks a method."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def snapshot(self) -> str:
        """Remember the state; the id restores it once."""
        return str(await self._client.request("evm_snapshot"))

    async def revert(self, snapshot: str) -> None:
        """Back to a snapshot, which is used up. Raises `RpcError` when the node does not know it."""
        if not await self._client.request("evm_revert", [snapshot]):
            raise RpcError(f"the node has no snapshot {snapshot}; each restores only once", code=-32000)

    async def mine(self, blocks: int = 1) -> None:
        """Mine so many blocks at the chain's own pace."""
        for _ in range(blocks):
            await self._client.request("evm_mine")

    async def mine_at(self, at: int) -> None:
        """Mine one block with this unix time."""
        await self.set_next_timestamp(at)
        await self._client.request("evm_mine")

    async def set_next_timestamp(self, at: int) -> None:
        """The next block's unix time. (evm_increaseTime is ignored silently once an interval is set.)"""
        await self._client.request("evm_setNextBlockTimestamp", [at])

    async def set_block_interval(self, seconds: int) -> None:
        """Seconds between the times of consecutive blocks, whatever the wall clock says."""
        await self._client.request("anvil_setBlockTimestampInterval", [seconds])

    async def set_gas_limit(self, gas: int) -> None:
        """The room in each block from the next one on."""
        await self._client.request("evm_setBlockGasLimit", [hex(gas)])

    async def set_balance(self, address: Address, wei: int) -> None:
        await self._client.request("anvil_setBalance", [address, hex(wei)])

    async def set_storage(self, address: Address, slot: int, word: bytes) -> None:
        """Overwrite one storage word."""
        await self._client.request(
            "anvil_setStorageAt", [address, f"0x{slot:064x}", f"0x{word.hex().zfill(64)}"]
        )

    async def set_automine(self, enabled: bool) -> None:  # noqa: FBT001 - the node's own word
        await self._client.request("evm_setAutomine", [enabled])

    async def impersonate(self, address: Address) -> None:
        """Let transactions from `address` pass without its key."""
        await self._client.request("anvil_impersonateAccount", [address])

    async def stop_impersonating(self, address: Address) -> None:
        await self._client.request("anvil_stopImpersonatingAccount", [address])

    async def set_next_base_fee(self, wei: int) -> None:
        await self._client.request("anvil_setNextBlockBaseFeePerGas", [hex(wei)])

    async def drop(self, tx_hash: str) -> None:
        """Forget a pending transaction."""
        await self._client.request("anvil_dropTransaction", [tx_hash])

    async def drop_all(self) -> None:
        await self._client.request("anvil_dropAllTransactions")

    async def reorg(self, depth: int, transactions: Sequence[tuple[str, int]] = ()) -> None:
        """Replace the last `depth` blocks; `transactions` are raw ones with the new block (0-based) of each.
        The others of the replaced blocks are gone."""
        await self._client.request("anvil_reorg", [depth, [list(pair) for pair in transactions]])
