"""`trimtab quote` on a world."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.cli.conftest import NOBODY, Cli

from trimtab.model.order import PerpIntent, Side
from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node


async def test_a_perp_quote_is_the_venues_exactly(cli: Cli) -> None:
    """The JSON holds the adapter's quote, digit by digit, for a size and for a notional."""
    venue = PerpV2(cli.world.client, cli.world.perp)
    for words, intent in (
        (("1.5",), PerpIntent("vETH", Side.SELL, size=Decimal("1.5"))),
        (("--notional", "3000"), PerpIntent("vETH", Side.SELL, notional=Decimal(3000))),
    ):
        done = await cli.run("quote", "perp", "vETH", "sell", *words, "--json")
        assert done.code == 0
        terms = await venue.read_quote(cli.account.address, intent)
        for name in ("size", "price", "fee", "notional", "mark_price", "equity_after"):
            assert Decimal(done.json[name]) == getattr(terms, name), name


async def test_a_quote_tells_what_a_sandwich_could_earn(cli: Cli) -> None:
    """Profit, loss and what the rule would do, as the venue computes them for the limit that it would get;
    without a rule only the numbers."""
    words = ("quote", "perp", "vETH", "buy", "60")
    told = (await cli.run(*words, "--json")).json["verdict"]
    assert (told["action"], told["max_exposure"]) == (None, None)
    assert Decimal(told["exposure"]["worst_profit"]) > 50
    assert Decimal(told["exposure"]["victim_loss"]) > Decimal(told["exposure"]["worst_profit"])
    cli.config.write_text(f"{cli.config.read_text()}\n[routes.exposure]\nmax_exposure = 5\n")
    told = (await cli.run(*words, "--json")).json["verdict"]
    assert (told["action"], told["max_exposure"]) == ("tighten", "5")
    shown = (await cli.run(*words)).words
    for part in ("worst sandwich profit", "your loss in it", "send with the acceptable price 2003.0"):
        assert part in shown
    calm = (await cli.run("quote", "perp", "vETH", "buy", "1")).words
    assert "worst sandwich profit 0.00" in calm
    assert "send as it is (it allows 5)" in calm


async def test_a_quote_needs_no_key(cli: Cli) -> None:
    """--account is enough; without either the error names the ways to say whose book it is."""
    keyless = {"TRIMTAB_PRIVATE_KEY": ""}
    done = await cli.run("quote", "perp", "vETH", "buy", "1", "--account", NOBODY, env=keyless)
    assert done.code == 0
    assert "NOT SUFFICIENT" in done.out
    missing = await cli.run("quote", "perp", "vETH", "buy", "1", "--json", env=keyless)
    assert missing.code == 3
    assert "--account" in missing.error["message"]


async def test_an_option_quote_tells_cost_and_risk(cli: Cli) -> None:
    """The table holds the total cost, the fees in it, IV after, Greeks and the least collateral."""
    await cli.run("trade", "approve", "sETH", "--yes")
    done = await cli.run("quote", "option", "sETH", "4", "short_put_quote", "2", "--collateral", "3000")
    assert done.code == 0
    for word in (
        "total cost",
        "of it fees",
        "IV after",
        "delta",
        "vega",
        "least collateral",
        "short_put_quote",
    ):
        assert word in done.out
    plain = await cli.run("quote", "option", "sETH", "4", "long_call", "2", "--json")
    assert Decimal(plain.json["total_cost"]) > Decimal(plain.json["fee"]) > 0
    assert plain.json["intent"]["series"]["strike_id"] == 4
