"""Private lanes from end to end: the real engine, real routes, a real relay, and blocks by its builder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.tx.conftest import GWEI, KEY, REVERTER, REVERTER_CODE, SHOP, pay

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import ConfigError, IntentError, NonceConflictError, NotSentError, SimulationRevertedError
from trimtab.journal import Journal
from trimtab.model.limits import Limits
from trimtab.tx import (
    Cancelled,
    Dropped,
    Finality,
    RoutePolicy,
    Sender,
    SenderOptions,
    Succeeded,
    TxHandle,
    TxIntent,
    TxPolicy,
)
from trimtab.tx.lanes import Lane
from trimtab.tx.progress import Included, Reclaimed, Routed, Sent
from trimtab.tx.routes import PublicRoute, Route
from trimtab.tx.routes.bundle import BundleRoute
from trimtab.tx.routes.private_tx import PrivateTxRoute
from trimtab.tx.signers import LocalSigner
from trimtab.world.faults.plan import FaultPlan, Rule
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.relay import Ignored, Relay, RelayOptions

pytestmark = pytest.mark.node

POLICY = TxPolicy(confirmations=1, finality_depth=4, clean_passes=2, drop_margin=1)
KEPT = FaultPlan((Rule(Ignored()),))
"""The relay takes everything, and includes nothing."""


@dataclass
class Floor:
    """A relay before a node, and an account whose public endpoint is the relay's public face."""

    relay: Relay
    client: Client
    path: Path

    @asynccontextmanager
    async def sender(self, *, public: bool = True, **options: Any) -> AsyncIterator[Sender]:
        chosen = SenderOptions(policy=POLICY, limits=Limits.unrestricted(), poll_interval=0.05, **options)
        async with (
            PrivateTxRoute([self.relay.url]) as single,
            BundleRoute([self.relay.url]) as bundles,
        ):
            routes: list[Route] = [single, bundles]
            routes += [PublicRoute(self.client)] if public else []
            signer = LocalSigner.from_hex(KEY)
            with Journal.open(self.path) as journal:
                async with Sender.open(self.client, signer, journal, chosen, routes) as sender:
                    yield sender

    async def build_until(self, handle: TxHandle, blocks: int = 30) -> Any:
        """Make blocks until it ends; each is looked at before the next."""
        waiting = asyncio.ensure_future(handle.outcome(timeout=60))
        for _ in range(blocks):
            await self.build()
            if waiting.done():
                break
        return await waiting

    async def build(self) -> None:
        await self.relay.build()
        await asyncio.sleep(0.1)  # the sender looks at it

    @property
    def public_sends(self) -> int:
        return sum(seen.method == "eth_sendRawTransaction" for seen in self.relay.public_log)

    async def executions(self) -> int:
        return await self.client.balance(SHOP)


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[Floor]:
    async with (
        AnvilNode.open(NodeOptions(order="fifo")) as node,
        Relay.open(node, RelayOptions(name="one")) as relay,
        Client.open(relay.public_ws_url) as client,
    ):
        yield Floor(relay, client, tmp_path / "journal.db")


def private(key: str, window: int = 3, **options: Any) -> TxIntent:
    return pay(key, route=RoutePolicy.private(window), **options)


async def story(handle: TxHandle) -> list[Any]:
    """What happened to it so far."""
    found: list[Any] = []
    try:
        async with asyncio.timeout(0.5):
            async for event in handle.events():
                found.append(event)
    except TimeoutError:
        pass
    return found


async def test_a_private_transaction_is_mined_and_never_public(floor: Floor) -> None:
    """The relay has it, the public endpoint saw nothing but reads."""
    async with floor.sender() as sender:
        handle = await sender.submit(private("a", 25))
        assert (handle.lane, floor.public_sends) == (Lane.PRIVATE, 0)
        assert isinstance(await floor.build_until(handle), Succeeded)
        assert floor.public_sends == 0
    assert await floor.executions() == 1


async def test_what_no_block_took_is_dropped_and_its_nonce_free(floor: Floor) -> None:
    """Aimed at each block of the window once, never after it; dropped when the chain is past it, with nothing
    of it public; the same key then goes out at the same nonce, and happens once."""
    async with floor.sender() as sender:
        floor.relay.faults = KEPT
        handle = await sender.submit(private("a", 3))
        begin, end = handle.last_block - 3, handle.last_block
        outcome = await floor.build_until(handle)
        assert isinstance(outcome, Dropped)
        assert (outcome.nonce, f"ended with block {end}" in outcome.reason) == (0, True)
        targets = [event.target for event in await story(handle) if isinstance(event, Sent)]
        assert targets == [begin + 1, begin + 2, begin + 3]
        assert floor.public_sends == 0
        floor.relay.faults = FaultPlan()
        again = await sender.submit(private("a", 3))
        assert again.nonce == 0
        assert isinstance(await floor.build_until(again), Succeeded)
    assert await floor.executions() == 1


async def test_another_content_under_a_dropped_key_is_refused(floor: Floor) -> None:
    """Somebody may still have the bytes: the key means what they say."""
    async with floor.sender() as sender:
        floor.relay.faults = KEPT
        await floor.build_until(await sender.submit(private("a", 1)))
        with pytest.raises(NonceConflictError, match="another transaction"):
            await sender.submit(TxIntent("a", Call(SHOP, b"", 2), route=RoutePolicy.private(1)))


async def test_dropped_bytes_that_somebody_kept_are_known_when_they_land(floor: Floor) -> None:
    """After the drop another intent took the nonce; then the kept bytes are mined. Nobody is halted: the
    first succeeded after all; the second is submitted again when that is final, and is mined once."""
    async with floor.sender() as sender:
        floor.relay.faults = KEPT
        first = await sender.submit(private("a", 1))
        assert isinstance(await floor.build_until(first), Dropped)
        raw = next(seen.params[0]["tx"] for seen in floor.relay.log if "PrivateTransaction" in seen.method)
        second = await sender.submit(private("b", 20))
        assert second.nonce == first.nonce == 0
        await floor.client.request("eth_sendRawTransaction", [raw])
        async with asyncio.timeout(30):
            while not first.state.is_mined:
                await floor.build()
        assert isinstance(await first.outcome(), Succeeded)
        assert [type(event) for event in await story(first)].count(Reclaimed) == 1
        assert (second.is_refused, sender.snapshot().halted) == (True, None)
        floor.relay.faults = FaultPlan()
        with pytest.raises(NotSentError, match="nonce 0, which is not final"):
            await sender.submit(private("b", 20))  # a reorg could still put its old bytes there
        async with asyncio.timeout(30):
            while not first.state.is_terminal:
                await floor.build()
        again = await sender.submit(private("b", 20))
        assert again.nonce == 1
        assert isinstance(await floor.build_until(again), Succeeded)
    assert await floor.executions() == 2


async def test_then_public_waits_past_the_window_and_writes_it_first(floor: Floor) -> None:
    """The same bytes go public after the last block and its margin, after the record that says so."""
    async with floor.sender() as sender:
        floor.relay.faults = KEPT
        handle = await sender.submit(pay("a", route=RoutePolicy.private_then_public(2)))
        end = handle.last_block
        assert isinstance(await floor.build_until(handle), Succeeded)
        events = await story(handle)
        turn = next(
            n for n, event in enumerate(events) if isinstance(event, Routed) and event.last_block == 0
        )
        assert all(isinstance(item, Sent) is False or item.target for item in events[:turn])
        included = next(event for event in events if isinstance(event, Included))
        assert included.block > end + POLICY.drop_margin
        assert len({event.tx_hash for event in events if isinstance(event, Sent)}) == 1
    assert await floor.executions() == 1


async def test_a_bundle_happens_whole_in_one_block(floor: Floor) -> None:
    """Three steps, one block, in order; each step's end is its own."""
    async with floor.sender() as sender:
        handles = await sender.submit_bundle([pay("x"), pay("y"), pay("z")], window=10)
        outcomes = [await floor.build_until(handle) for handle in handles]
        assert {outcome.receipt.block for outcome in outcomes} == {outcomes[0].receipt.block}
        assert [outcome.receipt.index for outcome in outcomes] == [0, 1, 2]
        assert floor.public_sends == 0
    assert await floor.executions() == 3


async def test_a_bundle_that_no_block_took_is_dropped_whole(floor: Floor) -> None:
    """Nothing of it on chain, all its nonces free; a later transaction takes the first of them."""
    async with floor.sender() as sender:
        floor.relay.faults = KEPT
        handles = await sender.submit_bundle([pay("x"), pay("y")], window=2)
        outcomes = [await floor.build_until(handle) for handle in handles]
        assert [type(outcome) for outcome in outcomes] == [Dropped, Dropped]
        floor.relay.faults = FaultPlan()
        after = await sender.submit(pay("after"))
        assert after.nonce == 0
        assert isinstance(await floor.build_until(after), Succeeded)
    assert await floor.executions() == 1


async def test_a_bundle_with_a_bad_step_never_leaves(floor: Floor) -> None:
    """The second step reverts on what the first leaves: nothing is signed, nothing sent, no nonce used."""
    await floor.relay.builder.client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
    async with floor.sender() as sender:
        with pytest.raises(SimulationRevertedError):
            await sender.submit_bundle([pay("x"), TxIntent("y", Call(REVERTER, b"\x01"))])
        assert [seen.method for seen in floor.relay.log] == []
        assert sender.snapshot().next_nonce == 0


async def test_a_cancelled_bundle_costs_nothing(floor: Floor) -> None:
    """It is not aimed at another block; when the last one is past, its nonces are free."""
    async with floor.sender() as sender:
        floor.relay.faults = KEPT
        handles = await sender.submit_bundle([pay("x"), pay("y")], window=20)
        handles[1].cancel()
        outcomes = [await floor.build_until(handle, 6) for handle in handles]
        assert [type(outcome) for outcome in outcomes] == [Cancelled, Cancelled]
        assert sender.snapshot().next_nonce == 0
    assert await floor.executions() == 0


async def test_a_cancelled_private_transaction_is_replaced_in_public(floor: Floor) -> None:
    """The cancellation holds nothing to protect: everybody has it; the relay is asked to forget."""
    async with floor.sender() as sender:
        floor.relay.faults = KEPT
        handle = await sender.submit(private("a", 20))
        handle.cancel()
        outcome = await floor.build_until(handle)
        assert isinstance(outcome, Cancelled)
        assert "eth_cancelPrivateTransaction" in {seen.method for seen in floor.relay.log}
        assert floor.public_sends >= 1
    assert await floor.executions() == 0


async def test_a_new_life_stays_private(floor: Floor) -> None:
    """Closed in the middle of the window: the next life sends the same bytes to the relay, and nowhere
    else."""
    floor.relay.faults = KEPT
    async with floor.sender() as sender:
        sent = (await sender.submit(private("a", 20))).tx_hash
    floor.relay.faults = FaultPlan()
    async with floor.sender() as sender:
        (handle,) = sender.recovered
        assert isinstance(await floor.build_until(handle), Succeeded)
        assert handle.tx_hash == sent
        assert floor.public_sends == 0
    assert await floor.executions() == 1


async def test_dearer_replacements_stay_private(floor: Floor) -> None:
    """A bump by hand is a new attempt in the same lane."""
    async with floor.sender() as sender:
        floor.relay.faults = KEPT
        handle = await sender.submit(private("a", 20))
        first = handle.tx_hash
        handle.bump()
        async with asyncio.timeout(30):
            while handle.tx_hash == first:  # noqa: ASYNC110  the signature is a turn away
                await asyncio.sleep(0.02)
        floor.relay.faults = FaultPlan()
        assert isinstance(await floor.build_until(handle), Succeeded)
        assert handle.tx_hash != first
        assert floor.public_sends == 0


async def test_only_private_routes_are_enough(floor: Floor) -> None:
    """Without a public route, cancellations travel by the relay too, and public intents are refused."""
    async with floor.sender(public=False, route=RoutePolicy.private(20)) as sender:
        with pytest.raises(ConfigError, match="no public route"):
            await sender.submit(pay("open", route=RoutePolicy.public()))
        floor.relay.faults = KEPT
        handle = await sender.submit(pay("a"))
        floor.relay.faults = FaultPlan()
        handle.cancel()
        assert isinstance(await floor.build_until(handle), Cancelled)
        assert floor.public_sends == 0
    assert await floor.executions() == 0


async def test_a_private_intent_without_a_private_route_is_refused(floor: Floor) -> None:
    """It does not become public for want of a relay; nor does a bundle."""
    signer = LocalSigner.from_hex(KEY)
    options = SenderOptions(policy=POLICY, limits=Limits.unrestricted())
    with Journal.open(floor.path) as journal:
        async with Sender.open(floor.client, signer, journal, options) as sender:
            with pytest.raises(ConfigError, match="no private route"):
                await sender.submit(private("a"))
            with pytest.raises(ConfigError, match="no route takes bundles"):
                await sender.submit_bundle([pay("x"), pay("y")])
            assert sender.snapshot().next_nonce == 0
    assert floor.public_sends == 0


async def test_a_bundle_is_submitted_whole(floor: Floor) -> None:
    """The same keys again are the same bundle; some of them with a new one are refused."""
    async with floor.sender() as sender:
        handles = await sender.submit_bundle([pay("x"), pay("y")], window=10)
        again = await sender.submit_bundle([pay("x"), pay("y")], window=10)
        assert [handle.nonce for handle in again] == [handle.nonce for handle in handles] == [0, 1]
        with pytest.raises(IntentError, match="submitted whole"):
            await sender.submit_bundle([pay("x"), pay("new")], window=10)
        for handle in handles:
            outcome = await floor.build_until(handle)
            assert isinstance(outcome, Succeeded)
            assert isinstance(await handle.outcome(at=Finality.INCLUDED), Succeeded)
    assert await floor.executions() == 2


async def test_the_base_fee_outgrows_a_bundle(floor: Floor) -> None:
    """Its price has no room any more: the steps are signed anew, and go out together at the new one."""
    async with floor.sender() as sender:
        floor.relay.faults = KEPT
        handles = await sender.submit_bundle([pay("x"), pay("y")], window=20)
        old = {handle.tx_hash for handle in handles}
        await floor.relay.builder.client.request("anvil_setNextBlockBaseFeePerGas", [hex(40 * GWEI)])
        await floor.build()
        await floor.build()
        floor.relay.faults = FaultPlan()
        outcomes = [await floor.build_until(handle) for handle in handles]
        assert [type(outcome) for outcome in outcomes] == [Succeeded, Succeeded]
        assert old.isdisjoint(handle.tx_hash for handle in handles)
        assert len({outcome.receipt.block for outcome in outcomes}) == 1
