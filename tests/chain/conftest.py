"""A real node with a genuine token and Multicall2, and a server that fails on purpose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from trimtab.chain.abi import Abi
from trimtab.chain.client import Client
from trimtab.model.ids import Address
from trimtab.world.node import AnvilNode, NodeOptions

ROOT = Path(__file__).parents[2]
TOKEN = "@aave/core-v3/artifacts/contracts/mocks/tokens/MintableERC20.sol/MintableERC20.json"
MULTICALL = (
    "@perp/curie-deployments/optimism/periphery/artifacts/contracts/lens/Multicall2.sol/Multicall2.json"
)


def artifact(path: str) -> Abi:
    """A contract from an npm package, with its bytecode."""
    return Abi.parse(json.loads((ROOT / "node_modules" / path).read_text()), name=Path(path).stem)


@dataclass(frozen=True, slots=True)
class Deployed:
    """A node with contracts on it. `url`, `ws_url` and `ipc_path` all lead there."""

    url: str
    ws_url: str
    ipc_path: str
    owner: Address
    token_abi: Abi
    token: Address
    multicall_abi: Abi
    multicall: Address

    def endpoint(self, wire: str) -> str:
        return {"http": self.url, "ws": self.ws_url, "ipc": self.ipc_path}[wire]


async def send(client: Client, sender: Address, to: Address | None, data: bytes) -> Any:
    """Send from one of anvil's own accounts, and wait until it is mined."""
    transaction = {"from": sender, "data": f"0x{data.hex()}"} | ({"to": to} if to else {})
    return await client.request("eth_sendTransactionSync", [transaction])


async def deploy(client: Client, sender: Address, abi: Abi, *args: Any) -> Address:
    """Deploy a contract; its address."""
    receipt = await send(client, sender, None, abi.constructor_data(abi.bytecode, *args))
    return Address(receipt["contractAddress"].lower())


@pytest.fixture(scope="session")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployed]:
    """One node for all tests that only read."""
    ipc_path = tmp_path_factory.mktemp("ipc") / "node.ipc"
    async with (
        AnvilNode.open(NodeOptions(ipc_path=ipc_path)) as anvil,
        Client.open(anvil.url) as client,
    ):
        owner = Address((await client.request("eth_accounts"))[0].lower())
        token_abi, multicall_abi = artifact(TOKEN), artifact(MULTICALL)
        token = await deploy(client, owner, token_abi, "USD Coin", "USDC", 6)
        multicall = await deploy(client, owner, multicall_abi)
        await send(client, owner, token, token_abi.function("mint(uint256)").encode(1_000_000))
        yield Deployed(
            anvil.url, anvil.ws_url, str(ipc_path), owner, token_abi, token, multicall_abi, multicall
        )


@pytest.fixture
async def anvil() -> AsyncIterator[AnvilNode]:
    """A node of the test's own, to mine and reorganise."""
    async with AnvilNode.open() as made:
        yield made


Answer = Callable[[dict[str, Any]], Awaitable[web.Response] | web.Response]


@dataclass(slots=True)
class ScriptedNode:
    """An HTTP server that answers as told, and remembers what it was asked."""

    url: str = ""
    answer: Answer = field(default=lambda request: result(request, "0x1"))
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        return [request["method"] for request in self.requests]

    async def respond(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests += body if isinstance(body, list) else [body]
        answered = self.answer(body)
        return answered if isinstance(answered, web.Response) else await answered


def result(request: dict[str, Any], value: Any) -> web.Response:
    """A JSON-RPC result."""
    return web.json_response({"jsonrpc": "2.0", "id": request["id"], "result": value})


def refusal(request: dict[str, Any], code: int, message: str, data: Any = None) -> web.Response:
    """A JSON-RPC error."""
    error = {"code": code, "message": message, "data": data}
    return web.json_response({"jsonrpc": "2.0", "id": request["id"], "error": error})


@asynccontextmanager
async def scripted_node() -> AsyncIterator[ScriptedNode]:
    """A scripted node on a free port."""
    scripted = ScriptedNode()
    app = web.Application(client_max_size=1 << 28)
    app.router.add_post("/{key:.*}", scripted.respond)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    scripted.url = f"http://127.0.0.1:{port}"
    try:
        yield scripted
    finally:
        await runner.cleanup()


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedNode]:
    """A scripted node that answers 0x1 to everything until told otherwise."""
    async with scripted_node() as made:
        yield made


class Relay:
    """A TCP relay to a node whose lines can be cut, and which can refuse new ones for a while."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._lines: set[asyncio.StreamWriter] = set()
        self.is_refusing = False
        self.connections = 0
        self.connected = asyncio.Event()
        self.port = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_refusing:
            writer.close()
            return
        self.connections += 1
        self.connected.set()
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        self._lines |= {writer, up_writer}
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, up_writer))
                group.create_task(self._copy(up_reader, writer))
        finally:
            self._lines -= {writer, up_writer}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def cut(self) -> None:
        """Drop every line."""
        for writer in list(self._lines):
            writer.transport.abort()


@asynccontextmanager
async def relay_to(url: str) -> AsyncIterator[Relay]:
    """A relay on a free port to the node at `url`."""
    parts = urlsplit(url)
    relay = Relay(parts.hostname or "", parts.port or 0)
    server = await asyncio.start_server(relay.accept, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        relay.cut()
        await server.wait_closed()
