"""Parameters of relay methods: what is read, and what is refused in the relays' own words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.world.relay.conftest import make_tx, raw

from trimtab.chain.hashing import keccak256
from trimtab.world.faults.calls import Call
from trimtab.world.relay.requests import (
    HashPart,
    MevBundle,
    RefusedError,
    TxPart,
    UrlPreferences,
    joined_hash,
    params_of,
    read_bundle,
    read_mev_bundle,
    read_private,
    read_quantity,
    read_tx,
    read_url,
)

ONE, TWO = make_tx(0, 0), make_tx(1, 0)


def mev(*body: Any, **more: Any) -> dict[str, Any]:
    return {"version": "v0.1", "inclusion": {"block": "0xa"}, "body": list(body)} | more


def part(tx: Any, **more: Any) -> dict[str, Any]:
    return {"tx": raw(tx)} | more


def test_private_transaction_is_read() -> None:
    """The transaction, its last block as hex or as a number, hints and speed."""
    preferences = {"fast": True, "privacy": {"hints": ["hash", "logs"]}}
    given = {"tx": raw(ONE), "maxBlockNumber": "0x10", "preferences": preferences}
    request = read_private([given])
    assert (request.tx, request.last_block, request.is_fast) == (ONE, 16, True)
    assert request.hints == ("hash", "logs")
    bare = read_private([{"tx": raw(ONE), "maxBlockNumber": 16}])
    assert (bare.last_block, bare.hints, bare.is_fast) == (16, None, False)
    wrong = {"tx": raw(ONE), "preferences": {"privacy": {"hints": ["everything"]}}}
    with pytest.raises(RefusedError, match="invalid hint intent"):
        read_private([wrong])


def test_bundle_is_read() -> None:
    """Transactions, block, times, and hashes in lower case."""
    given = {
        "txs": [raw(ONE), raw(TWO)], "blockNumber": "0x10", "minTimestamp": 5, "maxTimestamp": 9,
        "revertingTxHashes": [TWO.tx_hash.upper().replace("X", "x")], "droppingTxHashes": [ONE.tx_hash],
        "replacementUuid": "u",
    }  # fmt: skip
    request = read_bundle([given])
    assert (request.txs, request.block) == ((ONE, TWO), 16)
    assert (request.min_time, request.max_time, request.replacement) == (5, 9, "u")
    assert (*request.reverting, *request.dropping) == (TWO.tx_hash, ONE.tx_hash)
    assert read_bundle([{"txs": [], "replacementUuid": "u"}]).txs == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "missing bundle txs"),
        ({"txs": ["0x00"], "blockNumber": "0x1"}, "unable to decode"),
        ({"txs": [5], "blockNumber": "0x1"}, "missing"),
        ({"txs": [raw(ONE)]}, "no hex number"),
        ({"txs": [raw(ONE)], "blockNumber": 1}, "no hex number"),
        ({"txs": [raw(ONE)], "blockNumber": "1"}, "no hex number"),
        ({"txs": [raw(ONE)], "blockNumber": "0xzz"}, "no hex number"),
        ({"txs": [raw(ONE)] * 101, "blockNumber": "0x1"}, "101 txs"),
        ({"txs": ["0x" + "00" * 300_001], "blockNumber": "0x1"}, "larger than 300000 bytes"),
    ],
)
def test_bad_bundles_are_refused(given: dict[str, Any], words: str) -> None:
    """No transactions, no bytes, no block in hex, too many, too large."""
    with pytest.raises(RefusedError, match=words):
        read_bundle([given])


def test_mev_bundle_is_read_to_its_depth() -> None:
    """Hashes, transactions and bundles within; named as mev-share-node names it."""
    inner = mev(part(TWO, canRevert=True))
    bundle = read_mev_bundle(mev({"hash": "0xAB"}, part(ONE), {"bundle": inner}))
    first, second, third = bundle.parts
    assert first == HashPart("0xab")
    assert second == TxPart(ONE, can_revert=False)
    assert isinstance(third, MevBundle)
    assert third.parts == (TxPart(TWO, can_revert=True),)
    assert third.hash == TWO.tx_hash
    assert (bundle.first_block, bundle.last_block, bundle.hints) == (10, 10, None)


def test_bundle_hash_is_of_the_joined_hashes() -> None:
    """keccak256 over the hashes one after the other, as the clients compute it."""
    joined = bytes.fromhex(ONE.tx_hash[2:] + TWO.tx_hash[2:])
    expected = "0x" + keccak256(joined).hex()
    assert joined_hash([ONE.tx_hash, TWO.tx_hash]) == expected
    assert read_mev_bundle(mev(part(ONE), part(TWO))).hash == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (mev(part(ONE), version="v9"), "unsupported bundle version"),
        (mev(), "invalid bundle body size"),
        (mev({"hash": "0x1"}), "invalid bundle body"),
        (mev(part(ONE), {"hash": "0x1"}), "invalid bundle body"),
        (mev({"bundle": mev({"hash": "0x1"}, part(ONE))}), "invalid bundle body"),
        (mev(part(ONE), inclusion={"block": "0xa", "maxBlock": "0x9"}), "invalid inclusion"),
        (mev(part(ONE), inclusion={"block": "0xa", "maxBlock": "0x2a"}), "invalid inclusion"),
        (mev(part(ONE), inclusion={}), "inclusion.block"),
        (mev(part(ONE), validity={"refund": [{"bodyIdx": 1, "percent": 5}]}), "constraints"),
        (mev(part(ONE), validity={"refund": [{"bodyIdx": 0, "percent": 101}]}), "constraints"),
        (mev(part(ONE), validity={"refundConfig": [{"address": "0x", "percent": -1}]}), "constraints"),
        (mev({"bundle": mev({"bundle": mev({"bundle": mev({"bundle": mev({"bundle": mev(
            {"bundle": mev(part(ONE))})})})})})}), "too deep"),
    ],
)  # fmt: skip
def test_bad_mev_bundles_are_refused(given: dict[str, Any], words: str) -> None:
    """Version, body, inclusion, refunds and depth, in mev-share-node's words."""
    with pytest.raises(RefusedError, match=words):
        read_mev_bundle(given)


def test_url_is_read() -> None:
    """Protect's and MEV Blocker's parameters in any case of letters; bad ones in the published words."""
    query = [("HINT", "hash"), ("hint", "logs"), ("blockRange", "7"), ("canRevert", "true")]
    url = read_url([*query, ("useMempool", "true"), ("softCancellations", "true")])
    assert (url.hints, url.blocks) == (("hash", "logs"), 7)
    assert (url.can_revert, url.is_open, url.has_soft_cancel) == (True, True, True)
    assert read_url([("refund", "0x1:50"), ("blockRange", "0")]) == UrlPreferences()
    for bad in (("hint", "everything"), ("blockRange", "-1"), ("blockRange", "x")):
        with pytest.raises(RefusedError, match="Invalid auction preference in the rpc endpoint url"):
            read_url([bad])


def test_parameters_are_read_as_they_come() -> None:
    """A list, a single value, and none at all."""
    texts = ("[1]", '{"a":1}', "", "nonsense")
    found = [params_of(Call("m", params=msgspec.Raw(text.encode()))) for text in texts]
    assert found == [[1], [{"a": 1}], [], []]


def test_other_parameters_are_refused() -> None:
    """Bytes that are no transaction, quantities that are none, and no object at all."""
    for value in (None, 5, "0x", "zz", raw(ONE)[:-2]):
        with pytest.raises(RefusedError):
            read_tx(value)
    for number in (True, -1, 1.5, "12", "0x", None):
        with pytest.raises(RefusedError):
            read_quantity(number, "x")
    with pytest.raises(RefusedError, match="object"):
        read_private([])
