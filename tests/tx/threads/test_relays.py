"""Relays: what private senders of other tools were hit by, on a relay whose builder makes the blocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from tests.tx.conftest import KEY, QUICK, SHOP

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.errors import RouteRefusedError
from trimtab.journal import Journal
from trimtab.model.limits import Limits
from trimtab.tx import RoutePolicy, Sender, SenderOptions, Succeeded, TxIntent
from trimtab.tx.outcome import Dropped
from trimtab.tx.routes import ROUTES, PublicRoute, Route
from trimtab.tx.routes.relay_route import RelayRoute
from trimtab.tx.signers import LocalSigner
from trimtab.world.faults.plan import FaultPlan, Rule
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.relay import Ignored, Refused, Relay

pytestmark = pytest.mark.node
POLICY = replace(QUICK, drop_margin=1)


@dataclass
class PrivateDesk:
    """An account whose client is the public face of a relay's chain."""

    relay: Relay
    client: Client
    path: Path

    @asynccontextmanager
    async def sender(self, *routes: RelayRoute) -> AsyncIterator[Sender]:
        options = SenderOptions(policy=POLICY, limits=Limits.unrestricted())
        with Journal.open(self.path) as journal:
            ways: list[Route] = [PublicRoute(self.client), *routes]
            signer = LocalSigner.from_hex(KEY)
            async with Sender.open(self.client, signer, journal, options, ways) as sender:
                yield sender

    async def build_until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Make a block now and then until it is so; the sender has time to look at each."""
        async with asyncio.timeout(60):
            while not await condition():
                await self.relay.build()
                await asyncio.sleep(0.15)

    def public_sends(self) -> list[str]:
        """What anybody sent to the public node."""
        return [one.params[0] for one in self.relay.public_log if one.method == "eth_sendRawTransaction"]


@pytest.fixture
async def private(tmp_path: Path) -> AsyncIterator[PrivateDesk]:
    options = ClientOptions(timeout=5.0, poll_interval=0.05)
    async with (
        AnvilNode.open(NodeOptions(order="fifo")) as node,
        Relay.open(node) as relay,
        Client.open(relay.public_url, options) as client,
    ):
        yield PrivateDesk(relay, client, tmp_path / "journal.db")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what no event tells us."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


def pay(key: str, route: RoutePolicy | None = None) -> TxIntent:
    """1 wei to the shop."""
    return TxIntent(key, Call(SHOP, b"", 1), gas_limit=50_000, route=route)


async def test_lido_340_a_signature_that_the_relay_refuses_is_the_end_of_it(private: PrivateDesk) -> None:
    """The relay refused every signature, and the bot fell back to the public pool without a word. Ours: the
    caller is told that every endpoint refused, and the public node beside it never sees the bytes."""
    private.relay.faults = FaultPlan((Rule(Refused(message="invalid flashbots signature")),))
    async with ROUTES["private_tx"].open([private.relay.url]) as route, private.sender(route) as sender:
        with pytest.raises(RouteRefusedError, match="invalid flashbots signature"):
            await sender.submit(pay("secret", RoutePolicy.private()))
        await private.relay.build()
    assert private.relay.injected["refused"]
    assert private.public_sends() == []
    assert await private.client.balance(SHOP) == 0


async def test_wed_233_a_private_intent_does_not_go_to_the_other_providers(private: PrivateDesk) -> None:
    """A provider that hides transactions stood in a list of providers, and all of them got each one. Ours:
    MEV Blocker and a public node side by side; what is private goes to the one, what is public to the
    other."""
    async with ROUTES["mev_blocker"].open([private.relay.url]) as route, private.sender(route) as sender:
        hidden = await sender.submit(pay("hidden", RoutePolicy.private()))
        open_one = await sender.submit(pay("open", RoutePolicy.public()))

        async def both() -> bool:
            return await private.client.balance(SHOP) == 2

        await private.build_until(both)
        assert isinstance(await hidden.outcome(timeout=60), Succeeded)
        assert isinstance(await open_one.outcome(timeout=60), Succeeded)
        hashes = {hidden.tx_hash, open_one.tx_hash}
    assert len(hashes) == 2
    assert len(set(private.public_sends())) == 1


async def test_rainbow_3743_the_nonce_of_a_dropped_private_transaction_is_the_next_ones(
    private: PrivateDesk,
) -> None:
    """The relay dropped it, and the wallet went on counting its nonce. Ours: past its window, with the nonce
    unused, it is told as dropped, and the next transaction has its nonce."""
    private.relay.faults = FaultPlan((Rule(Ignored()),))
    async with ROUTES["private_tx"].open([private.relay.url]) as route, private.sender(route) as sender:
        lost = await sender.submit(pay("lost", RoutePolicy.private(window=2)))
        outcome = asyncio.ensure_future(lost.outcome(timeout=60))

        async def told() -> bool:
            return outcome.done()

        await private.build_until(told)
        dropped = await outcome
        assert isinstance(dropped, Dropped), dropped
        private.relay.faults = FaultPlan()
        after = await sender.submit(pay("after", RoutePolicy.public()))
        assert after.nonce == dropped.nonce

        async def paid() -> bool:
            return await private.client.balance(SHOP) == 1

        await private.build_until(paid)
        assert isinstance(await after.outcome(timeout=60), Succeeded)


async def test_base_3825_mlb_a_bundle_aims_at_each_block_until_its_window_ends(private: PrivateDesk) -> None:
    """Bundles were sent once, for one block, and taken for a block that there was already: nothing came of
    them. Ours: the relay loses the first two, the third is in the block that it aims at. Each names the block
    after the head, under one name; both steps are in it, or neither."""
    private.relay.faults = FaultPlan((Rule(Ignored(), first=2),))

    def targets() -> list[int]:
        sent = [one.params[0] for one in private.relay.log if one.method == "eth_sendBundle"]
        assert len({one["replacementUuid"] for one in sent}) <= 1
        return [int(one["blockNumber"], 16) for one in sent]

    def aims_at(block: int) -> bool:
        return targets()[-1:] == [block]

    async with ROUTES["bundle"].open([private.relay.url]) as route, private.sender(route) as sender:
        first, second = await sender.submit_bundle([pay("one"), pay("two")], window=10)
        for block in (1, 2, 3):
            await until(partial(aims_at, block))
            built = await private.relay.build()
            assert built.number == block
            assert len(built.tx_hashes) == (2 if block == 3 else 0)
        outcome = await first.outcome(timeout=60)
        assert isinstance(outcome, Succeeded)
        assert outcome.receipt.block == 3
        assert isinstance(await second.outcome(timeout=60), Succeeded)
    assert targets()[:3] == [1, 2, 3]
    assert private.public_sends() == []


async def test_mev_geth_89_an_uncled_blocks_transaction_is_followed_in_public(private: PrivateDesk) -> None:
    """A block with a private transaction is lost, and everybody has its bytes. Ours: it happens once, in the
    block that stays, and the outcome is that block's."""
    async with ROUTES["private_tx"].open([private.relay.url]) as route, private.sender(route) as sender:
        handle = await sender.submit(pay("uncled", RoutePolicy.private()))
        first = await private.relay.build()
        assert handle.tx_hash in first.tx_hashes
        instead = await private.relay.uncle()
        assert instead is not None
        assert handle.tx_hash not in instead.tx_hashes

        async def paid() -> bool:
            return await private.client.balance(SHOP) == 1

        await private.build_until(paid)
        outcome = await handle.outcome(timeout=60)
    assert isinstance(outcome, Succeeded)
    assert outcome.receipt.block_hash != first.hash
    assert await private.client.balance(SHOP) == 1
