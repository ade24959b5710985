"""`trimtab tx ls` and `show`: what the journal knows, read beside a running sender."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Cli
from tests.cli.sending import no_blocks, pay, sending, until

from trimtab.cli.tx_view import Books, read_state
from trimtab.config import load_config

pytestmark = pytest.mark.node


async def test_ls_and_show_read_the_journal_of_a_running_sender(cli: Cli) -> None:
    """No lock, no request: what is in flight, and one transaction with all that happened to it."""
    async with sending(cli) as sender, no_blocks(cli):
        handle = await sender.submit(pay("gift"))
        settings = load_config(cli.config, {})
        books = Books(settings.journal.path, settings.chain.chain_id, cli.account.address)
        await until(lambda: read_state(books).intents["gift"].state == "live")  # the answer is written soon
        before = cli.world.client.stats.round_trips
        listed = (await cli.run("tx", "ls", "--json")).json
        [row] = listed["transactions"]
        assert (row["key"], row["journal_state"], row["nonce"]) == ("gift", "live", handle.nonce)
        assert listed["next_nonce"] == handle.nonce + 1
        shown = (await cli.run("tx", "show", "gift", "--json")).json
        assert [step["event"] for step in shown["timeline"]] == ["Submitted", "Signed", "Sent", "Accepted"]
        assert shown["attempt_list"][0]["tx_hash"] == handle.tx_hash
        assert cli.world.client.stats.round_trips - before < 50
        words = (await cli.run("tx", "show", "gift")).words
        assert "a gift" in words
        assert handle.tx_hash in words


async def test_all_shows_what_is_final(cli: Cli) -> None:
    """Final ones are listed when asked for, with their block."""
    async with sending(cli) as sender:
        handle = await sender.submit(pay("gift"))
        await handle.outcome(timeout=60)
        await cli.world.client.request("anvil_mine", ["0x5"])
        await until(lambda: handle.state == "succeeded")
    assert (await cli.run("tx", "ls", "--json")).json["transactions"] == []
    [row] = (await cli.run("tx", "ls", "--all", "--json")).json["transactions"]
    assert (row["key"], row["status"]) == ("gift", "succeeded")
    assert row["block"] is not None
    assert "gift" in (await cli.run("tx", "ls", "--all")).words
