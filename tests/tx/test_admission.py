"""An intent as the engine takes it, and what its route alone says against it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.tx.private_life import ALL, ONLY_PRIVATE

from trimtab.chain.call import Call
from trimtab.errors import ConfigError, IntentError
from trimtab.model.ids import Address
from trimtab.model.trade import TradeFacts
from trimtab.tx.admission import check_bundle, route_of, submitted
from trimtab.tx.intent import TxIntent
from trimtab.tx.lanes import Lane, RoutePolicy, Ways
from trimtab.tx.policy import TxPolicy

SHOP = Address("0x" + "12" * 20)
SELF = Address("0x" + "aa" * 20)
PUBLIC = RoutePolicy.public()
PRIVATE = RoutePolicy.private(3)
THEN_PUBLIC = RoutePolicy.private_then_public(3)


def intent(key: str = "k", route: RoutePolicy | None = None, **more: object) -> TxIntent:
    return TxIntent(key, Call(SHOP, b"\x01", 5), route=route, **more)  # type: ignore[arg-type]


def test_the_record_of_an_intent_has_all_of_it() -> None:
    """Its address in lower case, an open gas limit as 0, the route that was found for it."""
    wanted = intent(
        route=PRIVATE,
        deadline=90,
        budget_wei=7,
        label="a label",
        cause="a cause",
        notional=Decimal(3),
        trade=TradeFacts(is_reducing=True),
    )
    record = submitted(wanted, 50, SELF, PRIVATE)
    assert (record.key, record.digest, record.target, record.data) == ("k", wanted.digest, SHOP, b"\x01")
    assert (record.value, record.gas_limit, record.deadline, record.budget_wei) == (5, 0, 90, 7)
    assert (record.label, record.cause, record.notional, record.at) == ("a label", "a cause", Decimal(3), 50)
    assert (record.route, record.batch, record.bundle) == (PRIVATE, "", 0)
    assert record.trade == TradeFacts(is_reducing=True)
    assert submitted(intent(gas_limit=30_000), 50, SELF, None).gas_limit == 30_000


def test_the_intents_own_policy_comes_before_the_senders() -> None:
    """A public one is None: so it was in journals before there were lanes."""
    assert route_of(intent(), PRIVATE, ALL) == PRIVATE
    assert route_of(intent(route=PUBLIC), PRIVATE, ALL) is None
    assert route_of(intent(route=THEN_PUBLIC), PUBLIC, ALL) == THEN_PUBLIC
    assert route_of(intent(), PUBLIC, ALL) is None


@pytest.mark.parametrize("route", [PRIVATE, THEN_PUBLIC])
def test_for_want_of_a_relay_nothing_becomes_public(route: RoutePolicy) -> None:
    """It is refused, with what to do about it."""
    with pytest.raises(ConfigError, match="no private route: open it with one") as refused:
        route_of(intent(route=route), PUBLIC, Ways.public("a"))
    assert refused.value.key == "routes"


def test_what_shall_go_public_some_time_needs_a_public_route() -> None:
    """Before it leaves, not when its window is over."""
    assert route_of(intent(route=PRIVATE), PUBLIC, ONLY_PRIVATE) == PRIVATE
    with pytest.raises(ConfigError, match="no public route"):
        route_of(intent(route=THEN_PUBLIC), PUBLIC, ONLY_PRIVATE)
    with pytest.raises(ConfigError, match="no public route"):
        route_of(intent(), PUBLIC, ONLY_PRIVATE)


def test_a_bundle_of_good_steps_passes() -> None:
    """As many as the account may have in flight, and no more."""
    steps = [intent(f"k{n}") for n in range(3)]
    check_bundle(steps, ALL, TxPolicy(window=3))
    with pytest.raises(IntentError, match="a bundle of 3 steps; the account may have 2") as refused:
        check_bundle(steps, ALL, TxPolicy(window=2))
    assert refused.value.value == 3


@pytest.mark.parametrize("keys", [(), ("a", "a")])
def test_a_bundle_needs_steps_with_keys_of_their_own(keys: tuple[str, ...]) -> None:
    """An empty one and a doubled key are refused."""
    with pytest.raises(IntentError, match="a key of its own"):
        check_bundle([intent(key) for key in keys], ALL, TxPolicy())


def test_a_delegation_is_no_step_of_a_bundle() -> None:
    """It is alone in flight."""
    with pytest.raises(IntentError, match="no bundle takes it"):
        check_bundle([intent("a"), intent("b", delegate_to=SHOP)], ALL, TxPolicy())


def test_a_bundle_needs_a_route_that_takes_bundles() -> None:
    """A private one alone would put its steps into blocks one by one."""
    ways = Ways({Lane.PUBLIC: ("a",), Lane.PRIVATE: ("r",)})
    with pytest.raises(ConfigError, match="no route takes bundles"):
        check_bundle([intent("a"), intent("b")], ways, TxPolicy())
