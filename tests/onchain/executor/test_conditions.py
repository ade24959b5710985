"""Every condition, kept and broken on real trades, with its numbers in the error."""

from __future__ import annotations

import pytest

from trimtab.hooks.plans import (
    BalanceCondition,
    HealthCondition,
    PlanInput,
    PriceCondition,
    SizeCondition,
    perp_market_id,
)
from trimtab.model.ids import ZERO_ADDRESS, Address

WAD = 10**18
ETH = ZERO_ADDRESS


@pytest.fixture
def margin(desk, delegated, trader):
    """The trader's account with code and 10,000 USDC of margin."""
    delegated.execute(desk.plan(*desk.deposit()), sender=trader)
    return delegated


def low(contract) -> Address:
    return Address(str(contract.address).lower())


# balances


def test_a_balance_within_its_bounds(desk, delegated, trader, tokens, refused):
    """Both bounds are inclusive; a unit outside of either undoes the deposit."""
    usdc = desk.world.addresses.tokens["USDC"]
    left = tokens["USDC"].balanceOf(trader) - 10_000 * 10**6
    for least, most in ((left + 1, None), (None, left - 1)):
        plan = desk.plan(*desk.deposit(), balances=(BalanceCondition(usdc, least, most),))
        name, told = refused(delegated.execute, plan, sender=trader)
        assert (name, told["balance"]) == ("BalanceOutside", left)
        assert (told["token"], told["account"]) == (usdc, low(trader))
        assert tokens["USDC"].balanceOf(trader) == left + 10_000 * 10**6
    plan = desk.plan(*desk.deposit(), balances=(BalanceCondition(usdc, left, left),))
    delegated.execute(plan, sender=trader)


def test_a_change_is_counted_over_the_calls(desk, delegated, trader, refused):
    """Minus the deposit for the account, plus the deposit for the vault."""
    usdc, amount = desk.world.addresses.tokens["USDC"], 10_000 * 10**6
    vault = desk.world.perp.contracts["Vault"]
    kept = (
        BalanceCondition(usdc, -amount, -amount, is_change=True),
        BalanceCondition(usdc, amount, amount, account=vault, is_change=True),
    )
    broken = (BalanceCondition(usdc, 1 - amount, None, is_change=True),)
    name, told = refused(delegated.execute, desk.plan(*desk.deposit(), balances=broken), sender=trader)
    assert (name, told["balance"], told["min"]) == ("BalanceOutside", -amount, 1 - amount)
    delegated.execute(desk.plan(*desk.deposit(), balances=kept), sender=trader)


def test_a_change_of_coins_counts_neither_fee_nor_value(desk, delegated, trader, bell, call_of):
    """What an EOA sends itself is no change, nor is the transaction's fee; what a call hands on is."""
    exact = BalanceCondition(ETH, -5, -5, is_change=True)
    plan = desk.plan(call_of(bell, "ring", value=5), balances=(exact,))
    delegated.execute(plan, sender=trader, value=1_000)
    assert bell.balance == 5


def test_a_balance_of_coins(desk, delegated, trader, bell, call_of, refused):
    """The zero address is the native coin, of any account."""
    kept = BalanceCondition(ETH, 5, 5, account=low(bell))
    delegated.execute(desk.plan(call_of(bell, "ring", value=5), balances=(kept,)), sender=trader)
    name, told = refused(
        delegated.execute, desk.plan(call_of(bell, "ring", value=1), balances=(kept,)), sender=trader
    )
    assert (name, told["balance"], told["token"]) == ("BalanceOutside", 6, ETH)


# prices


@pytest.mark.parametrize("size", [2 * WAD, -2 * WAD])
def test_a_price_is_what_the_trade_cost(size, desk, margin, trader, chain, refused):
    """Found as the limit itself: it passes at the price, and a wei better is refused with the price. Fees are
    inside: dearer than the mark for a buyer, cheaper for a seller."""
    beyond = 1 if size > 0 else 2**255
    name, told = refused(margin.execute, _priced(desk, size, beyond), sender=trader)
    price = told["price"]
    assert (name, told["call"], told["market"]) == ("PriceWorse", 0, desk.perp_market)
    with chain.isolate():
        margin.execute(_priced(desk, size, price), sender=trader)
        assert desk.size(trader) == size
    better = price - 1 if size > 0 else price + 1
    assert refused(margin.execute, _priced(desk, size, better), sender=trader)[1]["price"] == price
    mark = 2_000 * WAD
    assert (price > mark * 1001 // 1000) if size > 0 else (price < mark * 999 // 1000)
    assert desk.size(trader) == 0


def test_a_bought_price_is_rounded_up(desk, margin, trader, chain, refused):
    """The probe's cash before and after, divided by the size: up by less than a wei."""
    size = 3 * WAD // 7
    before = desk.perp_probe.probe(trader).cash
    with chain.isolate():
        margin.execute(desk.plan(desk.perp(size)), sender=trader)
        paid = before - desk.perp_probe.probe(trader).cash
    price = refused(margin.execute, _priced(desk, size, 1), sender=trader)[1]["price"]
    assert paid * WAD % size != 0
    assert price == -(-paid * WAD // size)


def test_a_sold_price_is_rounded_down(desk, margin, trader, chain, refused):
    """The other way round for a seller."""
    size = 3 * WAD // 7
    before = desk.perp_probe.probe(trader).cash
    with chain.isolate():
        margin.execute(desk.plan(desk.perp(-size)), sender=trader)
        received = desk.perp_probe.probe(trader).cash - before
    price = refused(margin.execute, _priced(desk, -size, 2**255), sender=trader)[1]["price"]
    assert received * WAD % size != 0
    assert price == received * WAD // size


def test_an_option_has_a_price_too(desk, delegated, trader, refused):
    """Lyra's premium with its fees, per call: the plan's own cost bound finds the same."""
    probe, market = low(desk.lyra_probe), desk.call_market
    plan = desk.plan(*desk.option(10 * WAD), prices=(PriceCondition(1, probe, market, 1),))
    name, told = refused(delegated.execute, plan, sender=trader)
    assert name == "PriceWorse"
    assert 50 * WAD < told["price"] < 500 * WAD
    cost = told["price"] * 10
    kept = (PriceCondition(1, probe, market, told["price"]),)
    delegated.execute(desk.plan(*desk.option(10 * WAD, most=cost), prices=kept), sender=trader)
    assert desk.options(trader) == 10 * WAD


def test_each_call_is_judged_alone(desk, margin, trader, refused):
    """A round trip loses at both calls; the second is told by its number."""
    probe, market = low(desk.perp_probe), desk.perp_market
    prices = (PriceCondition(0, probe, market, 2**255), PriceCondition(1, probe, market, 2_000 * WAD))
    plan = desk.plan(desk.perp(WAD), desk.perp(-WAD), prices=prices)
    name, told = refused(margin.execute, plan, sender=trader)
    assert (name, told["call"]) == ("PriceWorse", 1)
    assert told["price"] < 2_000 * WAD


def test_a_price_needs_a_trade(desk, margin, trader, refused, may_fail, may_stop, bell, call_of):
    """A call that trades nothing there, that failed, or that was never made breaks its price."""
    failing = desk.perp(-1_000 * WAD)
    other = perp_market_id(desk.world.perp.markets["vBTC"].base_token)
    for calls, index, market in (
        ([call_of(bell, "ring")], 0, desk.perp_market),
        ([desk.perp(WAD)], 0, other),
        ([may_fail(failing)], 0, desk.perp_market),
        ([may_stop(failing)], 0, desk.perp_market),
        ([may_stop(failing), desk.perp(WAD)], 1, desk.perp_market),
    ):
        prices = (PriceCondition(index, low(desk.perp_probe), market, 2**255),)
        told = refused(margin.execute, desk.plan(*calls, prices=prices), sender=trader)
        assert told == ("NothingTraded", {"call": index, "market": market})


def test_a_price_before_a_stop_was_kept(desk, margin, trader, may_stop):
    """What was traded and judged stands when a later call stops the plan."""
    prices = (PriceCondition(0, low(desk.perp_probe), desk.perp_market, 2**255),)
    plan = desk.plan(desk.perp(WAD), may_stop(desk.perp(-1_000 * WAD)), prices=prices)
    margin.execute(plan, sender=trader)
    assert desk.size(trader) == WAD


def test_a_price_of_no_call(desk, margin, trader, refused):
    """Is refused before anything is done."""
    calls, conditions, *rest = desk.plan(desk.perp(WAD))
    price = (1, low(desk.perp_probe), ZERO_ADDRESS, desk.perp_market, 1)
    plan = (calls, (conditions[0], [price], *conditions[2:]), *rest)
    assert refused(margin.execute, plan, sender=trader) == ("NoSuchCall", {"call": 1, "calls": 1})


# deltas


def test_spot_counts_as_delta(desk, delegated, trader, bell, call_of, refused, tokens):
    """One for each whole token, whatever its decimals, and for the native coin."""
    usdc, weth = (desk.world.addresses.tokens[name] for name in ("USDC", "WETH"))
    coins = desk.band(0, 0)[0]
    for spot, holds in (
        ((weth,), tokens["WETH"].balanceOf(trader)),
        ((usdc,), tokens["USDC"].balanceOf(trader) * 10**12),
        ((usdc, weth), tokens["USDC"].balanceOf(trader) * 10**12 + tokens["WETH"].balanceOf(trader)),
    ):
        condition = type(coins)("ETH", coins.holdings, 0, 0, spot)
        name, told = refused(
            delegated.execute, desk.plan(call_of(bell, "ring"), deltas=(condition,)), sender=trader
        )
        assert (name, told["delta"]) == ("DeltaOutside", holds)
    wide = type(coins)("ETH", coins.holdings, 9_000 * WAD, 11_000 * WAD, (ETH,))
    delegated.execute(desk.plan(call_of(bell, "ring"), deltas=(wide,)), sender=trader)


def test_deltas_of_another_underlying_are_not_counted(desk, margin, trader):
    """vETH is nothing to a band in BTC."""
    btc = type(desk.band(0, 0)[0])("BTC", desk.band(0, 0)[0].holdings, 0, 0)
    margin.execute(desk.plan(desk.perp(WAD), deltas=(btc,)), sender=trader)


def test_a_book_may_hold_other_accounts(desk, margin, trader, owner, own, tokens, refused):
    """Another's delta counts where its account is named, and twice where it is named twice."""
    usdc = desk.world.addresses.tokens["USDC"]
    tokens["USDC"].approve(own, 10**10, sender=owner)
    calls = (*desk.deposit(10**10), desk.perp(3 * WAD))
    own.execute(desk.plan(*calls, inputs=(PlanInput(usdc, 10**10),)), sender=owner)
    condition = desk.band(0, 0)[0]
    mine = condition.holdings[0]
    theirs = type(mine)(mine.probe, low(own))
    for holdings, delta in (((mine, theirs), 4 * WAD), ((theirs, mine, theirs), 7 * WAD), ((mine,), WAD)):
        plan = desk.plan(desk.perp(WAD), deltas=(type(condition)("ETH", holdings, 0, 0),))
        name, told = refused(margin.execute, plan, sender=trader)
        assert (name, told["delta"]) == ("DeltaOutside", delta)


# health and size


def test_health_stays_above(desk, margin, trader, refused):
    """Four vETH on 10,000 USDC are some twenty times what the venue wants; fifty times is refused."""
    probe = low(desk.perp_probe)
    plan = desk.plan(desk.perp(4 * WAD), healths=(HealthCondition(probe, 50 * WAD),))
    name, told = refused(margin.execute, plan, sender=trader)
    assert (name, told["probe"], told["account"]) == ("HealthBelow", probe, low(trader))
    assert 15 * WAD < told["health"] < 25 * WAD
    assert told["min"] == 50 * WAD
    margin.execute(desk.plan(desk.perp(4 * WAD), healths=(HealthCondition(probe, 15 * WAD),)), sender=trader)
    assert desk.perp_probe.probe(trader).health >= 15 * WAD


def test_a_size_is_as_promised(desk, margin, trader, refused):
    """Equal bounds are a promise; a wei less is broken, and one without a position is zero."""
    probe, market = low(desk.perp_probe), desk.perp_market
    for size, asked in ((2 * WAD, 2 * WAD + 1), (2 * WAD, 2 * WAD - 1), (-WAD, WAD)):
        plan = desk.plan(desk.perp(size), sizes=(SizeCondition(probe, market, asked, asked),))
        name, told = refused(margin.execute, plan, sender=trader)
        assert (name, told["size"], told["min"]) == ("SizeOutside", size, asked)
        assert (told["probe"], told["market"]) == (probe, market)
    flat = SizeCondition(low(desk.lyra_probe), desk.call_market, 0, 0)
    kept = (SizeCondition(probe, market, 2 * WAD, 2 * WAD), flat)
    margin.execute(desk.plan(desk.perp(2 * WAD), sizes=kept), sender=trader)


@pytest.mark.fork
def test_all_conditions_at_once(desk, delegated, trader, tokens):
    """The hedge with every kind of condition on both venues."""
    perp, lyra = low(desk.perp_probe), low(desk.lyra_probe)
    susd = desk.world.addresses.tokens["sUSD"]
    plan = desk.plan(
        *desk.hedge(),
        balances=(BalanceCondition(susd, -3_000 * WAD, 0, is_change=True),),
        prices=(
            PriceCondition(1, lyra, desk.call_market, 300 * WAD),
            PriceCondition(4, perp, desk.perp_market, 1_950 * WAD),
        ),
        deltas=desk.band(-WAD // 4, WAD // 4),
        healths=(HealthCondition(perp, 5 * WAD), HealthCondition(lyra, WAD)),
        sizes=(
            SizeCondition(lyra, desk.call_market, 10 * WAD, 10 * WAD),
            SizeCondition(perp, desk.perp_market, -55 * WAD // 10, -55 * WAD // 10),
        ),
    )
    delegated.execute(plan, sender=trader)
    assert (desk.options(trader), desk.size(trader)) == (10 * WAD, -55 * WAD // 10)


def test_a_probe_that_reverts_undoes_all(desk, margin, trader, refused):
    """Unknown is never taken for kept."""
    nobody = Address("0x" + "77" * 20)
    plan = desk.plan(desk.perp(WAD), healths=(HealthCondition(nobody, WAD),))
    assert refused(margin.execute, plan, sender=trader)[0] == ""
    assert desk.size(trader) == 0


def _priced(desk, size, limit):
    return desk.plan(
        desk.perp(size), prices=(PriceCondition(0, low(desk.perp_probe), desk.perp_market, limit),)
    )
