"""PerpV2Probe on the genuine Perp v2: it tells the house's own numbers, and a trade moves it by its fill."""

from __future__ import annotations

from decimal import Decimal

import ape
import pytest
from eth_utils import to_bytes

from trimtab.venues.perp_v2 import PerpV2

WAD = 10**18
NEVER = 2**256 - 1


def size_in(state, token):
    """Of one market, 0 without a place there."""
    wanted = bytes(12) + to_bytes(hexstr=token)
    return sum(e.size for e in state.exposures if e.market == wanted)


def check_views(perp, who):
    """Equity, margin and sizes beside our reads of the house's views."""
    world, account, state = perp.world, perp.world.accounts[who].address, perp.probe(who)
    venue = PerpV2(world.client, world.perp)
    margin = perp.run(venue.read_margin(account))
    assert state.equity == margin.equity * WAD
    assert state.maintenanceMargin == margin.maintenance_margin * WAD
    assert 0 <= state.notional - margin.total_notional * WAD <= len(state.exposures)
    if margin.maintenance_margin:
        assert state.health == max(state.equity, 0) * WAD // state.maintenanceMargin
    for name, market in world.perp.markets.items():
        position = perp.run(venue.read_position(account, name))
        assert size_in(state, market.base_token) == position.size * WAD
        for e in state.exposures:
            if e.market == bytes(12) + to_bytes(hexstr=market.base_token):
                assert e.notionalPrice == position.mark_price * WAD
                assert e.oraclePrice == position.index_price * WAD
                assert (e.delta, e.underlying.rstrip(b"\0")) == (e.size, market.underlying.encode())
    return state


def test_an_unknown_account_is_empty_and_safe(perp):
    """No exposures, no equity, full health."""
    state = perp.probe("searcher")
    assert tuple(state) == (0, 0, 0, NEVER, 0, ())


def test_margin_without_a_position(perp):
    """A deposit is equity; nothing can be liquidated, and no money is in trades."""
    perp.deposit("trader")
    state = check_views(perp, "trader")
    assert (state.equity, state.health, state.cash) == (20_000 * WAD, NEVER, 0)


@pytest.mark.fork
def test_every_trade_moves_size_and_cash_by_its_fill(perp):
    """Open, close a part, flip, close whole, two markets, hours of funding in between: to the wei."""
    perp.deposit("trader")
    orders = [
        ("vETH", perp.order("vETH", 5 * WAD)),
        ("vETH", perp.order("vETH", -2 * WAD)),
        ("vETH", perp.order("vETH", -7 * WAD)),
        ("vBTC", perp.order("vBTC", WAD // 4)),
        ("vETH", perp.close("vETH")),
        ("vBTC", perp.close("vBTC")),
    ]
    for market, order in orders:
        before = check_views(perp, "trader")
        receipt = perp.send_in_the_same_second("trader", order)
        after = check_views(perp, "trader")
        size, money = perp.fill(receipt, "trader")
        token = perp.base_token(market)
        assert size_in(after, token) - size_in(before, token) == size
        assert after.cash - before.cash == money
        perp.run(perp.world.warp(3_600))
    assert perp.probe("trader").exposures == ()


def test_funding_accrues_into_cash_and_a_trade_does_not_move_it(perp):
    """A premium that shorts are paid shows in cash at once; the trade that settles it moves nothing more."""
    perp.deposit("trader")
    perp.send("trader", perp.order("vETH", -WAD))
    perp.deposit("alice", amount=900_000 * 10**6)
    perp.send("alice", perp.order("vETH", 400 * WAD))
    held = perp.probe("trader").cash
    perp.run(perp.world.warp(40_000))
    before = check_views(perp, "trader")
    assert before.cash > held
    receipt = perp.send_in_the_same_second("trader", perp.order("vETH", WAD // 2))
    assert perp.probe("trader").cash - before.cash == perp.fill(receipt, "trader")[1]


def test_liquidity_is_inside(perp):
    """A maker's size holds its inventory; its own trade against its range costs what others made of it."""
    perp.deposit("alice", amount=200_000 * 10**6)
    perp.send("alice", perp.add_range("vETH", (75_600, 76_800), 20 * WAD, 40_000 * WAD))
    assert abs(size_in(check_views(perp, "alice"), perp.base_token("vETH"))) < 10
    before = perp.probe("alice")
    receipt = perp.send_in_the_same_second("alice", perp.order("vETH", 3 * WAD))
    after = check_views(perp, "alice")
    size, money = perp.fill(receipt, "alice")
    moved = size_in(after, perp.base_token("vETH")) - size_in(before, perp.base_token("vETH"))
    assert 0 < moved < size
    price, full_price = Decimal(before.cash - after.cash) / moved, Decimal(-money) / size
    assert abs(price / full_price - 1) < Decimal("0.001")


def test_others_collateral_counts_after_its_haircut(perp):
    """WETH beside USDC: equity is the Vault's to the wei."""
    perp.deposit("trader")
    perp.deposit("trader", "WETH", 3 * WAD)
    perp.send("trader", perp.order("vETH", -4 * WAD))
    state = check_views(perp, "trader")
    assert state.equity > 24_000 * WAD


def test_bad_debt_has_no_health(perp):
    """Below zero equity health is zero, and the equity says how far."""
    perp.deposit("trader", amount=1_000 * 10**6)
    perp.send("trader", perp.order("vETH", 4 * WAD))
    perp.run(perp.world.set_price("ETH", Decimal(1_500)))
    state = check_views(perp, "trader")
    assert state.equity < 0
    assert state.health == 0


def test_a_market_at_rest_is_valued_at_its_last_prices(perp, genuine, deployer):
    """Paused: the index at the pause. Closed: the closing price, also as the oracle's."""
    perp.deposit("trader")
    perp.send("trader", perp.order("vETH", WAD))
    token = genuine("BaseToken", perp.base_token("vETH"))
    token.pause(sender=deployer)
    (paused,) = perp.probe("trader").exposures
    assert paused.notionalPrice == paused.oraclePrice == token.getPausedIndexPrice()
    token.close(1_700 * WAD, sender=deployer)
    (closed,) = perp.probe("trader").exposures
    assert closed.notionalPrice == closed.oraclePrice == 1_700 * WAD


def test_without_a_price_it_reverts(perp, contract, genuine, deployer):
    """A mark that the pool's history is too short for is no zero: the venue's own reason comes up."""
    perp.deposit("trader")
    perp.send("trader", perp.order("vETH", WAD))
    config = genuine("ClearingHouseConfig", perp.world.perp.contracts["ClearingHouseConfig"])
    config.setMarkPriceMarketTwapInterval(10**6, sender=deployer)
    with ape.reverts("OLD"):
        contract("PerpV2Probe").at(perp.probe_at).probe(perp.world.accounts["trader"].address)
    assert perp.probe("searcher").health == NEVER


@pytest.mark.parametrize("argument", ["attacker", "usdc"])
def test_it_is_made_for_a_house_only(perp, deploy, deployer, argument):
    """A clearing house that is none is refused when the probe is made."""
    other = {"attacker": perp.world.accounts["searcher"].address, "usdc": perp.world.addresses.tokens["USDC"]}
    with ape.reverts():
        deploy("PerpV2Probe", other[argument], sender=deployer)


@pytest.mark.parametrize("markets", [["vETH"], ["vETH", "vBTC"]])
def test_what_it_costs(perp, gas, markets):
    """An account in one market and in two, beside the house's own two views for equity and margin."""
    perp.deposit("trader")
    for market in markets:
        perp.send("trader", perp.order(market, WAD // 4))
    account, house = perp.world.accounts["trader"].address, perp.world.perp.contracts
    views = perp.gas_of(house["ClearingHouse"], "getAccountValue(address)", account)
    views += perp.gas_of(house["AccountBalance"], "getMarginRequirementForLiquidation(address)", account)
    gas.record(
        f"PerpV2Probe.probe: in {len(markets)} of 2 markets",
        perp.gas_of(perp.probe_at, "probe(address)", account),
        plain=("equity and margin by two views, each in its own call", views),
        why="prices, sizes, notional and cash are told too",
    )
