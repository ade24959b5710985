"""Markets: option types and the basis."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.market import OptionKind, OptionType, PerpMarket, PerpState


@pytest.mark.parametrize(
    ("kind", "option", "sign"),
    [
        (OptionType.LONG_CALL, OptionKind.CALL, 1),
        (OptionType.LONG_PUT, OptionKind.PUT, 1),
        (OptionType.SHORT_CALL_BASE, OptionKind.CALL, -1),
        (OptionType.SHORT_CALL_QUOTE, OptionKind.CALL, -1),
        (OptionType.SHORT_PUT_QUOTE, OptionKind.PUT, -1),
    ],
)
def test_each_option_type_knows_kind_and_sign(kind: OptionType, option: OptionKind, sign: int) -> None:
    """The five types of the venue map to call or put, held or written."""
    assert (kind.kind, kind.sign, kind.is_long) == (option, sign, sign > 0)


def test_basis_is_mark_over_index() -> None:
    """basis = mark - index: above zero when the perpetual trades over the oracle."""
    market = PerpMarket("perp_v2", "vETH", "ETH", "USD", ZERO_ADDRESS)
    state = PerpState(
        market,
        Decimal(1510),
        Decimal(1500),
        Decimal(1511),
        Decimal(0),
        None,
        None,
        Decimal("0.001"),
        True,
        1,
        1,
    )
    assert state.basis == 10
