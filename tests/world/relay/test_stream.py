"""The event stream over HTTP, and its history."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.world.relay.conftest import LOG, SWAP, Site, make_tx, raw

from trimtab.world.relay.requests import matching_hash


async def test_events_reach_listeners_as_they_come(site: Site) -> None:
    """A listener hears what the default hints tell: the hash, and where a swap was."""
    tx = make_tx(0, 0, to=None, data=LOG)
    async with asyncio.timeout(30), site.session.get(site.relay.stream_url) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        lines = aiter(response.content)
        assert await anext(lines) == b":ping\n"
        await site.send_private(tx)
        async for line in lines:
            if line.startswith(b"data: "):
                break
    event: dict[str, Any] = json.loads(line[6:])
    assert event["hash"] == matching_hash(tx.tx_hash)
    assert event["logs"][0]["topics"] == [SWAP]
    assert event["logs"][0]["data"] == "0x"
    assert event["txs"] is None


async def test_history_is_asked_by_block(site: Site) -> None:
    """Past events by range and page; nothing of what was to stay private."""
    first, second = make_tx(0, 0), make_tx(1, 0)
    await site.send_private(first)
    await site.relay.build()
    await site.send_private(second)
    hidden = {"tx": raw(make_tx(2, 0)), "preferences": {"privacy": {"hints": []}}}
    await site.ask("eth_sendPrivateTransaction", hidden)
    head = await site.head()
    url = site.relay.stream_url + "/api/v1/history"
    async with site.session.get(url, params={"blockStart": str(head)}) as response:
        found = await response.json()
    assert [entry["hint"]["hash"] for entry in found] == [matching_hash(second.tx_hash)]
    async with site.session.get(url, params={"limit": "1", "offset": "1"}) as response:
        assert await response.json() == found
    async with site.session.get(url + "/info") as response:
        info = await response.json()
    assert (info["count"], info["maxBlock"], info["minBlock"]) == (2, head, head - 1)


async def test_hidden_by_full_privacy(site: Site) -> None:
    """MEV Blocker's fullprivacy tells nothing at all."""
    await site.ask("eth_sendRawTransaction", raw(make_tx(0, 0)), path="/fullprivacy", key=None)
    async with site.session.get(site.relay.stream_url + "/api/v1/history/info") as response:
        assert (await response.json())["count"] == 0
