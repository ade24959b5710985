"""What a call does to an account: exact ratios, and nothing that is not a number."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import IntentError
from trimtab.model.trade import TradeFacts
from trimtab.model.units import WAD, from_wad

WEI = Decimal("1e-18")
amounts = st.integers(0, 2**100)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("loss", -1),
        ("loss", 0.5),
        ("notional_after", Decimal("1e-19")),
        ("notional_after", Decimal(-1)),
        ("equity_after", Decimal("NaN")),
        ("is_reducing", 1),
    ],
)
def test_what_is_no_fact_is_refused(field: str, value: Any) -> None:
    """Floats, signs where there are none, digits that no contract has: the error names the field."""
    with pytest.raises(IntentError) as caught:
        TradeFacts(**{field: value})
    assert caught.value.field == field


def test_what_is_not_known_has_no_ratio() -> None:
    """None, not zero."""
    facts = TradeFacts(notional_after=Decimal(5))
    assert facts.leverage_after is None
    assert facts.slippage(Decimal(5)) is None


def test_an_account_without_equity_is_leveraged_without_end() -> None:
    """Unless nothing is at stake: then it is not leveraged at all."""
    for equity in (Decimal(0), Decimal(-3)):
        bare = TradeFacts(notional_after=WEI, equity_after=equity).leverage_after
        assert bare == Decimal("Infinity")
        assert TradeFacts(notional_after=Decimal(0), equity_after=equity).leverage_after == 0


@given(part=amounts, whole=st.integers(1, 2**100), cap=st.integers(0, 2**70))
def test_a_ratio_is_above_a_cap_exactly_when_the_products_say_so(part: int, whole: int, cap: int) -> None:
    """As a contract compares, without division: not a unit of difference."""
    of, to, most = from_wad(part), from_wad(whole), from_wad(cap)
    facts = TradeFacts(loss=of, notional_after=of, equity_after=to)
    is_above = part * WAD > cap * whole
    leverage, slippage = facts.leverage_after, facts.slippage(to)
    assert leverage is not None
    assert (leverage > most) is is_above
    assert slippage is not None
    assert (slippage > most) is is_above
