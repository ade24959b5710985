"""A crowd on the genuine contracts."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.model.market import OptionType
from trimtab.model.position import AccountBook
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.crowd import CrowdOptions, gather_crowd
from trimtab.world.world import World

pytestmark = pytest.mark.node


def books_of(found: Any) -> list[AccountBook]:
    return [book for book in found if isinstance(book, AccountBook)]


async def test_everybody_has_what_was_asked_for(world: World) -> None:
    """Positions in one or two markets, WETH, liquidity, options of all types; blocks are as before."""
    options = CrowdOptions(traders=20, makers=4, holders=10)
    room = (await world.client.block()).gas_limit
    crowd = await gather_crowd(world, options)
    await world.mine()
    assert (await world.client.block()).gas_limit == room
    perp, lyra = PerpV2(world.client, world.perp), Lyra(world.client, world.lyra)
    perps, holders = books_of(await perp.read_books(crowd)), books_of(await lyra.read_books(crowd))
    assert [len(book.perps) for book in perps] == [2 if i % 5 == 0 else 1 for i in range(20)]
    assert len({p.size > 0 for book in perps for p in book.perps}) == 2
    weth = [next(c.amount for c in b.margin.collateral if c.currency == "WETH") for b in perps if b.margin]
    assert [amount > 0 for amount in weth] == [i % 10 == 0 for i in range(20)]
    ranges = [await perp.read_liquidity(account, "vETH") for account in crowd]
    assert [len(found) for found in ranges] == [1] * 4 + [0] * 16
    assert [len(book.options) for book in holders] == [2] * 10 + [0] * 10
    assert {p.type for book in holders for p in book.options} == set(OptionType)


async def test_a_seed_is_a_crowd(world: World) -> None:
    """The same seed brings the same people, another seed others."""
    small = CrowdOptions(traders=2, makers=0)
    first = await gather_crowd(world, small)
    assert len(set(first)) == 2
    other = await gather_crowd(world, CrowdOptions(traders=2, makers=0, seed=1))
    assert not set(first) & set(other)
