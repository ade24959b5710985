"""A chain without a mempool: each nonce after the yes to the one before, at a price that lasts on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tx.arbitrum import CHAIN_ID, L1_GAS, Sequencer
from tests.tx.conftest import GAS, KEY, QUICK, SHOP, Desk

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.errors import FeeCapExceededError, OutcomeUnknownError
from trimtab.tx import Cancelled, Succeeded, TxIntent
from trimtab.tx.signers import LocalSigner
from trimtab.tx.simulate import with_margin
from trimtab.world.node import AnvilNode, NodeOptions

pytestmark = pytest.mark.node


@asynccontextmanager
async def open_desk(path: Path, **options: int) -> AsyncIterator[tuple[Desk, Sequencer]]:
    async with AnvilNode.open(NodeOptions(chain_id=CHAIN_ID)) as node:
        sequencer = Sequencer(node.url, **options)
        async with Client.open(sequencer, ClientOptions(poll_interval=0.05, timeout=5.0)) as client:
            await sequencer.ask("anvil_setNextBlockBaseFeePerGas", hex(sequencer.base_fee))
            await sequencer.ask("evm_mine")
            yield Desk(client, path / "journal.db", LocalSigner.from_hex(KEY), node), sequencer


def pay(key: str, **options: Any) -> TxIntent:
    return TxIntent(key, Call(SHOP, b"", 1), **options)


async def test_50_intents_arrive_in_order_and_once(tmp_path: Path) -> None:
    """All at once, under a base fee that jitters and now and then triples: never two on their way, no nonce
    above the account's, no tip, room above the base fee in each, and what was refused came back dearer."""
    calm = replace(QUICK, rebroadcast_after=60)  # what was taken is not repeated meanwhile
    async with open_desk(tmp_path, jumps=7) as (desk, sequencer), desk.sender(policy=calm) as sender:
        handles = await asyncio.gather(*[sender.submit(pay(f"k{i}")) for i in range(50)])
        assert [handle.nonce for handle in handles] == list(range(50))
        outcomes = await asyncio.gather(*[handle.outcome(timeout=60) for handle in handles])
        assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
        assert await desk.executions() == await desk.sent_nonce() == 50
    assert [tx["nonce"] for tx in sequencer.sent] == list(range(50))
    assert (sequencer.most_at_once, sequencer.too_high) == (1, 0)
    assert sum("less than block base fee" in text for text in sequencer.refusals) >= 3
    assert all(tx["cap"] * 4 >= sequencer.base_fee * 99 // 100 * 5 for tx in sequencer.sent)
    assert min(tx["tip"] for tx in sequencer.sent) == 0
    assert "eth_feeHistory" not in sequencer.methods


async def test_gas_is_what_the_node_says(tmp_path: Path) -> None:
    """The cost of L1 stands inside the gas limit: estimated, never 21,000; a cancellation's too."""
    async with open_desk(tmp_path) as (desk, sequencer), desk.sender(send_timeout=0.3) as sender:
        await (await sender.submit(pay("a"))).outcome(timeout=60)
        assert sequencer.sent[0]["gas"] == with_margin(GAS + L1_GAS)
        sequencer.is_silent = True
        handle = await sender.submit(pay("b", gas_limit=400_000))
        handle.cancel()
        sequencer.is_silent = False
        outcome = await handle.outcome(timeout=60)
        assert isinstance(outcome, Cancelled)
    assert sequencer.sent[-1]["gas"] == with_margin(GAS + L1_GAS)
    assert "intrinsic gas too low" not in sequencer.refusals


async def test_nothing_is_replaced_for_its_age(tmp_path: Path) -> None:
    """What the sequencer may have is repeated byte for byte while its price has room: the first that arrives
    wins, and a dearer one would only be a second to lose."""
    async with open_desk(tmp_path) as (desk, sequencer), desk.sender(send_timeout=0.2) as sender:
        sequencer.is_silent = True
        handle = await sender.submit(pay("a", gas_limit=400_000))
        await desk.mine(20)
        with pytest.raises(OutcomeUnknownError):
            await handle.outcome(timeout=1.0)
        assert sender.record("a").attempts == 1
        sequencer.is_silent = False
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert len(sequencer.sent) == 1


async def test_bytes_that_the_base_fee_has_overtaken_are_priced_anew(tmp_path: Path) -> None:
    """They may be anywhere, and would be refused for ever: the same nonce goes out again with room."""
    async with open_desk(tmp_path) as (desk, sequencer), desk.sender(send_timeout=0.2) as sender:
        sequencer.is_silent = True
        handle = await sender.submit(pay("a", gas_limit=400_000))
        sequencer.base_fee *= 4
        await sequencer.ask("anvil_setNextBlockBaseFeePerGas", hex(sequencer.base_fee))
        await sequencer.ask("evm_mine")
        await desk.until(lambda: sender.record("a").attempts == 2)
        sequencer.is_silent = False
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert sequencer.sent[-1]["cap"] * 4 >= sequencer.base_fee * 5
    assert "intrinsic gas too low" not in sequencer.refusals


async def test_a_cap_without_room_signs_nothing(tmp_path: Path) -> None:
    """A budget that just covers the base fee is refused before sending: on arrival it would be too late."""
    async with open_desk(tmp_path) as (desk, sequencer), desk.sender() as sender:
        gas = 400_000
        with pytest.raises(FeeCapExceededError, match="room to move"):
            await sender.submit(pay("a", gas_limit=gas, budget_wei=gas * sequencer.base_fee * 12 // 10 + 1))
        handle = await sender.submit(
            pay("a", gas_limit=gas, budget_wei=gas * sequencer.base_fee * 13 // 10 + 1)
        )
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert sequencer.refusals == []


async def test_a_policy_of_ones_own_still_chains(tmp_path: Path) -> None:
    """Whatever the caller's window and pipeline: the chain has no place for a second nonce to wait."""
    policy = replace(QUICK, pipeline=16, replaces_stuck=True, rebroadcast_after=60)
    async with open_desk(tmp_path) as (desk, sequencer), desk.sender(policy=policy) as sender:
        handles = await asyncio.gather(*[sender.submit(pay(f"k{i}")) for i in range(5)])
        await asyncio.gather(*[handle.outcome(timeout=60) for handle in handles])
    assert (sequencer.most_at_once, sequencer.too_high, len(sequencer.sent)) == (1, 0, 5)
