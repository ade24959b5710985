"""A Protect-style RPC: preferences in the URL, and nothing that it would make public by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.tx.routes.scripted import ACCOUNT, scripted

from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.base import Parcel, RelayState
from trimtab.tx.routes.preferences import Refund
from trimtab.tx.routes.protect import ProtectOptions, ProtectRoute, passes_on
from trimtab.tx.states import Outcome

PAYEE = Address("0x" + "ad" * 20)
SIGNER = ACCOUNT.signer


def signed(**changes: Any) -> Parcel:
    """One transaction of the account."""
    fields: dict[str, Any] = {"gas_limit": 100_000, "to": PAYEE, "data": b"\x12\x34\x56\x78" * 9}
    tx = SIGNER.sign_nowait(DynamicFeeTx(chain_id=31337, nonce=0, tip=1, fee_cap=10, **fields | changes))
    return Parcel((tx.raw,), (tx.tx_hash,), Lane.PRIVATE, 101, 105, "hedge")


async def test_the_request() -> None:
    """One hint, the least that can be asked for: with none Protect takes its own; and the blocks that are
    left of the window, where Protect would go on for 25."""
    parcel = ACCOUNT.parcel(1, Lane.PRIVATE, window=5)
    async with scripted() as script, ProtectRoute([script.url]) as route:
        await route.send(parcel)[0]
        await route.send(replace(parcel, target=104))[0]
        await route.send(replace(parcel, target=109))[0]
    assert [(seen.method, seen.params) for seen in script.seen] == [
        ("eth_sendRawTransaction", ["0x" + parcel.raws[0].hex()])
    ] * 3
    assert [seen.query for seen in script.seen] == [
        [("hint", "hash"), ("blockRange", left)] for left in ("5", "2", "1")
    ]
    assert {seen.path for seen in script.seen} == {"/"}
    assert "X-Flashbots-Signature" not in script.seen[0].headers, "it needs none"


async def test_preferences_and_a_key_in_the_url() -> None:
    """Each name as often as it is chosen; the URL's own parameters stay."""
    options = ProtectOptions(
        hints=("hash", "logs"), builders=("a", "b"), refunds=(Refund(PAYEE, 90),), fast=True, can_revert=True
    )
    async with scripted() as script, ProtectRoute([script.url + "/v1?originId=us"], options=options) as route:
        await route.send(ACCOUNT.parcel(1, Lane.PRIVATE, window=9))[0]
    (seen,) = script.seen
    assert seen.path == "/v1/fast"
    assert seen.query == [
        ("originId", "us"),
        ("hint", "hash"),
        ("hint", "logs"),
        ("builder", "a"),
        ("builder", "b"),
        ("refund", "0xadADADadAdADAdadADADADadadADAdAdadaDAdAD:90"),
        ("canRevert", "true"),
        ("blockRange", "9"),
    ]


@pytest.mark.parametrize(
    "path",
    ["?useMempool=true", "?usemempool", "?MEMPOOLRPC=https://x", "/fast", "/fast/", "?hint=logs",
     "?builder=x", "?refund=0x:1", "?canRevert=true", "?blockRange=9", "?bundle=1", "?url=http://x"],
)  # fmt: skip
def test_what_may_not_stand_in_the_url(path: str) -> None:
    """`useMempool` would make it public by itself; and what options say is said once, by them."""
    with pytest.raises(ConfigError):
        ProtectRoute(["https://rpc.example" + path])


def test_options_are_checked() -> None:
    """No hints are Protect's own hints, so at least one is named."""
    with pytest.raises(ConfigError, match="at least one hint"):
        ProtectOptions(hints=())
    with pytest.raises(ConfigError, match="no hint"):
        ProtectOptions(hints=("all",))


@pytest.mark.parametrize(
    ("changes", "is_kept"),
    [
        ({}, True),
        ({"gas_limit": 42_000}, True),
        ({"gas_limit": 41_999}, False),
        ({"data": b""}, False),
        ({"data": b"\x12\x34\x56"}, False),
        ({"data": bytes.fromhex("a9059cbb") + bytes(64)}, False),
        ({"data": bytes.fromhex("23b872dd") + bytes(96)}, False),
        ({"data": bytes.fromhex("095ea7b3") + bytes(64)}, False),
        ({"data": bytes.fromhex("d0e30db0")}, False),
        ({"to": SIGNER.address, "data": b"", "gas_limit": 21_000}, True),
        ({"to": SIGNER.address, "data": bytes.fromhex("a9059cbb")}, False),
        ({"to": None, "data": b"\x60\x00" * 9}, True),
    ],
)
async def test_what_protect_would_make_public_is_not_sent(changes: dict[str, Any], is_kept: bool) -> None:
    """flashbots/rpc-endpoint hands transfers, approvals and small gas limits to the mempool: a definite no
    here, before it leaves. A cancellation holds nothing to protect. `may_publish` says that it may."""
    parcel = signed(**changes)
    async with scripted() as script:
        async with ProtectRoute([script.url]) as route:
            (answer,) = await route.send(parcel)[0]
        assert (answer.outcome is Outcome.ACCEPTED) == is_kept == (script.raws == list(parcel.raws))
        if not is_kept:
            assert answer.outcome is Outcome.REJECTED
            assert "public" in answer.message
        async with ProtectRoute([script.url], options=ProtectOptions(may_publish=True)) as route:
            (answer,) = await route.send(parcel)[0]
        assert answer.outcome is Outcome.ACCEPTED
    assert passes_on(b"\x7f" * 40) == "what is of no known type"


async def test_one_that_would_be_public_holds_up_no_other() -> None:
    """Of three the middle one stays here; each has its own answer, in their order."""
    first, public, last = signed(), signed(data=b""), signed(value=1)
    parcel = Parcel(
        first.raws + public.raws + last.raws, first.hashes + public.hashes + last.hashes, Lane.PRIVATE
    )
    async with scripted() as script, ProtectRoute([script.url]) as route:
        answers = await route.send(parcel)[0]
    assert [one.outcome.value for one in answers] == ["accepted", "rejected", "accepted"]
    assert script.raws == [first.raws[0], last.raws[0]]


async def test_the_status_api() -> None:
    """Asked where the options say, by hash; nothing is known without it."""
    parcel = ACCOUNT.parcel(1, Lane.PRIVATE)
    tx_hash = parcel.hashes[0]
    async with scripted() as script:
        script.statuses = {tx_hash: {"status": "FAILED", "hash": tx_hash, "simError": "MaxFeePerGasTooLow"}}
        options = ProtectOptions(status_url=script.url)
        async with ProtectRoute(["https://rpc.example"], options=options) as route:
            (status,) = await route.read_status(tx_hash)
        assert (status.state, status.reason) == (RelayState.FAILED, "MaxFeePerGasTooLow")
        assert status.endpoint == "protect:rpc.example"
        async with ProtectRoute(["https://rpc.example"]) as route:
            (status,) = await route.read_status(tx_hash)
        assert status.state is RelayState.UNKNOWN
