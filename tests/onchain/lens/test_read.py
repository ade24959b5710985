"""PositionLens.read on the genuine venues: the views' numbers to the wei, and a failure is one's own."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import ape
import pytest

from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.lens import LENS, NEVER, OptionReading, PerpReading, PerpRequest, Unread
from trimtab.model.ids import Address
from trimtab.venues.perp_v2.contracts import ERC20, VAULT

WAD = 10**18
FAR = 2**63
EMPTY = Address("0x" + "77" * 20)


def order(lens, account, market, size):
    """A trade of the ape account."""
    house = lens.world.artifacts.abi("ClearingHouse").function("openPosition")
    base = lens.world.perp.markets[market].base_token
    call = house.at(
        lens.world.perp.contracts["ClearingHouse"],
        (base, size < 0, size < 0, abs(size), 0, FAR, 0, bytes(32)),
    )
    return lens.run(lens.world.transact(account, call))


def deposit(lens, account, symbol="USDC", amount=10_000 * 10**6):
    vault, token = lens.world.perp.contracts["Vault"], lens.world.addresses.tokens[symbol]
    lens.run(lens.world.transact(account, ERC20.function("approve").at(token, vault, 2**255)))
    lens.run(lens.world.transact(account, VAULT.function("deposit").at(vault, token, amount)))


def check_account(lens, account, reading):
    """Every number of a reading beside the house's own view."""
    assert isinstance(reading, PerpReading)
    assert reading.equity == lens.house("Vault", "getAccountValue", account) * 10**12
    assert reading.free_collateral == lens.house("Vault", "getFreeCollateral", account) * 10**12
    assert reading.settlement_balance == lens.house("Vault", "getBalance", account)
    margin = lens.house("AccountBalance", "getMarginRequirementForLiquidation", account)
    assert reading.maintenance_margin == margin
    debt = lens.house("AccountBalance", "getTotalDebtValue", account)
    assert reading.initial_margin == debt * lens.house("ClearingHouseConfig", "getImRatio") // 10**6
    assert reading.notional == lens.house("AccountBalance", "getTotalAbsPositionValue", account)
    assert [h.base_token for h in reading.holdings] == list(
        lens.house("AccountBalance", "getBaseTokens", account)
    )
    for held in reading.holdings:
        where = (account, held.base_token)
        assert held.size == lens.house("AccountBalance", "getTotalPositionSize", *where)
        assert held.open_notional == lens.house("AccountBalance", "getTotalOpenNotional", *where)
        assert held.value == lens.house("AccountBalance", "getTotalPositionValue", *where)
        assert held.pending_funding == lens.house("Exchange", "getPendingFundingPayment", *where)
        price = lens.house("PerpPortal", "getLiquidationPrice", *where)
        assert (held.liquidation_price or 0) == price


@pytest.mark.fork
def test_a_crowd_is_read_to_the_wei(lens, crowd):
    """Takers, makers, two markets, WETH: each number is the view's."""
    for account, reading in zip(crowd, lens.perps(crowd), strict=True):
        check_account(lens, account, reading)


def test_a_crash_and_bad_debt(lens, crowd):
    """A third lower, who was long is under water; the lens says by how much, as the views do."""
    deposit(lens, "trader", amount=1_000 * 10**6)
    order(lens, "trader", "vETH", 4 * WAD)
    accounts = [lens.world.accounts["trader"].address, *crowd]
    lens.run(lens.world.set_price("ETH", Decimal(1_400)))
    readings = lens.perps(accounts)
    for account, reading in zip(accounts, readings, strict=True):
        check_account(lens, account, reading)
    assert readings[0].equity < 0
    assert readings[0].health == 0


def test_nobody_and_an_empty_account(lens):
    """No accounts are no readings; an account without anything is zeros, and cannot be liquidated."""
    assert lens.perps([]) == ()
    assert lens.options([]) == ()
    answer = lens.read([EMPTY])
    assert answer.perps[0].accounts == (PerpReading(0, 0, 0, 0, NEVER, 0, 0, (), ()),)
    assert answer.options[0].accounts == (OptionReading(0, 0, NEVER, 0, 0, 0, 0, ()),)


def test_collateral_beside_the_settlement_token(lens):
    """WETH counts with its haircut, named in the query or not; a debt in USDC stays negative."""
    account = lens.world.accounts["trader"].address
    deposit(lens, "trader", "WETH", 5 * WAD)
    order(lens, "trader", "vETH", -2 * WAD)
    named = lens.perp
    without = PerpRequest(named.clearing_house, named.base_tokens)
    (reading,), (same,) = lens.perps([account]), lens.perps([account], perps=[without])
    check_account(lens, account, reading)
    assert reading == same
    (weth,) = reading.collaterals
    assert weth.balance == 5 * WAD
    assert 0 < weth.value < 5 * 2_000 * WAD


def test_a_position_of_dust(lens):
    """Under ten wei the house counts none: neither does the lens."""
    account = lens.world.accounts["trader"].address
    deposit(lens, "trader")
    order(lens, "trader", "vETH", WAD)
    order(lens, "trader", "vETH", -WAD + 5)
    (reading,) = lens.perps([account])
    check_account(lens, account, reading)
    assert all(held.size == 0 and held.liquidation_price is None for held in reading.holdings)


def test_a_market_without_a_mark_fails_only_who_is_in_it(lens, crowd, genuine, deployer):
    """The venue's own reason in the place of each who holds a position; the others stand."""
    config = genuine("ClearingHouseConfig", lens.world.perp.contracts["ClearingHouseConfig"])
    config.setMarkPriceMarketTwapInterval(10**6, sender=deployer)
    answer = lens.read([*crowd[:3], EMPTY], options=[])
    *failed, empty = answer.perps[0].accounts
    assert all(isinstance(reading, Unread) and b"OLD" in reading.reason for reading in failed)
    assert isinstance(empty, PerpReading)
    assert [market.price for market in answer.perps[0].markets] == [None, None]


def test_a_collateral_without_a_price_fails_only_who_has_it(lens, crowd, genuine, deployer):
    """A price feed that reverts takes down who posted that token, by the feed's own revert."""
    manager = genuine("CollateralManager", lens.world.perp.contracts["CollateralManager"])
    feed = manager.getCollateralConfig(lens.world.addresses.tokens["WETH"]).priceFeed
    lens.run(lens.world.client.request("anvil_setCode", [str(feed), "0x60006000fd"]))
    readings = lens.perps(crowd)
    has_weth = [i % 10 == 0 for i in range(len(crowd))]
    assert [isinstance(reading, Unread) for reading in readings] == has_weth


def test_an_unknown_market_is_named(lens, crowd):
    """An account in a market that the query does not have is told so; the others stand."""
    only_btc = PerpRequest(lens.perp.clearing_house, lens.perp.base_tokens[1:])
    *failed, empty = lens.perps([*crowd[:2], EMPTY], perps=[only_btc])
    error = load_artifact(LENS).abi.error_by_selector(failed[0].reason)
    for reading in failed:
        assert error.decode(reading.reason) == {"baseToken": lens.perp.base_tokens[0]}
    assert isinstance(empty, PerpReading)


def test_an_account_that_needs_more_than_its_share_fails_alone(lens, crowd):
    """With too little gas for all, what was read stands, and who ran out has no reason."""
    needed = lens.gas_of(lens.request(crowd, options=[]))
    readings = lens.perps(crowd, gas=needed * 9 // 10)
    assert any(isinstance(reading, PerpReading) for reading in readings)
    assert all(isinstance(r, PerpReading) or r.reason == b"" for r in readings)
    assert any(isinstance(reading, Unread) for reading in readings)


def test_a_house_that_is_none_reverts(lens, contract):
    """A query that names what is not there is no account's fault."""
    wrong = PerpRequest(lens.perp.base_tokens[0], lens.perp.base_tokens)
    with ape.reverts():
        contract("PositionLens").at(lens.address).read(
            [(wrong.clearing_house, list(wrong.base_tokens), [])], [], [EMPTY]
        )


@pytest.mark.fork
def test_both_venues_in_one_call(lens, crowd):
    """The same accounts at both; each part is what it is alone."""
    both = lens.read(crowd)
    assert both.perps[0].accounts == lens.perps(crowd)
    assert both.options[0].accounts == lens.options(crowd)


def test_options_are_what_the_probe_tells(lens, crowd, deploy, deployer):
    """Equity, margin, health and delta of holders, beside LyraProbe; positions beside the venue's list."""
    option = lens.option
    probe = deploy("LyraProbe", option.viewer, option.option_market, option.black_scholes, sender=deployer)
    token = lens.world.lyra.markets["sETH"].contracts["OptionToken"]
    lens.run(lens.world.set_price("ETH", Decimal(2_600)))
    for account, reading in zip(crowd, lens.options(crowd), strict=True):
        state = probe.probe(account)
        assert (reading.equity, reading.maintenance_margin) == (state.equity, state.maintenanceMargin)
        assert reading.health == state.health
        assert abs(reading.delta - sum(e.delta for e in state.exposures)) <= len(reading.holdings)
        theirs = lens.view("OptionToken", token, "getOwnerPositions", account)
        assert [(h.position_id, h.amount, h.collateral, h.option_type) for h in reading.holdings] == [
            (p.positionId, p.amount, p.collateral, p.optionType) for p in theirs
        ]


def test_perps_are_what_the_probe_tells(lens, crowd, deploy, deployer):
    """Equity, margin and health, beside PerpV2Probe."""
    probe = deploy("PerpV2Probe", lens.perp.clearing_house, sender=deployer)
    for account, reading in zip(crowd, lens.perps(crowd), strict=True):
        state = probe.probe(account)
        assert (reading.equity, reading.maintenance_margin) == (state.equity, state.maintenanceMargin)
        assert reading.health == state.health


def test_a_rate_that_is_invalid_fails_only_holders(lens, crowd, genuine, deployer):
    """The adapter's own revert in the place of who holds options; who holds none is read."""
    adapter = genuine("SynthetixAdapter", lens.world.lyra.contracts["SynthetixAdapter"])
    rates = genuine("TestExchangeRates", adapter.exchangeRates())
    rates.setRateAndInvalid(b"sETH".ljust(32, b"\0"), 2_000 * WAD, True, sender=deployer)
    readings = lens.options(crowd)
    assert [isinstance(reading, Unread) for reading in readings] == [i < 6 for i in range(len(crowd))]
    assert all(reading.reason for reading in readings[:6])


def test_a_series_that_cannot_be_priced_fails_only_its_holders(lens, crowd):
    """A library without code prices nothing: whoever holds an option has a reason, the rest stand."""
    broken = replace(lens.option, black_scholes=EMPTY)
    readings = lens.options(crowd, options=[broken])
    assert [isinstance(reading, Unread) for reading in readings] == [i < 6 for i in range(len(crowd))]


def test_expired_and_settled_options(lens, crowd):
    """After the board is settled, options are worth what they pay, without Greeks or margin."""
    lens.run(lens.world.warp(29 * 86_400))
    lens.run(lens.world.set_price("ETH", Decimal(1_900)))
    market = lens.option.option_market
    settle = lens.world.artifacts.abi("OptionMarket").function("settleExpiredBoard").at(market, 1)
    lens.run(lens.world.transact("trader", settle))
    seen = 0
    for reading in lens.options(crowd[:6]):
        for held in reading.holdings:
            series = held.series
            if series.board_id == 1:
                seen += 1
                assert series.price_at_expiry > 0
                assert (series.call_delta, series.put_delta, series.vega, held.min_collateral) == (0, 0, 0, 0)
                assert series.call_price == max(series.price_at_expiry - series.strike_price, 0)
                assert series.put_price == max(series.strike_price - series.price_at_expiry, 0)
    assert seen
