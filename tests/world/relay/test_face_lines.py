"""The public face over WebSocket: subscriptions that tell of what is public and of what stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
from tests.world.relay.conftest import LOG, Site, make_tx, raw


class Talk:
    """One client's line: answers by id, and what was pushed."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.pushed: list[Any] = []

    async def ask(self, method: str, *params: Any) -> Any:
        number = next(self._numbers)
        await self._socket.send_json({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        async with asyncio.timeout(30):
            while True:
                answer = await self._socket.receive_json()
                if answer.get("id") == number:
                    return answer.get("result", answer.get("error"))
                self.pushed.append(answer["params"]["result"])

    async def hear(self, count: int) -> list[Any]:
        """The first so many pushes."""
        async with asyncio.timeout(30):
            while len(self.pushed) < count:
                self.pushed.append((await self._socket.receive_json())["params"]["result"])
        return self.pushed


@asynccontextmanager
async def talking(site: Site) -> AsyncIterator[Talk]:
    async with site.session.ws_connect(site.relay.public_ws_url) as socket:
        yield Talk(socket)


async def test_pending_subscription_tells_public_hashes_only(site: Site) -> None:
    """A subscriber hears what is sent to everybody, by whichever way, and nothing private around a block."""
    async with talking(site) as talk:
        number = await talk.ask("eth_subscribe", "newPendingTransactions")
        private, first, second = make_tx(0, 0), make_tx(1, 0), make_tx(2, 0)
        await site.send_private(private)
        assert await talk.ask("eth_sendRawTransaction", raw(first)) == first.tx_hash
        await site.relay.build()
        await site.public("eth_sendRawTransaction", raw(second))
        assert await talk.hear(2) == [first.tx_hash, second.tx_hash]
        assert await talk.ask("eth_unsubscribe", number) is True
        await site.public("eth_sendRawTransaction", raw(make_tx(3, 0)))
        await talk.ask("eth_blockNumber")
        assert len(talk.pushed) == 2


async def test_full_transactions_on_demand(site: Site) -> None:
    """With the second parameter true the transaction itself is pushed."""
    async with talking(site) as talk:
        await talk.ask("eth_subscribe", "newPendingTransactions", True)
        tx = make_tx(0, 0, value=77)
        await site.public("eth_sendRawTransaction", raw(tx))
        (told,) = await talk.hear(1)
        assert (told["hash"], told["value"]) == (tx.tx_hash, "0x4d")


async def test_heads_and_logs_are_of_blocks_that_stay(site: Site) -> None:
    """Trials are not told; the block that stays is, once, with its logs, also when it was tried before."""
    async with talking(site) as talk:
        await talk.ask("eth_subscribe", "newHeads")
        tx = make_tx(0, 0, to=None, data=LOG)
        await site.relay.builder.simulate([tx])
        await site.send_bundle(tx)
        first = await site.relay.build()
        second = await site.relay.build()
        assert [head["hash"] for head in await talk.hear(2)] == [first.hash, second.hash]
    async with talking(site) as talk:
        number = await talk.ask("eth_subscribe", "logs", {})
        tx = make_tx(1, 0, to=None, data=LOG)
        await site.relay.builder.simulate([tx])
        await site.send_bundle(tx)
        built = await site.relay.build()
        (log,) = await talk.hear(1)
        assert (log["blockHash"], log["transactionHash"]) == (built.hash, tx.tx_hash)
        assert await talk.ask("eth_unsubscribe", number) is True


async def test_batch_is_answered_as_over_http(site: Site) -> None:
    """Sends in a batch are public like any; a subscription of the node's wants a message of its own."""
    tx = make_tx(0, 0)
    calls = [("eth_sendRawTransaction", [raw(tx)]), ("eth_subscribe", ["newHeads"]), ("evm_mine", [])]
    batch = [{"jsonrpc": "2.0", "id": n, "method": m, "params": p} for n, (m, p) in enumerate(calls)]
    watching = await site.public("eth_newPendingTransactionFilter")
    async with site.session.ws_connect(site.relay.public_ws_url) as socket:
        await socket.send_json(batch)
        sent, subscribed, mined = await socket.receive_json()
    assert sent["result"] == tx.tx_hash
    assert (subscribed["error"]["code"], mined["error"]["code"]) == (-32600, -32601)
    assert await site.public("eth_getFilterChanges", watching) == [tx.tx_hash]


async def test_uncle_is_told_as_a_new_head(site: Site) -> None:
    """A lost block's sibling is a head of the same number."""
    async with talking(site) as talk:
        await talk.ask("eth_subscribe", "newHeads")
        await site.send_private(make_tx(0, 0))
        built = await site.relay.build()
        sibling = await site.relay.uncle()
        assert sibling is not None
        heads = await talk.hear(2)
        assert [head["hash"] for head in heads] == [built.hash, sibling.hash]
        assert heads[0]["number"] == heads[1]["number"]
