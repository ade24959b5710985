"""`eth_sendBundle`: all or nothing in one block, replaced under one name, taken back by it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from aiohttp import web
from tests.tx.routes.scripted import ACCOUNT, Seen, scripted

from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import ConfigError
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import Parcel
from trimtab.tx.routes.bundle import MOST_BYTES, BundleOptions, BundleRoute
from trimtab.tx.signers import LocalSigner
from trimtab.tx.states import Outcome

IDENTITY = RelayIdentity.from_hex("07" * 32)


def uuid_of(name: str) -> str:
    """Of the suite's account."""
    return IDENTITY.replacement_uuid(f"31337:{ACCOUNT.signer.address}:{name}")


async def test_the_request() -> None:
    """One block in hex, times as numbers, nothing may revert, a uuid that is the name's."""
    parcel = replace(ACCOUNT.parcel(2, Lane.BUNDLE), deadline=1_800_000_000)
    async with scripted() as script, BundleRoute([script.url], identity=IDENTITY) as route:
        await route.send(parcel)[0]
    (seen,) = script.seen
    assert seen.method == "eth_sendBundle"
    assert seen.params == [
        {
            "txs": ["0x" + raw.hex() for raw in parcel.raws],
            "blockNumber": hex(101),
            "revertingTxHashes": [],
            "minTimestamp": 0,
            "maxTimestamp": 1_800_000_000,
            "replacementUuid": uuid_of("hedge"),
        }
    ]


async def test_each_block_replaces_the_one_before() -> None:
    """Re-targeted, and with other bytes after a bump, it is one bundle under one uuid; another name's is
    another."""
    parcel = ACCOUNT.parcel(2, Lane.BUNDLE)
    bumped = replace(ACCOUNT.parcel(3, Lane.BUNDLE), target=103)
    async with scripted() as script, BundleRoute([script.url], identity=IDENTITY) as route:
        for one in (parcel, replace(parcel, target=102), bumped, replace(parcel, name="other")):
            await route.send(one)[0]
    fields = [seen.params[0] for seen in script.seen]
    assert [int(one["blockNumber"], 16) for one in fields] == [101, 102, 103, 101]
    uuids = [one["replacementUuid"] for one in fields]
    assert len(set(uuids[:3])) == 1
    assert uuids[3] != uuids[0]


async def test_accounts_that_share_an_identity_do_not_replace_each_other() -> None:
    """One name on two accounts, or on two chains, is two bundles to a relay."""
    others = (
        replace(ACCOUNT, signer=LocalSigner.from_key(b"\x09" * 32)),
        replace(ACCOUNT, chain_id=1),
    )
    async with scripted() as script, BundleRoute([script.url], identity=IDENTITY) as route:
        for account in (ACCOUNT, *others, ACCOUNT):
            await route.send(account.parcel(1, Lane.BUNDLE))[0]
    uuids = [seen.params[0]["replacementUuid"] for seen in script.seen]
    assert len(set(uuids)) == 3
    assert uuids[0] == uuids[3]


async def test_builders_are_named_and_none_is_by_default() -> None:
    """The relay's own then."""
    options = BundleOptions(builders=("titan", "beaverbuild.org"))
    async with scripted() as script:
        async with BundleRoute([script.url], options=options) as route:
            await route.send(ACCOUNT.parcel(1, Lane.PRIVATE))[0]
        async with BundleRoute([script.url]) as route:
            await route.send(ACCOUNT.parcel(1, Lane.PRIVATE))[0]
    assert script.seen[0].params[0]["builders"] == ["titan", "beaverbuild.org"]
    assert "builders" not in script.seen[1].params[0]
    with pytest.raises(ConfigError, match="builders"):
        BundleOptions(builders=("",))


@pytest.mark.parametrize(
    ("count", "size", "is_fine"),
    [(100, 100, True), (101, 100, False), (3, 100_000, True), (3, 100_001, False)],
)
async def test_what_no_relay_takes_is_not_sent(count: int, size: int, is_fine: bool) -> None:
    """More than 100 transactions or 300,000 bytes: a definite no, before anything leaves."""
    raws = tuple(bytes([i % 256]) * size for i in range(count))
    parcel = Parcel(raws, ACCOUNT.parcel(count, Lane.BUNDLE).hashes, Lane.BUNDLE, 101, 105, "big")
    assert (sum(map(len, raws)) <= MOST_BYTES and count <= 100) == is_fine
    async with scripted() as script, BundleRoute([script.url]) as route:
        answers = await route.send(parcel)[0]
    assert len(answers) == count
    assert {one.outcome for one in answers} == {Outcome.ACCEPTED if is_fine else Outcome.REJECTED}
    assert len(script.seen) == is_fine


async def test_withdrawing_cancels_by_uuid_at_every_relay() -> None:
    """With `eth_cancelBundle`, or with a bundle of nothing where a builder knows only that; what has no name
    was for one block and is over with it."""
    parcel = ACCOUNT.parcel(2, Lane.BUNDLE)
    uuid = uuid_of("hedge")
    async with scripted() as one, scripted() as other:
        async with BundleRoute([one.url, other.url], identity=IDENTITY) as route:
            await route.withdraw(replace(parcel, name=""))
            await route.withdraw(parcel)
        options = BundleOptions(cancel_by_empty=True)
        async with BundleRoute([one.url], identity=IDENTITY, options=options) as route:
            await route.withdraw(parcel)
    by_uuid = ("eth_cancelBundle", [{"replacementUuid": uuid}])
    empty = ("eth_sendBundle", [{"txs": [], "replacementUuid": uuid}])
    assert [(seen.method, seen.params) for seen in one.seen] == [by_uuid, empty]
    assert [(seen.method, seen.params) for seen in other.seen] == [by_uuid]


def simulating(results: list[dict[str, object]]) -> object:
    """A relay whose simulation comes to this, and that takes every bundle."""

    def answer(seen: Seen) -> web.StreamResponse | None:
        if seen.method != "eth_callBundle":
            return None
        return web.json_response({"result": {"results": results, "stateBlockNumber": 100}})

    return answer


async def test_artemis_sends_although_its_simulation_failed_and_trimtab_does_not() -> None:
    """paradigmxyz/artemis logs the error of its simulation and sends the bundle all the same. With
    `simulate_first` a relay that finds a revert does not get it, and the answer says which transaction."""
    parcel = ACCOUNT.parcel(2, Lane.BUNDLE)
    async with scripted() as bad, scripted() as good:
        bad.answer = simulating([{"txHash": "0x1"}, {"error": "execution reverted", "revert": "STF"}])  # type: ignore[assignment]
        good.answer = simulating([{"txHash": "0x1"}, {"txHash": "0x2"}])  # type: ignore[assignment]
        options = BundleOptions(simulate_first=True)
        async with BundleRoute([bad.url, good.url], options=options) as route:
            refused, taken = [await sending for sending in route.send(parcel)]
    assert [(one.outcome, one.send_class) for one in refused] == [(Outcome.REJECTED, SendClass.REVERT)] * 2
    assert re.search(r"transaction 2: execution reverted STF", refused[0].message)
    assert [one.outcome for one in taken] == [Outcome.ACCEPTED] * 2
    assert [seen.method for seen in bad.seen] == ["eth_callBundle"]
    assert [seen.method for seen in good.seen] == ["eth_callBundle", "eth_sendBundle"]


@pytest.mark.parametrize(
    "said",
    [web.Response(status=502), web.json_response({"error": {"code": -32000, "message": "already known"}})],
)
async def test_no_simulation_is_neither_a_refusal_nor_a_yes(said: web.Response) -> None:
    """A relay that cannot simulate now did not say no, and what it knows already it was not sent now: nothing
    is sent, and nothing sure is said."""
    async with scripted() as script:
        script.answer = lambda seen: said
        async with BundleRoute([script.url], options=BundleOptions(simulate_first=True)) as route:
            (answer,) = await route.send(ACCOUNT.parcel(1, Lane.BUNDLE))[0]
    assert answer.outcome is Outcome.AMBIGUOUS
    assert [seen.method for seen in script.seen] == ["eth_callBundle"]
