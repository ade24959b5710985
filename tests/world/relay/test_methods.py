"""The methods of a relay, asked over HTTP: what each takes, refuses and answers."""

from __future__ import annotations

import pytest
from tests.world.relay.conftest import GWEI, OTHER, PEOPLE, REVERT, Site, make_tx, raw

from trimtab.world.relay import Relay, RelayOptions
from trimtab.world.relay.methods import SIGNED
from trimtab.world.relay.requests import matching_hash


@pytest.mark.parametrize("method", sorted(SIGNED))
async def test_unsigned_is_refused(site: Site, method: str) -> None:
    """Every method of the relay proper wants a signature of the body, and says so as the real one does."""
    answer = await site.answer(method, {}, key=None)
    assert answer["error"] == {"code": -32600, "message": "no signature provided"}
    assert answer["id"] is None


async def test_signer_is_recorded(site: Site) -> None:
    """The log says who signed, and keeps the parameters as they came."""
    tx = make_tx(0, 0)
    await site.send_private(tx, last=99, key=OTHER)
    received = site.relay.log[-1]
    assert (received.signer, received.method) == (OTHER.address.lower(), "eth_sendPrivateTransaction")
    assert received.params == [{"tx": raw(tx), "maxBlockNumber": "0x63"}]


async def test_window_that_has_passed_is_refused(site: Site) -> None:
    """A last block at or below the head, for a transaction and for bundles of both kinds."""
    await site.relay.build()
    head = await site.head()
    tx = raw(make_tx(0, 0))
    mev = {"inclusion": {"block": hex(head)}, "body": [{"tx": tx, "canRevert": False}]}
    for method, given in (
        ("eth_sendPrivateTransaction", {"tx": tx, "maxBlockNumber": hex(head)}),
        ("eth_sendBundle", {"txs": [tx], "blockNumber": hex(head)}),
        ("mev_sendBundle", mev),
    ):
        assert "has passed" in (await site.answer(method, given))["error"]["message"]


async def test_used_nonce_is_refused(site: Site) -> None:
    """A private transaction that can never be mined is not taken."""
    await site.send_private(make_tx(0, 0))
    await site.relay.build()
    answer = await site.answer("eth_sendPrivateTransaction", {"tx": raw(make_tx(0, 0, tip=3))})
    assert answer["error"]["message"] == f"nonce too low: address {PEOPLE[0]}, tx: 0 state: 1"


async def test_default_window_is_25_blocks(site: Site) -> None:
    """Without a last block, and by Protect's door, which can be told another span."""
    head = await site.head()
    first, second, third = (make_tx(who, 0) for who in range(3))
    await site.ask("eth_sendPrivateTransaction", {"tx": raw(first)})
    await site.ask("eth_sendRawTransaction", raw(second), key=None)
    await site.ask("eth_sendRawTransaction", raw(third), path="/?blockRange=3", key=None)
    spans = [(await site.status(tx))["maxBlockNumber"] - head for tx in (first, second, third)]
    assert spans == [25, 25, 3]


async def test_private_raw_transaction(site: Site) -> None:
    """eth_sendPrivateRawTransaction is the same with other parameters."""
    tx = make_tx(0, 0)
    preferences = {"fast": True, "privacy": {"hints": []}}
    assert await site.ask("eth_sendPrivateRawTransaction", raw(tx), preferences) == tx.tx_hash
    assert (await site.status(tx))["fastMode"]
    assert (await site.relay.build()).tx_hashes == (tx.tx_hash,)


@pytest.mark.parametrize(
    ("path", "is_mined"), [("/", False), ("/fast", True), ("/noreverts", False), ("/fullprivacy", False)]
)
async def test_doors_differ_in_reverts(site: Site, path: str, is_mined: bool) -> None:
    """Only MEV Blocker's fast door lets a transaction revert."""
    tx = make_tx(0, 0, to=None, data=REVERT)
    assert await site.ask("eth_sendRawTransaction", raw(tx), path=path, key=None) == tx.tx_hash
    assert (await site.relay.build()).tx_hashes == ((tx.tx_hash,) if is_mined else ())


async def test_protect_may_let_revert(site: Site) -> None:
    """canRevert in the URL lets a transaction be mined that fails."""
    tx = make_tx(0, 0, to=None, data=REVERT)
    await site.ask("eth_sendRawTransaction", raw(tx), path="/?canRevert=true", key=None)
    assert (await site.relay.build()).tx_hashes == (tx.tx_hash,)


async def test_protect_may_be_told_to_publish(site: Site) -> None:
    """useMempool in the URL sends to everybody as well; the node's no is the relay's."""
    tx = make_tx(0, 0)
    await site.ask("eth_sendRawTransaction", raw(tx), path="/?useMempool=true", key=None)
    assert (await site.status(tx))["seenInMempool"]
    assert await site.public("txpool_status") == {"pending": "0x1", "queued": "0x0"}
    poor = make_tx(1, 0, value=10**30)
    answer = await site.answer("eth_sendRawTransaction", raw(poor), path="/?useMempool=true", key=None)
    assert "Insufficient funds" in answer["error"]["message"]


async def test_protect_passes_on_what_it_takes_to_be_harmless(site: Site) -> None:
    """As its published server: little gas, no function, transfers and approvals go to the public mempool; and
    only if the relay is opened so."""
    call = bytes.fromhex("deadbeef") + bytes(32)
    kept = make_tx(0, 0, data=call)
    passed = [
        make_tx(1, 0),
        make_tx(2, 0, data=bytes.fromhex("095ea7b3") + bytes(64)),
        make_tx(3, 0, data=call, gas=41_999),
    ]
    options = RelayOptions(name="open", passes_on=True)
    async with Relay.open(site.relay.builder, options) as relay:
        for tx in (kept, *passed):
            await site.ask("eth_sendRawTransaction", raw(tx), key=None, to=relay)
    pool = await site.public("txpool_content")
    assert set(pool["pending"]) == {tx.sender for tx in passed}
    await site.ask("eth_sendRawTransaction", raw(make_tx(4, 0)), key=None)
    assert await site.public("txpool_content") == pool


async def test_private_transaction_without_a_tip_is_not_mined(site: Site) -> None:
    """Nobody includes it for nothing."""
    await site.ask("eth_sendRawTransaction", raw(make_tx(0, 0, tip=0)), key=None)
    assert (await site.relay.build()).tx_hashes == ()


@pytest.mark.parametrize(
    ("path", "is_soft"),
    [
        ("/", True),
        ("/noreverts?softCancellations=true", True),
        ("/fullprivacy?softCancellations=true", True),
        ("/noreverts", False),
        ("/fast?softCancellations=true", False),
    ],
)
async def test_soft_cancellation(site: Site, path: str, is_soft: bool) -> None:
    """A self-transfer at the nonce takes the private transaction back, without being mined itself; where
    that is not asked for, or not to be had, it is a transaction like any other."""
    tx = make_tx(0, 0, tip=GWEI)
    cancel = make_tx(0, 0, tip=2 * GWEI, to=PEOPLE[0])
    await site.ask("eth_sendRawTransaction", raw(tx), path=path, key=None)
    assert await site.ask("eth_sendRawTransaction", raw(cancel), path=path, key=None) == cancel.tx_hash
    assert (await site.relay.build()).tx_hashes == (() if is_soft else (cancel.tx_hash,))
    assert (await site.status(tx))["status"] == ("CANCELLED" if is_soft else "PENDING")


async def test_other_methods_are_the_nodes(site: Site) -> None:
    """A Protect-like RPC answers reads, and never has what a node may do."""
    assert await site.ask("eth_chainId", key=None) == "0x7a69"
    assert (await site.answer("evm_mine", key=None))["error"]["code"] == -32601


async def test_call_bundle(site: Site) -> None:
    """On the state of the head or of an older block, at a time of one's own."""
    first, second = make_tx(0, 0), make_tx(0, 1)
    given = {"txs": [raw(first), raw(second)], "blockNumber": hex(await site.head() + 1)}
    at_head = await site.ask("eth_callBundle", given | {"stateBlockNumber": "latest"})
    assert (at_head["totalGasUsed"], len(at_head["results"])) == (42_000, 2)
    await site.send_private(first)
    built = await site.relay.build()
    used = await site.answer("eth_callBundle", given | {"stateBlockNumber": "latest"})
    assert used["error"]["message"] == f"err: nonce too low; txhash {first.tx_hash}"
    older = given | {"stateBlockNumber": hex(built.number - 1), "timestamp": built.at + 100}
    assert (await site.ask("eth_callBundle", older))["stateBlockNumber"] == built.number - 1
    assert "missing" in (await site.answer("eth_callBundle", {"txs": []}))["error"]["message"]


async def test_nested_bundle(site: Site) -> None:
    """Bundles in a bundle are one, in the blocks that all of them allow."""
    head = await site.head()
    first, second = make_tx(0, 0), make_tx(1, 0, to=None, data=REVERT)
    inner = {"inclusion": {"block": hex(head + 2)}, "body": [{"tx": raw(second), "canRevert": True}]}
    outer = {
        "version": "v0.1",
        "inclusion": {"block": hex(head + 1), "maxBlock": hex(head + 5)},
        "body": [{"tx": raw(first), "canRevert": False}, {"bundle": inner}],
    }
    answer = await site.ask("mev_sendBundle", outer)
    assert answer["bundleHash"].startswith("0x")
    assert (await site.relay.build()).tx_hashes == ()
    assert (await site.relay.build()).tx_hashes == (first.tx_hash, second.tx_hash)


async def test_backrun_of_what_nobody_has_is_refused(site: Site) -> None:
    """A hash that names nothing, and one that names a private transaction by its event."""
    target, backrun = make_tx(0, 0), make_tx(1, 0)
    body = [{"hash": matching_hash(target.tx_hash)}, {"tx": raw(backrun), "canRevert": False}]
    given = {"inclusion": {"block": hex(await site.head() + 1)}, "body": body}
    assert (await site.answer("mev_sendBundle", given))["error"]["message"] == "backrun not found"
    await site.send_private(target)
    await site.ask("mev_sendBundle", given)
    assert (await site.relay.build()).tx_hashes == (target.tx_hash, backrun.tx_hash)


async def test_shared_bundle_is_backrun_by_its_event(site: Site) -> None:
    """A bundle whose hints say its hash is told to searchers, and their bundle takes it along, whole."""
    first, second, backrun = make_tx(0, 0), make_tx(1, 0), make_tx(2, 0, tip=9 * GWEI)
    window = {"block": hex(await site.head() + 1), "maxBlock": hex(await site.head() + 9)}
    legs = [{"tx": raw(tx), "canRevert": False} for tx in (first, second)]
    shared = {"inclusion": window, "body": legs, "privacy": {"hints": ["hash", "tx_hash"]}}
    sent = await site.ask("mev_sendBundle", shared)
    async with site.session.get(site.relay.stream_url + "/api/v1/history") as response:
        (event,) = await response.json()
    assert event["hint"]["hash"] == matching_hash(sent["bundleHash"])
    assert [tx["hash"] for tx in event["hint"]["txs"]] == [first.tx_hash, second.tx_hash]
    body = [{"hash": event["hint"]["hash"]}, {"tx": raw(backrun), "canRevert": False}]
    await site.ask("mev_sendBundle", {"inclusion": window, "body": body})
    assert (await site.relay.build()).tx_hashes == (first.tx_hash, second.tx_hash, backrun.tx_hash)


async def test_sim_bundle(site: Site) -> None:
    """A revert that is not allowed is no success, and says which; an allowed one is."""
    good, bad = make_tx(0, 0), make_tx(1, 0, to=None, data=REVERT)

    async def simulate(*, can_revert: bool) -> bool:
        body = [{"tx": raw(good), "canRevert": False}, {"tx": raw(bad), "canRevert": can_revert}]
        given = {"inclusion": {"block": hex(await site.head() + 1)}, "body": body}
        return bool((await site.ask("mev_simBundle", given, {"parentBlock": "latest"}))["success"])

    assert not await simulate(can_revert=False)
    assert await simulate(can_revert=True)


async def test_statistics_are_of_the_signer(site: Site) -> None:
    """What one signer had simulated counts for him; a bundle nobody sent was not simulated."""
    given = {"txs": [raw(make_tx(0, 0))], "blockNumber": "0x1", "stateBlockNumber": "latest"}
    await site.ask("eth_callBundle", given)
    mine = await site.ask("flashbots_getUserStatsV2", {"blockNumber": "0x1"})
    others = await site.ask("flashbots_getUserStatsV2", {"blockNumber": "0x1"}, key=OTHER)
    assert (mine["allTimeGasSimulated"], others["allTimeGasSimulated"]) == ("21000", "0")
    sent = await site.send_bundle(make_tx(0, 0))
    stats = {"bundleHash": sent["bundleHash"], "blockNumber": hex(await site.head() + 1)}
    assert (await site.ask("flashbots_getBundleStatsV2", stats))["isSimulated"]
    assert not (await site.ask("flashbots_getBundleStatsV2", stats | {"blockNumber": "0x99"}))["isSimulated"]
