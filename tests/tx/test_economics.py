"""What a trade may do to its account, to the unit: a cap passes, one more does not."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trimtab.errors import LimitError
from trimtab.model.limits import Limits
from trimtab.model.trade import Leverage, TradeFacts
from trimtab.tx.economics import check_leverage, check_trade

WEI = Decimal("1e-18")
SLIPPAGE = Limits(max_slippage=Decimal("0.005"))
LEVERAGE = Limits(max_leverage=Decimal("2.5"))


def refusal(limits: Limits, notional: Any = None, trade: TradeFacts | None = None) -> LimitError:
    try:
        check_trade(limits, "k", notional, trade)
        check_leverage(limits, "k", trade)
    except LimitError as error:
        return error
    pytest.fail("nothing was refused")


def test_without_limits_nothing_needs_to_be_declared() -> None:
    """A key without economic limits trades as before."""
    check_trade(Limits(), "k", None, None)
    check_leverage(Limits(), "k", None)


@pytest.mark.parametrize(
    ("limits", "field", "words"),
    [
        (SLIPPAGE, "max_slippage", r"trade=TradeFacts\(loss=...\)"),
        (LEVERAGE, "max_leverage", r"TradeFacts\(after=Leverage\(...\)\)"),
        (Limits(reduce_only=True), "reduce_only", r"TradeFacts\(is_reducing=...\)"),
    ],
)
def test_what_is_not_declared_is_refused_with_what_to_declare(limits: Limits, field: str, words: str) -> None:
    """Unknown is not allowed: neither without facts nor with others."""
    for trade in (None, TradeFacts()):
        error = refusal(limits, Decimal(1), trade)
        assert error.field == field
        assert error.value is None
        assert re.search(words, str(error))


def test_a_loss_without_its_notional_has_no_slippage() -> None:
    """The notional is declared too, where slippage is limited."""
    assert refusal(SLIPPAGE, None, TradeFacts(loss=Decimal(0))).field == "max_slippage"


def test_slippage_at_the_cap_passes_and_a_unit_more_does_not() -> None:
    """0.5 % of 1,000 is 5; a gain is 0; something lost on nothing is too much."""
    check_trade(SLIPPAGE, "k", Decimal(1000), TradeFacts(loss=Decimal(5)))
    check_trade(SLIPPAGE, "k", Decimal(0), TradeFacts(loss=Decimal(0)))
    error = refusal(SLIPPAGE, Decimal(1000), TradeFacts(loss=5 + WEI))
    assert (error.field, error.cap) == ("max_slippage", Decimal("0.005"))
    assert error.value == Decimal("0.005") + WEI
    assert "loses 5.000000000000000001 to the oracle's prices on a notional of 1000" in str(error)
    assert refusal(SLIPPAGE, Decimal(0), TradeFacts(loss=WEI)).value == Decimal("Infinity")


def test_leverage_at_the_cap_passes_and_a_unit_more_does_not() -> None:
    """2.5 on an equity of 400 is a notional of 1,000."""
    at_cap = Leverage(Decimal(1000), Decimal(400))
    check_leverage(LEVERAGE, "k", TradeFacts(after=at_cap))
    error = refusal(LEVERAGE, None, TradeFacts(after=replace(at_cap, notional=1000 + WEI)))
    assert (error.field, error.value, error.cap) == ("max_leverage", Decimal("2.5") + WEI, Decimal("2.5"))
    error = refusal(LEVERAGE, None, TradeFacts(after=Leverage(WEI, Decimal(-1))))
    assert "an equity of -1, a leverage of Infinity" in str(error)


def test_an_account_may_be_made_safer_above_the_cap() -> None:
    """As much as before, or less; more is refused though it be by a unit. What was before must be known."""
    before = Leverage(Decimal(1000), Decimal(100))
    safer, worse = replace(before, notional=Decimal(900)), replace(before, notional=1000 + WEI)
    for after in (safer, before):
        check_leverage(LEVERAGE, "k", TradeFacts(before=before, after=after))
    assert refusal(LEVERAGE, None, TradeFacts(before=before, after=worse)).field == "max_leverage"
    assert refusal(LEVERAGE, None, TradeFacts(after=safer)).field == "max_leverage"


def test_reduce_only_refuses_what_opens() -> None:
    """By the intent's own word, with what the value was."""
    limits = Limits(reduce_only=True)
    check_trade(limits, "k", None, TradeFacts(is_reducing=True))
    error = refusal(limits, None, TradeFacts(is_reducing=False))
    assert (error.field, error.value) == ("reduce_only", False)
    assert "opens or flips a position" in str(error)
