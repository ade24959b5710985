"""`eth_sendPrivateTransaction`: every preference is said, and a relay's own defaults never count."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.tx.routes.scripted import ACCOUNT, scripted

from trimtab.chain.address import checksum
from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.preferences import Refund
from trimtab.tx.routes.private_tx import PrivateTxOptions, PrivateTxRoute

PAYEE = Address("0x" + "ad" * 20)


async def test_the_request() -> None:
    """The last block in hex; nothing for searchers, no builders but the relay's, not fast: all of it said."""
    parcel = ACCOUNT.parcel(1, Lane.PRIVATE, window=25)
    async with scripted() as script, PrivateTxRoute([script.url]) as route:
        await route.send(parcel)[0]
    (seen,) = script.seen
    assert seen.method == "eth_sendPrivateTransaction"
    assert seen.params == [
        {
            "tx": "0x" + parcel.raws[0].hex(),
            "maxBlockNumber": hex(125),
            "preferences": {"fast": False, "privacy": {"hints": [], "builders": []}},
        }
    ]
    assert seen.content["jsonrpc"] == "2.0"


async def test_preferences() -> None:
    """What the user chooses is what is sent."""
    options = PrivateTxOptions(
        hints=("hash", "logs"), builders=("titan",), refunds=(Refund(PAYEE, 40),), fast=True
    )
    async with scripted() as script, PrivateTxRoute([script.url], options=options) as route:
        await route.send(ACCOUNT.parcel(1, Lane.PRIVATE))[0]
    assert script.seen[0].params[0]["preferences"] == {
        "fast": True,
        "privacy": {"hints": ["hash", "logs"], "builders": ["titan"]},
        "validity": {"refund": [{"address": checksum(PAYEE), "percent": 40}]},
    }


async def test_the_next_blocks_request_is_the_same() -> None:
    """The relay itself tries each block up to the last: only the request's id differs."""
    parcel = ACCOUNT.parcel(1, Lane.PRIVATE)
    async with scripted() as script, PrivateTxRoute([script.url]) as route:
        for step in range(3):
            await route.send(replace(parcel, target=parcel.target + step))[0]
    assert [seen.params for seen in script.seen] == [script.seen[0].params] * 3


async def test_withdrawing_names_each_hash() -> None:
    """At every relay at once, whether or not the first of them is there."""
    parcel = ACCOUNT.parcel(2, Lane.PRIVATE)
    async with scripted() as script, PrivateTxRoute(["http://127.0.0.1:9", script.url]) as route:
        await route.withdraw(parcel)
    asked = sorted(seen.params[0]["txHash"] for seen in script.seen)
    assert {seen.method for seen in script.seen} == {"eth_cancelPrivateTransaction"}
    assert asked == sorted(parcel.hashes)


def test_bad_options_are_refused() -> None:
    """When they are made."""
    with pytest.raises(ConfigError, match="no hint 'everything'"):
        PrivateTxOptions(hints=("everything",))
    with pytest.raises(ConfigError, match="99 percent"):
        PrivateTxOptions(refunds=(Refund(PAYEE, 100),))
