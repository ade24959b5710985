"""Faults of a relay, one by one: what the caller sees, whether the relay took it, and that it was counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from tests.world.relay.conftest import Site, make_tx, raw

from trimtab.errors import ConfigError
from trimtab.world.faults import FaultPlan, Rule, kinds
from trimtab.world.faults.kinds import Fault, kind_of
from trimtab.world.relay import BadStatus, Ignored, Leaked, Refused, Relay, RelayOptions, Unanswered, Uncle
from trimtab.world.relay.kinds import RELAY_FAULTS

SEND = "eth_sendPrivateTransaction"


def inject(site: Site, fault: Fault, **how: Any) -> None:
    site.relay.faults = FaultPlan((Rule(fault, **how),))


def is_error(status: int, body: bytes) -> bool:
    return status == 200 and "error" in json.loads(body)


def is_yes(status: int, body: bytes) -> bool:
    return status == 200 and "result" in json.loads(body)


def is_status(wanted: int) -> Callable[[int, bytes], bool]:
    return lambda status, body: status == wanted


def is_garbage(status: int, body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return status == 200
    return False


CASES: list[tuple[Fault, Callable[[int, bytes], bool] | None, bool]] = [
    (Refused(), is_error, False),
    (Refused(forwarded=True), is_error, True),
    (Ignored(), is_yes, False),
    (Leaked(), is_yes, True),
    (kinds.RateLimited(retry_after=2), is_status(429), False),
    (kinds.ServerError(status=502), is_status(502), False),
    (kinds.ServerError(forwarded=True), is_status(503), True),
    (kinds.HtmlBody(), is_garbage, False),
    (kinds.HtmlBody(forwarded=True), is_garbage, True),
    (kinds.GarbageJson(), is_garbage, True),
    (kinds.SlowAnswer(seconds=0.01), is_yes, True),
    (kinds.Disconnect(), None, False),
    (kinds.Disconnect(forwarded=True), None, True),
    (kinds.LostAnswer(seconds=0.01), None, True),
    (Unanswered(seconds=0.01), None, False),
    (Unanswered(seconds=0.01, forwarded=True), None, True),
]


@pytest.mark.parametrize(
    ("fault", "looks_right", "is_taken"), CASES, ids=[repr(fault) for fault, _, _ in CASES]
)
async def test_fault(
    site: Site, fault: Fault, looks_right: Callable[[int, bytes], bool] | None, is_taken: bool
) -> None:
    """The caller sees what the kind says (None: a cut line), the builder has the transaction or has not, and
    the fault is counted and recorded."""
    inject(site, fault)
    tx = make_tx(0, 0)
    given = {"tx": raw(tx)}
    if looks_right is None:
        with pytest.raises(aiohttp.ClientError):
            await site.post(SEND, given)
    else:
        assert looks_right(*await site.post(SEND, given))
    assert site.relay.injected == {kind_of(fault): 1}
    assert site.relay.log[-1].fault == kind_of(fault)
    assert (tx.tx_hash in (await site.relay.build()).tx_hashes) is is_taken


async def test_leak_is_seen_by_everybody(site: Site) -> None:
    """A leaking relay hands each transaction of a bundle to the public mempool, and keeps the bundle too."""
    inject(site, Leaked(), probability=1.0)
    watching = await site.public("eth_newPendingTransactionFilter")
    txs = make_tx(0, 0), make_tx(1, 0)
    await site.send_bundle(*txs)
    hashes = [tx.tx_hash for tx in txs]
    assert await site.public("eth_getFilterChanges", watching) == hashes
    assert (await site.status(txs[0]))["seenInMempool"]
    assert (await site.relay.build()).tx_hashes == tuple(hashes)


async def test_leak_of_a_nested_bundle(site: Site) -> None:
    """Transactions are found however deep they lie."""
    inject(site, Leaked())
    inner = {"inclusion": {"block": "0x1"}, "body": [{"tx": raw(make_tx(0, 0)), "canRevert": False}]}
    head = hex(await site.head() + 1)
    await site.answer("mev_sendBundle", {"inclusion": {"block": head}, "body": [{"bundle": inner}]})
    assert await site.public("txpool_status") == {"pending": "0x1", "queued": "0x0"}


async def test_status_api_lies(site: Site) -> None:
    """It says what the fault has it say, until the plan ends; the truth is unchanged."""
    inject(site, BadStatus(state="INCLUDED"), first=1)
    tx = make_tx(0, 0)
    await site.send_private(tx)
    assert [(await site.status(tx))["status"] for _ in range(2)] == ["INCLUDED", "PENDING"]
    assert site.relay.injected == {"bad_status": 1}


async def test_status_api_fails_as_a_server_does(site: Site) -> None:
    """The faults of every server strike it too, where a rule names it."""
    inject(site, kinds.ServerError(), methods=("status",))
    async with site.session.get(f"{site.relay.url}/tx/0x1") as response:
        assert response.status == 503
    assert site.relay.injected == {"server_error": 1}


async def test_lost_cancellation_keeps_the_transaction(site: Site) -> None:
    """A relay that says yes to a cancellation and forgets it mines the transaction."""
    tx = make_tx(0, 0)
    await site.send_private(tx)
    inject(site, Ignored(), methods=("eth_cancelPrivateTransaction",))
    assert await site.ask("eth_cancelPrivateTransaction", {"txHash": tx.tx_hash}) is True
    assert (await site.status(tx))["status"] == "PENDING"
    assert (await site.relay.build()).tx_hashes == (tx.tx_hash,)


async def test_faults_are_alike_for_one_seed(site: Site) -> None:
    """Which requests are struck is the seed's, and another seed's are others."""

    async def struck(seed: int) -> list[bool]:
        plan = FaultPlan((Rule(Refused(), probability=0.5),))
        options = RelayOptions(name="dice", faults=plan, seed=seed)
        async with Relay.open(site.relay.builder, options) as relay:
            answers = [await site.answer(SEND, {}, to=relay) for _ in range(12)]
        return ["internal error" in answer["error"]["message"] for answer in answers]

    assert await struck(1) == await struck(1)
    assert await struck(1) != await struck(2)


async def test_relays_fail_each_for_itself(site: Site) -> None:
    """A fault of one relay leaves the other alone."""
    async with Relay.open(site.relay.builder, RelayOptions(name="two")) as second:
        inject(site, kinds.ServerError())
        assert (await site.post(SEND, {"tx": raw(make_tx(0, 0))}))[0] == 503
        assert (await site.post(SEND, {"tx": raw(make_tx(0, 0))}, to=second))[0] == 200
        assert second.injected == {}


async def test_plan_for_something_else_is_refused(site: Site) -> None:
    """A fault that no relay has is a mistake, not a silence."""
    with pytest.raises(ConfigError, match="a relay has no fault stale_nonce"):
        inject(site, kinds.StaleNonce())


async def test_what_is_no_request_is_refused(site: Site) -> None:
    """Bytes that are no JSON-RPC, a path that is no door, and a method of another place."""
    async with site.session.post(site.relay.url, data=b"{") as response:
        assert (await response.json())["error"]["code"] == -32600
    async with site.session.post(site.relay.url + "/nowhere", json={}) as response:
        assert response.status == 404
    for given in ({"tx": raw(make_tx(0, 0)), "preferences": "fast"}, {"tx": ["0x"]}, "0x00", 5):
        assert (await site.answer(SEND, given))["error"]["code"] == -32602
    answer = await site.answer("eth_sendBundle", {"txs": 5, "blockNumber": "0x1"})
    assert answer["error"]["code"] == -32602


async def test_wrong_signature_is_refused_and_recorded_as_nobodys(site: Site) -> None:
    """A body that is not the one that was signed is not taken."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": SEND, "params": [{"tx": raw(make_tx(0, 0))}]})
    headers = {"X-Flashbots-Signature": f"0x{'11' * 20}:0x{'00' * 65}"}
    async with site.session.post(site.relay.url, data=body, headers=headers) as response:
        answer = await response.json()
    assert answer["error"]["message"].startswith("invalid signature provided")
    assert site.relay.log[-1].signer is None
    assert (await site.relay.build()).tx_hashes == ()


def test_every_kind_is_tried_here() -> None:
    """No kind of fault is without a test."""
    tried = set(RELAY_FAULTS) - {Uncle}  # tests/world/relay/test_builder.py
    here = {BadStatus, Ignored, Leaked, Refused, Unanswered, kinds.RateLimited, kinds.ServerError}
    here |= {kinds.HtmlBody, kinds.GarbageJson, kinds.SlowAnswer, kinds.Disconnect, kinds.LostAnswer}
    assert tried == here
