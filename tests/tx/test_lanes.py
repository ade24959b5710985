"""Lanes and route policies as values: what they mean, what they refuse, and that a journal keeps them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from trimtab.errors import ConfigError
from trimtab.tx.lanes import MAX_WINDOW, WINDOW, Lane, RoutePolicy, Ways


def test_a_policy_says_who_may_have_the_bytes() -> None:
    """Public at once; private for Protect's own window and then dropped; public after it only when asked."""
    assert RoutePolicy.public() == RoutePolicy()
    assert not RoutePolicy.public().is_private
    assert RoutePolicy.private() == RoutePolicy(is_private=True, window=WINDOW)
    assert not RoutePolicy.private().then_public
    assert RoutePolicy.private_then_public(3) == RoutePolicy(is_private=True, window=3, then_public=True)


@pytest.mark.parametrize("window", [0, -1, MAX_WINDOW + 1])
def test_a_window_is_of_some_blocks(window: int) -> None:
    """None at all, and for ever, are mistakes."""
    with pytest.raises(ConfigError, match=f"1 to {MAX_WINDOW} blocks, got {window}") as refused:
        RoutePolicy.private(window)
    assert refused.value.key == "window"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"is_private": True, "window": 2.5}, "window"),
        ({"is_private": True, "window": True}, "window"),
        ({"is_private": True, "window": "9"}, "window"),
        ({"is_private": "no"}, "is_private"),
        ({"is_private": True, "then_public": 1}, "then_public"),
    ],
)
def test_what_a_journal_could_not_give_back_is_refused(values: dict[str, Any], key: str) -> None:
    """Half a block, and words for a yes: written once, no later life could read them."""
    with pytest.raises(ConfigError) as refused:
        RoutePolicy(**values)
    assert refused.value.key == key


def test_what_is_public_cannot_become_so() -> None:
    """A policy that contradicts itself is refused, also when it is read from a file."""
    with pytest.raises(ConfigError, match="a public one is public"):
        RoutePolicy(then_public=True)
    with pytest.raises((ConfigError, msgspec.ValidationError)):
        msgspec.json.decode(b'{"then_public":true}', type=RoutePolicy)


def test_a_policy_comes_back_from_a_journal_as_it_was() -> None:
    """And a public one takes no room in it."""
    for policy in (RoutePolicy.public(), RoutePolicy.private(7), RoutePolicy.private_then_public()):
        assert msgspec.json.decode(msgspec.json.encode(policy), type=RoutePolicy) == policy
    assert msgspec.json.encode(RoutePolicy.public()) == b"{}"


def test_only_one_lane_is_public() -> None:
    """Of every lane that there is."""
    assert [lane for lane in Lane if not lane.is_private] == [Lane.PUBLIC]


def test_cancellations_go_where_anybody_can_have_them() -> None:
    """To public endpoints where there are any; else to private ones, bundles or not."""
    assert Ways.public("a", "b").of(Lane.PUBLIC) == ("a", "b")
    assert Ways.public("a").of(Lane.PRIVATE) == ()
    both = Ways({Lane.PUBLIC: ("a",), Lane.PRIVATE: ("r",), Lane.BUNDLE: ("r",)})
    assert both.lane_to_cancel is Lane.PUBLIC
    assert Ways({Lane.PRIVATE: ("r",), Lane.BUNDLE: ("r",)}).lane_to_cancel is Lane.PRIVATE
    assert Ways({Lane.PUBLIC: (), Lane.PRIVATE: ("r",)}).lane_to_cancel is Lane.PRIVATE
