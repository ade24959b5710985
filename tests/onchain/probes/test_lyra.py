"""LyraProbe on the genuine Lyra: prices, Greeks, margin are the venue's, and cash moves by a trade's cost."""

from __future__ import annotations

from decimal import Decimal

import ape
import pytest

from trimtab.venues.lyra import Lyra
from trimtab.venues.lyra.contracts import abi as lyra_abi

WAD = 10**18
NEVER = 2**256 - 1
STRIKE = 4  # of the 28-day board: 2,000, at the money
LONG_CALL, LONG_PUT, SHORT_CALL_BASE, SHORT_CALL_QUOTE, SHORT_PUT = range(5)
COLLATERAL = {SHORT_CALL_BASE: 2 * WAD, SHORT_CALL_QUOTE: 4_000 * WAD, SHORT_PUT: 4_000 * WAD}
DAY = 86_400


def open_one(lyra, kind, amount=2 * WAD, strike=STRIKE):
    """Open a position; its id and what it cost."""
    receipt = lyra.send("trader", lyra.option(strike, kind, amount, COLLATERAL.get(kind, 0)))
    (trade,) = lyra.trades(receipt)
    return trade["positionId"], trade["trade"].totalCost


def check_views(lyra, kinds):
    """Equity, margin, health, prices and delta beside our reads of the venue's views."""
    world, account = lyra.world, lyra.world.accounts["trader"].address
    state = lyra.probe("trader")
    positions = lyra.run(Lyra(world.client, world.lyra).read_option_positions(account))
    spot = lyra.run(world.client.call(spot_read(lyra)))
    equity, margin, health = Decimal(0), Decimal(0), None
    for p in positions:
        in_base = p.type == list(type(p.type))[SHORT_CALL_BASE]
        unit = Decimal(spot) / WAD if in_base else 1
        equity += p.mark_value + p.collateral * unit
        if p.min_collateral is not None:
            margin += p.min_collateral * unit
            ratio = p.collateral * WAD // p.min_collateral
            health = ratio if health is None else min(health, ratio)
    assert 0 <= equity * WAD - state.equity < 3 * len(kinds)
    assert 0 <= state.maintenanceMargin - margin * WAD < 3 * len(kinds)
    assert state.health == (NEVER if health is None else int(health))
    shorts = sum(p.amount for p in positions if not p.type.is_long)
    assert state.notional == shorts * spot
    for e in state.exposures:
        strike, is_call = divmod(int.from_bytes(e.market, "big"), 2)
        mine = [
            p
            for p in positions
            if p.series.strike_id == strike and (p.type.kind.value == "call") == bool(is_call)
        ]
        assert e.size == sum(p.signed_amount for p in mine) * WAD
        assert abs(e.delta - sum(p.venue_greeks.delta for p in mine) * WAD) < 2 * len(mine)
        assert e.oraclePrice == mine[0].mark_price * WAD
        assert e.notionalPrice == spot
        assert e.underlying.rstrip(b"\0") == b"ETH"
    return state


def spot_read(lyra):
    """The oracle's price."""
    contracts, at = lyra.world.lyra.contracts, lyra.world.lyra.markets["sETH"].contracts
    function = lyra_abi("SynthetixAdapter").function("getSpotPriceForMarket")
    return function.read(contracts["SynthetixAdapter"], at["OptionMarket"])


def test_an_unknown_account_has_its_wallet_only(lyra):
    """No exposures, no equity, full health, no cash."""
    assert tuple(lyra.probe("searcher")) == (0, 0, 0, NEVER, 0, ())


@pytest.mark.parametrize("kind", range(5))
def test_a_position_of_each_type(lyra, kind):
    """Cash moves by the whole cost, at the opening, at an addition, at closing a part and all."""
    before = lyra.probe("trader").cash
    position, cost = open_one(lyra, kind)
    sign = -1 if kind in (LONG_CALL, LONG_PUT) else 1
    assert lyra.probe("trader").cash - before == sign * cost
    check_views(lyra, [kind])
    held = COLLATERAL.get(kind, 0)
    for order in (
        lyra.option(STRIKE, kind, WAD // 2, held * 5 // 4, position),
        lyra.option_close(STRIKE, kind, WAD, held, position),
        lyra.option_close(STRIKE, kind, 3 * WAD // 2, 0, position),
    ):
        before = lyra.probe("trader")
        (trade,) = lyra.trades(lyra.send("trader", order))
        after = lyra.probe("trader")
        is_opening = order.data[:4] == lyra_abi("OptionMarket").function("openPosition").selector
        paid = trade["trade"].totalCost * (sign if is_opening else -sign)
        assert after.cash - before.cash == paid
        if after.exposures:
            check_views(lyra, [kind])
    assert after.exposures == ()
    assert after.health == NEVER


@pytest.mark.fork
def test_positions_of_one_strike_and_kind_are_netted(lyra):
    """A long call and two short ones are one exposure; a put of the strike is another."""
    kinds = [LONG_CALL, SHORT_CALL_BASE, SHORT_CALL_QUOTE, LONG_PUT]
    for kind in kinds:
        open_one(lyra, kind)
    state = check_views(lyra, kinds)
    sizes = {int.from_bytes(e.market, "big"): e.size for e in state.exposures}
    assert sizes == {STRIKE << 1 | 1: -2 * WAD, STRIKE << 1: 2 * WAD}


def test_health_below_one_is_liquidatable(lyra, genuine):
    """The worst short decides; the venue agrees on which side of one it is."""
    position, _ = open_one(lyra, SHORT_CALL_QUOTE)
    open_one(lyra, SHORT_PUT)
    assert lyra.probe("trader").health > WAD
    lyra.run(lyra.world.set_price("ETH", Decimal(3_600)))
    state = check_views(lyra, [SHORT_CALL_QUOTE, SHORT_PUT])
    token = genuine("OptionToken", lyra.world.lyra.markets["sETH"].contracts["OptionToken"])
    market = genuine("OptionMarket", lyra.world.lyra.markets["sETH"].contracts["OptionMarket"])
    strike, expiry = market.getStrikeAndExpiry(STRIKE)
    spot = lyra.run(lyra.world.client.call(spot_read(lyra)))
    assert state.health < WAD
    assert token.canLiquidate(token.getOptionPosition(position), expiry, strike, spot)


@pytest.mark.parametrize("kind", [LONG_PUT, SHORT_PUT])
def test_an_expired_option(lyra, kind):
    """Until its board is settled it is priced and margined as the venue does with no time left; then it is
    worth what it pays, and nothing is asked for."""
    open_one(lyra, kind)
    lyra.run(lyra.world.warp(29 * DAY))
    lyra.run(lyra.world.set_price("ETH", Decimal(1_900)))
    (expired,) = check_views(lyra, [kind]).exposures
    assert abs(expired.oraclePrice - 100 * WAD) < WAD // 1000
    lyra.send("trader", settle_board(lyra))
    state = lyra.probe("trader")
    (settled,) = state.exposures
    assert (state.maintenanceMargin, state.notional, state.health, settled.delta) == (0, 0, NEVER, 0)
    assert state.equity == COLLATERAL.get(kind, 0) + settled.size * settled.oraclePrice // WAD


def settle_board(lyra):
    """Anybody's call that fixes the price of the 28-day board."""
    market = lyra.world.lyra.markets["sETH"].contracts["OptionMarket"]
    return lyra.world.artifacts.abi("OptionMarket").function("settleExpiredBoard").at(market, 1)


def test_without_a_price_it_reverts(lyra, contract, genuine, deployer):
    """An invalid rate is no zero; an account without options is told all the same."""
    open_one(lyra, LONG_CALL)
    adapter = genuine("SynthetixAdapter", lyra.world.lyra.contracts["SynthetixAdapter"])
    rates = genuine("TestExchangeRates", adapter.exchangeRates())
    rates.setRateAndInvalid(b"sETH".ljust(32, b"\0"), 2_000 * WAD, True, sender=deployer)
    with ape.reverts():
        contract("LyraProbe").at(lyra.probe_at).probe(lyra.world.accounts["trader"].address)
    assert lyra.probe("alice").health == NEVER


def test_it_knows_its_underlying(lyra, contract):
    """sETH without the synths' s."""
    assert contract("LyraProbe").at(lyra.probe_at).UNDERLYING().rstrip(b"\0") == b"ETH"


def test_it_is_made_for_a_viewer_only(lyra, deploy, deployer):
    """A viewer that is none is refused when the probe is made."""
    at = lyra.world.lyra.markets["sETH"].contracts["OptionMarket"]
    with ape.reverts():
        deploy("LyraProbe", at, at, lyra.world.lyra.contracts["BlackScholes"], sender=deployer)


@pytest.mark.parametrize("kinds", [[LONG_CALL], [SHORT_PUT, SHORT_CALL_BASE, LONG_CALL]])
def test_what_it_costs(lyra, gas, kinds):
    """One option, and three of which two are short, beside the venue's own list of positions, unpriced."""
    for kind in kinds:
        open_one(lyra, kind)
    account = lyra.world.accounts["trader"].address
    token = lyra.world.lyra.markets["sETH"].contracts["OptionToken"]
    gas.record(
        f"LyraProbe.probe: {len(kinds)} option{'s' * (len(kinds) > 1)}",
        lyra.gas_of(lyra.probe_at, "probe(address)", account),
        plain=(
            "the list of positions, without prices",
            lyra.gas_of(token, "getOwnerPositions(address)", account),
        ),
        why="every option is priced now, and every short's minimum collateral asked for",
    )
