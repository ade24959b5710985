"""`eth_callBundle` answers with a result also when it failed: every part of it is looked at."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from tests.tx.routes.scripted import ACCOUNT, scripted

from trimtab.tx.lanes import Lane
from trimtab.tx.routes.bundle import BundleOptions, BundleRoute
from trimtab.tx.routes.bundle_simulation import BundleSimulation, simulate_bundle
from trimtab.tx.routes.relay import Relay
from trimtab.tx.states import Outcome

FINE = {
    "bundleGasPrice": "476190476193",
    "coinbaseDiff": "20000000000126000",
    "results": [{"gasUsed": 21000, "txHash": "0x1"}, {"gasUsed": 21000, "txHash": "0x2", "value": "0x"}],
    "stateBlockNumber": 5221585,
    "totalGasUsed": 42000,
}
"""As Flashbots documents it."""


async def simulated(answer: Any, status: int = 200) -> BundleSimulation:
    async with scripted() as script, BundleRoute([script.url]) as route:
        script.answer = lambda seen: web.json_response(answer, status=status)
        (simulation,) = await route.simulate(ACCOUNT.parcel(2, Lane.BUNDLE))
    return simulation


async def test_the_request() -> None:
    """On the latest state or a block's, in the parcel's target block, at a second of one's choice."""
    parcel = ACCOUNT.parcel(2, Lane.BUNDLE)
    async with scripted() as script:
        relay = Relay("one", script.url)
        await simulate_bundle(relay, parcel)
        await simulate_bundle(relay, parcel, state_block=100, timestamp=1_800_000_000)
        await relay.close()
    txs = ["0x" + raw.hex() for raw in parcel.raws]
    assert [seen.params for seen in script.seen] == [
        [{"txs": txs, "blockNumber": "0x65", "stateBlockNumber": "latest"}],
        [{"txs": txs, "blockNumber": "0x65", "stateBlockNumber": "0x64", "timestamp": 1_800_000_000}],
    ]


async def test_one_that_goes_through() -> None:
    """With what it costs and pays."""
    simulation = await simulated({"result": FINE})
    assert simulation.is_ok
    assert (simulation.gas_used, simulation.gas_price) == (42000, 476190476193)
    assert (simulation.coinbase_gain, simulation.state_block) == (20000000000126000, 5221585)
    in_hex = await simulated({"result": FINE | {"totalGasUsed": "0xa410", "stateBlockNumber": "0x64"}})
    assert (in_hex.is_ok, in_hex.gas_used, in_hex.state_block) == (True, 42000, 100)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            FINE | {"results": [{"txHash": "0x1"}, {"error": "execution reverted"}]},
            "transaction 2: execution",
        ),
        (FINE | {"results": [{"revert": "STF"}, {"txHash": "0x2"}]}, "transaction 1: reverted STF"),
        (FINE | {"results": [{"error": ""}, {}]}, "transaction 1: reverted"),
        (FINE | {"error": "bundle is too late"}, "too late"),
        (FINE | {"results": [{}]}, "nothing of its 2 transactions"),
        (FINE | {"results": None}, "nothing of its 2"),
        (FINE | {"results": [{}, "0x"]}, "transaction 2 has no result"),
        (FINE | {"totalGasUsed": "many"}, "numbers"),
        ({}, "nothing"),
        (None, "nothing"),
        (True, "nothing"),
    ],
)
async def test_failures_are_found_wherever_they_stand(result: Any, words: str) -> None:
    """At the top, in any result, as `error` or as `revert`; and what is missing is no success."""
    simulation = await simulated({"result": result})
    assert not simulation.is_ok
    assert simulation.trouble is None
    assert words in simulation.failure


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", '"1e9"', "[]", "null"])
async def test_a_number_that_is_none_ends_nothing(number: str) -> None:
    """Infinity is JSON to a decoder, and no number of gas: said as a failure, where an error would take the
    sender with it."""
    page = json.dumps({"result": FINE | {"totalGasUsed": "?"}}).replace('"?"', number)
    first = BundleOptions(simulate_first=True)
    async with scripted() as script, BundleRoute([script.url], options=first) as route:
        script.answer = lambda _: web.Response(text=page, content_type="application/json")
        (results,) = await asyncio.gather(*route.send(ACCOUNT.parcel(2, Lane.BUNDLE)))
    assert {result.outcome for result in results} == {Outcome.REJECTED}
    assert "numbers are none" in results[0].message
    assert [seen.method for seen in script.seen] == ["eth_callBundle"]


async def test_an_error_of_the_call() -> None:
    """A revert in the error is the bundle's; anything else says that there is no simulation."""
    reverted = await simulated({"error": {"code": 3, "message": "execution reverted: STF"}})
    assert (reverted.is_ok, "STF" in reverted.failure, reverted.trouble) == (False, True, None)
    absent = await simulated({"error": {"code": -32000, "message": "rpc call failed: 502"}})
    assert not absent.is_ok
    assert absent.trouble is not None
    assert not absent.failure
    down = await simulated({"result": FINE}, status=503)
    assert not down.is_ok
