"""Conditions of ERC-7796: a time in force for a rollup's sequencer, within what it takes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web
from tests.tx.routes.scripted import ACCOUNT, scripted

from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.conditional import ConditionalOptions, ConditionalRoute, cost_of
from trimtab.tx.states import Outcome

POOL, VAULT = Address("0x" + "ad" * 20), Address("0x" + "be" * 20)
WORD = "0x" + "00" * 31


async def test_the_request() -> None:
    """The deadline and the last block of the parcel are conditions, in hex; without them there are none."""
    plain = ACCOUNT.parcel(1, Lane.PUBLIC)
    timed = replace(plain, deadline=1_800_000_000, last_block=500)
    async with scripted() as script, ConditionalRoute([script.url]) as route:
        await route.send(plain)[0]
        await route.send(timed)[0]
    raw = "0x" + plain.raws[0].hex()
    assert [(seen.method, seen.params) for seen in script.seen] == [
        ("eth_sendRawTransactionConditional", [raw, {"knownAccounts": {}}]),
        (
            "eth_sendRawTransactionConditional",
            [raw, {"blockNumberMax": "0x1f4", "timestampMax": hex(1_800_000_000), "knownAccounts": {}}],
        ),
    ]


async def test_options_and_parcel_together() -> None:
    """The narrower bound counts; accounts by storage root or by slots, words of 32 bytes."""
    options = ConditionalOptions(
        known_accounts={POOL: b"\x11" * 32, VAULT: {1: 5, 2**256 - 1: 0}},
        block_min=400,
        block_max=450,
        timestamp_min=1_700_000_000,
        timestamp_max=1_900_000_000,
    )
    parcel = replace(ACCOUNT.parcel(1, Lane.PUBLIC), deadline=1_800_000_000, last_block=500)
    route = ConditionalRoute(["https://sequencer.example"], options=options)
    assert route.conditions(parcel) == {
        "blockNumberMin": hex(400),
        "blockNumberMax": hex(450),
        "timestampMin": hex(1_700_000_000),
        "timestampMax": hex(1_800_000_000),
        "knownAccounts": {
            "0xadADADadAdADAdadADADADadadADAdAdadaDAdAD": "0x" + "11" * 32,
            "0xBEbeBeBEbeBebeBeBEBEbebEBeBeBebeBeBebebe": {
                WORD + "01": WORD + "05",
                "0x" + "ff" * 32: WORD + "00",
            },
        },
    }


async def test_what_costs_more_than_a_sequencer_takes_is_not_sent() -> None:
    """Counted as op-geth does: each account, its root or its slots, and each kind of bound; 1,000 at most."""
    assert cost_of({"knownAccounts": {}}) == 0
    assert cost_of({"blockNumberMin": "0x1", "blockNumberMax": "0x2", "timestampMax": "0x3"}) == 2
    assert cost_of({"knownAccounts": {"a": "0x11", "b": {"1": "2", "3": "4"}, "c": {}}}) == 2 + 3 + 1
    for slots, is_sent in ((998, True), (999, False)):
        options = ConditionalOptions(known_accounts={POOL: dict.fromkeys(range(slots), 1)})
        parcel = replace(ACCOUNT.parcel(2, Lane.PUBLIC), deadline=1_800_000_000)
        async with scripted() as script, ConditionalRoute([script.url], options=options) as route:
            answers = await route.send(parcel)[0]
        assert {one.outcome is Outcome.ACCEPTED for one in answers} == {is_sent}
        assert {one.send_class for one in answers} == {"" if is_sent else SendClass.CONDITIONAL}
        assert len(script.raws) == (2 if is_sent else 0)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-32003, "BlockNumberMax condition not met"),
        (-32003, "failed header check: block timestamp is above the maximum"),
        (-32602, "storage root mismatch"),
        (-32005, "conditional cost, 2000, exceeded max: 1000"),
    ],
)
async def test_a_condition_that_does_not_hold_is_a_definite_no(code: int, words: str) -> None:
    """In the words of Arbitrum, op-geth and op-reth."""
    async with scripted() as script, ConditionalRoute([script.url]) as route:
        script.answer = lambda seen: web.json_response({"error": {"code": code, "message": words}})
        (answer,) = await route.send(ACCOUNT.parcel(1, Lane.PUBLIC))[0]
    assert (answer.outcome, answer.send_class) == (Outcome.REJECTED, SendClass.CONDITIONAL)


def test_bad_options_are_refused() -> None:
    """Bounds that nothing is between, a root that is none, an account that is none."""
    with pytest.raises(ConfigError, match="above"):
        ConditionalOptions(block_min=2, block_max=1)
    with pytest.raises(ConfigError, match="above"):
        ConditionalOptions(timestamp_min=2, timestamp_max=1)
    with pytest.raises(ConfigError, match="32 bytes"):
        ConditionalOptions(known_accounts={POOL: b"\x01"})
    with pytest.raises(ConfigError, match="not an address"):
        ConditionalOptions(known_accounts={Address("0x12"): b"\x01" * 32})


async def test_each_transaction_has_its_own_deadline() -> None:
    """What leaves in one moment does not share the earliest: one without a deadline has no condition of
    time."""
    parcel = replace(ACCOUNT.parcel(2, Lane.PUBLIC), deadline=1_800_000_000, deadlines=(1_800_000_000, None))
    async with scripted() as script, ConditionalRoute([script.url]) as route:
        await route.send(parcel)[0]
    told = [seen.params[1].get("timestampMax") for seen in script.seen]
    assert told == [hex(1_800_000_000), None]
