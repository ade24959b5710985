"""`trimtab tx ls` and `show`: what the journal knows, read beside a running sender."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from tests.cli.sending import no_blocks, pay, sending, until

from trimtab.cli.tx_view import Books, find_key, lane_of, print_records, read_state, tell
from trimtab.config import load_config
from trimtab.errors import IntentError
from trimtab.model.ids import Address, TxHash
from trimtab.model.order import TxRecord, TxStatus
from trimtab.tx import Lane, progress
from trimtab.tx.forecast import Forecast
from trimtab.tx.states import Intent, Refusal, State

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


def test_a_trade_s_key_is_its_only_transaction_s() -> None:
    """What `--key` said is found; where it made several transactions the error names them."""
    books = Books(Path("journal.db"), 1, Address("0x" + "1" * 40))
    keys, shop = ("one/0", "two/a", "two/b", "exact"), books.account
    state = State(intents={key: Intent(key, "", shop, b"", 0, 21_000, None, None, "", 0) for key in keys})
    assert find_key(books, state, "one") == find_key(books, state, "one/0") == "one/0"
    assert find_key(books, state, "exact") == "exact"
    with pytest.raises(IntentError, match="name one of two/a, two/b"):
        find_key(books, state, "two")
    with pytest.raises(IntentError, match="tx ls --all"):
        find_key(books, State(), "one")


@pytest.mark.parametrize(("wide", "shown"), [("80", False), ("140", True)])
def test_a_narrow_list_keeps_what_one_looks_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, wide: str, shown: bool
) -> None:
    """At 80 columns a row is a line: nonce, key, state, block and what; the rest where there is room."""
    monkeypatch.setenv("COLUMNS", wide)
    row = TxRecord("gift/0", 7, TxHash("0x" + "ab" * 32), TxStatus.UNKNOWN, None, 0, 0, 1, "live", "a gift")
    print_records("Sent", [row], State())
    out = capsys.readouterr().out
    [line] = [line for line in out.splitlines() if "gift/0" in line]
    assert all(word in line for word in ("7", "live", "a gift"))
    assert ("0xabababab…ababab" in line) is shown


async def test_a_journal_that_is_not_there_yet_knows_no_key(cli: Cli) -> None:
    """Before the first send the answer is the same as for any unknown key."""
    ended = await cli.run("tx", "show", "gift", "--json")
    assert ended.code == 5
    assert "knows no transaction 'gift'" in ended.error["message"]


def test_a_private_one_shows_until_when(capsys: pytest.CaptureFixture[str]) -> None:
    """While it waits; once it is in a block its lane alone."""
    waits = TxRecord(
        "a", 7, TxHash("0x" + "ab" * 32), TxStatus.UNKNOWN, None, 0, 0, 1, "live", "", "private", 99
    )
    assert lane_of(waits) == "private to 99"
    assert lane_of(replace(waits, status=TxStatus.SUCCEEDED, block=98)) == "private"
    assert lane_of(replace(waits, lane="public", last_block=0)) == "public"
    print_records("Sent", [waits], State())
    assert "private to 99" in capsys.readouterr().out


def test_routes_and_targets_are_told() -> None:
    """The switch has its reason, and a private send the block that it aims at."""
    routed = progress.Routed(Lane.PRIVATE, 40, "")
    assert tell(routed) == ("Routed", "private up to block 40")
    forecast = Forecast(tx_hash=TxHash("0x1"), method="eth_call", block=36, base_fee=1, price=2, ok=False)
    assert tell(progress.Foreseen(forecast)) == ("Foreseen", "by eth_call in block 36: reverts, – gas")
    public = progress.Routed(Lane.PUBLIC, 0, "its private window ended")
    assert tell(public) == ("Routed", "public: its private window ended")
    dropped = progress.NotSent(Refusal.DROPPED, "its private window ended")
    assert tell(dropped) == ("Dropped", "its private window ended")
    assert tell(replace(dropped, refusal=Refusal.WITHDRAWN))[0] == "NotSent"
    sent = progress.Sent(TxHash("0x1"), ("bundle:a", "bundle:b"), 36)
    assert tell(sent) == ("Sent", "to bundle:a, bundle:b, for block 36")
    assert tell(replace(sent, endpoints=("node",), target=0)) == ("Sent", "to node")
