"""What a call does to an account: exact ratios, and nothing that is not a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import IntentError
from trimtab.model.trade import Leverage, TradeFacts, combine
from trimtab.model.units import WAD, from_wad

WEI = Decimal("1e-18")
ONE = Decimal(1)
amounts = st.integers(0, 2**100)
signed = st.integers(-(2**100), 2**100)


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("loss", lambda: TradeFacts(loss=Decimal(-1))),
        ("loss", lambda: TradeFacts(loss=0.5)),  # type: ignore[arg-type]
        ("is_reducing", lambda: TradeFacts(is_reducing=1)),  # type: ignore[arg-type]
        ("notional", lambda: Leverage(Decimal("1e-19"), ONE)),
        ("notional", lambda: Leverage(Decimal(-1), ONE)),
        ("equity", lambda: Leverage(ONE, Decimal("NaN"))),
    ],
)
def test_what_is_no_fact_is_refused(field: str, make: Callable[[], object]) -> None:
    """Floats, signs where there are none, digits that no contract has: the error names the field."""
    with pytest.raises(IntentError) as caught:
        make()
    assert caught.value.field == field


def test_what_is_not_known_has_no_ratio() -> None:
    """None, not zero."""
    assert TradeFacts().slippage(ONE) is None
    assert TradeFacts(loss=Decimal(0)).slippage(Decimal(0)) == 0


def test_an_account_without_equity_is_leveraged_without_end() -> None:
    """Unless nothing is at stake: then it is not leveraged at all."""
    for equity in (Decimal(0), Decimal(-3)):
        assert Leverage(WEI, equity).ratio == Decimal("Infinity")
        assert Leverage(Decimal(0), equity).ratio == 0


@given(part=amounts, whole=st.integers(1, 2**100), cap=st.integers(0, 2**70))
def test_a_ratio_is_above_a_cap_exactly_when_the_products_say_so(part: int, whole: int, cap: int) -> None:
    """As a contract compares, without division: not a unit of difference."""
    of, to, most = from_wad(part), from_wad(whole), from_wad(cap)
    is_above = part * WAD > cap * whole
    slippage = TradeFacts(loss=of).slippage(to)
    assert slippage is not None
    assert (slippage > most) is is_above
    assert (Leverage(of, to).ratio > most) is is_above


@given(notionals=st.tuples(amounts, amounts), equities=st.tuples(signed, signed))
def test_leverage_rises_as_the_fractions_do(notionals: tuple[int, int], equities: tuple[int, int]) -> None:
    """The exact fraction decides; where one has no equity, either part that is worse."""
    before, after = (Leverage(from_wad(n), from_wad(e)) for n, e in zip(notionals, equities, strict=True))
    if min(equities) > 0:
        is_raised = Fraction(notionals[1], equities[1]) > Fraction(notionals[0], equities[0])
    else:
        is_raised = equities[1] < equities[0] or notionals[1] > notionals[0]
    assert after.is_raised_from(before) is is_raised
    assert not after.is_raised_from(after)


HALF = Leverage(ONE, Decimal(2))
FULL = Leverage(ONE, ONE)


def test_trades_together_are_as_bad_as_the_worst_of_them() -> None:
    """The larger slippage of the whole, the leverage that rises before one that falls, the one that opens."""
    small = TradeFacts(loss=Decimal(1), before=FULL, after=HALF, is_reducing=True)
    large = TradeFacts(loss=Decimal(1), before=Leverage(Decimal(0), ONE), after=HALF, is_reducing=False)
    together = combine([(Decimal(1000), small), (Decimal(100), large)])
    assert together.slippage(Decimal(1100)) == Decimal("0.01")
    assert (together.before, together.after, together.is_reducing) == (large.before, HALF, False)
    assert combine([(Decimal(1000), small)]) == small


def test_what_one_trade_does_not_tell_nobody_knows() -> None:
    """Unknown stays unknown; but that one opens is known."""
    facts = TradeFacts(loss=ONE, before=HALF, after=FULL, is_reducing=True)
    assert combine([(ONE, facts), (ONE, None)]) == TradeFacts()
    assert combine([(ONE, replace(facts, is_reducing=False)), (ONE, None)]).is_reducing is False
    assert combine([(ONE, facts), (Decimal(0), facts)]).loss is None


@given(
    trades=st.lists(st.tuples(st.integers(WAD, 2**90), amounts), min_size=1, max_size=3),
    cap=st.integers(0, 2**70).map(from_wad),
)
def test_one_slippage_above_the_cap_is_that_of_all(trades: list[tuple[int, int]], cap: Decimal) -> None:
    """Neither hidden among good trades nor invented by rounding."""
    parts = [(from_wad(notional), TradeFacts(loss=from_wad(loss))) for notional, loss in trades]
    whole = from_wad(sum(notional for notional, _ in trades))
    slippage = combine(parts).slippage(whole)
    assert slippage is not None
    each = [facts.slippage(notional) or Decimal(0) for notional, facts in parts]
    assert (slippage > cap) is (max(each) > cap)
