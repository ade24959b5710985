"""`trimtab chain` on a world."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.cli.conftest import Cli

from trimtab.cli.chain import model_greeks
from trimtab.model.market import OptionKind
from trimtab.venues.lyra import Lyra

pytestmark = pytest.mark.node


async def test_the_table_shows_every_strike(cli: Cli) -> None:
    """Each board is a table with a row per strike and both kinds' prices and Greeks."""
    done = await cli.run("chain", "sETH")
    assert done.code == 0
    chain = await Lyra(cli.world.client, cli.world.lyra).read_chain("sETH")
    for board in chain.boards:
        assert f"sETH board {board.board_id}:" in done.out
        for state in board.strikes:
            assert f"{state.series.strike:,.0f}" in done.out
            assert f"{state.call_price:,.2f}" in done.out


async def test_the_json_holds_the_venues_numbers(cli: Cli) -> None:
    """IV, skew, Greeks and open interest are exact; --board narrows to one expiry."""
    done = await cli.run("chain", "sETH", "--board", "1", "--json")
    chain = await Lyra(cli.world.client, cli.world.lyra).read_chain("sETH")
    (board,) = done.json["boards"]
    expected = chain.boards[0].strikes[3]
    shown = board["strikes"][3]
    assert board["board_id"] == 1
    assert Decimal(shown["iv"]) == expected.iv
    assert Decimal(shown["skew"]) == expected.skew
    assert Decimal(shown["call"]["delta"]) == expected.call.delta
    assert Decimal(shown["long_call_oi"]) == expected.long_call_oi


async def test_our_greeks_agree_with_the_venues_delta(cli: Cli) -> None:
    """The model's delta at the venue's IV is the venue's within a thousandth, so its gamma and theta fit."""
    chain = await Lyra(cli.world.client, cli.world.lyra).read_chain("sETH")
    for state in chain.boards[0].strikes:
        for kind, theirs in ((OptionKind.CALL, state.call), (OptionKind.PUT, state.put)):
            ours = model_greeks(chain, state, kind)
            assert abs(ours.delta - theirs.delta) < Decimal("0.001")
            assert ours.gamma > 0 > ours.theta


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (("sDOGE",), "there are sBTC, sETH"),
        (("sETHH",), "did you mean 'sETH'?"),
        (("sETH", "-b", "9"), "1, 2"),
    ],
)
async def test_unknown_names_tell_the_known_ones(cli: Cli, words: tuple[str, ...], known: str) -> None:
    """An unknown market or board is exit 5 and tells what there is."""
    done = await cli.run("chain", *words, "--json")
    assert done.code == 5
    assert done.error["class"] == "UnknownMarketError"
    assert known in done.error["message"]
