"""Conditional transactions at a sequencer's door (ERC-7796): held to accounts, blocks and times."""

from __future__ import annotations

from typing import Any

import pytest
from tests.world.relay.conftest import PEOPLE, Site, make_tx, now, raw

from trimtab.chain.address import create_address
from trimtab.tx.opening import OpenedTx
from trimtab.world.relay.conditions import cost_of

STORE = bytes.fromhex("602a5f5500")
"""Creation code that puts 42 into its slot 0."""
SLOT = "0x" + "00" * 32


async def send(site: Site, tx: OpenedTx, **options: Any) -> dict[str, Any]:
    params = (raw(tx), options)
    return await site.answer("eth_sendRawTransactionConditional", *params, path="/sequencer", key=None)


async def test_transaction_whose_conditions_hold_is_mined(site: Site) -> None:
    """Slots and storage root as demanded, block and time inside: it is in the next block, never public."""
    await site.send_private(make_tx(0, 0, to=None, data=STORE))
    await site.relay.build()
    contract = create_address(PEOPLE[0], 0)
    proof = await site.truth("eth_getProof", contract, [], "latest")
    tx, other = make_tx(1, 0), make_tx(2, 0)
    head = await site.head()
    answer = await send(
        site,
        tx,
        knownAccounts={contract: {SLOT: "0x2a"}},
        blockNumberMin=hex(head + 1),
        timestampMax=now() + 600,
    )
    assert answer["result"] == tx.tx_hash
    answer = await send(site, other, knownAccounts={contract: proof["storageHash"]}, blockNumberMax=head + 1)
    assert answer["result"] == other.tx_hash
    assert await site.public("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    assert set((await site.relay.build()).tx_hashes) == {tx.tx_hash, other.tx_hash}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"knownAccounts": {PEOPLE[0]: {SLOT: "0x1"}}}, -32003, "failed state check"),
        ({"knownAccounts": {PEOPLE[0]: "0x" + "11" * 32}}, -32003, "failed state check"),
        ({"blockNumberMax": "0x0"}, -32003, "failed header check"),
        ({"blockNumberMin": "0xffffff"}, -32003, "failed header check"),
        ({"timestampMax": 5}, -32003, "failed header check"),
        ({"timestampMin": "0xfffffffff"}, -32003, "failed header check"),
        ({"knownAccounts": {PEOPLE[0]: {hex(n): "0x0" for n in range(1001)}}}, -32005, "conditional cost"),
    ],
)
async def test_what_does_not_hold_is_refused(
    site: Site, options: dict[str, Any], code: int, words: str
) -> None:
    """With the codes that op-geth has: rejected, and too costly."""
    answer = await send(site, make_tx(0, 0), **options)
    assert answer["error"]["code"] == code
    assert answer["error"]["message"].startswith(words)
    assert (await site.relay.build()).tx_hashes == ()


async def test_condition_is_looked_at_again_for_the_block(site: Site) -> None:
    """What no longer holds when the block is made stays out."""
    tx, change = make_tx(1, 0), make_tx(0, 0, to=None, data=STORE)
    contract = create_address(PEOPLE[0], 0)
    assert "result" in await send(site, tx, knownAccounts={contract: {SLOT: "0x0"}})
    async with site.relay.paused():
        await site.truth("eth_sendRawTransactionSync", raw(change))
    assert (await site.relay.build()).tx_hashes == ()


async def test_only_the_sequencer_takes_them(site: Site) -> None:
    """A relay does not have the method, and a sequencer takes plain transactions too, without a promise."""
    answer = await site.answer("eth_sendRawTransactionConditional", raw(make_tx(0, 0)), {})
    assert answer["error"]["code"] == -32601
    tx = make_tx(0, 0, tip=0)
    assert await site.ask("eth_sendRawTransaction", raw(tx), path="/sequencer", key=None) == tx.tx_hash
    assert (await site.relay.build()).tx_hashes == (tx.tx_hash,)


def test_cost_is_look_ups() -> None:
    """Each slot and each root is one."""
    assert cost_of({"a": {"0x0": "0x0", "0x1": "0x0"}, "b": "0x00"}) == 3
    assert cost_of({}) == 0
