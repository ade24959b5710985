"""What an option trade does to an account, by hand; the genuine probe holds the same in tests/contracts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest

from trimtab.model.market import OptionSeries, OptionType
from trimtab.model.order import OptionAction, OptionIntent
from trimtab.model.trade import Leverage
from trimtab.model.units import WAD
from trimtab.venues.lyra.contracts import TYPE_INDEX
from trimtab.venues.lyra.facts import Held, held_from, leverage_of, trade_facts

SPOT = 2_000 * WAD


def price(call: int, put: int) -> SimpleNamespace:
    """As much of the library's answer as facts need."""
    return SimpleNamespace(callPrice=call, putPrice=put)


BEFORE = {1: price(100 * WAD, 60 * WAD), 2: price(50 * WAD, 90 * WAD)}
AFTER = {1: price(110 * WAD, 70 * WAD), 2: price(55 * WAD, 95 * WAD)}
SHORT = Held(7, 1, OptionType.SHORT_CALL_QUOTE, 2 * WAD, 1_500 * WAD)
LONG = Held(8, 1, OptionType.LONG_CALL, 3 * WAD, 0)


@pytest.fixture
def traded(series: OptionSeries) -> OptionSeries:
    return replace(series, strike_id=1)


def order(traded: OptionSeries, type_: OptionType, amount: int, **changes: object) -> OptionIntent:
    intent = OptionIntent(traded, type_, OptionAction.OPEN, Decimal(amount))
    return replace(intent, **changes)  # type: ignore[arg-type]


def close(traded: OptionSeries, held: Held, amount: int, **changes: object) -> OptionIntent:
    known = {"action": OptionAction.CLOSE, "position_id": held.position_id}
    return order(traded, held.type, amount, **known | changes)


def test_a_new_market_is_priced_after_the_trade(traded: OptionSeries) -> None:
    """There is no price of it before: 2 calls for 240, worth 220 then."""
    facts = trade_facts((), order(traded, OptionType.LONG_CALL, 2), 240 * WAD, SPOT, BEFORE, AFTER)
    assert (facts.loss, facts.is_reducing) == (Decimal(20), False)
    assert (facts.before, facts.after) == (
        Leverage(Decimal(0), Decimal(0)),
        Leverage(Decimal(0), Decimal(220)),
    )


def test_the_worse_price_counts_where_there_are_two(traded: OptionSeries) -> None:
    """One more call is worth what it was before, one sold what it is afterwards."""
    buys = replace(order(traded, OptionType.LONG_CALL, 1), position_id=8)
    assert trade_facts((LONG,), buys, 112 * WAD, SPOT, BEFORE, AFTER).loss == 12
    sells = trade_facts((LONG,), close(traded, LONG, 1), 95 * WAD, SPOT, BEFORE, AFTER)
    assert (sells.loss, sells.is_reducing) == (Decimal(15), True)


def test_a_market_that_is_left_is_priced_before_the_trade(traded: OptionSeries) -> None:
    """All 3 calls for 280, worth 300 before; none is left."""
    facts = trade_facts((LONG,), close(traded, LONG, 3), 280 * WAD, SPOT, BEFORE, AFTER)
    assert (facts.loss, facts.is_reducing) == (Decimal(20), True)
    assert facts.after == Leverage(Decimal(0), Decimal(0))


def test_longs_and_shorts_of_a_market_are_netted(traded: OptionSeries) -> None:
    """A short of 2 beside a long of 3 leaves 1: selling one of the long reduces, buying one back grows."""
    held = (SHORT, LONG)
    sells = trade_facts(held, close(traded, LONG, 1), 110 * WAD, SPOT, BEFORE, AFTER)
    buys = trade_facts(
        held, close(traded, SHORT, 1, set_collateral_to=Decimal(900)), 100 * WAD, SPOT, BEFORE, AFTER
    )
    flips = trade_facts(held, close(traded, LONG, 2), 220 * WAD, SPOT, BEFORE, AFTER)
    assert (sells.is_reducing, buys.is_reducing, flips.is_reducing) == (True, False, False)


def test_what_is_short_stands_for_margin(traded: OptionSeries) -> None:
    """2 calls at the spot price on 1,500 less what they cost to buy back; more collateral, less leverage."""
    assert leverage_of((SHORT,), BEFORE, SPOT) == Leverage(Decimal(4_000), Decimal(1_300))
    more = replace(order(traded, SHORT.type, 1, set_collateral_to=Decimal(3_000)), position_id=7)
    facts = trade_facts((SHORT,), more, 90 * WAD, SPOT, BEFORE, AFTER)
    assert facts.after == Leverage(Decimal(6_000), Decimal(2_670))


def test_base_collateral_counts_at_the_spot_price() -> None:
    """A covered call on one whole unit of the underlying."""
    covered = Held(9, 1, OptionType.SHORT_CALL_BASE, WAD, WAD)
    assert leverage_of((covered,), BEFORE, SPOT) == Leverage(Decimal(2_000), Decimal(1_900))


def test_what_is_owned_is_rounded_down_and_what_is_owed_up() -> None:
    """A unit of each at odd prices."""
    odd = {1: price(WAD // 2 + 1, 0)}
    held = (replace(LONG, amount=1), replace(SHORT, amount=1, collateral=5))
    assert leverage_of(held, odd, SPOT + 1) == Leverage(Decimal("2001e-18"), Decimal("4e-18"))


def test_a_strike_that_is_over_makes_leverage_unknown(traded: OptionSeries) -> None:
    """Loss and direction are known all the same."""
    held = (replace(SHORT, strike_id=99),)
    facts = trade_facts(held, order(traded, OptionType.LONG_PUT, 1), 70 * WAD, SPOT, BEFORE, AFTER)
    assert (facts.before, facts.after, facts.loss, facts.is_reducing) == (None, None, Decimal(0), False)


def test_only_open_positions_are_held() -> None:
    """Closed and settled ones are history."""
    raw = {
        "positionId": 7,
        "strikeId": 1,
        "optionType": TYPE_INDEX[OptionType.SHORT_CALL_QUOTE],
        "amount": 2 * WAD,
        "collateral": 1_500 * WAD,
    }
    assert held_from([SimpleNamespace(**raw, state=state) for state in range(6)]) == (SHORT,)
