"""Threads of other tools about sending: what was doubled because nobody knew whether it had left, what
leaked, what was refused for want of patience. Each test makes the thread's circumstances and fails in an
engine that has its bug."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from tests.tx.conftest import GAS, REVERTER, REVERTER_CODE, SHOP, pay
from tests.tx.test_decide import WAYS, Life
from tests.tx.threads.conftest import BentDesk
from tests.tx.threads.wire import SEND, Wire, fail, read_sent, says

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.chain.options import ClientOptions
from trimtab.chain.rpc_errors import SendClass
from trimtab.chain.transports.http import HttpTransport
from trimtab.errors import (
    ConnectionLostError,
    IntentError,
    NonceConflictError,
    OutcomeUnknownError,
    RouteRefusedError,
)
from trimtab.model.ids import Address
from trimtab.tx import Reverted, Succeeded, TxIntent
from trimtab.tx import events as e
from trimtab.tx.lanes import Lane
from trimtab.tx.routes import Parcel, PublicRoute, SendResult
from trimtab.tx.routes.base import Sending
from trimtab.tx.states import IntentState, Outcome, SlotState
from trimtab.world.faults import LostAnswers, LostBytes

pytestmark = pytest.mark.node


class Relay:
    """A private route: it says the same to whatever it gets, and keeps it to itself."""

    name = "relay"
    lanes = frozenset({Lane.PUBLIC})

    def __init__(self, outcome: Outcome, send_class: SendClass, text: str) -> None:
        self.endpoints = ("relay",)
        self.took: list[bytes] = []
        self._said = SendResult("relay", outcome, send_class, text)

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        self.took += parcel.raws
        return [self._answer(len(parcel.raws))]

    async def _answer(self, count: int) -> Sequence[SendResult]:
        return [self._said] * count


@pytest.mark.parametrize("fault", [LostAnswers, LostBytes])
async def test_bullbitcoin_2601_hb_4092_an_unknown_broadcast_is_never_built_anew(
    bent: BentDesk, fault: Any
) -> None:
    """A broadcast with an unknown end was built again by the wallet, or retried by the bot as a new order:
    paid twice. Ours: five retries of the caller under its key, whether the bytes had arrived or not."""
    async with bent.sender([fault(PublicRoute(bent.client), 1)], simulate=False) as sender:
        handles = [await sender.submit(pay("close")) for _ in range(5)]
        assert {handle.nonce for handle in handles} == {0}
        for handle in handles:
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert len(bent.wire.attempts) == 1
    assert await bent.executions() == await bent.sent_nonce() == 1


async def test_hb_7294_7295_7611_a_retry_before_the_first_is_confirmed_trades_once(bent: BentDesk) -> None:
    """A close was called failed while it was in flight, and the retry opened a trade nobody tracked. Ours: a
    wait that ends says that the outcome is unknown; the retry under the key is the same transaction."""
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        for _ in range(3):
            handle = await sender.submit(pay("close:1"))
            with pytest.raises(OutcomeUnknownError, match="do not submit it under another key"):
                await handle.outcome(timeout=0.2)
        await bent.executed(1)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert len(bent.wire.attempts) == 1
    assert await bent.executions() == 1


async def test_hb_4092_a_key_with_another_content_is_refused(bent: BentDesk) -> None:
    """Asked for there: an idempotency key, and an error when it is used for something else."""
    async with bent.sender(simulate=False) as sender:
        await sender.submit(pay("k"))
        with pytest.raises(NonceConflictError, match="another transaction"):
            await sender.submit(TxIntent("k", Call(SHOP, b"", 2), gas_limit=GAS))
    await bent.executed(1)
    assert await bent.executions() == 1


async def test_wed_234_when_every_provider_fails_nothing_is_lost(bent: BentDesk) -> None:
    """All providers failed, and the broadcast loop fell over its own error handling. Ours: two endpoints that
    break off; the caller has a handle, and the same bytes arrive when the endpoints are back."""
    lost = ConnectionLostError("HTTP 503")
    wires = [Wire(bent.node.url, fail(lost), name=name) for name in ("one", "other")]
    async with (
        Client.open(wires, ClientOptions(timeout=5, poll_interval=0.05)) as client,
        replace(bent, client=client).sender(simulate=False) as sender,
    ):
        handle = await sender.submit(pay("k"))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert len({item.raw for wire in wires for item in wire.sent}) == 1
    assert await bent.executions() == 1


@pytest.mark.parametrize(
    ("outcome", "said"),
    [(Outcome.REJECTED, SendClass.PERMANENT), (Outcome.AMBIGUOUS, SendClass.NODE_STATE)],
    ids=["bad signature", "relay down"],
)
async def test_lido_340_what_a_private_route_refuses_never_goes_public(
    bent: BentDesk, outcome: Outcome, said: SendClass
) -> None:
    """The relay refused the signature, and the bot fell back to the public pool without a word. Ours: an
    intent stays on the routes that its sender has; a no is raised, an unknown waits; nothing else is told."""
    relay = Relay(outcome, said, "signature does not match")
    async with bent.sender([relay], simulate=False) as sender:
        with pytest.raises((RouteRefusedError, OutcomeUnknownError), match=r"signature|may still be mined"):
            await (await sender.submit(pay("secret"))).outcome(timeout=2)
    assert relay.took
    assert bent.wire.sent == []
    assert await bent.pool_size() == 0


async def test_base_2347_verdikta_29_a_delegated_account_waits_for_its_turn(bent: BentDesk) -> None:
    """A delegated account may have one transaction in a pool; the others were refused, and trading stopped.
    Ours: five intents of such an account; none fails or is rebuilt, they go in order as room comes."""
    await bent.set_automine(False)
    bent.wire.bends.append(_one_at_a_time(bent))
    async with bent.sender(simulate=False) as sender:
        submits = [asyncio.create_task(sender.submit(pay(f"k{i}"))) for i in range(5)]
        await bent.executed(5)
        for submitted in submits:
            assert isinstance(await (await submitted).outcome(timeout=60), Succeeded)
    assert [item.nonce for item in bent.wire.attempts] == list(range(5))
    assert await bent.sent_nonce() == 5


def _one_at_a_time(bent: BentDesk) -> Any:
    """What pools do for an account with a delegation (EIP-7702)."""

    async def bend(method: str, params: list[Any]) -> Reply | None:
        if method != SEND:
            return None
        next_one = await bent.sent_nonce()
        if read_sent(params[0]).nonce > next_one:
            return says("gapped-nonce tx from delegated accounts")
        if await bent.pool_size() > 0:
            return says("in-flight transaction limit reached for delegated accounts")
        return None

    return bend


@pytest.mark.parametrize("said", [SendClass.TYPE_CONFLICT, SendClass.DELEGATED_7702, SendClass.POOL_FULL])
def test_nitro_2158_2234_a_conflict_in_the_pool_is_waited_out(said: SendClass) -> None:
    """A blob and a plain transaction of one account exclude each other in a pool; the refusal of one locked
    the sender. Ours: the nonce is kept, the bytes are repeated, and the next is not signed above it."""
    life = Life()
    for key in ("k", "next"):
        life.submit(key)
    life.check("k")
    tx_hash = life.sign(0)
    life.refuse(0, tx_hash, said, said)
    life.check("next")
    assert not life.did(e.Sign)
    assert life.state.slots[0].state is SlotState.PROVISIONAL
    life.at += 5
    life.feed(e.Ticked(life.at, WAYS))
    assert [send.tx_hash for send in life.did(e.Send)] == [tx_hash]
    life.answer(0, tx_hash, "a")
    assert life.intent("k") is IntentState.LIVE


async def test_eth_account_323_mev_share_25_every_hex_on_the_wire_has_its_prefix(bent: BentDesk) -> None:
    """A library stopped writing 0x, and headers and hashes went out without it. Ours: every string that a
    whole life sends to a node is prefixed hex or a block's tag."""
    async with bent.sender() as sender:
        handle = await sender.submit(TxIntent("k", Call(SHOP, b"", 1)))
        await bent.mine(6)
        await handle.outcome(timeout=60)
    words = {word for method, params in bent.wire.requests for word in _words(params)}
    tags = {"latest", "pending", "finalized", "safe"}
    assert len(words) > 5
    assert [word for word in words - tags if not re.fullmatch(r"0x[0-9a-f]*", word)] == []


def _words(value: object) -> list[str]:
    if isinstance(value, dict):
        return [word for item in value.values() for word in _words(item)]
    if isinstance(value, list):
        return [word for item in value for word in _words(item)]
    return [value] if isinstance(value, str) else []


async def test_sanguine_2410_the_callers_gas_and_caps_are_in_the_bytes(bent: BentDesk) -> None:
    """The configured gas settings were ignored by the submitter. Ours: limit, cap and value of the intent and
    the options are what is signed."""
    async with bent.sender(simulate=False, fee_cap=1_900_000_000, tip_floor=7) as sender:
        await sender.submit(TxIntent("k", Call(SHOP, b"", 3), gas_limit=54_321))
    (sent,) = bent.wire.attempts
    assert (sent.gas_limit, sent.value, sent.to) == (54_321, 3, SHOP)
    assert sent.fees.fee_cap <= 1_900_000_000


@pytest.mark.parametrize("value", [1, 2**53 + 1, 10**24 + 1])
async def test_mlb_103_wed_853_amounts_arrive_to_the_wei(bent: BentDesk, value: int) -> None:
    """`Number(bigint)` floored an amount to nothing; `1e24` as a float was off. Ours: whole numbers only, and
    each wei of them arrives; a float is refused."""
    await bent.client.request("anvil_setBalance", [bent.signer.address, hex(10**25)])
    shop = Address("0x" + "34" * 20)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(TxIntent("k", Call(shop, b"", value), gas_limit=GAS))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await bent.client.balance(shop) == value
    with pytest.raises(IntentError, match="int in base units"):
        TxIntent("f", Call(shop, b"", float(value)), gas_limit=GAS)  # type: ignore[arg-type]


async def test_hardhat_a_failure_that_was_mined_is_no_refusal(bent: BentDesk) -> None:
    """Development nodes add a failing transaction to the chain and answer with an error; taken for a refusal,
    its nonce is used again. Ours: the receipt decides, and the next has the next nonce."""
    await bent.client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
    node = HttpTransport(bent.node.url)

    async def mine_and_complain(method: str, params: list[Any]) -> Reply | None:
        if method != SEND or read_sent(params[0]).nonce:
            return None
        await node.send(method, msgspec.json.encode(params), 5.0)
        return says("VM Exception while processing transaction: revert with reason 'no'", -32603)

    bent.wire.bends.append(mine_and_complain)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(TxIntent("k", Call(REVERTER, b"no"), gas_limit=100_000))
        assert isinstance(await handle.outcome(timeout=60), Reverted)
        following = await sender.submit(pay("next"))
        assert following.nonce == 1
        assert isinstance(await following.outcome(timeout=60), Succeeded)
        assert sender.snapshot().halted is None
    await node.close()
