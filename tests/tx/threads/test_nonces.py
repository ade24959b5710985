"""Threads of other tools about nonces: drift, gaps, two sources of truth. Each test makes the thread's
circumstances and fails in an engine that has its bug."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.tx.conftest import GWEI, REVERTER, SHOP, pay
from tests.tx.test_decide import WAYS, Life, mined
from tests.tx.threads.conftest import BentDesk
from tests.tx.threads.wire import SEND, Wire, answer, fail, gives, read_sent, refuse, says

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.chain.options import ClientOptions
from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import ConnectionLostError, HaltError, RateLimitedError, RouteRefusedError, SigningError
from trimtab.tx import Cancelled, Succeeded, Superseded, TxIntent
from trimtab.tx import events as e
from trimtab.tx.routes import PublicRoute
from trimtab.tx.signers import LocalSigner
from trimtab.tx.signers.base import DigestSigner
from trimtab.tx.states import IntentState
from trimtab.world.faults import LostBytes

pytestmark = pytest.mark.node


class FailingSigner(DigestSigner):
    """A signer in the house of somebody else: every third question is not answered."""

    def __init__(self, local: LocalSigner) -> None:
        self.address = local.address
        self._local = local
        self._asked = 0

    async def _sign_digest(self, digest: bytes) -> bytes:
        self._asked += 1
        if self._asked % 3 == 0:
            raise SigningError("the signer is out")
        return await self._local._sign_digest(digest)


async def test_oz_683_a_failure_after_the_nonce_was_taken_burns_none(bent: BentDesk) -> None:
    """A counter was incremented before signing and never went back, and its reset raced with it. Ours: of
    nine parallel intents the signer fails three; the others get 0 to 5 with no gap, and so does a restart."""
    async with bent.sender(signer=FailingSigner(bent.signer), simulate=False) as sender:
        submits = [sender.submit(pay(f"k{i}")) for i in range(9)]
        found = await asyncio.gather(*submits, return_exceptions=True)
        failed = [item for item in found if isinstance(item, SigningError)]
        handles = [item for item in found if not isinstance(item, BaseException)]
        assert len(failed) == 3
        assert sorted(handle.nonce for handle in handles) == list(range(6))
    async with bent.sender(simulate=False) as sender:
        assert (await sender.submit(pay("after"))).nonce == 6
        await bent.executed(7)
    assert await bent.sent_nonce() == 7


async def test_oz_818_refused_sends_do_not_drift_the_nonce_above_the_chain(bent: BentDesk) -> None:
    """Each failure moved the persisted counter up, nothing moved it down, and a restart kept it: all later
    sends were "nonce too high". Ours: after five refusals and a restart the next nonce is the chain's."""
    await bent.client.request("evm_setBlockGasLimit", [hex(100_000)])
    async with bent.sender(simulate=False) as sender:
        for number in range(5):
            with pytest.raises(RouteRefusedError):
                await sender.submit(TxIntent(f"k{number}", Call(SHOP, b"", 1), gas_limit=200_000))
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("next"))
        assert handle.nonce == 0
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_oz_843_a_region_that_was_never_broadcast_is_broadcast(bent: BentDesk) -> None:
    """While a provider failed, a region of "sent" records grew that no node had seen; it disarmed every
    healer, and the gap reached 633. Ours: sixteen whose bytes went nowhere go out again, the same bytes,
    and the seventeenth follows them."""
    async with bent.sender([LostBytes(PublicRoute(bent.client), 99)], simulate=False) as sender:
        handles = await asyncio.gather(*[sender.submit(pay(f"k{i}")) for i in range(16)])
        hashes = [handle.tx_hash for handle in handles]
        assert bent.wire.sent == []
    async with bent.sender(simulate=False) as sender:
        assert [handle.tx_hash for handle in sender.recovered] == hashes
        await bent.executed(16)
        assert (await sender.submit(pay("next"))).nonce == 16
    assert len(bent.wire.attempts) == 17


def test_oz_844_what_was_signed_and_not_sent_holds_no_nonce() -> None:
    """Signed records without a broadcast were taken for live ones. Ours: after a crash between signature and
    broadcast the nonce is free, whatever the journal reserved."""
    life = Life()
    life.submit("k")
    life.check("k")
    assert life.state.nonces.lowest == 1
    life.feed(e.Recovered(0, 5, life.at, WAYS))
    assert life.intent("k") is IntentState.REJECTED
    assert life.state.nonces.lowest == 0


async def test_oz_pr_862_a_node_without_a_pool_gets_them_one_after_the_other(bent: BentDesk) -> None:
    """Arbitrum's sequencer keeps no pool: a nonce above the account's is held for a moment and rejected, so
    one lost broadcast jammed all behind it. Ours: eight through such a node, the third lost once, all
    arrive in order with the bytes they had at first."""
    bent.wire.bends += [fail(ConnectionLostError("reset"), nonce=2), _strict(bent)]
    async with bent.sender(simulate=False) as sender:
        handles = await asyncio.gather(*[sender.submit(pay(f"k{i}")) for i in range(8)])
        outcomes = await asyncio.gather(*[handle.outcome(timeout=60) for handle in handles])
        assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
    assert [item.nonce for item in bent.wire.attempts] == list(range(8))
    assert await bent.executions() == await bent.sent_nonce() == 8


def _strict(bent: BentDesk) -> Any:
    """A sequencer: it holds what comes too early for a moment, then says no."""

    async def bend(method: str, params: list[Any]) -> Reply | None:
        if method != SEND:
            return None
        nonce = read_sent(params[0]).nonce
        for _ in range(20):
            if await bent.sent_nonce() >= nonce:
                return None
            await asyncio.sleep(0.02)
        return says(f"nonce too high: address {bent.signer.address}, tx: {nonce} state: {nonce - 1}")

    return bend


async def test_base_1324_nonces_keep_the_order_of_submission(bent: BentDesk) -> None:
    """Concurrent sends got their nonces in the order in which preparation ended. Ours: the first's simulation
    is slow, the second's is not, and the first has the first nonce."""
    release = asyncio.Event()
    asked: list[str] = []

    async def slow_first(method: str, params: list[Any]) -> Reply | None:
        if method == "eth_simulateV1":
            asked.append(method)
            if len(asked) == 1:
                await release.wait()
        return None

    bent.wire.bends.append(slow_first)
    async with bent.sender() as sender:
        first = asyncio.create_task(sender.submit(pay("first")))
        await bent.until(lambda: len(asked) == 1)
        second = asyncio.create_task(sender.submit(pay("second")))
        await bent.until(lambda: len(asked) == 2)
        await asyncio.sleep(0.1)
        assert not second.done()
        release.set()
        assert ((await first).nonce, (await second).nonce) == (0, 1)


async def test_chainlink_14984_a_gap_below_the_pending_nonce_is_closed(bent: BentDesk) -> None:
    """The pending count included transactions that were dropped later; new ones went on above the gap for
    ever. Ours: a node counts two that do not exist; ours waits at 2, and the gap is filled below it."""
    await bent.set_automine(False)
    bend = answer("eth_getTransactionCount", lambda params: "0x2" if params[1] == "pending" else "0x0")
    bent.wire.bends.append(bend)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("ours"))
        assert handle.nonce == 2
        bent.wire.bends.remove(bend)
        await bent.executed(1)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        assert sender.snapshot().halted is None
    fillers = [item for item in bent.wire.attempts if item.nonce < 2]
    assert {(item.nonce, item.value, item.to) for item in fillers} == {
        (0, 0, bent.signer.address),
        (1, 0, bent.signer.address),
    }


@pytest.mark.parametrize(
    "words",
    [
        "nonce too high",
        "NonceGap, Future nonce. Expected nonce: 1",
        "future transaction tries to replace pending",
    ],
)
async def test_geth_26890_27401_31647_chainlink_7999_the_next_nonce_is_refused_too_early(
    bent: BentDesk, words: str
) -> None:
    """A pool refuses N+1 just after it took N (and Nethermind's word for it was fatal to Chainlink). Ours: it
    is a no for now: the same bytes go again, and nothing is rebuilt or given up."""
    bent.wire.bends.append(refuse(words, nonce=1))
    async with bent.sender(simulate=False) as sender:
        handles = await asyncio.gather(*[sender.submit(pay(f"k{i}")) for i in range(3)])
        for handle in handles:
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert [item.nonce for item in bent.wire.attempts] == [0, 1, 2]
    assert await bent.executions() == 3


@pytest.mark.parametrize(
    "error", [RateLimitedError("HTTP 429"), ConnectionLostError("reset by peer")], ids=["429", "reset"]
)
async def test_viem_3142_4364_alloy_2385_aztec_20819_a_failed_send_leaves_no_gap(
    bent: BentDesk, error: Exception
) -> None:
    """A send failed on the way; the cached nonce had moved on, and everything later waited for ever above the
    gap. Ours: what failed is sent again as it was, and the next one comes after it."""
    async with bent.sender(simulate=False) as sender:
        await (await sender.submit(pay("fine"))).outcome(timeout=60)
        bent.wire.bends.append(fail(error, nonce=1))
        lost, after = await sender.submit(pay("lost")), await sender.submit(pay("after"))
        assert (lost.nonce, after.nonce) == (1, 2)
        for handle in (lost, after):
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await bent.executions() == await bent.sent_nonce() == 3


async def test_viem_4364_a_refused_send_gives_its_nonce_to_the_next(bent: BentDesk) -> None:
    """Its counter went up although the node had refused for certain. Ours: refused is given back."""
    bent.wire.bends.append(refuse("insufficient funds for gas * price + value", nonce=0))
    async with bent.sender(simulate=False) as sender:
        with pytest.raises(Exception, match="insufficient funds"):
            await sender.submit(pay("refused"))
        handle = await sender.submit(pay("next"))
        assert handle.nonce == 0
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_wed_153_a_stale_nonce_after_a_restart_moves_nothing_back(bent: BentDesk) -> None:
    """A load balancer answered with the nonce of a node that lagged, and the next send was "nonce too low".
    Ours: the journal knows three; a node that says one is behind, and is not believed."""
    async with bent.sender(simulate=False) as sender:
        for number in range(3):
            await (await sender.submit(pay(f"k{number}"))).outcome(timeout=60)
    bent.wire.bends.append(answer("eth_getTransactionCount", lambda params: "0x1"))
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("next"))
        assert handle.nonce == 3
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await bent.executions() == 4


async def test_wed_1054_the_second_provider_says_nonce_too_low(bent: BentDesk) -> None:
    """Broadcast to several, the later provider had the transaction mined already and said "nonce too low",
    which was taken for a failure. Ours: a contradiction is settled by the receipt; nothing is sent anew."""

    async def after_mining(method: str, params: list[Any]) -> Reply | None:
        if method == SEND:
            await bent.until(lambda: _is_used(bent, read_sent(params[0]).nonce))
        return None

    hide = answer("eth_getTransactionReceipt", lambda params: None)  # until the contradiction has come
    early, late = Wire(bent.node.url, hide), Wire(bent.node.url, after_mining, hide, name="late")
    options = ClientOptions(timeout=30, poll_interval=0.05)
    async with (
        Client.open([early, late], options) as client,
        replace(bent, client=client).sender(simulate=False) as sender,
    ):
        handle = await sender.submit(pay("once"))
        await bent.until(lambda: len(late.sent) == 1 and handle.state == "resolving")
        await asyncio.sleep(0.2)
        for wire in (early, late):
            wire.bends.remove(hide)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        assert isinstance(await (await sender.submit(pay("next"))).outcome(timeout=60), Succeeded)
        assert sender.snapshot().halted is None
    assert len(early.attempts) == 2
    assert await bent.executions() == await bent.sent_nonce() == 2


async def _is_used(bent: BentDesk, nonce: int) -> bool:
    return await bent.sent_nonce() > nonce


async def test_boltz_1201_dropped_transactions_are_sent_again_below_the_next(bent: BentDesk) -> None:
    """Transactions were dropped from the pool, the database counted them, and 24 nonces were missing for
    ever. Ours: five are dropped; they come back under their hashes, and the sixth is mined behind them."""
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        handles = [await sender.submit(pay(f"k{i}")) for i in range(5)]
        hashes = [handle.tx_hash for handle in handles]
        await bent.client.request("anvil_dropAllTransactions")
        last = await sender.submit(pay("last"))
        assert last.nonce == 5
        await bent.executed(6)
        for handle in (*handles, last):
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
        assert [handle.tx_hash for handle in handles] == hashes
    assert await bent.sent_nonce() == 6


def test_nitro_2261_none_goes_out_above_one_that_was_refused() -> None:
    """The one before had not been sent, the next one was, and a gap arose in the pool. Ours: while a refusal
    stands, nothing above it is signed."""
    life = Life()
    for key in ("k0", "k1"):
        life.submit(key)
    life.check("k0")
    life.answer(0, life.sign(0), "a", SendClass.NONCE_HIGH)
    life.check("k1")
    assert not life.did(e.Sign)
    assert life.state.intents["k1"].nonce is None


def test_nitro_2326_a_count_of_transactions_is_not_the_last_nonce() -> None:
    """The reorg-resistant count n was taken for nonce n, which can still be reorganised. Ours: a final count
    of n proves nothing about nonce n, however often it is seen."""
    life = Life()
    tx_hash = life.live("k", 0)
    life.answer(0, tx_hash, "a", SendClass.NONCE_LOW)
    for head in range(10, 20):
        life.observe(head, account_nonce=1, final_nonce=0, absent=frozenset({tx_hash}), finalized=head - 5)
        assert life.intent("k") is IntentState.RESOLVING
    life.observe(20, account_nonce=1, mined=mined(tx_hash, 20))
    assert life.intent("k") is IntentState.INCLUDED


async def test_rainbow_3743_a_transaction_that_was_dropped_unseen_holds_up_nobody(bent: BentDesk) -> None:
    """A private transaction was dropped, its nonce stayed counted, and all later ones were stuck. Ours: it is
    cancelled at its own nonce when its deadline has passed, and the next one follows."""
    await bent.set_automine(False)
    head = await bent.client.block()
    swallowed: set[str] = set()

    def swallow(method: str, params: list[Any]) -> Reply | None:
        """The relay takes the payment, and nobody ever sees it."""
        if method != SEND or (read_sent(params[0]).nonce, read_sent(params[0]).value) != (0, 1):
            return None
        swallowed.add(params[0])
        return gives("0x" + "00" * 32)

    bent.wire.bends.append(swallow)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("private", deadline=head.at + 30))
        following = await sender.submit(pay("following"))
        await bent.client.request("evm_setNextBlockTimestamp", [head.at + 60])
        await bent.executed(1)
        assert isinstance(await handle.outcome(timeout=60), Cancelled)
        assert isinstance(await following.outcome(timeout=60), Succeeded)
    assert swallowed
    assert await bent.sent_nonce() == 2


async def test_gw_61_a_pending_transaction_of_another_wallet_is_not_replaced(bent: BentDesk) -> None:
    """The nonce manager gave a nonce that another wallet's pending transaction held: "replacement fee too
    low" on every trade. Ours: at the start the pool counts, and both are mined."""
    await bent.set_automine(False)
    foreign = {"from": bent.signer.address, "to": REVERTER, "nonce": "0x0", "gasPrice": hex(50 * GWEI)}
    await bent.client.request("eth_sendTransaction", [foreign])
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("ours"))
        assert handle.nonce == 1
        await bent.executed(1)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert len(bent.wire.attempts) == 1


async def test_hb_5835_after_use_of_the_key_elsewhere_we_stop_and_say_so(bent: BentDesk) -> None:
    """After a trade in another wallet every send failed with "nonce has already been used", and nothing said
    why. Ours: the account halts with the reason; resumed by its owner, it goes on from the chain's nonce."""
    async with bent.sender(simulate=False) as sender:
        await (await sender.submit(pay("first"))).outcome(timeout=60)
        await bent.client.request("eth_sendTransaction", [{"from": bent.signer.address, "to": REVERTER}])
        await bent.mine_until(lambda: sender.snapshot().halted is not None)
        with pytest.raises(HaltError, match="used elsewhere"):
            await sender.submit(pay("second"))
        await sender.resume()
        handle = await sender.submit(pay("second"))
        assert handle.nonce == 2
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await bent.executions() == 2


async def test_hb_3992_4056_4379_a_burst_shares_no_nonce_and_survives_a_restart(bent: BentDesk) -> None:
    """Transactions in quick succession overwrote each other, callers never learned the nonce, and a crash
    lost it (also asked there: approvals before the trade). Ours: in order, each with its own, kept."""
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        handles = await asyncio.gather(*[sender.submit(pay(f"k{i}")) for i in range(10)])
        assert [handle.nonce for handle in handles] == list(range(10))
    async with bent.sender(simulate=False) as sender:
        assert [(handle.key, handle.nonce) for handle in sender.recovered] == [
            (f"k{i}", i) for i in range(10)
        ]
        assert (await sender.submit(pay("next"))).nonce == 10
        await bent.executed(11)


async def test_ape_2270_a_node_that_lags_behind_our_own_receipt_misleads_nobody(bent: BentDesk) -> None:
    """A receipt was there and the node's count was not yet raised: the next transaction was "nonce too low".
    Ours: five one after the other beside a node that always counts none."""
    bent.wire.bends.append(answer("eth_getTransactionCount", lambda params: "0x0"))
    async with bent.sender(simulate=False) as sender:
        for number in range(5):
            handle = await sender.submit(pay(f"k{number}"))
            assert handle.nonce == number
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await bent.executions() == len(bent.wire.attempts) == 5


async def test_xmtpd_1875_1884_an_occupied_nonce_is_not_skipped(bent: BentDesk) -> None:
    """An underpriced replacement was taken for a used nonce: the publisher went on at N+1, where
    nothing could be mined before N. Ours: a stranger's transaction holds the nonce: nothing is sent above
    it, and when it is final the account halts; what waited is refused, not lost."""
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        foreign = {"from": bent.signer.address, "to": REVERTER, "nonce": "0x0", "gasPrice": hex(90 * GWEI)}
        await bent.client.request("eth_sendTransaction", [foreign])
        first = asyncio.create_task(sender.submit(pay("first")))
        await bent.until(lambda: len(bent.wire.sent) > 0)
        second = asyncio.create_task(sender.submit(pay("second")))
        await asyncio.sleep(0.3)
        assert {item.nonce for item in bent.wire.sent} == {0}
        await bent.mine_until(lambda: sender.snapshot().halted is not None)
        assert await (await first).outcome(timeout=60) == Superseded(0)
        with pytest.raises(HaltError):
            await second
    assert await bent.executions() == 0
