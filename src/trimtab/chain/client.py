"""The client: typed reads of one chain, one request each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import msgspec

from trimtab.chain import wire
from trimtab.chain.call import Call, Read
from trimtab.chain.chains import chain_info
from trimtab.chain.heads import HeadWatcher, ReorgNotice
from trimtab.chain.logs import LogReader, Topic
from trimtab.chain.messages import encode
from trimtab.chain.multicall import Aggregator
from trimtab.chain.options import ClientOptions
from trimtab.chain.receipt import Block, Log, Receipt
from trimtab.chain.reverts import call_reverted, revert_data
from trimtab.chain.transports import make_transport
from trimtab.chain.transports.base import Transport
from trimtab.chain.transports.endpoint import Endpoint, Stats
from trimtab.chain.transports.failover import Failover
from trimtab.errors import AbiError, CallRevertedError, RpcError
from trimtab.model.ids import Address, TxHash
from trimtab.net import Lane

T = TypeVar("T")
BlockRef = int | str
Overrides = Mapping[Address, Mapping[str, Any]]


class Client:
    """Reads of one chain over one node or several. Made by `Client.open`."""

    def __init__(self, failover: Failover, options: ClientOptions, stats: Stats, chain_id: int) -> None:
        self.chain_id = chain_id
        self.options = options
        self.stats = stats
        self._failover = failover
        self._log_reader = LogReader(failover, options)
        self.aggregator = Aggregator(failover, options, chain_info(chain_id).multicall)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str | Transport | Sequence[str | Transport], options: ClientOptions | None = None
    ) -> AsyncIterator[Self]:
        """Connect and check the chain id, by one request.

        http(s)://, ws(s)://, a path to an IPC socket, or several of them. Raises `WrongChainError`,
        `TransportError`, or `ConfigError` for a URL that is none of these.
        """
        chosen = options or ClientOptions()
        stats = Stats()
        several = [url] if isinstance(url, (str, Transport)) else list(url)
        clock = asyncio.get_running_loop().time
        endpoints = [Endpoint(make_transport(u), chosen, stats, clock) for u in several]
        failover = Failover(endpoints, chosen, stats)
        try:
            chain_id = await failover.open()
            yield cls(failover, chosen, stats, chain_id)
        finally:
            await failover.close()

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Each node's own `request`, never retried: for broadcasts."""
        return self._failover.endpoints

    def in_lane(self, lane: Lane) -> Client:
        """The same client, whose reads go in another lane: before others or after them where the rate is
        limited. Writes always go first."""
        return Client(self._failover.in_lane(lane), self.options, self.stats, self.chain_id)

    async def request(self, method: str, params: Sequence[Any] = ()) -> Any:
        """A raw JSON-RPC result as Python objects. Raises `RpcError` or `TransportError`."""
        return msgspec.json.decode(await self._failover.send(method, encode(list(params))))

    async def request_json(self, method: str, params: Sequence[Any] = ()) -> bytes:
        """A raw JSON-RPC result as JSON bytes: the bulk decoders' input."""
        return bytes(await self._failover.send(method, encode(list(params))))

    async def batch(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """One JSON-RPC batch; the errors of single requests are returned in their places."""
        if not requests:
            return []
        results = await self._failover.send_batch([(m, encode(list(p))) for m, p in requests])
        return [r if isinstance(r, Exception) else msgspec.json.decode(r) for r in results]

    async def call(
        self,
        read: Read[T],
        *,
        block: BlockRef = "latest",
        sender: Address | None = None,
        overrides: Overrides | None = None,
    ) -> T:
        """One read by exactly one request. Raises `CallRevertedError`, `AbiError` (also where no code is)."""
        data = await self.call_raw(read.call, sender=sender, block=block, overrides=overrides, name=read.name)
        return decode_read(read, data)

    async def call_raw(
        self,
        call: Call,
        *,
        sender: Address | None = None,
        block: BlockRef = "latest",
        overrides: Overrides | None = None,
        gas: int | None = None,
        name: str = "",
    ) -> bytes:
        """The return data of a call. Raises `CallRevertedError` with the decoded reason."""
        params: list[Any] = [
            wire.call_object(call.target, call.data, call.value, sender, gas),
            wire.block_param(block),
        ]
        if overrides:
            params.append(overrides)
        try:
            return wire.decode_bytes(await self._failover.send("eth_call", encode(params)))
        except RpcError as error:
            data = revert_data(error)
            if data is None:
                raise
            raise call_reverted(name, call.target, data, self.options.error_abis, error.text) from error

    async def read_many(
        self, reads: Sequence[Read[T]], *, block: BlockRef = "latest"
    ) -> list[T | CallRevertedError]:
        """Many reads at one block by one request; a reverted one is a `CallRevertedError` in its place.

        A read of an address without code counts as reverted. Raises `AbiError` for data that does not decode.
        """
        return await self.aggregator.read_many(reads, block)

    async def block(self, number: BlockRef = "latest") -> Block:
        """A header by number, tag or hash. Raises `RpcError` when the node does not have it."""
        found = await self.find_block(number)
        if found is None:
            raise RpcError(f"the node has no block {number}; it may not be there yet", code=-32001)
        return found

    async def find_block(self, number: BlockRef) -> Block | None:
        """A header by number, tag or hash, or None."""
        by_hash = isinstance(number, str) and len(number) == 66
        method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        key = hex(number) if isinstance(number, int) else number
        return wire.decode_block(await self._failover.send(method, encode([key, False])))

    async def block_number(self) -> int:
        """The number of the latest block."""
        return wire.decode_int(await self._failover.send("eth_blockNumber", b"[]"))

    async def receipt(self, tx_hash: TxHash | str) -> Receipt | None:
        """The receipt, or None when the transaction is not mined. Raises `RpcError` for another's receipt."""
        result = await self._failover.send("eth_getTransactionReceipt", encode([tx_hash]))
        receipt = wire.decode_receipt(result)
        if receipt is not None and receipt.tx_hash != tx_hash.lower():
            message = f"the node answered {tx_hash} with the receipt of {receipt.tx_hash}; do not trust it"
            raise RpcError(message, code=-32603)
        return receipt

    async def logs(
        self,
        addresses: Address | Sequence[Address],
        topics: Sequence[Topic],
        from_block: BlockRef,
        to_block: BlockRef = "latest",
    ) -> list[Log]:
        """Logs of a range, both ends included, in order of block and index; no address means any.

        A range that the node refuses splits itself; a node that has not come as far as `to_block` is waited
        for. Raises `ReorgError` when the chain changed meanwhile.
        """
        first, last = await self._number(from_block), await self._number(to_block)
        return await self._log_reader.read(addresses, topics, first, last)

    async def _number(self, block: BlockRef) -> int:
        if isinstance(block, int):
            return block
        return await self.block_number() if block == "latest" else (await self.block(block)).number

    def heads(self) -> AsyncGenerator[Block | ReorgNotice, None]:
        """New heads from the present one on, gaps filled; a `ReorgNotice` when blocks left the chain. Iterate
        inside `contextlib.aclosing`, so that a subscription ends with its use."""
        return HeadWatcher(self._failover, self.options).watch()

    async def balance(self, address: Address, block: BlockRef = "latest") -> int:
        """The balance in wei."""
        params = encode([address, wire.block_param(block)])
        return wire.decode_int(await self._failover.send("eth_getBalance", params))

    async def nonce(self, address: Address, block: BlockRef = "latest") -> int:
        """The number of transactions that the account has sent."""
        params = encode([address, wire.block_param(block)])
        return wire.decode_int(await self._failover.send("eth_getTransactionCount", params))

    async def code(self, address: Address, block: BlockRef = "latest") -> bytes:
        """The code at an address, empty when there is none."""
        params = encode([address, wire.block_param(block)])
        return wire.decode_bytes(await self._failover.send("eth_getCode", params))

    def web3(self) -> Any:
        """An `AsyncWeb3` over the same connections. Raises `ConfigError` when web3 is not installed."""
        from trimtab.chain.web3_provider import make_web3

        return make_web3(self._failover)


def decode_read(read: Read[T], data: bytes) -> T:
    """The value of a read's return data. Raises `AbiError` that says when there is no contract."""
    try:
        return read.decode(data)
    except AbiError as error:
        if data:
            raise
        message = f"{read.name} at {read.call.target} returned no data; is there a contract at that address?"
        raise AbiError(message) from error
