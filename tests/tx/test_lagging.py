"""Two nodes of one chain, one of which lags or forks: it moves nothing back, and hides no real reorg."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.tx.conftest import KEY, Desk, pay

from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.chain.options import ClientOptions
from trimtab.chain.transports import make_transport
from trimtab.chain.transports.base import Request
from trimtab.tx import Finality, Succeeded
from trimtab.tx.signers import LocalSigner
from trimtab.world.node import AnvilNode

pytestmark = pytest.mark.node


class Lagging:
    """A node that is some blocks behind: what came later it does not know."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._node = make_transport(url)
        self.behind = 0
        self.delay = 0.0
        self.asked = 0

    def is_asked_after(self, count: int) -> bool:
        return self.asked > count

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        self.asked += 1
        await asyncio.sleep(self.delay)
        if not self.behind or method in ("eth_chainId", "eth_sendRawTransaction"):
            return await self._node.send(method, params, timeout)
        return await self._send_behind(method, msgspec.json.decode(params), timeout)

    async def send_batch(self, requests: Sequence[Request], timeout: float) -> list[Reply]:
        return [await self.send(method, params, timeout) for method, params in requests]

    async def close(self) -> None:
        await self._node.close()

    async def _send_behind(self, method: str, params: list[Any], timeout: float) -> Reply:
        head = await self._node.send("eth_blockNumber", b"[]", timeout)
        height = max(int(msgspec.json.decode(head.result), 16) - self.behind, 0)
        params = [hex(height) if param in ("latest", "pending") else param for param in params]
        if method == "eth_getBlockByNumber" and params[0].startswith("0x") and int(params[0], 16) > height:
            return Reply(result=msgspec.Raw(b"null"))
        reply = await self._node.send(method, msgspec.json.encode(params), timeout)
        if method == "eth_getTransactionReceipt" and reply.result:
            receipt = msgspec.json.decode(reply.result)
            if receipt is not None and int(receipt["blockNumber"], 16) > height:
                return Reply(result=msgspec.Raw(b"null"))
        return reply


class Pair(Desk):
    """A desk whose client has two nodes."""

    nodes: list[Lagging]
    straight: Client

    @property
    def asked(self) -> int:
        return sum(node.asked for node in self.nodes)

    def is_asked_after(self, count: int) -> bool:
        return self.asked > count

    async def mine(self, blocks: int = 1) -> None:
        await self.straight.request("anvil_mine", [hex(blocks)])


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with AnvilNode.open() as node, Client.open(node.url) as straight:
        nodes = [Lagging("first", node.url), Lagging("second", node.url)]
        async with Client.open(nodes, ClientOptions(poll_interval=0.05, timeout=5.0)) as client:
            desk = Pair(client, tmp_path / "journal.db", LocalSigner.from_hex(KEY), node)
            desk.nodes, desk.straight = nodes, straight
            await desk.mine(10)
            yield desk


async def test_an_inclusion_stays_though_the_nodes_lag(pair: Pair) -> None:
    """Both fall back behind its block, answer null for it and an older count, and come back: it was included
    all the while, and becomes final."""
    async with pair.sender() as sender:
        handle = await sender.submit(pay("a"))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        moved: list[str] = []
        for node in pair.nodes:
            node.behind = 5
        for _ in range(20):
            before = pair.asked
            sender._driver.look_now.set()
            await pair.until(partial(pair.is_asked_after, before + 3))
            moved.append(str(handle.state))
        assert not {"live", "resolving", "superseded"} & set(moved), moved
        for node in pair.nodes:
            node.behind = 0
        await pair.mine(8)
        assert isinstance(await handle.outcome(at=Finality.FINAL, timeout=60), Succeeded)
        assert sender.snapshot().halted is None
    assert await pair.straight.nonce(pair.signer.address) == 1


async def test_a_lagging_node_beside_a_current_one_loses_nothing(pair: Pair) -> None:
    """20 transactions through a pair of which one is always three blocks late: each once, in order."""
    pair.nodes[1].behind = 3
    async with pair.sender() as sender:
        handles = await asyncio.gather(*[sender.submit(pay(f"k{i}")) for i in range(20)])
        assert [handle.nonce for handle in handles] == list(range(20))
        outcomes = await asyncio.gather(*[handle.outcome(timeout=60) for handle in handles])
        assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
        # anvil forgets one of a burst now and then; it is replaced at its own nonce, and nothing else is.
        assert sum(sender.record(f"k{i}").attempts - 1 for i in range(20)) <= 1
    assert await pair.straight.nonce(pair.signer.address) == 20


async def test_a_real_reorg_is_seen_by_both(pair: Pair) -> None:
    """Its block leaves the chain of both nodes: live again, the same bytes are mined once more."""
    async with pair.sender() as sender:
        handle = await sender.submit(pay("a"))
        before = await handle.outcome(timeout=60)
        assert isinstance(before, Succeeded)
        await pair.straight.request("evm_setAutomine", [False])
        await pair.straight.request("anvil_reorg", [1, []])
        await pair.until(lambda: not handle.state.is_mined)
        await pair.pool_has(1)
        await pair.mine()
        after = await handle.outcome(timeout=60)
    assert isinstance(after, Succeeded)
    assert after.receipt.tx_hash == before.receipt.tx_hash
    assert after.receipt.block_hash != before.receipt.block_hash


async def test_a_forked_node_undoes_nothing(pair: Pair, tmp_path: Path) -> None:
    """The second node serves another chain from before our block on, and is as high as the first: its word
    alone neither takes the inclusion back nor halts the account."""
    async with pair.sender() as sender:
        handle = await sender.submit(pay("a"))
        outcome = await handle.outcome(timeout=60)
        assert isinstance(outcome, Succeeded)
        async with AnvilNode.open() as forked, Client.open(forked.url) as straight:
            await straight.request("anvil_mine", [hex(outcome.receipt.block + 2)])
            own, pair.nodes[1]._node = pair.nodes[1]._node, make_transport(forked.url)
            pair.nodes[0].delay = 0.03  # looks go to the other one
            states = set()
            for _ in range(30):
                asked = pair.nodes[1].asked
                sender._driver.look_now.set()
                await pair.until(partial(pair.nodes[1].is_asked_after, asked))
                states.add(str(handle.state))
            assert states <= {"included", "confirmed"}
            assert sender.snapshot().halted is None
            await pair.nodes[1].close()
        pair.nodes[1]._node, pair.nodes[0].delay = own, 0.0
        await pair.mine(8)
        assert isinstance(await handle.outcome(at=Finality.FINAL, timeout=60), Succeeded)
