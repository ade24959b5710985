"""Price moves are coherent: oracle, Synthetix, AMM, mark and Lyra's caches tell one price."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.world.views import read

from trimtab.errors import IntentError
from trimtab.model.units import from_wad
from trimtab.world.uniswap import price_of_sqrt
from trimtab.world.world import World

pytestmark = pytest.mark.node


async def prices(world: World, symbol: str) -> dict[str, Decimal]:
    """What every contract says the price is."""
    perp = next(m for m in world.perp.markets.values() if m.underlying == symbol)
    option = next(m for m in world.lyra.markets.values() if m.underlying == symbol)
    adapter, market = world.lyra.contracts["SynthetixAdapter"], option.contracts["OptionMarket"]
    balance = world.perp.contracts["AccountBalance"]
    slot0 = await read(world, "UniswapV3Pool", perp.pool, "slot0")
    wads = {
        "index": await read(world, "BaseToken", perp.base_token, "getIndexPrice", 0),
        "mark": await read(world, "AccountBalance", balance, "getMarkPrice", perp.base_token),
        "synthetix": await read(world, "SynthetixAdapter", adapter, "getSpotPriceForMarket", market),
    }
    return {name: from_wad(wad) for name, wad in wads.items()} | {"amm": price_of_sqrt(slot0.sqrtPriceX96)}


def _check(told: dict[str, Decimal], price: Decimal, mark_tolerance: str) -> None:
    assert told["index"] == told["synthetix"] == price
    assert abs(told["amm"] / price - 1) < Decimal("0.00002")
    assert abs(told["mark"] / price - 1) < Decimal(mark_tolerance)


@pytest.mark.parametrize(
    ("target", "mark_tolerance"),
    [
        ("2000", "0.0005"),
        ("2003.12345678", "0.0005"),
        ("1900", "0.002"),
        ("1700", "0.008"),
        ("2300", "0.008"),
    ],
)
async def test_one_move(world: World, target: str, mark_tolerance: str) -> None:
    """From nothing to 15 % either way: index and Synthetix are exact, the AMM within its own step, and the
    mark (which averages the past minutes) near them."""
    await world.set_price("ETH", Decimal(target))
    _check(await prices(world, "ETH"), Decimal(target), mark_tolerance)


async def test_a_jump_of_15_percent_settles_with_time(world: World) -> None:
    """Half an hour after a jump the averages forget it: the mark is at the index to a basis point or two."""
    await world.set_price("ETH", Decimal(1700))
    await world.warp(1801)
    _check(await prices(world, "ETH"), Decimal(1700), "0.0002")


async def test_a_crash_and_back(world: World) -> None:
    """Halving takes many pushes through the limiter, and the way back too; the other underlying stays."""
    for target in (1000, 2000):
        await world.set_price("ETH", Decimal(target))
        _check(await prices(world, "ETH"), Decimal(target), "0.05")
    assert (await prices(world, "BTC"))["index"] == 30_000


async def test_both_at_once_and_on_time(world: World) -> None:
    """Several underlyings move together, and are there at the very second that was asked for."""
    at = await world.now() + 3600
    await world.set_prices({"ETH": Decimal(2100), "BTC": Decimal(27_500)}, at=at)
    assert await world.now() == at
    _check(await prices(world, "ETH"), Decimal(2100), "0.0002")
    _check(await prices(world, "BTC"), Decimal(27_500), "0.0002")


async def test_lyra_is_fresh_afterwards(world: World) -> None:
    """No board's cached Greeks are stale after a move that alone would have made them so."""
    market = world.lyra.markets["sETH"].contracts
    rates = world.artifacts.abi("TestExchangeRates").function("setRateAndInvalid")
    rate = (b"sETH".ljust(32, b"\0"), 1700 * 10**18, False)
    await world.transact("deployer", rates.at(world.lyra.contracts["TestExchangeRates"], *rate))
    boards = await read(world, "OptionMarket", market["OptionMarket"], "getLiveBoards")
    cache = market["OptionGreekCache"]
    assert len(boards) == 2
    assert all([await read(world, "OptionGreekCache", cache, "isBoardCacheStale", b) for b in boards])
    await world.set_price("ETH", Decimal(1700))
    assert not any([await read(world, "OptionGreekCache", cache, "isBoardCacheStale", b) for b in boards])


async def test_moves_go_on_after_a_board_expired(world: World) -> None:
    """An expired, unsettled board is left alone: the others are refreshed, nothing reverts."""
    await world.warp(29 * 86_400)
    await world.set_price("ETH", Decimal(1990))
    _check(await prices(world, "ETH"), Decimal(1990), "0.001")


async def test_the_far_boards_expiry_leaves_nothing_to_refresh(world: World) -> None:
    """With every board expired a move still takes its time and gets there."""
    await world.warp(100 * 86_400)
    before = await world.now()
    await world.set_price("ETH", Decimal(2010))
    assert await world.now() == before + 1 + 2 * 16
    _check(await prices(world, "ETH"), Decimal(2010), "0.001")


async def test_bad_wishes_are_refused_and_nothing_happens(world: World) -> None:
    """Unknown underlyings, prices that are none, too many decimals, and a time too early: a typed error each,
    and no block."""
    head = await world.client.block()
    now = await world.now()
    for symbol, price, at in (
        ("DOGE", Decimal(1), None),
        ("ETH", Decimal(0), None),
        ("ETH", Decimal(-5), None),
        ("ETH", Decimal("NaN"), None),
        ("ETH", Decimal("2000.123456789"), None),
        ("ETH", Decimal(1000), now + 60),
    ):
        with pytest.raises(IntentError):
            await world.set_price(symbol, price, at=at)
    assert await world.client.block() == head
