"""The key's limits hold for proposals: each call, all values together, time, chain and pause."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trimtab.chain.call import Call
from trimtab.errors import LimitError
from trimtab.model.ids import Address
from trimtab.model.limits import SELF, AllowedCall, ArgumentRule, Limits
from trimtab.model.trade import TradeFacts
from trimtab.tx.safe import SafeIntent
from trimtab.tx.safe.permit import check_permit

SAFE, VENUE, SHOP = (Address("0x" + digits * 20) for digits in ("5a", "77", "12"))
OPEN = bytes.fromhex("aabbccdd")
LIMITS = Limits(
    (AllowedCall(VENUE, OPEN, "open(address)", (ArgumentRule(0, one_of={SELF}),)),),
    chains={1},
    transfers={SHOP},
    max_value_wei=10,
    max_notional=Decimal(500),
    expires_at=1_000,
)
TO_SELF = OPEN + bytes(12) + bytes.fromhex(SAFE[2:])
GOOD = SafeIntent("key", (Call(VENUE, TO_SELF, 4), Call(SHOP, b"", 6)), notional=Decimal(500))


def check(limits: Limits = LIMITS, intent: SafeIntent = GOOD, **changes: Any) -> None:
    given: dict[str, Any] = {"chain_id": 1, "safe": SAFE, "now": 999, "paused": None}
    check_permit(limits, intent, **given | changes)


def test_what_is_allowed_passes() -> None:
    """A venue's call for the Safe itself and a transfer, at every limit."""
    check()


def test_what_it_does_to_the_safe_is_declared_where_that_is_limited() -> None:
    """Refused while unknown, as before any other signature; a reducing one passes."""
    limits = replace(LIMITS, reduce_only=True)
    with pytest.raises(LimitError, match="does not declare whether it reduces"):
        check(limits)
    check(limits, replace(GOOD, trade=TradeFacts(is_reducing=True)))


@pytest.mark.parametrize(
    ("intent", "field"),
    [
        (replace(GOOD, calls=(*GOOD.calls, Call(SHOP, b"", 1))), "max_value_wei"),
        (replace(GOOD, calls=(*GOOD.calls, Call(VENUE, b"\x01\x02\x03\x04"))), "calls"),
        (replace(GOOD, calls=(*GOOD.calls, Call(SAFE, TO_SELF))), "calls"),
        (replace(GOOD, calls=(Call(VENUE, OPEN + bytes(32)),)), "calls"),
        (replace(GOOD, calls=(Call(VENUE, b"", 1),)), "transfers"),
        (replace(GOOD, notional=Decimal(501)), "max_notional"),
        (replace(GOOD, notional=None), "max_notional"),
    ],
)
def test_one_call_too_many_refuses_all(intent: SafeIntent, field: str) -> None:
    """Hidden behind good ones, for another account, to another recipient, too much together."""
    with pytest.raises(LimitError) as caught:
        check(intent=intent)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"chain_id": 2}, "chains"), ({"now": 1_000}, "expires_at"), ({"paused": "by hand"}, "paused")],
)
def test_time_chain_and_pause(changes: dict[str, Any], field: str) -> None:
    """Refused whatever the calls are."""
    with pytest.raises(LimitError) as caught:
        check(**changes)
    assert caught.value.field == field
