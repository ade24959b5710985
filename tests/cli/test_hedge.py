"""`trimtab hedge` on a world: looks, hedges once, says why; a dry run sends nothing."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from tests.cli.conftest import Cli

pytestmark = pytest.mark.node


async def _write_calls(cli: Cli) -> None:
    for words in (
        ("deposit", "USDC", "6000"),
        ("option", "sETH", "4", "short_call_base", "2", "--collateral", "2"),
    ):
        done = await cli.run("trade", *words, "--yes")
        assert done.code == 0, done.words


async def test_one_look_brings_the_delta_inside_the_band(cli: Cli) -> None:
    """--once hedges a book outside its band, and the next look finds it inside and sends nothing."""
    await _write_calls(cli)
    first = json.loads((await cli.run("hedge", "--once", "--json")).out)
    assert Decimal(first["delta_before"]) < Decimal("-0.2")
    assert abs(Decimal(first["delta_after"])) <= Decimal("0.2")
    assert first["hedge"]["ending"]["status"] == "filled"
    nonce = await cli.nonce()
    second = json.loads((await cli.run("hedge", "--once", "--json")).out)
    assert second["hedge"] is None or second["hedge"]["sequence"] == 1
    assert await cli.nonce() == nonce


async def test_a_dry_run_decides_and_sends_nothing(cli: Cli) -> None:
    """--dry-run tells the wanted size and the terms it would get; it needs no key."""
    await _write_calls(cli)
    nonce = await cli.nonce()
    cli.edit("[chain]", f'[account]\naddress = "{cli.account.address}"\n\n[chain]')
    done = await cli.run("hedge", "--once", "--dry-run", "--json", env={"TRIMTAB_PRIVATE_KEY": ""})
    assert done.code == 0, done.words
    told = json.loads(done.out)
    assert Decimal(told["wanted"]) == pytest.approx(-Decimal(told["delta_before"]), abs=Decimal("0.0001"))
    assert Decimal(told["planned"]["size"]) == Decimal(told["wanted"])
    assert told["delta_after"] == told["delta_before"]
    assert await cli.nonce() == nonce


async def test_a_refused_hedge_is_told(cli: Cli) -> None:
    """A limit that the hedge would break refuses it with the reason; nothing is sent."""
    await _write_calls(cli)
    cli.edit("[hedge.limits]", '[hedge.limits]\nmin_health = "10000"')
    nonce = await cli.nonce()
    done = await cli.run("hedge", "--once")
    assert "health" in done.words
    assert await cli.nonce() == nonce


async def test_without_a_book_there_is_nothing_to_hedge(cli: Cli) -> None:
    """A settings file without [hedge] is a settings error that says what to add."""
    text = cli.config.read_text()
    cli.config.write_text(text[: text.index("[hedge]")])
    done = await cli.run("hedge", "--once", "--json")
    assert done.code == 3
    assert "add a [hedge] table" in done.error["message"]
