"""What signed trades are said to do on the genuine contracts, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture
from tests.tx.shop import TELLING, TOKEN, Shop, before, off, through

from trimtab.chain.call import Call
from trimtab.chain.receipt import Receipt
from trimtab.errors import AcceptablePriceError, SimulationRevertedError
from trimtab.execution.forecast import compare_fills, foresee, measure
from trimtab.model.drift import Gap
from trimtab.model.ids import Address, TxHash
from trimtab.model.order import Fill, PerpIntent, Side
from trimtab.tx.drift import read_changes
from trimtab.tx.rehearsal import Method, Rehearsal, check_succeeds
from trimtab.tx.rehearsing import rehearse
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.world import World

pytestmark = pytest.mark.node
D = Decimal


@dataclass
class Trader:
    """Alice, who signs trades without sending them."""

    shop: Shop
    perp: PerpV2

    @property
    def me(self) -> Address:
        return self.shop.me

    def sign(self, calls: Sequence[Call]) -> list[bytes]:
        return [self.shop.call(call.target, call.data, call.value, gas_limit=3_000_000) for call in calls]

    async def deposit(self, amount: int) -> list[bytes]:
        return self.sign((await self.perp.encode_deposit(self.me, "USDC", D(amount))).calls)

    async def trade(self, intent: PerpIntent) -> list[bytes]:
        quote = await self.perp.read_quote(self.me, intent)
        return self.sign(self.perp.encode_order(self.me, intent, quote).calls)

    async def state(self) -> tuple[Decimal, Decimal, Decimal, int]:
        """Size, posted USDC, its own USDC and wei."""
        position = await self.perp.read_position(self.me, "vETH")
        margin = await self.perp.read_margin(self.me)
        posted = next((held.amount for held in margin.collateral if held.currency == "USDC"), D(0))
        own = await self.shop.client.call(TOKEN.function("balanceOf").read(self.shop.usdc, self.me))
        return position.size, posted, own, await self.shop.client.balance(self.me)


@async_fixture
async def trader(world: World) -> Trader:
    return Trader(await Shop(world).open(), PerpV2(world.client, world.perp))


def exact(fills: Sequence[Fill]) -> list[tuple[Any, ...]]:
    """All but the place of the log, which a block numbers through."""
    return [astuple(replace(fill, log_index=0)) for fill in fills]


@pytest.mark.parametrize("method", TELLING)
async def test_a_trade_behind_its_own_deposit_does_what_was_foreseen(trader: Trader, method: Method) -> None:
    """Approval and deposit are in flight, a buy and a part of it sold come after them: fills, position,
    collateral and balances are those of the chain, to the wei."""
    shop, ahead = trader.shop, await trader.deposit(20_000)
    buy = PerpIntent("vETH", Side.BUY, size=D(3))
    quote = await trader.perp.read_quote(trader.me, buy)
    sell = PerpIntent("vETH", Side.SELL, size=D("1.25"))
    raws = trader.sign(
        [
            *trader.perp.encode_order(trader.me, buy, quote).calls,
            *trader.perp.encode_order(trader.me, sell, replace(quote, intent=sell)).calls,
        ]
    )
    async with through(shop.world, off(*before(method))) as (client, _):
        rehearsal = await rehearse(client, raws, ahead=ahead)
        whole = await rehearse(client, [*ahead, *raws])
    assert (rehearsal.method, rehearsal.is_complete, rehearsal.is_ok) == (method, True, True)
    foreseen, all_of_it = (foresee(one, trader.perp, trader.me) for one in (rehearsal, whole))
    assert foreseen is not None
    assert all_of_it is not None
    size, posted, own, wei = await trader.state()
    receipts = await shop.mine([*ahead, *raws])
    now = await trader.state()
    fills = [fill for mined in receipts for fill in trader.perp.decode_fills(mined, trader.me)]
    assert exact(foreseen.fills) == exact(fills)
    assert foreseen.positions == {"vETH": now[0] - size} == {"vETH": D("1.75")}
    assert foreseen.fee == sum(fill.fee for fill in fills)
    assert foreseen.collateral == {}
    assert all_of_it.collateral == {shop.usdc: 20_000 * 10**6} == {shop.usdc: own - now[2]}
    assert now[1] > posted
    assert whole.differences is not None
    assert whole.differences.native == {trader.me: now[3] - wei}
    for mined in receipts[-2:]:
        drift = measure(rehearsal, mined, trader.perp, trader.me, await read_changes(shop.client, mined))
        assert drift is not None
        assert drift.fills is not None
        assert drift.is_exact
        assert [drift.price_bps, drift.native.difference] == [0, 0]
        assert len(drift.fills) == 1


async def margin(trader: Trader) -> None:
    """Posted, and mined."""
    await trader.shop.mine(await trader.deposit(50_000))


@pytest.mark.parametrize("side", list(Side))
async def test_a_trade_in_between_is_measured_as_drift(trader: Trader, side: Side) -> None:
    """Somebody trades the same way first: the price is worse by so many basis points, and the block is later.
    What it costs is told in the fill's own units."""
    await margin(trader)
    raws = await trader.trade(PerpIntent("vETH", side, size=D(5)))
    rehearsal = await rehearse(trader.shop.client, raws)
    await push(trader, side)
    (mined,) = await trader.shop.mine(raws)
    drift = measure(rehearsal, mined, trader.perp, trader.me, await read_changes(trader.shop.client, mined))
    foreseen = foresee(rehearsal, trader.perp, trader.me)
    assert drift is not None
    assert drift.fills is not None
    assert foreseen is not None
    (gap,), (before_it,) = drift.fills, foreseen.fills
    (after_it,) = trader.perp.decode_fills(mined, trader.me)
    assert (gap.size, gap.price) == (Gap(before_it.size, after_it.size), Gap(before_it.price, after_it.price))
    assert gap.fee == Gap(before_it.fee, after_it.fee)
    assert gap.size.difference == 0
    worse = (after_it.price - before_it.price) * side.sign
    assert worse > 0
    assert drift.price_bps == (worse / before_it.price * 10_000).quantize(D("0.0001")) == gap.price_bps
    assert drift.price_bps is not None
    assert drift.price_bps > 1
    assert drift.blocks_late == mined.block - rehearsal.target.number > 0
    assert (drift.is_exact, drift.is_ok) == (False, True)
    assert drift.gas_used.difference != 0
    assert drift.native.difference == -(drift.fee_wei.difference or 0)


async def push(trader: Trader, side: Side) -> None:
    """Bob deposits and trades, each in a block of its own."""
    world = trader.shop.world
    bob = world.accounts["bob"].address
    plan = await trader.perp.encode_deposit(bob, "USDC", D(50_000))
    for call in plan.calls:
        await world.transact("bob", call)
    intent = PerpIntent("vETH", side, size=D(15))
    quote = await trader.perp.read_quote(bob, intent)
    for call in trader.perp.encode_order(bob, intent, quote).calls:
        await world.transact("bob", call)


async def test_a_trade_that_would_fail_is_told_in_the_venues_words(trader: Trader) -> None:
    """The price moved past the limit: the rehearsal reverts, and the venue knows what it means."""
    await margin(trader)
    quote = await trader.perp.read_quote(trader.me, PerpIntent("vETH", Side.BUY, size=D(5)))
    intent = PerpIntent("vETH", Side.BUY, size=D(5), acceptable_price=quote.price)
    raws = await trader.trade(intent)
    check_succeeds(await rehearse(trader.shop.client, raws))
    await push(trader, Side.BUY)
    rehearsal = await rehearse(trader.shop.client, raws)
    with pytest.raises(SimulationRevertedError) as caught:
        check_succeeds(rehearsal)
    assert isinstance(trader.perp.explain_revert(caught.value.data, "vETH"), AcceptablePriceError)
    foreseen = foresee(rehearsal, trader.perp, trader.me)
    assert foreseen is not None
    assert (foreseen.fills, foreseen.positions) == ((), {})
    (mined,) = await trader.shop.mine(raws)
    drift = measure(rehearsal, mined, trader.perp, trader.me)
    assert drift is not None
    assert (drift.was_ok, drift.is_ok, drift.fills, drift.price_bps) == (False, False, (), None)
    assert (drift.gas_used.difference, drift.is_exact) == (0, True)


async def test_without_logs_fills_are_unknown_and_the_rest_is_measured(trader: Trader) -> None:
    """A rehearsal by eth_call foresees no fills; a receipt of somebody else is nobody's drift."""
    await margin(trader)
    raws = await trader.trade(PerpIntent("vETH", Side.BUY, size=D(1)))
    async with through(trader.shop.world, off(*before(Method.CALL))) as (client, _):
        rehearsal = await rehearse(client, raws)
    assert foresee(rehearsal, trader.perp, trader.me) is None
    (mined,) = await trader.shop.mine(raws)
    drift = measure(rehearsal, mined, trader.perp, trader.me)
    assert drift is not None
    assert (drift.method, drift.fills, drift.price_bps, drift.tokens) == ("eth_call", None, None, None)
    assert (
        measure(rehearsal, replace(mined, sender=Address("0x" + "99" * 20)), trader.perp, trader.me) is None
    )
    bumped: Receipt = replace(mined, tx_hash=TxHash("0x" + "99" * 32))
    assert measure(rehearsal, bumped, trader.perp, trader.me) is not None
    two: Rehearsal = replace(rehearsal, txs=rehearsal.txs * 2)
    assert measure(two, bumped, trader.perp, trader.me) is None


def fill(market: str, size: int, price: int) -> Fill:
    return Fill("v", market, D(size), D(price), D(1), D(0), D(0), TxHash("0x1"), 1, 0)


def test_fills_are_compared_market_by_market_in_their_order() -> None:
    """One that came unforeseen, or stayed away, stands against nothing."""
    drifts = compare_fills(
        [fill("A", 1, 100), fill("B", -2, 50)], [fill("B", -2, 49), fill("A", 1, 101), fill("A", 3, 102)]
    )
    assert [(drift.market, drift.size, drift.price, drift.price_bps) for drift in drifts] == [
        ("A", Gap(D(1), D(1)), Gap(D(100), D(101)), D(100)),
        ("A", Gap(D(0), D(3)), Gap(None, D(102)), None),
        ("B", Gap(D(-2), D(-2)), Gap(D(50), D(49)), D(200)),
    ]
    (odd,) = compare_fills([fill("A", 1, 1)], [fill("A", 2**255, 2**255)])
    assert odd.price_bps == (2**255 - 1) * 10_000
    (gone,) = compare_fills([fill("A", 1, 100)], [])
    assert (gone.size, gone.fee, gone.price_bps) == (Gap(D(1), D(0)), Gap(D(1), D(0)), None)
