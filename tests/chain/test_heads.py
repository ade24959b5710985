"""Heads on a real node: gaps, reorgs, losses of connection."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.chain.conftest import ScriptedNode, relay_to, result

from trimtab.chain.client import Client
from trimtab.chain.heads import HeadTracker, ReorgNotice
from trimtab.chain.options import ClientOptions
from trimtab.chain.receipt import Block
from trimtab.errors import ReorgError, TransportError, WrongChainError
from trimtab.model.ids import BlockHash
from trimtab.net import BackoffPolicy, BreakerPolicy
from trimtab.world.node import AnvilNode, NodeOptions

OPTIONS = ClientOptions(poll_interval=0.02, timeout=2.0, backoff=BackoffPolicy(base=0.01, cap=0.05))
WIRES = ("http", "ws", "ipc")


class Watched:
    """What `heads` gave so far, and a way to wait for more."""

    def __init__(self) -> None:
        self.heads: list[Block | ReorgNotice] = []
        self._more = asyncio.Condition()

    async def follow(self, heads: AsyncIterator[Block | ReorgNotice]) -> None:
        async for head in heads:
            async with self._more:
                self.heads.append(head)
                self._more.notify_all()

    async def until_tip(self, block_hash: str) -> None:
        async with asyncio.timeout(5), self._more:
            await self._more.wait_for(lambda: bool(self.heads) and self.tip == block_hash)

    @property
    def tip(self) -> str | None:
        return self.heads[-1].hash if isinstance(self.heads[-1], Block) else None

    @property
    def notices(self) -> list[ReorgNotice]:
        return [head for head in self.heads if isinstance(head, ReorgNotice)]

    def check_one_line(self) -> None:
        """Replaying what was told gives one linked chain, each block once."""
        chain: list[Block] = []
        for head in self.heads:
            if isinstance(head, ReorgNotice):
                assert tuple(chain[-len(head.dropped) :]) == head.dropped
                del chain[-len(head.dropped) :]
                assert chain[-1] == head.common_ancestor
            else:
                if chain:
                    assert (head.parent_hash, head.number) == (chain[-1].hash, chain[-1].number + 1)
                chain.append(head)


@asynccontextmanager
async def watching(client: Client) -> AsyncIterator[Watched]:
    """Heads followed in the background from the present one on."""
    watched = Watched()
    tip = await client.block()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watched.follow(client.heads()))
        await watched.until_tip(tip.hash)
        yield watched
        task.cancel()


async def tip_hash(client: Client) -> str:
    return (await client.block()).hash


@pytest.fixture
async def ipc_node(tmp_path: Path) -> AsyncIterator[AnvilNode]:
    async with AnvilNode.open(NodeOptions(ipc_path=tmp_path / "node.ipc")) as made:
        yield made


def endpoint(node: AnvilNode, wire: str) -> str:
    return {"http": node.url, "ws": node.ws_url, "ipc": str(node.options.ipc_path)}[wire]


@pytest.mark.node
@pytest.mark.parametrize("wire", WIRES)
async def test_every_block_once_and_reorgs_told(ipc_node: AnvilNode, wire: str) -> None:
    """Mined singly and in bulk, reorganised, and rolled back: one linked chain, with notices."""
    async with Client.open(endpoint(ipc_node, wire), OPTIONS) as client, watching(client) as watched:
        await client.request("evm_mine")
        await client.request("anvil_mine", ["0x78"])
        await watched.until_tip(await tip_hash(client))
        assert len(watched.heads) == 122
        await client.request("anvil_reorg", [3, []])
        await watched.until_tip(await tip_hash(client))
        assert [block.number for block in watched.notices[0].dropped] == [119, 120, 121]
        assert watched.notices[0].common_ancestor.number == 118
        snapshot = await client.request("evm_snapshot")
        await client.request("anvil_mine", ["0x2"])
        await watched.until_tip(await tip_hash(client))
        await client.request("evm_revert", [snapshot])
        await client.request("evm_mine")
        await watched.until_tip(await tip_hash(client))
        assert len(watched.notices) == 2
        watched.check_one_line()


@pytest.mark.node
async def test_a_subscription_costs_no_requests(anvil: AnvilNode) -> None:
    """Over WebSocket the blocks are pushed: one eth_subscribe, one look at the present, nothing more."""
    async with Client.open(anvil.ws_url, OPTIONS) as client, watching(client) as watched:
        for _ in range(5):
            await client.request("evm_mine")
        async with Client.open(anvil.url) as other:
            await watched.until_tip(await tip_hash(other))
        assert client.stats.requests["eth_subscribe"] == 1
        assert client.stats.requests["eth_getBlockByNumber"] == 2  # the test's own, and the first head


@pytest.mark.node
async def test_what_was_missed_is_fetched_after_a_reconnect(anvil: AnvilNode) -> None:
    """The line is cut and stays dead while the chain moves and reorganises: afterwards nothing is missing."""
    async with (
        relay_to(anvil.url) as relay,
        Client.open(anvil.url) as miner,
        Client.open(f"ws://127.0.0.1:{relay.port}", OPTIONS) as client,
        watching(client) as watched,
    ):
        await miner.request("anvil_mine", ["0x5"])
        await watched.until_tip(await tip_hash(miner))
        relay.is_refusing = True
        relay.cut()
        await miner.request("anvil_reorg", [2, []])
        await miner.request("anvil_mine", ["0x96"])
        relay.is_refusing = False
        await watched.until_tip(await tip_hash(miner))
        watched.check_one_line()
        assert len(watched.notices) == 1
        assert [block.number for block in watched.notices[0].dropped] == [4, 5]
        assert relay.connections >= 2
        await miner.request("evm_mine")
        await watched.until_tip(await tip_hash(miner))


@pytest.mark.node
async def test_heads_of_another_chain_are_refused(anvil: AnvilNode) -> None:
    """The node that pushes is checked like every other before its heads are believed."""
    async with (
        AnvilNode.open(NodeOptions(chain_id=77)) as other,
        Client.open([anvil.url, other.ws_url], OPTIONS) as client,
    ):
        with pytest.raises(WrongChainError, match="serves chain 77, expected 31337"):
            await anext(client.heads())


@pytest.mark.node
async def test_polling_stands_in_for_a_dead_subscription(anvil: AnvilNode) -> None:
    """The node that pushes is down: heads come by polling another, and by subscription when it is back."""
    options = replace(OPTIONS, breaker=BreakerPolicy(threshold=2, cooldown=0.05, cap=0.1))
    async with relay_to(anvil.url) as relay, Client.open(anvil.url) as miner:
        relay.is_refusing = True
        async with (
            Client.open([f"ws://127.0.0.1:{relay.port}", anvil.url], options) as client,
            watching(client) as watched,
        ):
            await miner.request("anvil_mine", ["0x3"])
            await watched.until_tip(await tip_hash(miner))
            relay.is_refusing = False
            async with asyncio.timeout(5):
                await relay.connected.wait()
            await miner.request("evm_mine")
            await watched.until_tip(await tip_hash(miner))
            watched.check_one_line()


@pytest.mark.soak
@pytest.mark.node
@pytest.mark.parametrize("wire", ["ws", "http"])
@pytest.mark.parametrize("seed", range(5))
async def test_any_history_is_told_as_one_line(anvil: AnvilNode, wire: str, seed: int) -> None:
    """Forty random steps of mining, reorganising, rolling back and cutting the line, by seed."""
    rng = random.Random(seed)
    async with (
        relay_to(anvil.url) as relay,
        Client.open(anvil.url) as miner,
        Client.open(f"{wire}://127.0.0.1:{relay.port}", OPTIONS) as client,
        watching(client) as watched,
    ):
        await miner.request("anvil_mine", ["0x5"])
        for step in range(40):
            # Else a block mined again after a roll-back could have the very hash of the one it replaces.
            await miner.request("anvil_setCoinbase", [f"0x{step + 1:040x}"])
            match rng.randrange(6):
                case 0:
                    await miner.request("anvil_mine", [hex(rng.randrange(1, 120))])
                case 1:
                    height = await miner.block_number()
                    await miner.request("anvil_reorg", [rng.randrange(1, min(height, 20)), []])
                case 2:
                    snapshot = await miner.request("evm_snapshot")
                    await miner.request("anvil_mine", [hex(rng.randrange(1, 9))])
                    await miner.request("evm_revert", [snapshot])
                case 3:
                    relay.is_refusing = rng.random() < 0.5
                    relay.cut()
                case 4:
                    relay.is_refusing = False
                    await asyncio.sleep(0.02)
                case _:
                    await miner.request("evm_mine")
        relay.is_refusing = False
        await miner.request("anvil_setCoinbase", ["0x" + "ff" * 20])
        await miner.request("evm_mine")
        await watched.until_tip(await tip_hash(miner))
        watched.check_one_line()


@pytest.mark.node
async def test_a_silent_subscription_is_found_out(anvil: AnvilNode, scripted: ScriptedNode) -> None:
    """When the stream says nothing although the chain moves, it is opened again."""
    options = ClientOptions(head_silence=0.05, backoff=BackoffPolicy(base=0.01))
    async with Client.open(anvil.ws_url, options) as client:
        await client.request("anvil_setAutomine", [False])
        async with watching(client) as watched:
            [mux] = [e.transport._mux for e in client.endpoints]  # type: ignore[attr-defined]
            for subscription in mux.subscriptions.values():
                subscription.push = lambda _: None
            await client.request("evm_mine")
            async with Client.open(anvil.url) as other:
                await watched.until_tip(await tip_hash(other))
            assert client.stats.requests["eth_subscribe"] == 2


@pytest.mark.node
async def test_an_outage_that_lasts_is_an_error(anvil: AnvilNode) -> None:
    """After the outage deadline the loss is raised, so that whoever runs it can decide."""
    options = ClientOptions(outage_timeout=0.5, timeout=2.0, backoff=BackoffPolicy(base=0.01, cap=0.05))
    async with (
        relay_to(anvil.url) as relay,
        Client.open(f"ws://127.0.0.1:{relay.port}", options) as client,
    ):
        heads = client.heads()
        await anext(heads)
        relay.is_refusing = True
        relay.cut()
        with pytest.raises(TransportError):
            await anext(heads)


@pytest.mark.node
async def test_a_reorg_beyond_memory_is_an_error(anvil: AnvilNode) -> None:
    """Deeper than the history kept, no ancestor can be named: all state must be read again."""
    options = ClientOptions(poll_interval=0.02, head_history=3)
    async with Client.open(anvil.url, options) as client:
        await client.request("anvil_mine", ["0xa"])
        heads = client.heads()
        await anext(heads)
        await client.request("anvil_mine", ["0x5"])
        for _ in range(5):
            await anext(heads)
        await client.request("anvil_reorg", [8, []])
        with pytest.raises(ReorgError, match="read all state again"):
            await anext(heads)


@pytest.mark.parametrize(
    ("heads", "history"),
    [([5, 6, 5, 6, 7], 256), ([5, 6, 7, 8, 9, 5, 9, 10], 3), ([5, 6, 7, 8, 9, 5, 10, 11], 3)],
)
async def test_a_lagging_node_tells_nothing_new(
    scripted: ScriptedNode, heads: list[int], history: int
) -> None:
    """An older head from a node behind is not a reorg, also when it is so old that it is forgotten: then the
    latest block says so."""
    numbers = iter(heads)

    def block(number: int) -> dict[str, str]:
        return {
            "number": hex(number), "hash": f"0x{number:064x}", "parentHash": f"0x{number - 1:064x}",
            "timestamp": "0x0", "gasLimit": "0x0", "gasUsed": "0x0",
        }  # fmt: skip

    scripted.answer = lambda r: result(r, "0x1" if r["method"] == "eth_chainId" else block(next(numbers)))
    news = sorted(set(heads))
    async with Client.open(scripted.url, replace(OPTIONS, head_history=history)) as client:
        following = client.heads()
        told = [await anext(following) for _ in news]
    assert [head.number for head in told if isinstance(head, Block)] == news


def made(number: int, branch: int, parent: Block | None) -> Block:
    block_hash = BlockHash(f"{number}/{branch}")
    return Block(number, block_hash, parent.hash if parent else BlockHash(""), number, None, 0, 0)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 5)), max_size=20))
def test_replaying_the_news_gives_the_canonical_chain(steps: list[tuple[int, int]]) -> None:
    """Any mixture of extensions and reorgs: the listener who obeys holds exactly the canonical chain."""
    tracker = HeadTracker(10_000)
    chain = [made(0, 0, None)]
    watched = Watched()
    watched.heads += tracker.extend(list(chain))
    for branch, (drop, add) in enumerate(steps, start=1):
        del chain[max(1, len(chain) - drop) :]
        fresh: list[Block] = []
        for _ in range(add):
            fresh.append(made(len(chain), branch, chain[-1]))
            chain.append(fresh[-1])
        watched.heads += tracker.extend(fresh)
    watched.check_one_line()
    assert tracker.tip == chain[-1]
    assert all(tracker.find(block.hash) == block for block in chain)
