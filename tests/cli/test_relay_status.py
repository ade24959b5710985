"""What relays say of a transaction, asked of a relay that tells."""

from __future__ import annotations

import pytest
from tests.cli.conftest import RelayCli

from trimtab.cli.relay_status import read_relays
from trimtab.config import load_config
from trimtab.model.ids import TxHash

pytestmark = pytest.mark.node
NEVER = TxHash("0x" + "ab" * 32)


async def test_tx_show_asks_the_relays_when_told_to(relay_cli: RelayCli) -> None:
    """A private order: its lane, window and targets from the journal, and beside them what the relay says."""
    await relay_cli.run("trade", "deposit", "USDC", "50000", "--yes")
    done = await relay_cli.run("trade", "perp", "vETH", "buy", "1", "--private", "--key", "buy", "--yes")
    assert done.code == 0, done.words
    shown = (await relay_cli.run("tx", "show", "buy", "--relays", "--json")).json
    assert (shown["lane"], shown["route"]) == ("private", "private for 100 blocks, then dropped")
    assert [word["state"] for word in shown["relays"]] == ["included"]
    assert (await relay_cli.run("tx", "show", "buy", "--json")).json["relays"] is None
    events = {step["event"]: step for step in reversed(shown["timeline"])}  # the first of each
    assert events["Routed"]["last_block"] == shown["last_block"] == events["Sent"]["target"] + 100 - 1
    words = (await relay_cli.run("tx", "show", "buy", "--relays")).words
    for part in ("private for 100 blocks", f", for block {events['Sent']['target']}", "the chain decides"):
        assert part in words
    rows = (await relay_cli.run("tx", "ls", "--all", "--json")).json["transactions"]
    assert [row["lane"] for row in rows] == ["public", "public", "private"]


async def test_what_no_relay_knows_is_unknown(relay_cli: RelayCli) -> None:
    """One word for each that tells, and none without a hash."""
    config = load_config(relay_cli.config, {})
    [word] = await read_relays(config, [NEVER])
    assert (word.tx_hash, word.state) == (NEVER, "unknown")
    assert await read_relays(config, []) == []
