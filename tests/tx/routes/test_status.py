"""What a status API says is coverage, never truth."""

from __future__ import annotations

from typing import Any

import pytest

from trimtab.model.ids import TxHash
from trimtab.tx.routes.base import RelayState
from trimtab.tx.routes.relay import Relay
from trimtab.tx.routes.status import no_status, status_of

HASH = TxHash("0x" + "ab" * 32)
RELAY = Relay("protect:one", "http://one.example/k3y-k3y")


@pytest.mark.parametrize("word", ["PENDING", "INCLUDED", "FAILED", "CANCELLED", "UNKNOWN"])
def test_the_words(word: str) -> None:
    """Protect's five, MEV Blocker's three of them; the hash in any case."""
    for text in (word, word.lower()):
        found = status_of(RELAY, {"status": text, "hash": HASH.upper().replace("X", "x")}, HASH)
        assert (found.endpoint, found.state, found.reason) == ("protect:one", RelayState(word.lower()), "")


@pytest.mark.parametrize(
    "said",
    [None, [], "PENDING", 7, {}, {"status": "PENDING"}, {"hash": HASH}, {"status": None, "hash": HASH},
     {"status": "LOST", "hash": HASH}, {"status": ["PENDING"], "hash": HASH},
     {"status": "PENDING", "hash": "0x" + "cd" * 32}, {"status": "PENDING", "hash": None}],
)  # fmt: skip
def test_anything_else_is_unknown(said: Any) -> None:
    """Another shape, another word, another transaction."""
    assert status_of(RELAY, said, HASH).state is RelayState.UNKNOWN
    assert no_status(RELAY).state is RelayState.UNKNOWN


@pytest.mark.parametrize("key", ["simError", "simulationError", "revertReason"])
def test_the_reason(key: str) -> None:
    """In the relay's own words, without a key; empty ones and other shapes are none."""
    said = {"status": "FAILED", "hash": HASH}
    assert status_of(RELAY, said | {key: "reverted at k3y-k3y"}, HASH).reason == "reverted at ***"
    nothings: tuple[Any, ...] = ("", None, 7, {})
    for nothing in nothings:
        assert status_of(RELAY, said | {key: nothing}, HASH).reason == ""
