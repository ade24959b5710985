"""Every refusal means what it stands for."""

from __future__ import annotations

import pytest

from trimtab.chain.rpc_errors import SOURCES, SendClass, classify_send_error
from trimtab.errors import ConfigError
from trimtab.world.faults.words import REFUSALS, Refusal, pick_refusal


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.text)
def test_the_words_are_of_their_class(refusal: Refusal) -> None:
    """The table of node errors reads them so, and knows the client."""
    assert classify_send_error(refusal.text, refusal.code) is refusal.send_class
    assert refusal.client in SOURCES


def test_every_class_has_words() -> None:
    """But those whose answers hold the transaction's own hash."""
    wordless = set(SendClass) - {refusal.send_class for refusal in REFUSALS}
    assert wordless <= {SendClass.SYNC_TIMEOUT, SendClass.MINED_REVERT}


def test_words_are_picked_by_class_client_and_salt() -> None:
    """The same salt picks the same; all are reached; none is an error that names what there is."""
    assert pick_refusal("nonce_low", "besu", 7).text == "Nonce too low"
    assert pick_refusal("", "", 5) == pick_refusal("", "", 5)
    assert {pick_refusal("", "", salt) for salt in range(len(REFUSALS))} == set(REFUSALS)
    with pytest.raises(
        ConfigError, match=r"no words of 'besu' for node_state; only of geth, nethermind, proxy"
    ):
        pick_refusal("node_state", "besu", 0)
