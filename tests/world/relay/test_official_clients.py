"""The relays' own clients for JavaScript run against ours: it speaks the protocol, not our idea of it."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.world.relay.conftest import GWEI

from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.relay import Relay, RelayOptions

SCRIPT = Path(__file__).with_name("official_clients.mjs")
MODULES = Path(__file__).parents[3] / "node_modules"
CLIENTS = ("@flashbots/ethers-provider-bundle", "@flashbots/mev-share-client", "ethers")


@pytest.fixture(scope="module")
async def spoken() -> dict[str, Any]:
    """What the official clients got from the relay, all in one run."""
    missing = [name for name in CLIENTS if not (MODULES / name / "package.json").is_file()]
    assert not missing, f"{', '.join(missing)} is not in node_modules: run `make setup`"
    node = shutil.which("node")
    assert node is not None, "there is no node on PATH to run the official clients with"
    async with (
        AnvilNode.open(NodeOptions(order="fifo")) as anvil,
        Relay.open(anvil, RelayOptions(block_seconds=0.15)) as relay,
    ):
        command = (node, str(SCRIPT), relay.url, relay.public_url, relay.stream_url)
        process = await asyncio.create_subprocess_exec(
            *command, cwd=MODULES.parent, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(120):
                said, complaints = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        assert process.returncode == 0, complaints.decode()[-4000:]
        found: dict[str, Any] = json.loads(said)
        return found


def test_bundle_is_simulated(spoken: dict[str, Any]) -> None:
    """eth_callBundle gives the client gas, fees and the first revert."""
    simulation = spoken["simulation"]
    assert simulation["totalGasUsed"] == 42_000
    assert simulation["coinbaseDiff"] == simulation["gasFees"] == str(42_000 * GWEI)
    assert simulation["bundleGasPrice"] == str(GWEI)
    assert "firstRevert" not in simulation
    assert spoken["firstRevert"]["error"] == "execution reverted"


def test_bundle_lands_as_a_whole_in_its_block(spoken: dict[str, Any]) -> None:
    """eth_sendBundle: the client finds the bundle under its own hash in the target block, in order."""
    assert spoken["bundleHash"] == spoken["localHash"]
    assert spoken["bundleIncluded"]
    assert spoken["bundleBlocks"] == [spoken["target"]] * 2
    assert spoken["bundleIndices"] == [0, 1]


def test_statistics_are_read(spoken: dict[str, Any]) -> None:
    """Both versions of user and bundle statistics have what the client's types name."""
    assert spoken["bundleStatsV2"]["isSimulated"]
    assert len(spoken["bundleStatsV2"]["sealedByBuildersAt"]) == 1
    assert spoken["bundleStats"]["isSentToMiners"]
    assert int(spoken["userStatsV2"]["allTimeGasSimulated"]) > 42_000
    assert int(spoken["userStats"]["all_time_gas_simulated"]) > 42_000


def test_bundle_is_cancelled(spoken: dict[str, Any]) -> None:
    """eth_cancelBundle names the bundle that it took back, and its block passes without it."""
    assert spoken["cancelledBundles"] == [spoken["cancelledHash"]]
    assert spoken["cancelledWait"]


def test_private_transaction_lands_or_is_cancelled(spoken: dict[str, Any]) -> None:
    """eth_sendPrivateTransaction, with its last block as the number that this client sends, and the
    cancellation of another."""
    assert spoken["privateIncluded"]
    assert spoken["cancelledPrivate"] is True


def test_hints_come_over_the_event_stream(spoken: dict[str, Any]) -> None:
    """The stream tells what the hints allow, under a hash that is not the transaction's."""
    event = spoken["event"]
    assert event["callData"].startswith(event["functionSelector"])
    assert event["hash"] != spoken["sharedHash"]
    assert event["hash"] in [entry["hint"]["hash"] for entry in spoken["history"]]
    assert spoken["historyInfo"]["count"] >= 1


def test_backrun_is_matched_behind_its_target(spoken: dict[str, Any]) -> None:
    """mev_sendBundle of an event's hash and a transaction: both are in one block, one behind the other."""
    assert spoken["matchedHash"].startswith("0x")
    assert spoken["matched"] == {"sameBlock": True, "order": 1}


def test_mev_share_bundle_is_simulated(spoken: dict[str, Any]) -> None:
    """mev_simBundle: a nested bundle at the head, and one on the state before what it names was mined."""
    assert spoken["shareSimulation"]["success"]
    assert spoken["shareSimulation"]["gasUsed"] == "42000"
    assert spoken["oldSimulation"]["success"], spoken["oldSimulation"]
    assert spoken["oldSimulation"]["stateBlock"] == spoken["landed"] - 1
