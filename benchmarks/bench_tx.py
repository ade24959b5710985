"""Signing, the way from an event to signed bytes, a durable send, and recovery, beside web3.py."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.harness import Result, compare, compare_async, counted
from trimtab.chain import wire
from trimtab.chain.abi import Abi
from trimtab.chain.address import checksum
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.messages import decode_notification, decode_reply
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.tx import Sender, SenderOptions, TxIntent, TxPolicy
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.signers import LocalSigner, check_signed
from trimtab.world.node import AnvilNode

warnings.filterwarnings("ignore", category=DeprecationWarning)

from eth_account import Account  # noqa: E402
from web3 import AsyncHTTPProvider, AsyncWeb3, Web3, WebSocketProvider  # noqa: E402
from web3._utils.method_formatters import log_entry_formatter  # noqa: E402
from web3.middleware import SignAndSendRawMiddlewareBuilder  # noqa: E402

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
POOL = Address("0x" + "51" * 20)
HOUSE = Address("0x" + "82" * 20)
MARKET = Address("0x" + "8c" * 20)
CALLDATA = bytes(range(200))
Work = Callable[[], Any]


def _signing() -> tuple[Work, Work]:
    """A 200-byte EIP-1559 transaction, a new nonce each time."""
    signer, numbers = LocalSigner.from_key(KEY), count()

    def ours() -> Any:
        return signer.sign_nowait(DynamicFeeTx(10, next(numbers), 10**9, 10**10, 900_000, HOUSE, 0, CALLDATA))

    def peer() -> Any:
        return Account.sign_transaction(_web3_fields(next(numbers), CALLDATA), KEY)

    return ours, peer


def _web3_fields(nonce: int, data: bytes | str) -> dict[str, Any]:
    return {
        "type": 2,
        "chainId": 10,
        "nonce": nonce,
        "maxPriorityFeePerGas": 10**9,
        "maxFeePerGas": 10**10,
        "gas": 900_000,
        "to": checksum(HOUSE),
        "value": 0,
        "data": data,
    }


def _swap_notification(event_topic: bytes, data: bytes) -> bytes:
    """A Uniswap v3 swap as a node pushes it over a subscription."""
    pad = "0x" + "00" * 12
    log = {
        "address": POOL,
        "topics": ["0x" + event_topic.hex(), pad + "aa" * 20, pad + "bb" * 20],
        "data": "0x" + data.hex(),
        "blockNumber": "0x7b5c2e1",
        "blockHash": "0x" + "1d" * 32,
        "transactionHash": "0x" + "2e" * 32,
        "transactionIndex": "0x3",
        "logIndex": "0x11",
        "removed": False,
    }
    params = {"subscription": "0x9ce59a13059e417087c02d3236a0b1cc", "result": log}
    return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params}).encode()


def event_to_signed() -> tuple[Work, Work]:
    """Parse a pushed swap, decode it, compare its price, encode a Perp v2 order, sign it. In process."""
    pool, house = Abi.load("perp_v2/UniswapV3Pool"), Abi.load("perp_v2/ClearingHouse")
    swap, open_position = pool.event("Swap"), house.function("openPosition")
    amounts = (-(10**18), 2_000 * 10**18, 1 << 96, 10**21, -5)
    payload = _swap_notification(swap.topic0, b"".join(_word(amount) for amount in amounts))
    order = (MARKET, False, True, 10**18, 0, 1 << 40, 0, b"\x00" * 32)
    signer, numbers = LocalSigner.from_key(KEY), count()

    def ours() -> Any:
        pushed = decode_notification(decode_reply(payload, "bench").params)
        seen = swap.decode(wire.decode_log(pushed.result))
        assert seen["sqrtPriceX96"] >= 1 << 96
        fields = DynamicFeeTx(
            10, next(numbers), 10**9, 10**10, 900_000, HOUSE, 0, open_position.encode(order)
        )
        return signer.sign_nowait(fields)

    w3: Any = Web3()
    peer_pool = w3.eth.contract(address=checksum(POOL), abi=_json_abi("UniswapV3Pool"))
    peer_house = w3.eth.contract(address=checksum(HOUSE), abi=_json_abi("ClearingHouse"))

    def peer() -> Any:
        log = log_entry_formatter(json.loads(payload)["params"]["result"])
        seen = peer_pool.events.Swap().process_log(log)
        assert seen["args"]["sqrtPriceX96"] >= 1 << 96
        peer_order = (checksum(MARKET), *order[1:])
        data = peer_house.encode_abi("openPosition", [peer_order])
        return Account.sign_transaction(_web3_fields(next(numbers), data), KEY)

    return ours, peer


def _word(value: int) -> bytes:
    return (value % 2**256).to_bytes(32, "big")


def _json_abi(name: str) -> Any:
    content = json.loads((Path(__file__).parents[1] / "abis/perp_v2" / f"{name}.json").read_text())
    return content["abi"] if isinstance(content, dict) else content


@asynccontextmanager
async def _desks(folder: Path) -> AsyncIterator[tuple[Client, Sender, Any, str]]:
    """A sender and a web3 with its own account on one node, and its URL."""
    async with AnvilNode.open() as node, Client.open(node.ws_url) as client:
        w3 = _with_account(AsyncWeb3(WebSocketProvider(node.ws_url)))
        await w3.provider.connect()
        options = SenderOptions(
            simulate=False, policy=TxPolicy(finality_depth=4), limits=Limits.unrestricted()
        )
        with Journal.open(folder / "bench.db") as journal:
            async with Sender.open(client, LocalSigner.from_key(KEY), journal, options) as sender:
                try:
                    yield client, sender, w3, node.url
                finally:
                    await w3.provider.disconnect()


class _CountingProvider(AsyncHTTPProvider):
    """web3's own provider, which also notes each request that goes out."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: list[str] = []

    async def make_request(self, method: Any, params: Any) -> Any:
        self.asked.append(method)
        return await super().make_request(method, params)


def _with_account(w3: Any) -> Any:
    """A web3 that signs with its own key, as its documentation shows."""
    account = Account.from_key("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
    w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
    w3.eth.default_account = account.address
    return w3


async def _count_peer_requests(url: str) -> int:
    provider = _CountingProvider(url)
    w3 = _with_account(AsyncWeb3(provider))
    for _ in range(2):  # the second send, when chain id and the like are known
        provider.asked.clear()
        await w3.eth.send_transaction({"to": checksum(HOUSE), "value": 1})
    await provider.disconnect()
    return len(provider.asked)


async def _sends() -> list[Result]:
    """Requests and time of a send that is journaled, signed and accepted by a node."""
    with tempfile.TemporaryDirectory() as folder:
        async with _desks(Path(folder)) as (client, sender, w3, url):
            numbers = count()

            async def ours() -> None:
                intent = TxIntent(f"bench {next(numbers)}", Call(HOUSE, b"", 1), gas_limit=21_000)
                await sender.submit(intent)

            async def peer() -> None:
                await w3.eth.send_transaction({"to": checksum(HOUSE), "value": 1})

            before = Counter(client.stats.requests)
            await ours()
            sent = client.stats.requests["eth_sendRawTransaction"] - before["eth_sendRawTransaction"]
            return [
                counted(
                    "RPC requests per signed send",
                    ours=sent,
                    peer=await _count_peer_requests(url),
                    peer_name="AsyncWeb3",
                    unit="requests",
                    promised=3,
                ),
                await compare_async(
                    "durable signed send, one after the other",
                    ours,
                    peer,
                    peer_name="AsyncWeb3 (not durable)",
                    unit="ms",
                    number=3,
                    promised=2,
                ),
            ]


def _verified() -> tuple[Work, Work]:
    """Signing with the read-back of sender and hash that the sender makes before it uses a signature."""
    signer, numbers = LocalSigner.from_key(KEY), count()

    def ours() -> None:
        fields = DynamicFeeTx(10, next(numbers), 10**9, 10**10, 900_000, HOUSE, 0, CALLDATA)
        check_signed(signer.sign_nowait(fields), fields, signer.address)

    def peer() -> None:
        signed = Account.sign_transaction(_web3_fields(next(numbers), CALLDATA), KEY)
        assert Account.recover_transaction(signed.raw_transaction)

    return ours, peer


async def run() -> list[Result]:
    """Figures of this room, with the ratios that it promises."""
    ours, peer = _signing()
    verified, peer_verified = _verified()
    event, peer_event = event_to_signed()
    return [
        compare("encode and sign, 200 bytes", ours, peer, peer_name="eth-account", number=100, promised=10),
        compare(
            "encode, sign and verify, 200 bytes",
            verified,
            peer_verified,
            peer_name="eth-account",
            number=60,
            promised=5,
        ),
        compare(
            "event bytes to signed transaction",
            event,
            peer_event,
            peer_name="web3.py",
            number=60,
            promised=25,
        ),
        *await _sends(),
    ]
