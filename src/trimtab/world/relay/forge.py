"""Exact blocks on anvil: these transactions, in this order, in one block; and back again.

anvil fills a block from its pool. With `--order fifo` it keeps the order in which the pool got them, so an
emptied pool, the transactions sent one by one and `evm_mine` give the block that was decided.
`anvil_rollback` undoes it; the base fee and the clock, which it leaves wrong, are put right.
An eth_simulateV1 would not do: anvil's neither checks nonces and fee caps, nor creates contracts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.errors import ConfigError, RpcError
from trimtab.model.ids import Address
from trimtab.world.control import NodeControl

COINBASE = Address("0x00000000000000000000000000000000000b01de")
"""Who gets the fees of the blocks, so that what a bundle pays can be told from what it burns."""


@dataclass(frozen=True, slots=True)
class Next:
    """The block that would come next."""

    number: int
    at: int
    base_fee: int
    gas_limit: int


@dataclass(frozen=True, slots=True)
class Mined:
    """A block that was made. `receipts` are the node's own, by transaction hash; `refused` what the pool said
    no to, with its words. `expected_at` is the unix time it would have had by itself."""

    number: int
    hash: str
    at: int
    base_fee: int
    expected_at: int
    receipts: Mapping[str, Mapping[str, Any]]
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(self.receipts)

    @property
    def statuses(self) -> dict[str, bool]:
        """Success of each transaction."""
        return {tx_hash: int(r["status"], 16) == 1 for tx_hash, r in self.receipts.items()}

    @property
    def gas_used(self) -> int:
        return sum(int(r["gasUsed"], 16) for r in self.receipts.values())


class Forge:
    """The builder's hands on its node. Nothing else may mine while it works."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.control = NodeControl(client)

    async def check(self) -> None:
        """Raises `ConfigError` unless the node is an anvil that keeps the order."""
        try:
            info = await self.client.request("anvil_nodeInfo")
        except RpcError as error:
            raise ConfigError(
                f"a relay builds on anvil, and this node is none: {error}", key="node"
            ) from error
        if info["transactionOrder"] != "fifo":
            raise ConfigError(
                "a builder decides the order itself, and this anvil sorts by fee: start it with "
                "`anvil --order fifo` (NodeOptions or WorldOptions: order='fifo')",
                key="order",
            )

    async def mine_when_told(self) -> None:
        """No block by itself, and the fees to an account of their own."""
        await self.control.set_automine(enabled=False)
        await self.client.request("anvil_setCoinbase", [COINBASE])

    async def take_over(self) -> None:
        """The same, where any block may have to be taken back."""
        await self.mine_when_told()
        info = await self.client.request("anvil_nodeInfo")
        if info["forkConfig"]["forkBlockNumber"] == int(info["currentBlockNumber"], 16):
            await self.control.mine()  # the first block of a fork cannot be taken back, if it is all there is

    async def next(self) -> Next:
        """What is known of the next block before it is made."""
        found = await self.client.request("eth_getBlockByNumber", ["pending", False])
        names = ("number", "timestamp", "baseFeePerGas", "gasLimit")
        return Next(*(int(found[name], 16) for name in names))

    async def nonces(self, senders: Iterable[Address]) -> dict[Address, int]:
        """The next nonce of each sender."""
        wanted = sorted(set(senders))
        counts = await self.client.batch([("eth_getTransactionCount", [a, "latest"]) for a in wanted])
        return {sender: int(count, 16) for sender, count in zip(wanted, counts, strict=True)}

    async def mine(self, raws: Sequence[bytes], at: int | None = None) -> Mined:
        """One block of these, in this order; what the chain does not take is missing in it. It has the unix
        time `at`, unless the clock is already past it."""
        expected_at = (await self.next()).at
        await self.control.drop_all()
        refused = await self.send(raws)
        if at is not None:
            with suppress(RpcError):  # a second has begun since it was chosen
                await self.control.set_next_timestamp(at)
        await self.control.mine()
        return await self._read_head(expected_at, refused)

    async def send(self, raws: Iterable[bytes]) -> dict[str, str]:
        """Put transactions into the node's pool, one after the other: hash -> words of those it refused."""
        refused = {}
        for raw in raws:
            try:
                await self.client.request("eth_sendRawTransaction", ["0x" + raw.hex()])
            except RpcError as error:
                refused["0x" + keccak256(raw).hex()] = error.text
        return refused

    async def undo(self, mined: Mined) -> None:
        """Take the head block off again. Its transactions are nowhere then."""
        await self.client.request("anvil_rollback", [1])
        await self.control.drop_all()
        await self.control.set_next_base_fee(mined.base_fee)
        if (await self.next()).at != mined.expected_at:  # the clock went back with the block
            await self.client.request("evm_setTime", [mined.expected_at])

    async def pool(self) -> list[str]:
        """The hashes of what waits in the node's pool, also behind a missing nonce."""
        content = await self.client.request("txpool_content")
        by_sender = [senders for part in ("pending", "queued") for senders in content[part].values()]
        return [tx["hash"] for by_nonce in by_sender for tx in by_nonce.values()]

    async def traces(self, hashes: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """The calls of each transaction of the chain, by its hash."""
        wanted = list(hashes)
        asked = [("debug_traceTransaction", [tx_hash, {"tracer": "callTracer"}]) for tx_hash in wanted]
        answers = await self.client.batch(asked)
        return {h: a for h, a in zip(wanted, answers, strict=True) if isinstance(a, dict)}

    async def look_at_head(self) -> Mined:
        """The head block as if it had just been made."""
        head = await self.client.block("latest")
        return await self._read_head(head.at, {})

    async def _read_head(self, expected_at: int, refused: Mapping[str, str]) -> Mined:
        asked: list[tuple[str, list[object]]] = [
            ("eth_getBlockByNumber", ["latest", False]),
            ("eth_getBlockReceipts", ["latest"]),
        ]
        block, receipts = await self.client.batch(asked)
        number, at, base_fee = (int(block[n], 16) for n in ("number", "timestamp", "baseFeePerGas"))
        by_hash = {receipt["transactionHash"]: receipt for receipt in receipts}
        return Mined(number, block["hash"], at, base_fee, expected_at, by_hash, refused)
