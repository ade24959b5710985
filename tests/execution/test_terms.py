"""Conditions say what the quotes promised: fees inside, rounded against the trade, each market once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trimtab.errors import IntentError
from trimtab.execution.terms import DeltaBand, Terms, Traded, conditions_of, limit_of, told
from trimtab.hooks.probes import ProbedAccount, ProbedMarket
from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.market import OptionMarket, OptionSeries, OptionType
from trimtab.model.order import OptionAction, OptionIntent, OptionQuote, PerpIntent, PerpQuote, Side

D = Decimal
PROBE, OTHER = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
MARKET = b"\x07" * 32
NONE: dict[Address, ProbedAccount] = {PROBE: ProbedAccount(0, 0, 0, 0, ())}
SERIES = OptionSeries(OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS), 1, 1, D(2000), 10**10)


def perp(side: Side = Side.BUY, size: str = "2", price: str | None = "2000") -> PerpQuote:
    """100 bps of fee, to see it."""
    intent = PerpIntent("vETH", side, size=D(size), acceptable_price=None if price is None else D(price))
    signed, zero = D(size) * side.sign, D(0)
    return PerpQuote(
        intent, signed, D(4000), D(2000), D(40), zero, zero, zero, zero, zero, None, True, 1, 1
    )  # fmt: skip


def option(type_: OptionType, limit: str | None) -> OptionQuote:
    intent = OptionIntent(
        SERIES, type_, OptionAction.OPEN, D(4), limit_cost=None if limit is None else D(limit)
    )
    return OptionQuote(intent, D(100), D(1), D(25), None, Greeks(), D(2000), None, 1, 1)


def leg(quote: PerpQuote | OptionQuote, call: int = 0) -> Traded:
    return Traded(call, "shop m", PROBE, MARKET, quote)


def test_limits_hold_fees_inside() -> None:
    """A buyer pays the fee beside the price, a seller gets it taken off; an option's cost has it inside."""
    assert limit_of(perp()) == D(2020)
    assert limit_of(perp(Side.SELL)) == D(1980)
    assert limit_of(perp(price=None)) is None
    assert limit_of(option(OptionType.LONG_CALL, "120")) == D(30)
    assert limit_of(option(OptionType.SHORT_CALL_QUOTE, "80")) == D(20)
    assert limit_of(option(OptionType.LONG_CALL, None)) is None


def test_prices_are_bounded_for_the_call_that_trades() -> None:
    """Within some wei of cash for rounding; a leg without a limit has no condition."""
    found = conditions_of(Terms(), [leg(perp(), 3), leg(perp(price=None), 4)], {}, NONE)
    (condition,) = found.prices
    assert (condition.call, condition.probe, condition.market) == (3, PROBE, MARKET)
    assert 0 < condition.limit - 2020 * 10**18 <= 5
    (sold,) = conditions_of(Terms(), [leg(perp(Side.SELL))], {}, NONE).prices
    assert 0 < 1980 * 10**18 - sold.limit <= 5
    assert conditions_of(Terms(prices=False), [leg(perp())], {}, NONE).prices == ()


def test_sizes_are_promised_once_for_each_market() -> None:
    """What is held and all legs that trade there; none where a leg is by notional."""
    held = {PROBE: ProbedAccount(0, 0, 0, 0, (ProbedMarket(MARKET, b"", 10**18, 0),))}
    legs = [leg(perp()), leg(perp(Side.SELL, "0.5"))]
    (size,) = conditions_of(Terms(), legs, {}, held).sizes
    assert size.least == size.most == 25 * 10**17
    by_notional = replace(perp(), intent=PerpIntent("vETH", Side.BUY, notional=D(4000)))
    assert conditions_of(Terms(), [*legs, leg(by_notional)], {}, held).sizes == ()
    assert conditions_of(Terms(sizes=False), legs, {}, held).sizes == ()
    (short,) = conditions_of(Terms(), [leg(option(OptionType.SHORT_CALL_QUOTE, "80"))], {}, held).sizes
    assert short.least == -3 * 10**18


def test_bands_are_of_the_probes_that_are_named() -> None:
    """All of them unless given, rounded into the band; a probe that is not there is refused."""
    probes = {"a": PROBE, "b": OTHER}
    band = DeltaBand("ETH", D("-0.5"), D("0.25"))
    (delta,) = conditions_of(Terms(bands=(band,)), [], probes, {}).deltas
    assert [holding.probe for holding in delta.holdings] == [PROBE, OTHER]
    assert (delta.least, delta.most) == (-5 * 10**17, 25 * 10**16)
    (one,) = conditions_of(Terms(bands=(replace(band, holdings=(("b", OTHER),)),)), [], probes, {}).deltas
    assert [(holding.probe, holding.account) for holding in one.holdings] == [(OTHER, OTHER)]
    with pytest.raises(IntentError, match="names the probe 'c'; there are a, b"):
        conditions_of(Terms(bands=(replace(band, holdings=(("c", OTHER),)),)), [], probes, {})
    with pytest.raises(IntentError, match="nothing is between them"):
        DeltaBand("ETH", D(1), D(0))


def test_health_is_of_the_probe_and_all_is_told_in_words() -> None:
    """For a preview, in units that people read."""
    terms = Terms(bands=(DeltaBand("ETH", D(-1), D(1)),), min_health={"a": D("1.5")})
    legs = [leg(perp())]
    found = conditions_of(terms, legs, {"a": PROBE}, NONE)
    assert [(health.probe, health.least) for health in found.healths] == [(PROBE, 15 * 10**17)]
    assert told(found, legs, terms) == (
        "call 1 at at most 2020 a unit, fees inside",
        "shop m ends at a size of 2",
        "net delta of ETH from -1.000000 to 1.000000",
        "health at a at least 1.5",
    )
