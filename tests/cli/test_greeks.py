"""`trimtab greeks` on a world with a book."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.cli.conftest import Cli

pytestmark = pytest.mark.node


async def test_greeks_add_up_the_book(cli: Cli) -> None:
    """Net delta is the perp's size plus the options' deltas, ours and the venue's, in table and JSON."""
    await cli.open_book()
    shown = (await cli.run("greeks", "--json")).json
    eth = next(part for part in shown["underlyings"] if part["underlying"] == "ETH")
    options = (await cli.run("positions", "--json")).json["options"]
    for ours, theirs in (("greeks", "greeks"), ("venue_greeks", "venue_greeks")):
        assert Decimal(eth[ours]["delta"]) == 3 + sum(Decimal(o[theirs]["delta"]) for o in options)
    assert Decimal(eth["delta"]) == Decimal(eth["greeks"]["delta"])
    assert Decimal(eth["perp_delta"]) == 3
    table = await cli.run("greeks")
    for word in ("ETH: spot", "delta", "vega", "charm", "Ours", "Venues'"):
        assert word in table.out
