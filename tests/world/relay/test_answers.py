"""Simulations and statistics in the shapes that clients read."""

from __future__ import annotations

from typing import Any

import pytest
from tests.world.relay.conftest import make_tx

from trimtab.world.relay import answers
from trimtab.world.relay.pool import BundleStory
from trimtab.world.relay.requests import RefusedError, joined_hash
from trimtab.world.relay.simulation import Simulation, TxResult

GOOD, BAD = make_tx(0, 0), make_tx(1, 0, to=None, data=b"\1")


def result(tx: Any = GOOD, **more: Any) -> TxResult:
    fields: dict[str, Any] = {"gas_used": 100, "gas_price": 12, "tips": 200, "paid": 50}
    return TxResult(tx, **(fields | more))


def test_call_bundle() -> None:
    """Sums over the bundle, decimal text for wei, numbers for gas, one entry for each transaction."""
    reverted = result(BAD, error="execution reverted", revert_data="0x08c379a0", paid=0)
    answer = answers.call_bundle_answer(Simulation(7, 10, (result(), reverted)))
    assert answer["bundleHash"] == joined_hash([GOOD.tx_hash, BAD.tx_hash])
    assert (answer["coinbaseDiff"], answer["ethSentToCoinbase"], answer["gasFees"]) == ("450", "50", "400")
    assert (answer["bundleGasPrice"], answer["totalGasUsed"], answer["stateBlockNumber"]) == ("2", 200, 7)
    good, bad = answer["results"]
    assert (good["coinbaseDiff"], good["gasPrice"], "error" in good) == ("250", "2", False)
    assert (bad["error"], bad["revert"], bad["toAddress"]) == ("execution reverted", "0x08c379a0", "0x")


def test_call_bundle_of_what_cannot_be_in_a_block() -> None:
    """An error for the whole bundle, which names the transaction."""
    gone = result(error="nonce too low", is_mined=False)
    with pytest.raises(RefusedError, match=f"err: nonce too low; txhash {GOOD.tx_hash}"):
        answers.call_bundle_answer(Simulation(7, 10, (gone,)))


def test_sim_bundle() -> None:
    """Hex quantities; a revert counts only where it may not be."""
    reverted = result(BAD, error="execution reverted", revert_data="0x01")
    simulation = Simulation(7, 10, (result(), reverted))
    failed = answers.sim_bundle_answer(simulation, frozenset())
    assert (failed["success"], failed["execError"], failed["revert"]) == (False, "execution reverted", "0x01")
    allowed = answers.sim_bundle_answer(simulation, frozenset({BAD.tx_hash}))
    assert (allowed["success"], allowed["stateBlock"], allowed["gasUsed"]) == (True, "0x7", "0xc8")
    assert (allowed["profit"], allowed["refundableValue"], allowed["mevGasPrice"]) == ("0x1f4", "0x64", "0x2")
    absent = result(BAD, error="nonce too low", is_mined=False)
    assert not answers.sim_bundle_answer(Simulation(7, 10, (absent,)), frozenset({BAD.tx_hash}))["success"]


def test_bundle_statistics() -> None:
    """What nobody sent was not simulated; what a builder saw has the time of it, as both versions say it."""
    assert answers.bundle_stats(None) == {"isSimulated": False}
    story = BundleStory("0x1", 5, 5, None, at=1_700_000_000.5)
    assert answers.bundle_stats(story)["receivedAt"] == "2023-11-14T22:13:20.500Z"
    assert answers.bundle_stats(story)["consideredByBuildersAt"] == []
    assert not answers.bundle_stats_v1(story)["isSentToMiners"]
    story.considered_at = story.sealed_at = 1_700_000_001.0
    assert answers.bundle_stats(story)["sealedByBuildersAt"][0]["timestamp"] == "2023-11-14T22:13:21.000Z"
    assert answers.bundle_stats_v1(story)["sentToMinersAt"] == "2023-11-14T22:13:21.000Z"


def test_user_statistics() -> None:
    """Payments and gas over all periods, in both spellings."""
    second, first = answers.user_stats(5, 7), answers.user_stats_v1(5, 7)
    assert (second["allTimeValidatorPayments"], second["last1dGasSimulated"]) == ("5", "7")
    assert (first["all_time_miner_payments"], first["last_7d_gas_simulated"]) == ("5", "7")
