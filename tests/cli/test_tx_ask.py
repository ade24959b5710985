"""`trimtab tx cancel`, `bump`, `pause`, `recover`: by the sender that runs, or by one of their own."""

from __future__ import annotations

import asyncio

import pytest
from tests.cli.conftest import Cli
from tests.cli.sending import SHOP, no_blocks, pay, sending, until

from trimtab.cli.tx_view import Books, read_state
from trimtab.cli.wiring import open_sender, open_session
from trimtab.config import load_config
from trimtab.tx.states import State

pytestmark = pytest.mark.node


async def test_cancel_asks_the_sender_that_runs(cli: Cli) -> None:
    """The running sender makes the cancellation; the command tells what became of it."""
    async with sending(cli) as sender:
        async with no_blocks(cli):
            await sender.submit(pay("gift"))
            asking = asyncio.create_task(cli.run("tx", "cancel", "gift", "--json"))
            await until(lambda: _is_second_out(sender._driver.state, "gift"))
        done = (await asking).json
    assert done["done"] == "asked to cancel it, by the running sender"
    assert done["transaction"]["status"] == "canceled"


def _is_second_out(state: State, key: str) -> bool:
    slot = state.slot_of(key)
    return slot is not None and len(slot.attempts) == 2 and bool(slot.last.results)


async def test_bump_without_a_running_sender_does_it_itself(cli: Cli) -> None:
    """The sender died with its transaction in the pool: the command recovers, replaces within the settings'
    limits, and waits."""
    with cli.config.open("a") as file:
        file.write(f'\n[limits]\ntransfers = ["{SHOP}"]\nmax_value_eth = 0.1\n')
    await cli.world.client.request("evm_setAutomine", [False])
    async with sending(cli) as sender:
        await sender.submit(pay("gift"))
    bumping = asyncio.create_task(cli.run("tx", "bump", "gift", "--json", "--timeout", "60"))
    settings = load_config(cli.config, {})
    books = Books(settings.journal.path, settings.chain.chain_id, cli.account.address)
    await until(lambda: _is_second_out(read_state(books), "gift"))
    await cli.world.client.request("evm_setAutomine", [True])
    await cli.world.client.request("evm_mine")
    done = (await bumping).json
    assert done["done"] == "asked to bump it, by this command"
    assert done["transaction"]["attempts"] == 2
    assert done["transaction"]["status"] == "succeeded"


async def test_recover_finishes_what_was_left(cli: Cli) -> None:
    """Killed or closed with transactions out: identical bytes again, and an outcome for each."""
    await cli.world.client.request("evm_setAutomine", [False])
    async with sending(cli) as sender:
        for key in ("one", "two"):
            await sender.submit(pay(key))
    unresolved = await cli.run("tx", "recover", "--json", "--timeout", "0.2")
    assert unresolved.code == 6
    await cli.world.client.request("evm_setAutomine", [True])
    await cli.world.client.request("evm_mine")
    done = await cli.run("tx", "recover", "--json")
    assert [row["status"] for row in done.json["recovered"]] == ["succeeded", "succeeded"]
    assert done.code == 0


async def test_pause_lasts_until_unpause(cli: Cli) -> None:
    """With and without a running sender, and across both."""
    assert (await cli.run("tx", "pause", "lunch", "--json")).json["paused"] == "lunch"
    async with sending(cli) as sender:
        assert sender.snapshot().paused == "lunch"
        assert (await cli.run("tx", "unpause", "--json")).json["paused"] is None
        assert sender.snapshot().paused is None


@pytest.mark.parametrize("words", [("show",), ("cancel",), ("bump",)])
async def test_a_key_that_nobody_knows_is_an_error(cli: Cli, words: tuple[str, ...]) -> None:
    """Nothing is asked of anybody, and the exit code says that nothing was sent."""
    async with sending(cli):
        ended = await cli.run("tx", *words, "nobody", "--json")
    assert ended.code == 5
    assert "nobody" in ended.error["message"]


async def test_what_is_decided_is_said_to_be_so(cli: Cli) -> None:
    """A cancellation that comes too late says that it does; the trade's key finds its only transaction."""
    async with sending(cli) as sender:
        await (await sender.submit(pay("gift/0"))).outcome(timeout=60)
    ended = await cli.run("tx", "cancel", "gift", "--json")
    assert ended.json["transaction"]["key"] == "gift/0"
    assert ended.json["done"].endswith("it was decided before")


async def test_the_settings_alone_open_a_sender(cli: Cli) -> None:
    """What the commands use themselves: limits and journal of the settings file."""
    settings = load_config(cli.config, {"TRIMTAB_PRIVATE_KEY": cli.account.key.hex()})
    async with open_session(settings) as session, open_sender(session) as (sender, _):
        assert sender.address == cli.account.address


async def test_a_bump_that_a_limit_forbids_is_an_error(cli: Cli) -> None:
    """The settings do not allow this target: no replacement is signed, and the command says so at once."""
    await cli.world.client.request("evm_setAutomine", [False])
    async with sending(cli) as sender:
        await sender.submit(pay("gift"))
    ended = await cli.run("tx", "bump", "gift", "--json", "--timeout", "60")
    assert ended.code == 5
    assert "was not replaced" in ended.error["message"]
    assert ended.error["class"] == "NotSentError"
