"""`trimtab markets` on a world."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.cli.conftest import Cli

from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node


async def test_the_table_shows_every_market(cli: Cli) -> None:
    """Each perp and option market of each venue is a row."""
    done = await cli.run("markets")
    assert done.code == 0
    for word in ("vETH", "vBTC", "sETH", "sBTC", "perp_v2", "lyra", "Funding / day", "OI"):
        assert word in done.out


async def test_the_json_is_what_the_venues_read(cli: Cli) -> None:
    """Prices, funding and open interest are the adapters' own, as exact text."""
    done = await cli.run("markets", "--json")
    assert done.code == 0
    world = cli.world
    state = await PerpV2(world.client, world.perp).read_state("vETH")
    shown = next(m for m in done.json["perps"] if m["market"]["name"] == "vETH")
    assert Decimal(shown["mark_price"]) == state.mark_price
    assert Decimal(shown["index_price"]) == state.index_price
    assert Decimal(shown["funding_rate"]) == state.funding_rate
    chain = await Lyra(world.client, world.lyra).read_chain("sETH")
    options = next(m for m in done.json["options"] if m["market"]["name"] == "sETH")
    assert Decimal(options["spot_price"]) == chain.spot_price
    assert [b["board_id"] for b in options["boards"]] == [b.board_id for b in chain.boards]


async def test_one_venue(cli: Cli) -> None:
    """--venue narrows; a venue that is not configured is a settings error that names those that are."""
    done = await cli.run("markets", "--venue", "lyra", "--json")
    assert done.json["perps"] == []
    assert done.json["options"]
    wrong = await cli.run("markets", "--venue", "gmx", "--json")
    assert wrong.code == 3
    assert "lyra, perp_v2" in wrong.error["message"]


async def test_open_interest_is_added_up_on_demand(cli: Cli) -> None:
    """Perp v2 tells no open interest: --open-interest adds it up from the events, a fresh trade included."""
    for words in (("deposit", "USDC", "6000"), ("perp", "vETH", "buy", "2.5")):
        assert (await cli.run("trade", *words, "--yes")).code == 0
    plain = await cli.run("markets")
    assert "--open-interest" in plain.words
    done = await cli.run("markets", "--open-interest", "--json")
    shown = next(m for m in done.json["perps"] if m["market"]["name"] == "vETH")
    assert Decimal(shown["open_interest_long"]) >= Decimal("2.5")
    assert "--open-interest" not in (await cli.run("markets", "--open-interest")).words
