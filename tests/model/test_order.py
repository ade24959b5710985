"""Intents refuse nonsense when they are made; reports add up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import IntentError
from trimtab.model.ids import ZERO_ADDRESS, TxHash
from trimtab.model.market import OptionMarket, OptionSeries, OptionType
from trimtab.model.order import (
    ExecutionReport,
    Fill,
    OptionAction,
    OptionIntent,
    OrderStatus,
    PerpIntent,
    Side,
    TxRecord,
    TxStatus,
)

SERIES = OptionSeries(
    OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS), 1, 2, Decimal(1500), 1_700_000_000
)


def _perp(**changes: Any) -> PerpIntent:
    return PerpIntent(**{"market": "vETH", "side": Side.BUY, "size": Decimal(1), **changes})


def _option(**changes: Any) -> OptionIntent:
    defaults: dict[str, Any] = {
        "type": OptionType.LONG_CALL,
        "action": OptionAction.OPEN,
        "amount": Decimal(1),
    }
    return OptionIntent(SERIES, **{**defaults, **changes})


BAD_AMOUNTS: list[object] = [
    0,
    "0",
    -1,
    "-0.5",
    0.1,
    1.0,
    float("nan"),
    "NaN",
    "Infinity",
    Decimal("NaN"),
    True,
    "x",
]


@pytest.mark.parametrize("value", BAD_AMOUNTS)
@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda v: _perp(size=v), "size"),
        (lambda v: _perp(size=None, notional=v), "notional"),
        (lambda v: _perp(acceptable_price=v), "acceptable_price"),
        (lambda v: _option(amount=v), "amount"),
    ],
)
def test_bad_amounts_never_make_an_intent(
    build: Callable[[object], object], field: str, value: object
) -> None:
    """Zero, negative, NaN, infinite, float and boolean amounts raise IntentError with the field's name."""
    with pytest.raises(IntentError) as caught:
        build(value)
    assert caught.value.field == field


@pytest.mark.parametrize("value", [0.1, "NaN", True])
@pytest.mark.parametrize("field", ["limit_cost", "set_collateral_to"])
def test_bad_option_money_is_refused(field: str, value: object) -> None:
    """The limits of an option intent are closed to floats, NaN and booleans too."""
    with pytest.raises(IntentError) as caught:
        _option(**{field: value})
    assert caught.value.field == field


@given(
    size=st.decimals(min_value=Decimal("1e-18"), max_value=10**12, allow_nan=False, places=18).filter(
        lambda d: d > 0
    )
)
def test_a_good_size_is_kept_exactly(size: Decimal) -> None:
    """An intent keeps the very digits it was given, as a Decimal, from Decimal and from text."""
    assert _perp(size=size).size == size
    assert _perp(size=str(size)).size == size


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": None}, "exactly one of size and notional"),
        ({"notional": 5}, "exactly one of size and notional"),
        ({"close": True}, "leave out size"),
        ({"close": True, "size": None, "notional": 5}, "leave out notional"),
    ],
)
def test_an_order_has_one_amount(changes: dict[str, Any], words: str) -> None:
    """An order gives size or notional, a close gives neither."""
    with pytest.raises(IntentError, match=words):
        _perp(**changes)


@pytest.mark.parametrize("action", [OptionAction.CLOSE, OptionAction.FORCE_CLOSE])
def test_closing_needs_a_position(action: OptionAction) -> None:
    """Close and force close without a position id are refused."""
    with pytest.raises(IntentError, match="needs the position_id"):
        _option(action=action)
    assert _option(action=action, position_id=7).position_id == 7


@pytest.mark.parametrize(
    ("field", "value"), [("set_collateral_to", -1), ("iterations", 0), ("iterations", 101)]
)
def test_option_ranges(field: str, value: int) -> None:
    """Negative collateral and iterations outside 1 to 100 are refused."""
    with pytest.raises(IntentError) as caught:
        _option(**{field: value})
    assert caught.value.field == field


def test_intents_are_frozen() -> None:
    """An intent once made is never changed."""
    with pytest.raises(FrozenInstanceError):
        _perp().size = Decimal(2)  # type: ignore[misc]


def test_side_signs() -> None:
    """Buying adds to the signed size, selling takes away."""
    assert (Side.BUY.sign, Side.SELL.sign) == (1, -1)


def test_order_statuses_end_or_go_on() -> None:
    """Exactly four statuses are terminal; UNKNOWN is not one of them, because it is being resolved."""
    ended = {status for status in OrderStatus if status.is_terminal}
    assert ended == {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED}


def _fill(size: str) -> Fill:
    nothing = Decimal(0)
    return Fill(
        "perp_v2", "vETH", Decimal(size), Decimal(1000), nothing, nothing, nothing, TxHash("0x1"), 1, 0
    )


def test_a_report_adds_up_its_fills_and_fees() -> None:
    """filled_size is the signed sum of the fills, gas_wei the sum of the fees, both 0 without any."""
    sent = TxRecord("k", 0, TxHash("0x1"), TxStatus.SUCCEEDED, 1, 21_000, 30, 1, "RESOLVED")
    report = ExecutionReport(
        "k", "perp_v2", "vETH", OrderStatus.FILLED, None, (_fill("2"), _fill("-0.5")), (sent, sent)
    )
    assert (report.filled_size, report.gas_wei) == (Decimal("1.5"), 60)
    empty = ExecutionReport("k", "perp_v2", "vETH", OrderStatus.REJECTED, None)
    assert (empty.filled_size, empty.gas_wei) == (Decimal(0), 0)


def test_values_are_plain_and_frozen() -> None:
    """Every dataclass of the module is frozen with slots, so values can travel between rooms."""
    import trimtab.model.order as module

    kinds = [kind for kind in vars(module).values() if hasattr(kind, "__dataclass_fields__")]
    assert len(kinds) >= 7
    for kind in kinds:
        assert kind.__dataclass_params__.frozen, kind
        assert hasattr(kind, "__slots__"), kind
        assert fields(kind), kind
