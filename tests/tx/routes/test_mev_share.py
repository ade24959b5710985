"""`mev_sendBundle` v0.1: what searchers see is said each time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from tests.tx.routes.scripted import ACCOUNT, scripted

from trimtab.chain.address import checksum
from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.mev_share import MevShareOptions, MevShareRoute
from trimtab.tx.routes.preferences import Refund
from trimtab.tx.states import Outcome

IDENTITY = RelayIdentity.from_hex("07" * 32)
UUID = IDENTITY.replacement_uuid(f"31337:{ACCOUNT.signer.address}:hedge")
PAYEE = Address("0x" + "ad" * 20)


async def test_the_request() -> None:
    """From the target to the last block, nothing may revert, and `privacy` is there although nothing is
    shared: left out, the node's own defaults would count."""
    parcel = ACCOUNT.parcel(2, Lane.BUNDLE, window=5)
    async with scripted() as script, MevShareRoute([script.url], identity=IDENTITY) as route:
        await route.send(parcel)[0]
    (seen,) = script.seen
    assert seen.method == "mev_sendBundle"
    assert seen.params == [
        {
            "version": "v0.1",
            "inclusion": {"block": "0x65", "maxBlock": "0x69"},
            "body": [{"tx": "0x" + raw.hex(), "canRevert": False} for raw in parcel.raws],
            "validity": {"refund": [], "refundConfig": []},
            "privacy": {"hints": [], "builders": ["flashbots"]},
            "replacementUuid": UUID,
        }
    ]


async def test_hints_and_refunds() -> None:
    """What the user chooses is what is sent."""
    options = MevShareOptions(
        hints=("hash", "logs"), builders=("titan",), refund_percent=80, refunds=(Refund(PAYEE, 100),)
    )
    async with scripted() as script, MevShareRoute([script.url], options=options) as route:
        await route.send(ACCOUNT.parcel(1, Lane.PRIVATE))[0]
    fields = script.seen[0].params[0]
    assert fields["privacy"] == {"hints": ["hash", "logs"], "builders": ["titan"]}
    assert fields["validity"] == {
        "refund": [{"bodyIdx": 0, "percent": 80}],
        "refundConfig": [{"address": checksum(PAYEE), "percent": 100}],
    }


@pytest.mark.parametrize(
    ("window", "step", "wanted"), [(1, 0, (101, 101)), (200, 0, (101, 131)), (5, 4, (105, 105))]
)
async def test_the_blocks_are_those_that_a_node_takes(
    window: int, step: int, wanted: tuple[int, int]
) -> None:
    """Never beyond the last one, nor wider than the 30 that nodes take; the next block's request moves on."""
    parcel = ACCOUNT.parcel(1, Lane.PRIVATE, window=window)
    async with scripted() as script, MevShareRoute([script.url]) as route:
        await route.send(replace(parcel, target=parcel.target + step))[0]
    inclusion = script.seen[0].params[0]["inclusion"]
    assert (int(inclusion["block"], 16), int(inclusion["maxBlock"], 16)) == wanted


async def test_more_than_a_node_takes() -> None:
    """51 transactions are not sent."""
    async with scripted() as script, MevShareRoute([script.url]) as route:
        answers = await route.send(ACCOUNT.parcel(51, Lane.BUNDLE))[0]
    assert {one.outcome for one in answers} == {Outcome.REJECTED}
    assert not script.seen


async def test_withdrawing_names_the_same_builders() -> None:
    """By the uuid of its name; one without stays until its blocks are over."""
    async with scripted() as script, MevShareRoute([script.url], identity=IDENTITY) as route:
        await route.withdraw(ACCOUNT.parcel(1, Lane.PRIVATE, name=""))
        await route.withdraw(ACCOUNT.parcel(1, Lane.PRIVATE))
    named = {"replacementUuid": UUID}
    assert [(seen.method, seen.params) for seen in script.seen] == [
        ("mev_cancelBundle", [named, ["flashbots"]])
    ]


FINE = {"success": True, "stateBlock": "0x64", "mevGasPrice": "0x5", "profit": "0x7", "gasUsed": "0xa620"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (FINE, ""),
        (FINE | {"success": False}, "does not say that it succeeded"),
        (FINE | {"success": False, "error": "too late"}, "too late"),
        (FINE | {"execError": "execution reverted"}, "execution reverted"),
        (FINE | {"revert": "0x08c379a0"}, "0x08c379a0"),
        ({}, "does not say"),
        (None, "says nothing"),
        (FINE | {"profit": "much"}, "numbers"),
    ],
)
async def test_a_simulation_is_read_with_suspicion(said: Any, words: str) -> None:
    """`mev_simBundle`: only an outright success without any error is one."""
    async with scripted() as script, MevShareRoute([script.url]) as route:
        script.answer = lambda seen: web.json_response({"result": said})
        (simulation,) = await route.simulate(ACCOUNT.parcel(2, Lane.BUNDLE), state_block=100)
    assert simulation.is_ok == (words == "")
    assert words in simulation.failure
    assert script.seen[0].method == "mev_simBundle"
    assert script.seen[0].params[1] == {"parentBlock": "0x64"}
    if simulation.is_ok:
        assert (simulation.gas_used, simulation.coinbase_gain, simulation.state_block) == (42528, 7, 100)


async def test_no_simulation() -> None:
    """Is trouble, and no failure of the bundle."""
    async with scripted() as script, MevShareRoute([script.url]) as route:
        script.answer = lambda seen: web.Response(status=503)
        (simulation,) = await route.simulate(ACCOUNT.parcel(1, Lane.BUNDLE))
    assert not simulation.is_ok
    assert simulation.trouble is not None
    assert not simulation.failure


def test_bad_options_are_refused() -> None:
    """When they are made."""
    for wrong in ({"hints": ("all",)}, {"refund_percent": 101}, {"refunds": (Refund(PAYEE, 101),)}):
        with pytest.raises(ConfigError):
            MevShareOptions(**wrong)
