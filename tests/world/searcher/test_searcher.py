"""The searcher on the genuine Perp v2: what it takes, what it leaves alone, and how it gets out."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from tests.world.searcher.conftest import GWEI, Ground, until

from trimtab.model.order import PerpIntent, Side
from trimtab.model.units import from_wad
from trimtab.world.searcher import End, Searcher
from trimtab.world.world import World

pytestmark = pytest.mark.node
D = Decimal


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
async def test_a_large_order_is_sandwiched_to_its_limit(
    ground: Ground, searcher: Searcher, side: Side
) -> None:
    """Its legs land round the victim in one block; the victim fills at its acceptable price, the searcher
    earns to the wei what the maths said, and holds nothing afterwards."""
    victim, quote = await ground.order(side, 150)
    sandwich = await searcher.look()
    assert sandwich is not None
    await ground.mine()
    await searcher.settle()
    (entry,) = searcher.books.entries
    assert (entry.end, entry.victim, entry.open_size) == (End.LANDED, victim, D(0))
    assert entry.profit == entry.expected > 0
    assert entry.fees > 0 < entry.gas_wei
    limit = quote.intent.acceptable_price
    assert limit is not None
    fill = await ground.fill(victim)
    assert abs(fill.price / limit - 1) < D("1e-9")
    loss = side.sign * (fill.price - quote.price) * abs(fill.size) + fill.fee - quote.fee
    assert abs(loss - from_wad(sandwich.attack.victim_loss)) < D("1e-12")
    assert await ground.positions("searcher") == 0


async def test_a_small_order_is_left_alone(ground: Ground, searcher: Searcher) -> None:
    """Twenty ETH do not move the pool enough to pay the fee of two legs: it fills as quoted."""
    victim, quote = await ground.order(Side.BUY, 20)
    assert await searcher.look() is None
    await ground.mine()
    assert (await ground.fill(victim)).price == quote.price
    assert searcher.books.entries == []


async def test_a_close_is_prey_too(ground: Ground, searcher: Searcher) -> None:
    """Its size stands on chain: the searcher reads it there, and is behind with the closing side."""
    await ground.order(Side.BUY, 40)
    await ground.mine()
    await ground.order(Side.BUY, 80, slippage="0")
    await ground.mine()
    victim, quote = await ground.order(Side.SELL, 0, close=True)
    assert await searcher.look() is not None
    await ground.mine()
    await searcher.settle()
    assert searcher.books.entries[-1].end is End.LANDED
    assert (await ground.fill(victim)).price < quote.price


async def test_an_exact_limit_leaves_nothing_to_take(ground: Ground, searcher: Searcher) -> None:
    """An order that accepts its quoted price and no worse cannot be sandwiched, whatever its size."""
    victim, quote = await ground.order(Side.SELL, 300, slippage="0")
    assert await searcher.look() is None
    await ground.mine()
    assert (await ground.fill(victim)).price == quote.price


async def test_of_two_orders_the_better_one_is_taken(ground: Ground, searcher: Searcher) -> None:
    """One attack in a block: round the order that pays more."""
    await ground.order(Side.BUY, 70, tip=2 * GWEI)
    larger, _ = await ground.order(Side.BUY, 250, tip=GWEI)
    sandwich = await searcher.look()
    assert sandwich is not None
    assert sandwich.victim.tx_hash == larger


async def test_a_block_without_the_legs_is_missed_and_they_are_withdrawn(
    ground: Ground, searcher: Searcher, world: World
) -> None:
    """The victim is mined alone: the legs, still out, are replaced by transfers to itself, so that they trade
    nothing, and the next attack works."""
    victim, quote = await ground.order(Side.BUY, 150)
    assert await searcher.look() is not None
    pool = (await world.client.request("txpool_content"))["pending"]
    legs = [tx for who, txs in pool.items() if who.lower() == searcher.address for tx in txs.values()]
    raws = [await world.client.request("eth_getRawTransactionByHash", [tx["hash"]]) for tx in legs]
    assert len(raws) == 2
    for tx in legs:
        await world.control.drop(tx["hash"])
    await ground.mine()
    assert (await ground.fill(victim)).price == quote.price
    for raw in raws:
        await world.client.request("eth_sendRawTransaction", [raw])
    await searcher.settle()
    await ground.mine()
    assert await ground.positions("searcher") == 0
    await ground.order(Side.SELL, 150)
    assert await searcher.look() is not None
    await ground.mine()
    await searcher.settle()
    assert [entry.end for entry in searcher.books.entries] == [End.MISSED, End.LANDED]
    assert searcher.books.failures == 1


async def test_another_trade_in_between_breaks_the_front_leg(
    ground: Ground, searcher: Searcher, world: World
) -> None:
    """Somebody bids more than both: the front leg finds another state and does not fill, the back leg has
    nothing to close; gas is lost, money is not."""
    await ground.order(Side.BUY, 150)
    assert await searcher.look() is not None
    other = world.accounts["arbitrageur"].address
    quote = await ground.venue.read_quote(other, PerpIntent("vETH", Side.BUY, size=D(30)), block="latest")
    call = ground.venue.encode_order(other, quote.intent, quote).calls[0]
    fields = {"from": other, "to": call.target, "data": f"0x{call.data.hex()}", "gas": hex(2_000_000)}
    fees = {"maxPriorityFeePerGas": hex(5 * GWEI), "maxFeePerGas": hex(50 * GWEI)}
    await world.client.request("eth_sendTransaction", [fields | fees])
    await ground.mine()
    await searcher.settle()
    (entry,) = searcher.books.entries
    assert (entry.end, entry.profit, entry.open_size) == (End.BROKEN, D(0), D(0))
    assert entry.gas_wei > 0


async def test_a_victim_that_outbids_the_legs_gets_away(
    ground: Ground, searcher: Searcher, world: World
) -> None:
    """Its order comes back at a higher price under the same nonce: the legs are behind it, where the front
    leg fills at no state of its own, and the searcher knows that whom it hunted is gone."""
    _, quote = await ground.order(Side.BUY, 150)
    assert await searcher.look() is not None
    ground.nonce -= 1
    again, _ = await ground.order(Side.BUY, 150, tip=3 * GWEI)
    await ground.mine()
    assert (await ground.fill(again)).price == quote.price
    await searcher.settle()
    (entry,) = searcher.books.entries
    assert (entry.end, entry.profit, entry.open_size) == (End.BROKEN, D(0), D(0))
    await ground.order(Side.SELL, 150)
    assert await searcher.look() is not None  # and it goes on


async def test_watching_needs_no_hand(ground: Ground, searcher: Searcher) -> None:
    """Left to itself it sees the order, sends its legs and keeps its books."""

    async def are_three_waiting() -> bool:
        return int((await ground.client.request("txpool_status"))["pending"], 16) == 3

    async def is_written_down() -> bool:
        return bool(searcher.books.entries)

    watching = asyncio.create_task(searcher.watch())
    try:
        await ground.order(Side.BUY, 150)
        await until(are_three_waiting)
        await ground.mine()
        await until(is_written_down)
    finally:
        watching.cancel()
    assert searcher.books.entries[0].end is End.LANDED
