"""`trimtab trade` on a world: previewed, confirmed, sent once, reported."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
from decimal import Decimal

import pytest
from tests.cli.conftest import Cli, RelayCli

from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node


async def _deposit(cli: Cli, amount: str = "10000") -> None:
    done = await cli.run("trade", "deposit", "USDC", amount, "--yes")
    assert done.code == 0, done.words


async def test_a_perp_trade_fills_as_quoted(cli: Cli) -> None:
    """The report's fill is the venue's position; the table names price, fee and the transaction."""
    await _deposit(cli)
    done = await cli.run("trade", "perp", "vETH", "buy", "1.5", "--yes", "--json")
    assert done.code == 0
    position = await PerpV2(cli.world.client, cli.world.perp).read_position(cli.account.address, "vETH")
    assert done.json["status"] == "filled"
    assert Decimal(done.json["fills"][0]["size"]) == position.size == Decimal("1.5")
    assert Decimal(done.json["fills"][0]["price"]) == Decimal(done.json["quote"]["price"])
    closed = await cli.run("trade", "perp", "vETH", "sell", "--close", "--yes")
    assert closed.code == 0
    assert "Fills" in closed.out
    assert "succeeded" in closed.out
    after = await PerpV2(cli.world.client, cli.world.perp).read_position(cli.account.address, "vETH")
    assert after.size == 0


async def test_the_same_key_trades_once(cli: Cli) -> None:
    """Repeating a command with its --key sends nothing and tells the first one's fill."""
    await _deposit(cli)
    words = ("trade", "perp", "vETH", "buy", "1", "--yes", "--key", "mine", "--json")
    first = await cli.run(*words)
    nonce = await cli.nonce()
    second = await cli.run(*words)
    assert (first.code, second.code) == (0, 0)
    assert second.json["fills"] == first.json["fills"]
    assert await cli.nonce() == nonce
    other = await cli.run("trade", "perp", "vETH", "buy", "2", "--yes", "--key", "mine", "--json")
    assert other.code != 0
    assert await cli.nonce() == nonce


async def test_a_dry_run_sends_nothing_and_needs_no_key(cli: Cli) -> None:
    """--dry-run quotes and plans; the account's nonce stays, and an address is enough."""
    await _deposit(cli)
    nonce = await cli.nonce()
    cli.edit("[chain]", f'[account]\naddress = "{cli.account.address}"\n\n[chain]')
    done = await cli.run(
        "trade", "perp", "vETH", "buy", "1", "--dry-run", "--json", env={"TRIMTAB_PRIVATE_KEY": ""}
    )
    assert done.code == 0
    assert done.json["is_dry_run"]
    assert done.json["transactions"] == []
    assert await cli.nonce() == nonce


async def test_an_exposed_order_is_split_by_the_rule_of_the_settings(cli: Cli) -> None:
    """The preview says so; the report has every part, and the number that decided."""
    await _deposit(cli, "50000")
    cli.config.write_text(
        f'{cli.config.read_text()}\n[routes.exposure]\nmax_exposure = 5\nprefer = ["split"]\n'
    )
    words = ("trade", "perp", "vETH", "buy", "60")
    preview = await cli.run(*words, "--dry-run")
    assert "send in 2 parts, the first of 50." in preview.words
    done = await cli.run(*words, "--yes", "--json", "--key", "big")
    assert (done.code, done.json["status"], len(done.json["fills"])) == (0, "filled", 2)
    assert done.json["verdict"]["action"] == "split"
    assert sum(Decimal(fill["size"]) for fill in done.json["fills"]) == 60


async def test_an_exposed_order_that_the_rule_refuses(cli: Cli) -> None:
    """Exit code 5, the number in words and as a fact, and the nonce is what it was."""
    await _deposit(cli, "50000")
    cli.config.write_text(f'{cli.config.read_text()}\n[routes.exposure]\nprefer = ["refuse"]\n')
    nonce = await cli.nonce()
    done = await cli.run("trade", "perp", "vETH", "buy", "60", "--yes", "--json")
    assert (done.code, done.error["class"], done.error["facts"]["field"]) == (5, "IntentError", "exposure")
    assert "a sandwich could earn" in done.error["message"]
    assert await cli.nonce() == nonce


async def test_routes_of_the_command_line(relay_cli: RelayCli) -> None:
    """By default what is exposed is hidden and the rest is public; --private and --public are the last word.
    The tables say which lane it took."""
    assert (await relay_cli.run("trade", "deposit", "USDC", "50000", "--yes")).code == 0
    assert relay_cli.relay is not None
    relay_cli.relay.public_log.clear()
    big, small = (
        ("trade", "perp", "vETH", "buy", "60", "--yes"),
        ("trade", "perp", "vETH", "sell", "1", "--yes"),
    )
    for words, lane, sent in (
        (big, "private", 0),
        ((*small, "--private"), "private", 0),
        ((*small, "--private-then-public", "--window", "50"), "private", 0),
        (small, "public", 1),
        ((*big, "--public"), "public", 2),
    ):
        done = await relay_cli.run(*words, "--json")
        assert done.code == 0, done.words
        assert [tx["lane"] for tx in done.json["transactions"]] == [lane]
        assert len(relay_cli.public_log) == sent
    preview = (await relay_cli.run(*big[:-1], "--private", "--window", "7", "--dry-run")).words
    assert "route private for 7 blocks, then dropped" in preview
    assert "route private, by the rule" in (await relay_cli.run(*big[:-1], "--dry-run")).words
    option = ("trade", "option", "sETH", "4", "long_call", "1", "--private", "--yes", "--json")
    done = await relay_cli.run(*option)
    assert (done.json["status"], done.json["transactions"][-1]["lane"]) == ("filled", "private"), done.words


async def test_nothing_is_sent_without_a_yes(cli: Cli) -> None:
    """Without a terminal to ask, the terms are shown and nothing is sent; --json must be told beforehand."""
    await _deposit(cli)
    nonce = await cli.nonce()
    done = await cli.run("trade", "perp", "vETH", "buy", "1")
    assert done.code == 5
    assert "Nothing was sent" in done.words
    assert "liquidation price after" in done.out
    silent = await cli.run("trade", "perp", "vETH", "buy", "1", "--json")
    assert silent.code == 5
    assert "--yes to send or --dry-run to look" in silent.error["message"]
    assert await cli.nonce() == nonce


@pytest.mark.parametrize(("answer", "code", "sent"), [("n", 5, 0), ("y", 0, 1)])
async def test_a_person_is_asked(cli: Cli, answer: str, code: int, sent: int) -> None:
    """At a terminal the terms are shown and one question is asked; only yes sends."""
    await _deposit(cli)
    nonce = await cli.nonce()
    terminal, end = pty.openpty()
    try:
        os.write(terminal, f"{answer}\n".encode())
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from trimtab.cli import main; main()"),
            *("trade", "perp", "vETH", "buy", "1", "--config", str(cli.config)),
            stdin=end,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"TRIMTAB_PRIVATE_KEY": cli.account.key.hex()},
        )
        out, err = await process.communicate()
    finally:
        os.close(terminal)
        os.close(end)
    assert process.returncode == code, err.decode()
    assert b"liquidation price after" in out
    assert b"Send this? [y/N]" in err
    assert await cli.nonce() == nonce + sent


async def test_a_yes_is_to_the_terms_that_were_shown(cli: Cli) -> None:
    """The price moves while the person reads: what was shown bounds what is sent, so nothing is."""
    await _deposit(cli)
    nonce = await cli.nonce()
    terminal, end = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from trimtab.cli import main; main()"),
            *("trade", "perp", "vETH", "buy", "1", "--config", str(cli.config)),
            stdin=end,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"TRIMTAB_PRIVATE_KEY": cli.account.key.hex()},
        )
        assert process.stderr is not None
        asked = await process.stderr.readuntil(b"[y/N]")
        assert b"Send this?" in asked
        await cli.world.set_price("ETH", Decimal(2040))
        os.write(terminal, b"y\n")
        _, err = await process.communicate()
    finally:
        os.close(terminal)
        os.close(end)
    assert process.returncode not in (0, None)
    assert b"beyond" in err or b"above" in err
    assert b"acceptable" in err
    assert await cli.nonce() == nonce


async def test_an_option_trade_gives_approvals_first(cli: Cli) -> None:
    """The first option trade approves and fills; the position is the venue's; closing it leaves none."""
    done = await cli.run("trade", "option", "sETH", "4", "long_call", "2", "--yes", "--json")
    assert done.code == 0, done.words
    venue = Lyra(cli.world.client, cli.world.lyra)
    (position,) = await venue.read_option_positions(cli.account.address)
    assert Decimal(done.json["fills"][0]["size"]) == position.amount == 2
    closed = await cli.run(
        *("trade", "option", "sETH", "4", "long_call", "2", "--action", "close"),
        *("--position", str(position.position_id), "--yes"),
    )
    assert closed.code == 0, closed.words
    assert [p for p in await venue.read_option_positions(cli.account.address) if p.amount] == []


async def test_the_same_command_with_its_key_tells_the_outcome(cli: Cli) -> None:
    """Repeated word for word at another price: the bound that the first one got makes it no other order."""
    words = ("trade", "option", "sETH", "4", "long_call", "2", "--yes", "--json", "--key", "mine")
    first = await cli.run(*words)
    assert first.code == 0, first.words
    nonce = await cli.nonce()
    await cli.world.set_price("ETH", Decimal(2020))
    again = await cli.run(*words)
    assert again.code == 0, again.words
    assert again.json["fills"] == first.json["fills"]
    assert await cli.nonce() == nonce


async def test_margin_goes_in_and_out(cli: Cli) -> None:
    """deposit and withdraw move the venue's collateral by exactly the amount."""
    venue = PerpV2(cli.world.client, cli.world.perp)
    await _deposit(cli, "1000.25")
    out = await cli.run("trade", "withdraw", "USDC", "0.25", "--yes")
    assert out.code == 0, out.words
    margin = await venue.read_margin(cli.account.address)
    assert {c.currency: c.amount for c in margin.collateral}["USDC"] == 1000
