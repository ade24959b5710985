"""`trimtab positions` on a world with a book."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.cli.conftest import NOBODY, Cli

from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node


async def test_a_book_is_shown_whole(cli: Cli) -> None:
    """Margin with health, the perp with its liquidation price, the option with collateral; JSON is exact."""
    await cli.open_book()
    table = await cli.run("positions")
    for word in ("Health", "Liquidation", "vETH", "short_call_base", "4,000 USDC"):
        assert word in table.out
    shown = (await cli.run("positions", "--json")).json
    venue = PerpV2(cli.world.client, cli.world.perp)
    margin = await venue.read_margin(cli.account.address)
    (position,) = [p for p in await venue.read_positions(cli.account.address) if p.size]
    assert Decimal(shown["margin"][0]["health"]) == margin.health
    assert Decimal(shown["margin"][0]["equity"]) == margin.equity
    assert Decimal(shown["perps"][0]["liquidation_price"]) == position.liquidation_price
    (option,) = shown["options"]
    assert (option["amount"], option["collateral"], option["type"]) == ("2", "2", "short_call_base")


async def test_another_accounts_book_needs_its_address_only(cli: Cli) -> None:
    """--account shows any account; an account without positions has no health and no rows."""
    done = await cli.run("positions", "--account", NOBODY, "--json", env={"TRIMTAB_PRIVATE_KEY": ""})
    assert done.code == 0
    assert done.json["perps"] == done.json["options"] == []
    assert done.json["margin"][0]["health"] is None


async def test_a_mistyped_account_is_refused(cli: Cli) -> None:
    """A wrong checksum is a settings error that shows the right one."""
    wrong = "0x8ba1f109551bD432803012645Ac136ddd64DBa73"
    done = await cli.run("positions", "--account", wrong, "--json")
    assert done.code == 3
    assert "checksum" in done.error["message"]
