"""JSON-RPC over the model chain: nodes that may lag and lie, and wires to them that fail in every known way.

A `ModelNode` outlives the processes that talk to it; a `Wire` is one process's transport to it, and is cut
when that process dies. What was under way then may still arrive, as on a real network.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec
from coincurve import PublicKey
from tests.tx.model_chain import ModelBlock, ModelChain, ModelTx
from tests.tx.virtual_time import VirtualLoop

from trimtab.chain.hashing import keccak256
from trimtab.chain.messages import Reply, decode_batch, decode_reply, encode_batch, encode_request
from trimtab.chain.rpc_errors import SendClass
from trimtab.chain.transports.base import Request
from trimtab.errors import ConnectionLostError, RateLimitedError, RpcTimeoutError
from trimtab.model.ids import Address, TxHash
from trimtab.tx.fees import Fees

CHAIN_ID = 31337
HALF_TRIP = 0.005
"""Seconds that a message takes one way."""
WORDS: dict[SendClass, tuple[int, str]] = {
    SendClass.ALREADY_KNOWN: (-32000, "already known"),
    SendClass.NONCE_LOW: (-32000, "nonce too low: next nonce 7, tx nonce 3"),
    SendClass.NONCE_HIGH: (-32000, "nonce too high"),
    SendClass.REPL_UNDERPRICED: (-32000, "replacement transaction underpriced"),
    SendClass.UNDERPRICED: (-32000, "transaction underpriced"),
    SendClass.FEECAP_LT_BASE: (-32000, "max fee per gas less than block base fee: address 0x1"),
    SendClass.FUNDS: (-32000, "insufficient funds for gas * price + value: balance 0, tx cost 1"),
    SendClass.INTRINSIC: (-32000, "intrinsic gas too low: gas 1, minimum needed 2"),
    SendClass.GASLIMIT: (-32000, "exceeds block gas limit"),
    SendClass.NODE_CAP: (-32000, "tx fee (2.10 ether) exceeds the configured cap (1.00 ether)"),
    SendClass.POOL_FULL: (-32000, "txpool is full"),
    SendClass.PERMANENT: (-32000, "invalid sender"),
    SendClass.NODE_STATE: (-32000, "transaction indexing is in progress"),
    SendClass.AMBIGUOUS: (-32603, "something that nobody has seen before"),
}
"""How nodes say it. The word of each class is one that real clients use."""


class Fault(StrEnum):
    """What may happen to one message; `REJECT`, `NULL`, `ERROR` are the node's doing, the rest the wire's."""

    REFUSED = "connection refused: it never arrives"
    LOST = "it never arrives, and nobody answers"
    SILENT = "it arrives, and nobody answers"
    CUT = "it arrives, and the connection breaks"
    LATE = "it arrives after the caller gave up"
    SLOW = "it arrives and is answered after two seconds"
    TWICE = "it arrives twice; the second answer is given"
    LIMITED = "HTTP 429"
    HTML = "it arrives, and a proxy answers with a page"
    BROKEN = "it arrives; the answer is JSON of another shape"
    NULL = "it arrives; every answer is null"
    ERROR = "the node says that it is not well"
    REJECT = "the node says no to a broadcast"


@dataclass(frozen=True)
class Trouble:
    """One fault for one of the next messages; `refusal` is for REJECT."""

    fault: Fault
    refusal: SendClass = SendClass.POOL_FULL


class NodeError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ModelNode:
    """One endpoint's server. `lag`: blocks that its reads are behind; it takes broadcasts at the head."""

    def __init__(
        self, name: str, chain: ModelChain, account: Address, *, simulates: bool, streams: bool
    ) -> None:
        self.name = name
        self.chain = chain
        self.account = account
        self.streams = streams
        self.lag = 0
        self.simulates = simulates
        self.sends: deque[Trouble] = deque()
        self.reads: deque[Trouble] = deque()
        self.heads: list[asyncio.Queue[dict[str, Any] | None]] = []
        self.reverting = False  # simulations of now
        self.received: Callable[[ModelNode, bytes, ModelTx], None] = lambda *_: None
        """Told of every raw transaction that comes in, before it is answered."""
        self.strike: Callable[[ModelNode], Trouble | None] = lambda _: None
        """Asked for the fault of a message that none of the two lists has one for."""

    def heal(self) -> None:
        self.lag = 0
        self.sends.clear()
        self.reads.clear()

    def push_head(self) -> None:
        """Tell subscribers of the newest block that this node shows."""
        for queue in self.heads:
            queue.put_nowait(_header(self._block("latest")))

    def drop_streams(self) -> None:
        for queue in self.heads:
            queue.put_nowait(None)
        self.heads.clear()

    def answer(self, method: str, params: Sequence[Any]) -> Any:  # noqa: C901  a table of cases
        """The result, as Python objects. Raises `NodeError`."""
        match method, params:
            case "eth_chainId", _:
                return hex(CHAIN_ID)
            case "eth_blockNumber", _:
                return hex(self._height)
            case "eth_getBlockByNumber", [tag, *_]:
                return _header(self._block(tag))
            case "eth_getBlockByHash", [name, *_]:
                return _header(next((b for b in self._blocks if b.hash == name), None))
            case "eth_getTransactionCount", [_, tag]:
                return hex(self._nonce(tag))
            case "eth_getBalance", _:
                return hex(self.chain.balance(self._height))
            case "eth_getCode", _:
                return "0x00"
            case "eth_getTransactionReceipt", [tx_hash]:
                return self._receipt(tx_hash)
            case "eth_getTransactionByHash", [tx_hash]:
                return self._transaction(tx_hash)
            case "eth_feeHistory", _:
                return {"oldestBlock": "0x0", "baseFeePerGas": [], "gasUsedRatio": [], "reward": [["0x1"]]}
            case "eth_sendRawTransaction", [raw]:
                return self._take(bytes.fromhex(raw[2:]))
            case "eth_simulateV1", _ if self.simulates:
                status = {"status": "0x0"} if self.reverting else {"status": "0x1"}
                return [{"calls": [{**status, "returnData": "0x", "gasUsed": hex(21_000)}]}]
            case "eth_call", _:
                return self._simulate("0x")
            case "eth_estimateGas", _:
                return self._simulate(hex(21_000))
        raise NodeError(-32601, f"the method {method} does not exist/is not available")

    @property
    def _height(self) -> int:
        return max(self.chain.head - self.lag, 0)

    @property
    def _blocks(self) -> Sequence[ModelBlock]:
        return self.chain.blocks[: self._height + 1]

    def _block(self, tag: str) -> ModelBlock | None:
        number = self._number(tag)
        return self.chain.blocks[number] if number <= self._height else None

    def _number(self, tag: str) -> int:
        match tag:
            case "latest" | "pending":
                return self._height
            case "safe" | "finalized":
                return min(self.chain.finalized, self._height)
            case "earliest":
                return 0
        return int(tag, 16)

    def _nonce(self, tag: str) -> int:
        if tag == "pending":
            nonce, pool = self.chain.nonce(self._height), self.chain.pools[self.name]
            while nonce in pool or nonce < self.chain.nonce(self._height):
                nonce += 1
            return nonce
        number = self._number(tag)
        if number > self._height:
            raise NodeError(-32000, "header not found")
        return self.chain.nonce(number)

    def _receipt(self, tx_hash: str) -> dict[str, Any] | None:
        found = self.chain.find(tx_hash, self._height)
        if found is None:
            return None
        tx, block = found
        return {
            "transactionHash": tx.tx_hash,
            "blockNumber": hex(block.number),
            "blockHash": block.hash,
            "transactionIndex": "0x0",
            "gasUsed": hex(tx.gas_limit),
            "effectiveGasPrice": hex(block.price_of(tx)),
            "logs": [],
            "from": self.account,
            "to": tx.to or None,
            "status": "0x0" if tx.reverts else "0x1",
        }

    def _transaction(self, tx_hash: str) -> dict[str, Any] | None:
        pool = self.chain.pools[self.name].values()
        found = self.chain.find(tx_hash, self._height)
        block = found[1].hash if found else None
        known = found[0] if found else next((tx for tx in pool if tx.tx_hash == tx_hash), None)
        return {"hash": tx_hash, "blockHash": block, "nonce": hex(known.nonce)} if known else None

    def _simulate(self, result: str) -> str:
        if self.reverting:
            raise NodeError(3, "execution reverted")
        return result

    def _take(self, raw: bytes) -> str:
        tx = decode_raw(raw, self.account)
        self.received(self, raw, tx)
        said = self.chain.offer(self.name, tx)
        if said is not None:
            raise NodeError(*WORDS[said])
        return tx.tx_hash


def decode_raw(raw: bytes, account: Address) -> ModelTx:
    """A signed type-2 transaction, its sender recovered. Raises `NodeError` for anything else."""
    if raw[:1] != b"\x02":
        raise NodeError(-32000, "transaction type not supported")
    items, start = [], 1 + _header_size(raw[1])
    fields = raw[start:]
    while fields:
        size, payload = _item(fields)
        items.append(payload)
        fields = fields[size:]
    chain_id, nonce, tip, fee_cap, gas, to, value, data, _, parity, r, s = items
    signed = raw[start : len(raw) - sum(_encoded_size(item) for item in (parity, r, s))]
    digest = keccak256(b"\x02" + _list_prefix(len(signed)) + signed)
    signature = r.rjust(32, b"\0") + s.rjust(32, b"\0") + (parity or b"\0")
    key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    sender = "0x" + keccak256(key.format(compressed=False)[1:])[12:].hex()
    if sender != account or int.from_bytes(chain_id, "big") != CHAIN_ID:
        raise NodeError(-32000, "invalid sender")
    return ModelTx(
        tx_hash=TxHash("0x" + keccak256(raw).hex()),
        nonce=int.from_bytes(nonce, "big"),
        fees=Fees(int.from_bytes(tip, "big"), int.from_bytes(fee_cap, "big")),
        to="0x" + to.hex(),
        value=int.from_bytes(value, "big"),
        data=data,
        gas_limit=int.from_bytes(gas, "big"),
        reverts=data.startswith(b"!"),
    )


def _header_size(prefix: int) -> int:
    return 1 if prefix < 0xF8 else 1 + prefix - 0xF7


def _list_prefix(size: int) -> bytes:
    if size < 56:
        return bytes([0xC0 + size])
    width = (size.bit_length() + 7) // 8
    return bytes([0xF7 + width]) + size.to_bytes(width, "big")


def _item(raw: bytes) -> tuple[int, bytes]:
    """The size of the first item with its header, and its payload."""
    head = raw[0]
    if head < 0x80:
        return 1, raw[:1]
    if head < 0xB8:
        return head - 0x7F, raw[1 : head - 0x7F]
    if head < 0xC0:
        width = head - 0xB7
        size = int.from_bytes(raw[1 : 1 + width], "big")
        return 1 + width + size, raw[1 + width : 1 + width + size]
    return head - 0xBF, raw[1 : head - 0xBF]


def _encoded_size(item: bytes) -> int:
    return 1 if len(item) == 1 and item[0] < 0x80 else 1 + len(item)


def _header(block: ModelBlock | None) -> dict[str, Any] | None:
    if block is None:
        return None
    return {
        "number": hex(block.number),
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": hex(block.at),
        "gasLimit": hex(30_000_000),
        "gasUsed": "0x0",
        "baseFeePerGas": hex(block.base_fee),
    }


class Wire:
    """One process's transport to a node. `cut` once, it carries nothing more in either direction.

    `on_request` is called when a message leaves and when it has arrived: the process may die there.
    """

    def __init__(self, node: ModelNode, loop: VirtualLoop) -> None:
        self.name = node.name
        self.node = node
        self.is_cut = False
        self.on_request: Callable[[str, bytes], None] = lambda *_: None
        self._loop = loop

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        payload = await self._carry(encode_request(1, method, params), [method], timeout)
        return decode_reply(payload, self.name)

    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]:
        body, methods = encode_batch(1, requests), [method for method, _ in requests]
        payload = await self._carry(body, methods, timeout)
        return decode_batch(payload, 1, len(requests), self.name)

    async def close(self) -> None:
        self.is_cut = True

    async def _carry(self, body: bytes, methods: Sequence[str], timeout: float) -> bytes:
        node = self.node
        waiting = node.sends if "eth_sendRawTransaction" in methods else node.reads
        trouble = waiting.popleft() if waiting else node.strike(node)
        fault = trouble.fault if trouble else None
        self.on_request("leaves", body)
        await asyncio.sleep(HALF_TRIP)
        if fault is Fault.REFUSED or self.is_cut:
            raise ConnectionLostError(f"{self.name} could not be reached", endpoint=self.name)
        match fault:
            case Fault.LIMITED:
                raise RateLimitedError(f"{self.name} asks to slow down", endpoint=self.name, retry_after=1.0)
            case Fault.LOST:
                return await self._no_answer(timeout)
            case Fault.LATE:
                self._loop.call_later(timeout + 1.0, self._deliver, body, None)
                return await self._no_answer(timeout)
            case Fault.SLOW:
                await asyncio.sleep(2.0)
            case Fault.TWICE:
                self._deliver(body, None)
        payload = self._deliver(body, trouble)
        self.on_request("arrived", body)
        if fault is Fault.SILENT:
            return await self._no_answer(timeout)
        await asyncio.sleep(HALF_TRIP)
        if fault is Fault.CUT or self._is_down():
            raise ConnectionLostError(f"the connection to {self.name} was lost", endpoint=self.name)
        return payload

    def _is_down(self) -> bool:
        return self.is_cut

    async def _no_answer(self, timeout: float) -> bytes:
        await asyncio.sleep(timeout)
        raise RpcTimeoutError(f"{self.name} did not answer within {timeout} s", endpoint=self.name)

    def _deliver(self, body: bytes, trouble: Trouble | None) -> bytes:
        """What the node makes of it. A request that was on its way arrives even when its sender is dead."""
        asked: Any = msgspec.json.decode(body)
        several = isinstance(asked, list)
        replies = [self._reply(item, trouble) for item in (asked if several else [asked])]
        match trouble:
            case Trouble(fault=Fault.HTML):
                return b"<html><body>502 Bad Gateway</body></html>"
            case Trouble(fault=Fault.BROKEN):
                replies = [{**item, "result": {"unexpected": 1}} for item in replies]
        return msgspec.json.encode(replies if several else replies[0])

    def _reply(self, asked: dict[str, Any], trouble: Trouble | None) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": asked["id"]}
        is_send = asked["method"] == "eth_sendRawTransaction"
        match trouble:
            case Trouble(fault=Fault.ERROR):
                return {**head, "error": {"code": -32000, "message": "header not found"}}
            case Trouble(fault=Fault.REJECT, refusal=refusal) if is_send:
                return {**head, "error": dict(zip(("code", "message"), WORDS[refusal], strict=True))}
        try:
            result = self.node.answer(asked["method"], asked["params"])
        except NodeError as error:
            return {**head, "error": {"code": error.code, "message": str(error)}}
        lies = trouble is not None and trouble.fault is Fault.NULL
        return {**head, "result": None if lies else result}


class StreamWire(Wire):
    """A wire on which the node pushes new heads."""

    @asynccontextmanager
    async def subscribe(self, params: bytes, timeout: float) -> AsyncIterator[AsyncIterator[msgspec.Raw]]:
        await asyncio.sleep(HALF_TRIP)
        if self.is_cut:
            raise ConnectionLostError(f"{self.name} could not be reached", endpoint=self.name)
        heads = Pushed(self)
        self.node.heads.append(heads.queue)
        try:
            yield heads
        finally:
            if heads.queue in self.node.heads:
                self.node.heads.remove(heads.queue)


class Pushed:
    """The heads of one subscription. A wait that is given up loses nothing, unlike an async generator's."""

    def __init__(self, wire: Wire) -> None:
        self.queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._wire = wire

    def __aiter__(self) -> Pushed:
        return self

    async def __anext__(self) -> msgspec.Raw:
        head = await self.queue.get()
        if head is None or self._wire.is_cut:
            raise ConnectionLostError(
                f"the subscription at {self._wire.name} ended", endpoint=self._wire.name
            )
        return msgspec.Raw(msgspec.json.encode(head))
