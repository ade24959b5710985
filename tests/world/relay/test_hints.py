"""What an event tells by each hint, as mev-share-node has it."""

from __future__ import annotations

from typing import Any

from tests.world.relay.conftest import PEOPLE, SWAP, make_tx

from trimtab.world.relay.hints import event_of, wants_logs
from trimtab.world.relay.requests import matching_hash

TX = make_tx(0, 0, data=bytes.fromhex("a9059cbb") + b"\1" * 64)
NOTHING = "0x" + "00" * 32
SWAP_LOG = {"address": PEOPLE[1], "topics": [SWAP, "0x" + "11" * 32], "data": "0x1234"}
OTHER_LOG = {"address": PEOPLE[1], "topics": ["0x" + "22" * 32], "data": "0x"}


def event(*hints: str) -> dict[str, Any]:
    found = event_of(TX.tx_hash, [TX], hints, [SWAP_LOG, OTHER_LOG])
    assert found is not None
    return found


def test_hash_alone_tells_nothing_else() -> None:
    """The hash of the hash, and no more."""
    assert event("hash") == {"hash": matching_hash(TX.tx_hash), "logs": None, "txs": None}


def test_hints_imply_what_they_need() -> None:
    """Calldata tells selector and contract too, a selector the contract."""
    assert event("calldata")["txs"] == [
        {"to": PEOPLE[3], "functionSelector": "0xa9059cbb", "callData": "0x" + TX.fields.data.hex()}
    ]
    assert event("function_selector")["txs"] == [{"to": PEOPLE[3], "functionSelector": "0xa9059cbb"}]
    assert event("contract_address", "tx_hash")["txs"] == [{"hash": TX.tx_hash, "to": PEOPLE[3]}]


def test_default_logs_tell_where_a_swap_was() -> None:
    """All logs as they are, or of swaps only the pool and the event."""
    assert event("logs")["logs"] == [SWAP_LOG, OTHER_LOG]
    assert event("default_logs")["logs"] == [{"address": PEOPLE[1], "topics": [SWAP, NOTHING], "data": "0x"}]


def test_without_hints_there_is_no_event() -> None:
    """Full privacy: nothing is told, not even that something came."""
    assert event_of(TX.tx_hash, [TX], ()) is None
    assert not wants_logs(("hash", "calldata"))
    assert wants_logs(("default_logs",))
