"""Every kind of fault has a name, a sentence, and a place where it strikes."""

from __future__ import annotations

import pytest

from trimtab.chain.transports.failover import READ_METHODS
from trimtab.world.faults.kinds import (
    KINDS,
    SEND_METHODS,
    Disconnect,
    Fault,
    HtmlBody,
    LostAnswer,
    RateLimited,
    ServerError,
    Stage,
    StaleNonce,
    Wire,
    kind_of,
    reaches_node,
    summary_of,
)


def test_names_are_words() -> None:
    """A kind is called as its class, in small letters, and found by that name."""
    assert kind_of(StaleNonce()) == kind_of(StaleNonce) == "stale_nonce"
    assert KINDS["html_body"] is HtmlBody
    assert len(KINDS) == len(set(KINDS.values())) == 30


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_says_what_it_is(kind: type[Fault]) -> None:
    """Made without parameters it is a value; its sentence is one; it strikes somewhere."""
    assert kind() == kind()
    assert summary_of(kind).endswith(".")
    assert summary_of(kind).count(".") == 1
    assert kind.stages
    assert kind.wires
    assert kind.methods or kind.stages == (Stage.CHAIN,)


def test_what_reaches_the_node() -> None:
    """A limit never does, a gateway's page does when it says so, a lost answer always."""
    assert not reaches_node(RateLimited())
    assert [reaches_node(ServerError(forwarded=f)) for f in (False, True)] == [False, True]
    assert [reaches_node(Disconnect(forwarded=f)) for f in (False, True)] == [False, True]
    assert reaches_node(LostAnswer())


def test_sends_are_no_reads() -> None:
    """The two groups of methods have nothing in common."""
    assert not SEND_METHODS & READ_METHODS
    assert Wire.HTTP in StaleNonce.wires
