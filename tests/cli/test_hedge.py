"""`trimtab hedge`: the configured book, looked at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.model.ids import ZERO_ADDRESS

pytestmark = pytest.mark.node


async def write_call(cli: Any) -> None:
    """Alice is short two calls, with margin at the perp venue."""
    words = ("trade", "option", "sETH", "4", "short_call_quote", "2", "--collateral", "3000", "--yes")
    assert (await cli.run(*words)).code == 0
    assert (await cli.run("trade", "deposit", "USDC", "20000", "--venue", "perp_v2", "--yes")).code == 0


async def test_a_dry_run_tells_the_hedge_and_sends_nothing(cli: Any) -> None:
    """Delta, band, wish and quote as one JSON line; no nonce is used and no key is needed."""
    await write_call(cli)
    nonce = await cli.nonce()
    text = cli.config.read_text()
    cli.config.write_text(f'{text}\n[account]\naddress = "{cli.account.address}"\n')
    done = await cli.run("hedge", "--once", "--dry-run", "--json", env={"TRIMTAB_PRIVATE_KEY": ""})
    assert done.code == 0, done.words
    step = json.loads(done.out)
    assert float(step["delta_before"]) < -float(step["band"])
    assert step["planned"]["size"] == step["wanted"]
    assert step["hedge"] is None
    assert await cli.nonce() == nonce


async def test_one_look_hedges_and_the_next_leaves_it(cli: Any) -> None:
    """The delta ends inside the band by one transaction; the table says what was traded."""
    await write_call(cli)
    nonce = await cli.nonce()
    done = await cli.run("hedge", "--once")
    assert done.code == 0, done.words
    assert "filled +" in done.words
    again = await cli.run("hedge", "--once")
    assert "inside the band" in again.words
    assert await cli.nonce() == nonce + 1


async def test_hedges_take_the_route_of_the_settings(relay_cli: Any) -> None:
    """What is private by default is also so when the hedger sends it: the public node never sees it."""
    text = relay_cli.config.read_text().replace('default = "public"', 'default = "private"')
    book = '[hedge]\nunderlying = "ETH"\noption_market = "sETH"\nperp_market = "vETH"\n'
    relay_cli.config.write_text(f"{text}\n{book}[hedge.fixed_band]\nwidth = 0.2\n")
    await write_call(relay_cli)
    done = await relay_cli.run("hedge", "--once", "--json")
    assert json.loads(done.out)["hedge"]["ending"]["status"] == "filled", done.words
    rows = (await relay_cli.run("tx", "ls", "--all", "--json")).json["transactions"]
    assert {row["lane"] for row in rows} == {"private"}
    assert relay_cli.public_log == []


async def test_without_a_book_it_says_what_to_add(cli: Any) -> None:
    """No [hedge] table is a setting that is missing: exit 3."""
    text = cli.config.read_text()
    cli.config.write_text(text[: text.index("[hedge]")])
    done = await cli.run("hedge", "--once", "--dry-run")
    assert done.code == 3
    assert "add a [hedge] table" in done.words
    assert ZERO_ADDRESS not in done.words
