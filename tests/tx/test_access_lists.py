"""Access lists on the genuine contracts of Perp v2: tried in one more round trip, kept when they save gas."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trimtab.chain.call import Call
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.model.order import PerpIntent, Side
from trimtab.tx import Sender, SenderOptions, Succeeded, TxIntent
from trimtab.tx.signers import LocalSigner
from trimtab.tx.simulate import Simulator, Trial
from trimtab.world.world import World

pytestmark = pytest.mark.node
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]


async def open_position(open_desk: OpenDesk) -> Call:
    """Alice's margin is posted; the call that opens her position of 2 ETH."""
    async with open_desk() as desk:
        await desk.deposit()
        intent = PerpIntent("vETH", Side.BUY, size=Decimal(2))
        quote = await desk.perp.read_quote(desk.account, intent)
        (call,) = desk.perp.encode_order(desk.account, intent, quote).calls
        return Call(call.target, call.data, call.value)


async def gas_used(world: World, path: Path, call: Call, *, access_lists: bool) -> tuple[int, int]:
    """Gas that the sent transaction used, and how many entries its list has on chain."""
    options = SenderOptions(access_lists=access_lists, limits=Limits.unrestricted())
    signer = LocalSigner.from_key(world.accounts["alice"].key)
    with Journal.open(path) as journal:
        async with Sender.open(world.client, signer, journal, options) as sender:
            handle = await sender.submit(TxIntent("open", call))
            outcome = await handle.outcome(timeout=60)
            assert isinstance(outcome, Succeeded)
            sent = await world.client.request("eth_getTransactionByHash", [handle.tx_hash])
    return outcome.receipt.gas_used, len(sent["accessList"])


async def test_a_list_that_saves_gas_is_sent(open_desk: OpenDesk, world: World, tmp_path: Path) -> None:
    """The same trade on the same state, once without and once with: fewer gas on chain, as the simulation
    said (7,300 of 805,220 when this was written: warm slots are cheaper, each named slot costs)."""
    call = await open_position(open_desk)
    before = await world.snapshot()
    plain, entries = await gas_used(world, tmp_path / "plain.db", call, access_lists=False)
    assert entries == 0
    await world.restore(before)
    listed, entries = await gas_used(world, tmp_path / "listed.db", call, access_lists=True)
    assert entries > 5
    assert 0 < plain - listed < plain // 20


async def test_asking_is_one_round_trip_more_at_most(open_desk: OpenDesk, world: World) -> None:
    """The list comes with the first simulation; only trying it is another. Nothing is asked unwanted, nor for
    a call that has a list of its own."""
    call = await open_position(open_desk)
    simulator = Simulator(world.client, world.accounts["alice"].address)
    await simulator.find_gas(Trial(call))  # that there is code is known from here on
    found = {}
    for wanted, trips in ((False, 1), (True, 2)):
        before = world.client.stats.round_trips
        found[wanted] = await simulator.find_gas(Trial(call), wants_access_list=wanted)
        assert world.client.stats.round_trips - before == trips
    assert found[True].gas_limit < found[False].gas_limit
    assert found[False].access_list == ()
    own = ((call.target, (bytes(32),)),)
    before = world.client.stats.round_trips
    kept = await simulator.find_gas(Trial(call, access_list=own), wants_access_list=True)
    assert (kept.access_list, world.client.stats.round_trips - before) == (own, 1)


async def test_a_list_that_saves_nothing_is_left_out(world: World) -> None:
    """One slot read once costs more named than not."""
    target = Address("0x" + "ab" * 20)
    await world.client.request("anvil_setCode", [target, "0x5f54"])  # sload(0)
    simulator = Simulator(world.client, world.accounts["alice"].address)
    plain = await simulator.find_gas(Trial(Call(target, b"\x01")))
    found = await simulator.find_gas(Trial(Call(target, b"\x01")), wants_access_list=True)
    assert found == plain
    assert found.access_list == ()


async def test_the_callers_own_list_is_sent_and_named_by_the_digest(world: World, tmp_path: Path) -> None:
    """It travels as it was given, after a restart too, and another list under the same key is another
    transaction."""
    target = Address("0x" + "ab" * 20)
    await world.client.request("anvil_setCode", [target, "0x5f54"])
    own = ((target, (bytes(32),)),)
    intent = TxIntent("k", Call(target, b"\x01"), access_list=own)
    assert intent.digest != TxIntent("k", Call(target, b"\x01")).digest
    signer = LocalSigner.from_key(world.accounts["alice"].key)
    options = SenderOptions(limits=Limits.unrestricted())
    for _ in range(2):
        with Journal.open(tmp_path / "j.db") as journal:
            async with Sender.open(world.client, signer, journal, options) as sender:
                handle = await sender.submit(intent)
                assert isinstance(await handle.outcome(timeout=60), Succeeded)
                sent = await world.client.request("eth_getTransactionByHash", [handle.tx_hash])
                assert sender._driver.state.intents["k"].access_list == own
        assert [entry["address"] for entry in sent["accessList"]] == [target]
