"""Hints, builders and refunds are checked when they are chosen."""

from __future__ import annotations

import pytest

from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.tx.routes.preferences import (
    HINTS,
    Refund,
    check_builders,
    check_hints,
    check_refunds,
    refund_fields,
)

ONE, OTHER = Address("0x" + "ad" * 20), Address("0x" + "be" * 20)


def test_hints() -> None:
    """All that nodes know, each once."""
    check_hints(HINTS)
    with pytest.raises(ConfigError, match="no hint 'all'"):
        check_hints(("hash", "all"))
    with pytest.raises(ConfigError, match="twice"):
        check_hints(("hash", "hash"))


def test_builders() -> None:
    """Names, each once; whose they are, the relay knows."""
    check_builders(("flashbots", "titan"))
    for wrong in (("",), ("titan", "titan")):
        with pytest.raises(ConfigError, match="builders"):
            check_builders(wrong)


def test_refunds() -> None:
    """Whole percentages of at least 1, within what may be given away, to addresses."""
    check_refunds((Refund(ONE, 90), Refund(OTHER, 9)))
    check_refunds((Refund(ONE, 100),), most=100)
    for wrong in ((Refund(ONE, 90), Refund(OTHER, 10)), (Refund(ONE, 0),), (Refund(Address("0x12"), 5),)):
        with pytest.raises(ConfigError):
            check_refunds(wrong)
    assert refund_fields((Refund(ONE, 5),)) == [
        {"address": "0xadADADadAdADAdadADADADadadADAdAdadaDAdAD", "percent": 5}
    ]
