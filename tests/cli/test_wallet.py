"""Tokens in the account's own hands, read from the token contracts."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.cli.conftest import NOBODY, Cli

from trimtab.cli.wallet import check_wallet, read_wallet
from trimtab.errors import InsufficientMarginError
from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node


async def test_a_wallet_is_in_the_tokens_units(cli: Cli) -> None:
    """A deposit takes exactly its amount out of the wallet, for a token of 6 decimals."""
    token = cli.world.perp.collateral["USDC"].token
    before = await read_wallet(cli.world.client, token, cli.account.address)
    assert (await cli.run("trade", "deposit", "USDC", "1000.000001", "--yes")).code == 0
    after = await read_wallet(cli.world.client, token, cli.account.address)
    assert before - after == Decimal("1000.000001")
    assert await read_wallet(cli.world.client, token, NOBODY) == 0


async def test_too_little_is_refused_with_both_numbers(cli: Cli) -> None:
    """The refusal tells what is held and what was asked; a currency of no venue is left to the venue."""
    venue = PerpV2(cli.world.client, cli.world.perp)
    with pytest.raises(InsufficientMarginError, match=r"holds 0\.0+ USDC, which is less than 1:"):
        await check_wallet(cli.world.client, venue, NOBODY, "USDC", Decimal(1))
    await check_wallet(cli.world.client, venue, NOBODY, "DOGE", Decimal(1))
