"""Sends for accounts whose keys the development node holds: one at a time, or a whole block at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from trimtab.chain import wire
from trimtab.chain.abi import Abi
from trimtab.chain.address import create_address
from trimtab.chain.call import Call, Read
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.chain.reverts import decode_revert
from trimtab.errors import ChainError, RevertedError, RpcError
from trimtab.model.ids import Address
from trimtab.world.artifacts import Artifact

DEPLOY_GAS = 8_000_000
CALL_GAS = 3_000_000
_BATCH = 60


@dataclass(frozen=True, slots=True)
class Deployed:
    """A contract of the world: its ABI and where it is."""

    name: str
    abi: Abi
    address: Address

    def call(self, function: str, *args: Any) -> Call:
        return self.abi.function(function).at(self.address, *args)

    def read(self, function: str, *args: Any) -> Read[Any]:
        return self.abi.function(function).read(self.address, *args)


class BlockPlan:
    """Transactions that will be mined together. Addresses of new contracts are known before they exist."""

    def __init__(self, nonces: dict[Address, int]) -> None:
        self.transactions: list[dict[str, str]] = []
        self.labels: list[str] = []
        self._nonces = nonces

    def deploy(
        self,
        sender: Address,
        artifact: Artifact,
        *args: Any,
        libraries: Mapping[str, Address] | None = None,
    ) -> Deployed:
        """Create a contract; it may be used by the transactions that follow."""
        address = self.next_addresses(sender, 1)[0]
        code = artifact.creation_code(*args, libraries=libraries)
        self._append(sender, None, code, 0, DEPLOY_GAS, f"new {artifact.name}")
        return Deployed(artifact.name, artifact.abi, address)

    def next_addresses(self, sender: Address, count: int) -> list[Address]:
        """Where the sender's next contracts will be, if nothing else is sent in between."""
        return [create_address(sender, self._nonces[sender] + i) for i in range(count)]

    def send(
        self,
        sender: Address,
        contract: Deployed,
        function: str,
        *args: Any,
        value: int = 0,
        gas: int = CALL_GAS,
    ) -> None:
        """Call a function, `value` in wei."""
        call = contract.call(function, *args)
        self._append(sender, contract.address, call.data, value, gas, f"{contract.name}.{function}")

    def _append(
        self, sender: Address, to: Address | None, data: bytes, value: int, gas: int, label: str
    ) -> None:
        fields = {
            "from": sender,
            "nonce": hex(self._nonces[sender]),
            "data": f"0x{data.hex()}",
            "gas": hex(gas),
        }
        self.transactions.append(
            fields | ({"to": to} if to else {}) | ({"value": hex(value)} if value else {})
        )
        self.labels.append(label)
        self._nonces[sender] += 1


class Operator:
    """The hand that deploys and administers. It fails loudly: no transaction of it may revert."""

    def __init__(self, client: Client, *, error_abis: Callable[[], Sequence[Abi]] = tuple) -> None:
        self.client = client
        self._error_abis = error_abis  # asked for only when something has reverted

    async def transact(self, sender: Address, call: Call, *, gas: int = CALL_GAS, label: str = "") -> Receipt:
        """Send one call and return its receipt. Raises `RevertedError` with the decoded reason."""
        fields = {"from": sender, "to": call.target, "data": f"0x{call.data.hex()}", "gas": hex(gas)}
        if call.value:
            fields["value"] = hex(call.value)
        receipt = wire.decode_receipt(await self.client.request_json("eth_sendTransactionSync", [fields]))
        if receipt is None:
            raise RpcError(f"the node mined no receipt for {label or call.target}", code=-32603)
        await self._check([label or f"call of {call.target}"], [receipt])
        return receipt

    @asynccontextmanager
    async def block(self, *senders: Address, at: int | None = None) -> AsyncIterator[BlockPlan]:
        """Collect transactions of `senders`; on leaving they are mined in one block (in more when they do not
        fit), at unix time `at`. Raises `RevertedError` when any of them fails."""
        counts = await self.client.batch([("eth_getTransactionCount", [s, "latest"]) for s in senders])
        plan = BlockPlan({s: int(_result(n), 16) for s, n in zip(senders, counts, strict=True)})
        yield plan
        if plan.transactions:
            await self._mine(plan, at)

    async def _mine(self, plan: BlockPlan, at: int | None) -> None:
        room = (await self.client.block("latest")).gas_limit
        receipts: list[Receipt] = []
        await self.client.request("evm_setAutomine", [False])  # so that they are mined together
        try:
            if at is not None:
                await self.client.request("evm_setNextBlockTimestamp", [at])
            for part in _blocks(plan.transactions, room):
                receipts += await self._mine_one(part)
        finally:
            await self.client.request("evm_setAutomine", [True])
        await self._check(plan.labels, receipts)

    async def _mine_one(self, transactions: list[dict[str, str]]) -> list[Receipt]:
        hashes: list[str] = []
        for start in range(0, len(transactions), _BATCH):
            sends = [("eth_sendTransaction", [tx]) for tx in transactions[start : start + _BATCH]]
            hashes += [_result(answer) for answer in await self.client.batch(sends)]
        await self.client.request("evm_mine")
        answers = await self.client.batch([("eth_getTransactionReceipt", [h]) for h in hashes])
        found = [wire.decode_receipt(msgspec.json.encode(_result(answer))) for answer in answers]
        mined = [receipt for receipt in found if receipt is not None]
        if len(mined) < len(hashes):
            raise ChainError(
                f"the node left {len(hashes) - len(mined)} of {len(hashes)} transactions unmined"
            )
        return mined

    async def _check(self, labels: Sequence[str], receipts: Sequence[Receipt]) -> None:
        for label, receipt in zip(labels, receipts, strict=True):
            if not receipt.status:
                await self._raise_reverted(label, receipt)

    async def _raise_reverted(self, label: str, receipt: Receipt) -> None:
        data = await self._revert_data(receipt)
        reason = decode_revert(data, self._error_abis()).text
        sent = await self.client.request("eth_getTransactionByHash", [receipt.tx_hash])
        raise RevertedError(
            f"{label} from {receipt.sender} reverted in block {receipt.block}: {reason} "
            f"(gas used {receipt.gas_used})",
            tx_hash=receipt.tx_hash,
            nonce=int(sent["nonce"], 16),
            reason=reason,
            data=data,
        )

    async def _revert_data(self, receipt: Receipt) -> bytes:
        """The exact data, out of a trace: a replay would see another time. Empty where the engine cannot."""
        tracer = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
        try:
            trace = await self.client.request("debug_traceTransaction", [receipt.tx_hash, tracer])
        except RpcError:
            return b""
        return bytes.fromhex((trace.get("output") or "0x")[2:])


def _blocks(transactions: list[dict[str, str]], room: int) -> list[list[dict[str, str]]]:
    """In order, each part within the block gas limit: anvil drops what comes after one that did not fit."""
    parts: list[list[dict[str, str]]] = [[]]
    left = room
    for tx in transactions:
        gas = int(tx["gas"], 16)
        if gas > left and parts[-1]:
            parts.append([])
            left = room
        parts[-1].append(tx)
        left -= gas
    return parts


def _result(answer: Any) -> Any:
    if isinstance(answer, ChainError):
        raise answer
    return answer
