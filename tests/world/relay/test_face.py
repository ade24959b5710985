"""The public face over HTTP: a node for everybody, but for private bytes and for who would steer it."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.world.relay.conftest import PEOPLE, Site, make_tx, raw


async def test_it_answers_as_the_node_does(site: Site) -> None:
    """Reads pass, single and in a batch, and what is no JSON-RPC gets the node's own answer."""
    assert await site.public("eth_chainId") == "0x7a69"
    batch: list[Any] = [
        {"jsonrpc": "2.0", "id": n, "method": "eth_blockNumber", "params": []} for n in (1, 2)
    ]
    async with site.session.post(site.relay.public_url, json=batch) as response:
        assert [answer["id"] for answer in await response.json()] == [1, 2]
    async with site.session.post(site.relay.public_url, data=b"nonsense") as response:
        assert "error" in await response.text()


async def test_nodes_errors_are_the_nodes_own(site: Site) -> None:
    """A send is judged by the node: nonce, funds and price in its words."""
    await site.public("eth_sendRawTransaction", raw(make_tx(0, 0)))
    await site.relay.build()
    assert await site.public("eth_sendRawTransaction", raw(make_tx(0, 0, tip=5))) == "nonce too low"
    poor = await site.public("eth_sendRawTransaction", raw(make_tx(1, 0, value=10**30)))
    assert "Insufficient funds" in poor


async def test_pending_views_are_the_public_mempool(site: Site) -> None:
    """Filter, pool, transaction and pending nonce show what was sent to everybody, and nothing else."""
    public, private = make_tx(0, 0), make_tx(1, 0)
    watching = await site.public("eth_newPendingTransactionFilter")
    await site.public("eth_sendRawTransaction", raw(public))
    await site.send_private(private)
    assert await site.public("eth_getFilterChanges", watching) == [public.tx_hash]
    content = await site.public("txpool_content")
    assert list(content["pending"]) == [PEOPLE[0]]
    assert (await site.public("eth_getTransactionByHash", public.tx_hash))["blockHash"] is None
    assert await site.public("eth_getTransactionCount", PEOPLE[0], "pending") == "0x1"
    assert await site.public("eth_getTransactionCount", PEOPLE[1], "pending") == "0x0"
    assert await site.public("eth_uninstallFilter", watching) is True
    assert isinstance(await site.public("eth_getFilterChanges", watching), str)


async def test_nobody_steers_the_node_through_it(site: Site) -> None:
    """Methods of a development node do not exist here, nor those that wait for a block inside a request."""
    for method in (
        "evm_mine",
        "anvil_dropAllTransactions",
        "hardhat_setBalance",
        "eth_sendRawTransactionSync",
    ):
        assert "does not exist" in await site.public(method)


async def test_logs_of_tried_blocks_are_not_told(site: Site) -> None:
    """A log filter of the node's hears of blocks that stay, once."""
    from tests.world.relay.conftest import LOG

    watching = await site.public("eth_newFilter", {})
    tx = make_tx(0, 0, to=None, data=LOG)
    await site.send_bundle(tx)
    await site.relay.builder.simulate([tx])
    built = await site.relay.build()
    told = await site.public("eth_getFilterChanges", watching)
    assert [log["blockHash"] for log in told] == [built.hash]


async def test_what_was_asked_is_recorded(site: Site) -> None:
    """The log has each request with its parameters, by which leaks are found."""
    await site.public("eth_getBalance", PEOPLE[0], "latest")
    last = site.relay.public_log[-1]
    assert (last.to, last.method, last.params) == ("public", "eth_getBalance", [PEOPLE[0], "latest"])


async def test_watchers_never_see_private_bytes_while_blocks_are_made(site: Site) -> None:
    """Many who poll the public node without a pause see no private hash in it, over many blocks."""
    private, public, seen = set[str](), set[str](), set[str]()
    done = asyncio.Event()

    async def watch(number: str) -> None:
        is_last = False
        while not is_last:
            is_last = done.is_set()
            seen.update(await site.public("eth_getFilterChanges", number))
            pool = await site.public("txpool_content")
            seen.update(tx["hash"] for part in pool.values() for txs in part.values() for tx in txs.values())

    async with asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(watch(await site.public("eth_newPendingTransactionFilter")))
        for nonce in range(8):
            hidden = [make_tx(who, nonce, to=PEOPLE[4]) for who in range(3)]
            shown = make_tx(3, nonce)
            private.update(tx.tx_hash for tx in hidden)
            public.add(shown.tx_hash)
            await site.send_private(hidden[0])
            await site.send_bundle(*hidden[1:])
            await site.public("eth_sendRawTransaction", raw(shown))
            assert len((await site.relay.build()).tx_hashes) == 4
        done.set()
    assert not private & seen
    assert public <= seen
