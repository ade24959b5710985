"""Calls, calldata, many reads and logs beside web3.py, eth-abi and multicall, on a real node."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, compare, compare_async, counted
from trimtab.chain.abi import Abi, AbiEvent, encode_values
from trimtab.chain.abi_types import canonical
from trimtab.chain.address import checksum
from trimtab.chain.client import Client
from trimtab.chain.log_decoding import decode_log_columns, decode_logs
from trimtab.model.ids import Address
from trimtab.world.node import AnvilNode, NodeOptions

warnings.filterwarnings("ignore", category=DeprecationWarning)

from eth_abi import abi as eth_abi  # noqa: E402
from multicall import Call as PeerCall  # noqa: E402
from multicall import Multicall as PeerMulticall  # noqa: E402
from multicall.constants import MULTICALL3_BYTECODE  # noqa: E402
from web3 import AsyncHTTPProvider, AsyncIPCProvider, AsyncWeb3, Web3, WebSocketProvider  # noqa: E402
from web3._utils.method_formatters import PYTHONIC_RESULT_FORMATTERS  # noqa: E402
from web3.types import RPCEndpoint  # noqa: E402

PACKAGES = Path(__file__).parents[1] / "node_modules"
TOKEN = PACKAGES / "@aave/core-v3/artifacts/contracts/mocks/tokens/MintableERC20.sol/MintableERC20.json"
CLEARING_HOUSE = PACKAGES / "@perp/curie-contract/artifacts/contracts/ClearingHouse.sol/ClearingHouse.json"
POOL = PACKAGES / "@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json"
MULTICALL3 = Address("0xca11bde05977b3631167028862be2a173976ca11")
WIRES = {"HTTP": "http", "WebSocket": "ws", "IPC": "ipc"}
READS = 500
IN_FLIGHT = 64
LOGS = 10_000
SAMPLE = 200  # logs of a web3 round: its time per log does not depend on how many


def _members(*members: str) -> list[dict[str, Any]]:
    """ABI components from "type name" texts."""
    pairs = [member.split() for member in members]
    return [{"type": kind, "name": name} for kind, name in pairs]


def _struct(name: str, components: list[dict[str, Any]], kind: str = "tuple") -> dict[str, Any]:
    return {"type": kind, "name": name, "components": components}


MULTICALL3_ABI = [
    {
        "type": "function",
        "name": "aggregate3",
        "stateMutability": "payable",
        "inputs": [
            _struct("calls", _members("address target", "bool allowFailure", "bytes callData"), "tuple[]")
        ],
        "outputs": [_struct("returnData", _members("bool success", "bytes returnData"), "tuple[]")],
    }
]

# GMX v2 ExchangeRouter.createOrder: nested structs with dynamic arrays.
_ADDRESSES = _members(
    *(
        "address receiver",
        "address cancellationReceiver",
        "address callbackContract",
        "address uiFeeReceiver",
    ),
    *("address market", "address initialCollateralToken", "address[] swapPath"),
)
_NUMBERS = _members(
    *("uint256 sizeDeltaUsd", "uint256 initialCollateralDeltaAmount", "uint256 triggerPrice"),
    *("uint256 acceptablePrice", "uint256 executionFee", "uint256 callbackGasLimit"),
    *("uint256 minOutputAmount", "uint256 validFromTime"),
)
_REST = _members(
    *("uint8 orderType", "uint8 decreasePositionSwapType", "bool isLong", "bool shouldUnwrapNativeToken"),
    *("bool autoCancel", "bytes32 referralCode", "bytes32[] dataList"),
)
_ORDER = _struct("params", [_struct("addresses", _ADDRESSES), _struct("numbers", _NUMBERS), *_REST])
CREATE_ORDER_ABI: list[Any] = [
    {
        "type": "function",
        "name": "createOrder",
        "stateMutability": "payable",
        "inputs": [_ORDER],
        "outputs": [],
    }
]
ME = Address("0x" + "ab" * 20)


@dataclass(frozen=True, slots=True)
class Stage:
    """A node with a genuine token and Multicall3; `web3` and `client` by wire."""

    url: str
    ipc_path: str
    token: Address
    token_entries: list[dict[str, Any]]
    clients: dict[str, Client]
    web3: dict[str, Any]


@asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """Chain id 1, because the multicall package knows only public chains."""
    artifact = json.loads(TOKEN.read_text())
    abi = Abi.parse(artifact, name="MintableERC20")
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-bench-"))
        options = NodeOptions(chain_id=1, ipc_path=Path(folder) / "node.ipc")
        node = await stack.enter_async_context(AnvilNode.open(options))
        urls = {"http": node.url, "ws": node.ws_url, "ipc": str(options.ipc_path)}
        clients = {w: await stack.enter_async_context(Client.open(url)) for w, url in urls.items()}
        owner = (await clients["http"].request("eth_accounts"))[0]
        data = abi.constructor_data(abi.bytecode, "USD Coin", "USDC", 6).hex()
        receipt = await clients["http"].request(
            "eth_sendTransactionSync", [{"from": owner, "data": f"0x{data}"}]
        )
        await clients["http"].request("anvil_setCode", [MULTICALL3, MULTICALL3_BYTECODE])
        web3 = {
            "http": AsyncWeb3(AsyncHTTPProvider(node.url)),
            "ws": await stack.enter_async_context(AsyncWeb3(WebSocketProvider(node.ws_url))),
            "ipc": await stack.enter_async_context(AsyncWeb3(AsyncIPCProvider(urls["ipc"]))),
        }
        token = Address(receipt["contractAddress"].lower())
        yield Stage(node.url, urls["ipc"], token, artifact["abi"], clients, web3)
        await web3["http"].provider.disconnect()


async def run() -> list[Result]:
    """Rows 2, 5, 6, 7, 9 and 10 of the performance facts, each beside its peer."""
    results = bench_calldata() + bench_logs()
    async with open_stage() as stage:
        results += await bench_calls(stage)
        results += await bench_requests(stage)
        results += await bench_many_reads(stage)
    return results


def bench_calldata() -> list[Result]:
    """Flat and nested structs, against web3 (with its own checks) and bare eth-abi."""
    flat: tuple[Any, ...] = (ME, True, False, 10**18, 0, 2**64, 2**100, b"\1" * 32)
    numbers = (10**33, 10**9, 0, 2 * 10**30, 10**15, 0, 0, 0)
    nested: tuple[Any, ...] = ((*[ME] * 6, [ME]), numbers, 2, 0, True, False, False, b"\0" * 32, [])
    clearing_house = json.loads(CLEARING_HOUSE.read_text())["abi"]
    return [
        *_bench_function(clearing_house, "openPosition", flat),
        *_bench_function(CREATE_ORDER_ABI, "createOrder", nested),
    ]


def _bench_function(entries: Any, name: str, params: tuple[Any, ...]) -> list[Result]:
    function = Abi.parse(entries).function(name)
    contract: Any = Web3().eth.contract(address=Web3.to_checksum_address(ME), abi=entries)
    types = [canonical(kind) for kind in function.inputs.components]
    peer_params = _with_checksums(params)
    expected = function.encode(params)
    assert "0x" + expected.hex() == contract.encode_abi(name, [peer_params])
    title = f"calldata of {name}, {len(expected)} bytes"

    def ours() -> bytes:
        return function.encode(params)

    def by_web3() -> Any:
        return contract.encode_abi(name, [peer_params])

    def by_eth_abi() -> bytes:
        return function.selector + eth_abi.encode(types, [params])

    return [
        compare(title, ours, by_web3, peer_name="web3", number=1000, peer_number=20, promised=200),
        compare(title, ours, by_eth_abi, peer_name="eth-abi", number=1000, peer_number=100, promised=20),
    ]


def _with_checksums(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(map(_with_checksums, value))
    return checksum(value) if isinstance(value, str) else value


def swap_response(event: AbiEvent) -> bytes:
    """An eth_getLogs response of Uniswap v3 Swap logs."""
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "result": [_swap_log(event, i) for i in range(LOGS)]}
    ).encode()


def _swap_log(event: AbiEvent, index: int) -> dict[str, Any]:
    types = [canonical(kind) for kind in event.body.components]
    values = (10**18 + index, -(10**9) - index, 2**96 + index, 10**20 + index, index - 5000)
    sides = ["0x" + "00" * 12 + "11" * 20, "0x" + "00" * 12 + "22" * 20]
    return {
        "address": "0x" + "ab" * 20,
        "topics": [f"0x{event.topic0.hex()}", *sides],
        "data": "0x" + encode_values(types, values).hex(),
        "blockHash": f"0x{index:064x}",
        "blockNumber": hex(10**7 + index),
        "transactionHash": f"0x{index:064x}",
        "transactionIndex": "0x1",
        "logIndex": hex(index % 300),
        "removed": False,
    }


def bench_logs() -> list[Result]:
    """10,000 Swap logs from the bytes of the response."""
    entries = json.loads(POOL.read_text())["abi"]
    event = Abi.parse(entries).event("Swap")
    response = swap_response(event)
    few = json.dumps(json.loads(response)["result"][:SAMPLE])
    types = [canonical(kind) for kind in event.body.components]
    contract: Any = Web3().eth.contract(address=Web3.to_checksum_address(ME), abi=entries)
    formatter = PYTHONIC_RESULT_FORMATTERS[RPCEndpoint("eth_getLogs")]

    def by_web3() -> list[Any]:
        swap = contract.events.Swap()
        return [swap.process_log(log) for log in formatter(json.loads(few))]

    def by_eth_abi() -> list[Any]:
        return [_by_eth_abi(types, log) for log in json.loads(response)["result"]]

    def objects() -> list[Any]:
        return decode_logs(response, event)

    def columns() -> dict[str, list[Any]]:
        return decode_log_columns(response, event)

    rows = by_eth_abi()
    assert [tuple(log.args) for log in objects()] == [row[:7] for row in rows]
    assert columns()["tick"] == [row[6] for row in rows]
    assert by_web3()[7]["args"]["amount0"] == objects()[7].args.amount0
    results = []
    for form, ours in (("objects", objects), ("columns", columns)):
        title = f"decode 10,000 logs to {form}, per log"
        results += [
            compare(title, ours, by_web3, peer_name="web3", per=LOGS, peer_per=SAMPLE, promised=40),
            compare(title, ours, by_eth_abi, peer_name="eth-abi", per=LOGS, promised=3),
        ]
    return results


def _by_eth_abi(types: list[str], log: dict[str, Any]) -> tuple[Any, ...]:
    """What a careful user writes by hand with eth-abi."""
    sides = ["0x" + topic[26:] for topic in log["topics"][1:]]
    values = eth_abi.decode(types, bytes.fromhex(log["data"][2:]))
    return (*sides, *values, int(log["blockNumber"], 16), int(log["logIndex"], 16))


async def bench_calls(stage: Stage) -> list[Result]:
    """A typed read over each wire, alone and 64 at once."""
    results: list[Result] = []
    for title, wire in WIRES.items():
        ours, theirs = _readers(stage, wire)
        assert await ours() == await theirs()
        peer = f"AsyncWeb3 over {title}"
        alone, together = f"typed call over {title}", f"{IN_FLIGHT} calls in flight over {title}, per call"
        many, their_many = _at_once(ours), _at_once(theirs)
        results += [
            await compare_async(alone, ours, theirs, peer_name=peer, number=50, peer_number=10, promised=8),
            await compare_async(together, many, their_many, peer_name=peer, per=IN_FLIGHT, promised=15),
        ]
        if wire == "ws":
            results.append(await _beside_the_floor(stage, ours))
    return results


Reader = Callable[[], Awaitable[Any]]


def _readers(stage: Stage, wire: str) -> tuple[Reader, Reader]:
    client, balance_of = stage.clients[wire], Abi.parse(stage.token_entries).function("balanceOf")
    contract = stage.web3[wire].eth.contract(address=checksum(stage.token), abi=stage.token_entries)
    owner = checksum(ME)

    async def ours() -> Any:
        return await client.call(balance_of.read(stage.token, ME))

    async def theirs() -> Any:
        return await contract.functions.balanceOf(owner).call()

    return ours, theirs


def _at_once(call: Reader) -> Reader:
    async def many() -> None:
        await asyncio.gather(*(call() for _ in range(IN_FLIGHT)))

    return many


async def _beside_the_floor(stage: Stage, ours: Reader) -> Result:
    """A blocking socket that sends ready bytes and decodes nothing: what no client can beat by much."""
    data = Abi.parse(stage.token_entries).function("balanceOf").encode(ME).hex()
    call = {"to": stage.token, "data": f"0x{data}"}
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]}
    payload = json.dumps(request).encode() + b"\n"
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(stage.ipc_path)

        async def floor() -> None:
            line.sendall(payload)
            while not line.recv(1 << 16).endswith(b"\n"):
                pass

        title, peer = "typed call over WebSocket, beside the floor", "blocking IPC socket, no decoding"
        return await compare_async(title, ours, floor, peer_name=peer, number=50, promised=1 / 1.6)


async def bench_requests(stage: Stage) -> list[Result]:
    """Requests over the wire for one typed read, counted on both sides."""
    client = stage.clients["http"]
    before = client.stats.round_trips
    await client.call(Abi.parse(stage.token_entries).function("balanceOf").read(stage.token, ME))
    ours = client.stats.round_trips - before
    provider = AsyncHTTPProvider(stage.url)
    asked: list[str] = []
    send = provider.make_request

    async def counting(method: Any, params: Any) -> Any:
        asked.append(method)
        return await send(method, params)

    provider.make_request = counting  # type: ignore[method-assign]
    web3 = AsyncWeb3(provider)
    contract = web3.eth.contract(address=Web3.to_checksum_address(stage.token), abi=stage.token_entries)
    await contract.functions.balanceOf(checksum(ME)).call()
    await provider.disconnect()
    count = {"ours": ours, "peer": len(asked), "promised": 3}
    return [counted("requests per typed read", peer_name="AsyncWeb3", unit="requests", **count)]


async def bench_many_reads(stage: Stage) -> list[Result]:
    """500 balances in one request."""
    balance_of = Abi.parse(stage.token_entries).function("balanceOf")
    owners = [Address(f"0x{i + 2**100:040x}") for i in range(READS)]
    client = stage.clients["http"]
    token = stage.token
    aggregate = stage.web3["http"].eth.contract(checksum(MULTICALL3), abi=MULTICALL3_ABI)
    reads = [(checksum(token), True, balance_of.encode(owner)) for owner in owners]
    blocking = Web3(Web3.HTTPProvider(stage.url))

    async def ours() -> Any:
        return await client.read_many([balance_of.read(token, owner) for owner in owners])

    async def by_web3() -> Any:
        answers = await aggregate.functions.aggregate3(reads).call()
        return [int.from_bytes(data, "big") for _, data in answers]

    async def by_multicall() -> Any:
        signature = "balanceOf(address)(uint256)"
        calls = [PeerCall(token, [signature, owner], [(owner, int)]) for owner in owners]
        return await PeerMulticall(calls, _w3=blocking, require_success=True).coroutine()

    assert await ours() == await by_web3() == list((await by_multicall()).values())
    title = f"{READS} reads"
    return [
        await compare_async(title, ours, by_web3, peer_name="web3 Multicall3", unit="ms", promised=15),
        await compare_async(title, ours, by_multicall, peer_name="multicall", unit="ms", promised=2),
    ]
