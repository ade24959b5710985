"""What relays dropped is wanted again: as the same transaction, and never less privately."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from trimtab.chain.call import Call
from trimtab.model.ids import Address
from trimtab.tx.handle import TxHandle
from trimtab.tx.intent import TxIntent
from trimtab.tx.lanes import RoutePolicy
from trimtab.tx.states import Intent, Slot, State

SHOP = Address("0x" + "12" * 20)
PUBLIC, PRIVATE, THEN = RoutePolicy.public(), RoutePolicy.private(9), RoutePolicy.private_then_public(9)
OTHER = Call(SHOP, b"at another price")


def _handle(
    asked: RoutePolicy | None,
    stood: RoutePolicy | None,
    *,
    given_up: bool = True,
    default: RoutePolicy = PRIVATE,
) -> Any:
    """Of an intent that was `asked` for with a route, and `stood` for one after the sender's own default,
    which is `default` today."""
    first = TxIntent("k", Call(SHOP, b"first"), route=asked)
    intent = Intent("k", first.digest, SHOP, b"first", 0, 21_000, None, None, "", 0, route=stood)
    slots = {"k": Slot(7, "k")} if given_up else {}
    driver: Any = SimpleNamespace(state=State(intents={"k": intent}, given_up=slots), default_route=default)
    return TxHandle("k", driver, driver), first


@pytest.mark.parametrize(
    ("asked", "stood", "wanted", "route"),
    [
        (PRIVATE, PRIVATE, PRIVATE, PRIVATE),
        (PRIVATE, PRIVATE, None, PRIVATE),  # the rule does not call it exposed any more
        (PRIVATE, PRIVATE, RoutePolicy.private(3), PRIVATE),
        (PRIVATE, PRIVATE, THEN, PRIVATE),
        (None, PRIVATE, None, None),
        (THEN, THEN, THEN, THEN),
    ],
)
def test_the_same_transaction_is_sent_again(
    asked: RoutePolicy | None, stood: RoutePolicy, wanted: RoutePolicy | None, route: RoutePolicy | None
) -> None:
    """Its call, whatever the price is now, and a route that is no less private than the one wanted."""
    handle, first = _handle(asked, stood)
    assert handle.renew(TxIntent("k", OTHER, route=wanted)) == replace(first, route=route)


@pytest.mark.parametrize(
    ("asked", "stood", "wanted"),
    [
        (PRIVATE, PRIVATE, PUBLIC),
        (THEN, THEN, PRIVATE),
        (THEN, THEN, None),
        (None, PRIVATE, PRIVATE),  # the default may be another one today
    ],
)
def test_what_would_be_less_private_is_not_taken(
    asked: RoutePolicy | None, stood: RoutePolicy, wanted: RoutePolicy | None
) -> None:
    """It stays what is wanted now, and the sender refuses that under this key while the first could land."""
    handle, _ = _handle(asked, stood)
    intent = TxIntent("k", OTHER, route=wanted)
    assert handle.renew(intent) is intent


@pytest.mark.parametrize(
    ("stood", "default", "is_taken"),
    [(PRIVATE, PUBLIC, False), (PRIVATE, THEN, False), (THEN, THEN, True), (THEN, PRIVATE, True)],
)
def test_a_default_that_became_less_private_is_none_for_an_old_call(
    stood: RoutePolicy, default: RoutePolicy, is_taken: bool
) -> None:
    """No route was said then nor now: the earlier call, at the earlier price, was weighed for a private one,
    and is not made public because the settings changed."""
    handle, first = _handle(None, stood, default=default)
    intent = TxIntent("k", OTHER)
    assert handle.renew(intent) == (first if is_taken else intent)
    again, asked = _handle(PRIVATE, PRIVATE, default=PUBLIC)
    assert again.renew(intent) == asked


def test_what_was_not_given_up_is_wanted_as_it_is() -> None:
    """Also where the earlier one was public."""
    intent = TxIntent("k", OTHER)
    assert _handle(PRIVATE, PRIVATE, given_up=False)[0].renew(intent) is intent
    assert _handle(None, None)[0].renew(intent) is intent
