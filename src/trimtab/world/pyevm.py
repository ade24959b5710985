"""The in-process engine behind a node's face: py-evm served as JSON-RPC over HTTP on loopback.

Needs no binary. Slower than anvil (a trade 0.1 to 0.5 s, the deployment seconds), and it lacks: forks,
impersonation, subscriptions, traces below the top call, reorgs on demand. "pending" is the next block before
the pool's transactions; eth_estimateGas is an upper estimate. What it does not know is answered with
JSON-RPC error -32601.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Self

import msgspec
from aiohttp import web

from trimtab.errors import ConfigError
from trimtab.world.pyevm_chain import (
    CHAIN_ID,
    Message,
    MinedBlock,
    Override,
    PyEvmChain,
    PyEvmError,
)
from trimtab.world.pyevm_json import (
    decode_bytes,
    decode_data,
    decode_int,
    encode_bytes,
    encode_fields,
    encode_header,
    encode_logs,
    encode_receipt,
    encode_transaction,
    is_wanted,
)

_NOT_SUPPORTED = -32601
_LIMIT = 64 * 2**20
_INTRINSIC = 21_000
_NONE = "0x" + "00" * 20


class PyEvmNode:
    """A running engine. Made by `PyEvmNode.open`."""

    def __init__(self, url: str, chain: PyEvmChain) -> None:
        self.url = url
        self.chain = chain

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, port: int | None = None, genesis_at: int, gas_limit: int = 2_000_000_000
    ) -> AsyncIterator[Self]:
        """Serve a fresh chain on loopback. Raises `ConfigError` when the extra is not installed, or the port
        is taken."""
        chain = PyEvmChain(genesis_at, gas_limit)
        rpc = PyEvmRpc(chain)
        # One thread: the EVM is not safe for two, and the event loop must stay free to take requests.
        with ThreadPoolExecutor(1, thread_name_prefix="py-evm") as worker:

            async def answer(request: web.Request) -> web.Response:
                body = await request.read()
                answered = await asyncio.get_running_loop().run_in_executor(worker, rpc.answer, body)
                return web.Response(body=answered, content_type="application/json")

            app = web.Application(client_max_size=_LIMIT)
            app.router.add_post("/", answer)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            try:
                await _listen(runner, port or 0)
                bound = runner.addresses[0][1]
                yield cls(f"http://127.0.0.1:{bound}", chain)
            finally:
                await runner.cleanup()


async def _listen(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
    except OSError as error:
        raise ConfigError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}; "
            "choose another --port, or 0 for a free one",
            key="port",
        ) from error


class PyEvmRpc:
    """Requests to answers. `METHODS` is all that it knows."""

    def __init__(self, chain: PyEvmChain) -> None:
        self._chain = chain
        self._methods: Mapping[str, Callable[..., Any]] = {
            "web3_clientVersion": lambda: "trimtab/py-evm",
            "net_version": lambda: str(CHAIN_ID),
            "eth_chainId": lambda: hex(CHAIN_ID),
            "eth_blockNumber": lambda: hex(self._chain.head.block_number),
            "eth_syncing": lambda: False,
            "eth_gasPrice": lambda: hex(self._chain.head.base_fee_per_gas + 10**9),
            "eth_maxPriorityFeePerGas": lambda: hex(10**9),
            "eth_feeHistory": self._fee_history,
            "eth_getBlockByNumber": self._block_by_number,
            "eth_getBlockByHash": self._block_by_hash,
            "eth_getBalance": lambda a, block="latest": hex(self._state(block).get_balance(decode_bytes(a))),
            "eth_getTransactionCount": self._nonce,
            "eth_getCode": lambda a, block="latest": encode_bytes(
                self._state(block).get_code(decode_bytes(a))
            ),
            "eth_getStorageAt": self._storage,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_sendTransaction": self._send,
            "eth_sendTransactionSync": lambda tx: self._receipt(self._send(tx)),
            "eth_sendRawTransaction": self._send_raw,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getLogs": self._logs,
            "debug_traceTransaction": self._trace,
            "evm_snapshot": lambda: hex(self._chain.snapshot()),
            "evm_revert": lambda number: self._chain.revert(int(number, 16)),
            "evm_mine": self._mine,
            "evm_setAutomine": self._set_automine,
            "evm_setNextBlockTimestamp": self._set_next_timestamp,
            "anvil_setBlockTimestampInterval": self._set_interval,
            "anvil_dropTransaction": self._drop,
            "anvil_dropAllTransactions": self._drop_all,
        }

    def answer(self, body: bytes) -> bytes:
        """One request or a batch, as JSON."""
        try:
            decoded = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            return msgspec.json.encode(_failure(None, -32700, f"not JSON: {error}"))
        if isinstance(decoded, list):
            return msgspec.json.encode([self._answer_one(request) for request in decoded])
        return msgspec.json.encode(self._answer_one(decoded))

    def _answer_one(self, request: Mapping[str, Any]) -> dict[str, Any]:
        number, method = request.get("id"), request.get("method", "")
        run = self._methods.get(method)
        if run is None:
            return _failure(number, _NOT_SUPPORTED, f"method {method} is not supported by the py-evm engine")
        try:
            return {"jsonrpc": "2.0", "id": number, "result": run(*request.get("params", ()))}
        except PyEvmError as error:
            return _failure(number, error.code, str(error), error.data)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            return _failure(number, -32602, f"bad parameters for {method}: {error!r}")
        except Exception as error:  # noqa: BLE001 - a node answers; it does not fall over
            return _failure(number, -32603, f"py-evm failed in {method}: {error!r}")

    # -- reads

    def _state(self, block: Any) -> Any:
        return self._chain.state_at(self._block_ref(block))

    def _block_ref(self, block: Any) -> int | str:
        if isinstance(block, Mapping):
            block = block.get("blockNumber") or block["blockHash"]
        if isinstance(block, str) and len(block) == 66:
            return int(self._find(block).header.block_number)
        return int(block, 16) if isinstance(block, str) and block.startswith("0x") else str(block)

    def _find(self, block_hash: str) -> MinedBlock:
        for block in reversed(self._chain.blocks):
            if encode_bytes(block.header.hash) == block_hash:
                return block
        raise PyEvmError(f"block {block_hash} is not there")

    def _block_by_number(self, block: str, full: bool = False) -> dict[str, Any] | None:  # noqa: FBT001, FBT002
        ref = self._block_ref(block)
        if ref == "pending":
            return encode_header(self._chain.header_at("pending"), [])
        try:
            header = self._chain.header_at(ref)
        except PyEvmError:
            return None
        return self._block_json(self._chain.blocks[header.block_number], full=full)

    def _block_by_hash(self, block_hash: str, full: bool = False) -> dict[str, Any] | None:  # noqa: FBT001, FBT002
        try:
            return self._block_json(self._find(block_hash), full=full)
        except PyEvmError:
            return None

    def _block_json(self, block: MinedBlock, *, full: bool) -> dict[str, Any]:
        mined = block.transactions
        return encode_header(
            block.header, [encode_transaction(m) if full else encode_bytes(m.transaction.hash) for m in mined]
        )

    def _fee_history(self, count: Any, newest: str, percentiles: list[float] | None = None) -> dict[str, Any]:
        last = self._chain.header_at(self._block_ref(newest)).block_number
        wanted = int(count, 16) if isinstance(count, str) else int(count)
        headers = [b.header for b in self._chain.blocks[max(0, last + 1 - wanted) : last + 1]]
        following = self._chain.header_at("pending").base_fee_per_gas
        return {
            "oldestBlock": hex(headers[0].block_number),
            "baseFeePerGas": [hex(h.base_fee_per_gas) for h in headers] + [hex(following)],
            "gasUsedRatio": [h.gas_used / h.gas_limit for h in headers],
            "reward": [[hex(10**9) for _ in percentiles or ()] for _ in headers],
        }

    def _nonce(self, address: str, block: Any = "latest") -> str:
        raw = decode_bytes(address)
        if block == "pending":
            return hex(self._chain.next_nonce(raw))
        return hex(self._state(block).get_nonce(raw))

    def _storage(self, address: str, slot: str, block: Any = "latest") -> str:
        return f"0x{self._state(block).get_storage(decode_bytes(address), int(slot, 16)):064x}"

    def _call(self, tx: Mapping[str, Any], block: Any = "latest", overrides: Any = None) -> str:
        changed = {decode_bytes(a): _override(o) for a, o in (overrides or {}).items()}
        return encode_bytes(self._chain.call(_message(tx), self._block_ref(block), changed)[0])

    def _estimate(self, tx: Mapping[str, Any], block: Any = "latest") -> str:
        message = _message(tx)
        used = self._chain.call(message, self._block_ref(block))[1]
        calldata = sum(16 if byte else 4 for byte in message.data)
        # A quarter on top: refunds come at the end, and each nested call may take only 63/64 of what is left.
        return hex((_INTRINSIC + calldata + used) * 5 // 4)

    # -- transactions

    def _send(self, tx: Mapping[str, Any]) -> str:
        fields = {
            "to": decode_bytes(tx["to"]) if tx.get("to") else None,
            "data": decode_data(tx),
            "value": decode_int(tx.get("value")) or 0,
            "gas": decode_int(tx.get("gas")) or int(self._estimate(tx), 16),
            "nonce": decode_int(tx.get("nonce")),
        }
        return encode_bytes(self._chain.add(self._chain.sign(decode_bytes(tx["from"]), fields)))

    def _send_raw(self, raw: str) -> str:
        return encode_bytes(self._chain.add(self._chain.decode(decode_bytes(raw))))

    def _transaction(self, tx_hash: str) -> dict[str, Any] | None:
        mined = self._chain.by_hash.get(decode_bytes(tx_hash))
        if mined is not None:
            return encode_transaction(mined)
        for waiting in self._chain.pool.values():
            if encode_bytes(waiting.hash) == tx_hash:
                return encode_fields(waiting) | dict.fromkeys(
                    ("blockNumber", "blockHash", "transactionIndex")
                )
        return None

    def _receipt(self, tx_hash: str) -> dict[str, Any] | None:
        mined = self._chain.by_hash.get(decode_bytes(tx_hash))
        return None if mined is None else encode_receipt(mined)

    def _logs(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        if "blockHash" in query:
            blocks = [self._find(query["blockHash"])]
        else:
            first, last = (
                self._chain.header_at(self._block_ref(query.get(end, "latest"))).block_number
                for end in ("fromBlock", "toBlock")
            )
            blocks = self._chain.blocks[first : last + 1]
        found = [log for b in blocks for m in b.transactions for log in encode_logs(m)]
        return [log for log in found if is_wanted(log, query.get("address"), query.get("topics") or ())]

    def _trace(self, tx_hash: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
        mined = self._chain.by_hash.get(decode_bytes(tx_hash))
        if mined is None:
            raise PyEvmError("transaction not found")
        if not options or options.get("tracer") != "callTracer":
            raise PyEvmError(
                "only callTracer's top call is supported by the py-evm engine", code=_NOT_SUPPORTED
            )
        failed = {} if mined.succeeded else {"error": "execution reverted"}
        tx = mined.transaction
        return {
            "type": "CALL" if tx.to else "CREATE",
            "from": encode_bytes(tx.sender),
            "to": encode_bytes(tx.to) if tx.to else None,
            "value": hex(tx.value),
            "gas": hex(tx.gas),
            "gasUsed": hex(mined.gas_used),
            "input": encode_bytes(tx.data),
            "output": encode_bytes(mined.output),
        } | failed

    # -- the development node

    def _mine(self, *_options: Any) -> str:
        self._chain.mine()
        return "0x0"

    def _set_automine(self, enabled: bool) -> None:  # noqa: FBT001 - the node's own word
        self._chain.automine = enabled
        if enabled and self._chain.pool:
            self._chain.mine()

    def _set_next_timestamp(self, at: Any) -> None:
        seconds = decode_int(at)
        if seconds is None or seconds <= self._chain.head.timestamp:
            raise PyEvmError(f"timestamp {seconds} is not after the latest block's", code=-32602)
        self._chain.next_timestamp = seconds

    def _set_interval(self, seconds: int) -> None:
        self._chain.interval = seconds

    def _drop(self, tx_hash: str) -> str | None:
        for key, waiting in list(self._chain.pool.items()):
            if encode_bytes(waiting.hash) == tx_hash:
                del self._chain.pool[key]
                return tx_hash
        return None

    def _drop_all(self) -> None:
        self._chain.pool.clear()


def _failure(number: Any, code: int, message: str, data: bytes | None = None) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = encode_bytes(data)
    return {"jsonrpc": "2.0", "id": number, "error": error}


def _message(tx: Mapping[str, Any]) -> Message:
    return Message(
        sender=decode_bytes(tx.get("from") or _NONE),
        to=decode_bytes(tx["to"]) if tx.get("to") else None,
        data=decode_data(tx),
        value=decode_int(tx.get("value")) or 0,
        gas=decode_int(tx.get("gas")),
    )


def _override(fields: Mapping[str, Any]) -> Override:
    if "state" in fields:
        raise PyEvmError(
            "a state override of whole storage is not supported; use stateDiff", code=_NOT_SUPPORTED
        )
    slots = {int(slot, 16): int(word, 16) for slot, word in fields.get("stateDiff", {}).items()}
    code = decode_bytes(fields["code"]) if "code" in fields else None
    return Override(decode_int(fields.get("balance")), decode_int(fields.get("nonce")), code, slots)
