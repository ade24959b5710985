"""Threads of other tools about replacing and cancelling: prices that pools refuse, bumps too early or too
late, hashes that were forgotten. Each test makes the thread's circumstances and fails in an engine that has
its bug."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tx.conftest import GAS, GWEI, QUICK, pay
from tests.tx.test_decide import POLICY, Life
from tests.tx.threads.conftest import BentDesk
from tests.tx.threads.wire import SEND, Bend, answer, fail, read_sent, refuse, says

from trimtab.chain.messages import Reply
from trimtab.errors import ConnectionLostError, FeeCapExceededError, OutcomeUnknownError, RouteRefusedError
from trimtab.tx import Cancelled, Succeeded
from trimtab.tx import events as e
from trimtab.tx.fees import Fees, bump
from trimtab.tx.routes import PublicRoute
from trimtab.world.faults import LostAnswers

pytestmark = pytest.mark.node

RULES: dict[str, Callable[[int, int], bool]] = {
    "geth": lambda old, new: new > old and new >= old * 110 // 100,
    "reth before 13160": lambda old, new: 10 * new > 11 * old,
    "reth since 23012": lambda old, new: new >= -(-old * 11 // 10) and new > old,
    "Parity's family": lambda old, new: 8 * new >= 9 * old and new > old,
}
PRICES = st.integers(0, 3_000) | st.integers(0, 10**13)


def is_legal(old: Fees, new: Fees) -> bool:
    """Whether every pool takes these fees in the place of those."""
    return all(rule(old.tip, new.tip) and rule(old.fee_cap, new.fee_cap) for rule in RULES.values())


async def storm(bent: BentDesk, base_fee: int, blocks: int) -> None:
    """Blocks whose base fee is too high for what waits in the pool."""
    for _ in range(blocks):
        await bent.client.request("anvil_setNextBlockBaseFeePerGas", [hex(base_fee)])
        await bent.mine()


async def storm_until(bent: BentDesk, base_fee: int, condition: Callable[[], bool]) -> None:
    async def stormed() -> bool:
        await storm(bent, base_fee, 1)
        await asyncio.sleep(0.1)
        return condition()

    await bent.until(stormed)


def _has_more(bent: BentDesk, count: int) -> bool:
    return len(bent.wire.attempts) > count


@given(tip=PRICES, headroom=PRICES, market_tip=PRICES, market_cap=PRICES)
def test_base_4506_4529_reth_13160_23012_no_pool_refuses_our_step(
    tip: int, headroom: int, market_tip: int, market_cap: int
) -> None:
    """A bump just on the boundary was refused 10,704 times, because pools round differently and one wants
    more than it. Ours: every step is legal in each of them, to the wei, whatever the market says."""
    signed, market = Fees(tip, tip + headroom), Fees(market_tip, max(market_cap, market_tip))
    assert is_legal(signed, bump(signed, market))


@given(tip=PRICES, headroom=PRICES)
def test_op_6031_cow_942_both_prices_rise_though_the_market_moved_one_or_none(
    tip: int, headroom: int
) -> None:
    """The bump was left out when the market had fallen, or raised one of tip and cap: the pool refused it and
    the transaction stayed stuck. Ours: both rise by a legal step, also for a market of nothing."""
    signed = Fees(tip, tip + headroom)
    for market in (Fees(0, 0), Fees(tip * 10 + 1, tip * 10 + 1), Fees(0, (tip + headroom) * 10 + 1)):
        assert is_legal(signed, bump(signed, market))


async def test_op_7472_an_underpriced_answer_is_mended_at_once(bent: BentDesk) -> None:
    """The price was raised only at the resubmission interval, so the batcher halted while the pool called
    each send too low. Ours: the answer itself asks for the next price: no block, no interval in between."""
    await bent.set_automine(False)
    bent.wire.bends.append(refuse("transaction underpriced: tip needed 3000000000, tip permitted 1", times=2))
    head = await bent.client.block_number()
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        assert await bent.client.block_number() == head
        assert [item.nonce for item in bent.wire.attempts] == [0, 0, 0]
        await bent.executed(1)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    prices = [item.fees for item in bent.wire.attempts]
    assert all(is_legal(old, new) for old, new in pairwise(prices))


async def test_op_11614_a_pool_that_is_never_content_ends_the_bumping(bent: BentDesk) -> None:
    """The loop of "underpriced, bump, underpriced" had no end. Ours: after the policy's tries the nonce is
    given back and the caller told; nothing is exposed, and the key may be used again."""
    bent.wire.bends.append(refuse("transaction underpriced", times=99))
    async with bent.sender(simulate=False) as sender:
        with pytest.raises(RouteRefusedError, match="underpriced"):
            await sender.submit(pay("k"))
        assert len(bent.wire.attempts) == QUICK.requotes + 1
        bent.wire.bends.clear()
        handle = await sender.submit(pay("k"))
        assert handle.nonce == 0
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_op_4831_hb_4917_a_stuck_transaction_is_sped_up_by_legal_steps(bent: BentDesk) -> None:
    """Replacements that the pool had to refuse were submitted; elsewhere a stuck trade could not be sped up
    at all. Ours: while the base fee triples and triples again, each attempt is a legal step above the last,
    all at one nonce, and one of them is mined."""
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        for level in (10, 30, 90):
            count = len(bent.wire.attempts)
            await storm_until(bent, level * GWEI, partial(_has_more, bent, count))
        await bent.executed(1)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    attempts = bent.wire.attempts
    assert len(attempts) >= 4
    assert {item.nonce for item in attempts} == {0}
    assert all(is_legal(a.fees, b.fees) for a, b in pairwise(attempts))


async def test_hb_4056_4917_a_caller_speeds_up_what_waits(bent: BentDesk) -> None:
    """Asked for there: a speed-up that knows the nonce. Ours: `bump` sends one legal step more at once, at
    the same nonce, before any block; the trade happens once."""
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        head = await bent.client.block_number()
        handle.bump()
        await bent.until(lambda: len(bent.wire.attempts) == 2)
        assert await bent.client.block_number() == head
        first, second = bent.wire.attempts
        assert (first.nonce, second.nonce) == (0, 0)
        assert is_legal(first.fees, second.fees)
        await bent.executed(1)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await bent.executions() == await bent.sent_nonce() == 1


async def test_base_1773_what_is_mined_is_not_replaced(bent: BentDesk) -> None:
    """A transaction was bumped after it had been mined. Ours: the node hides the receipt while the base fee
    rises and blocks pass; the nonce is used, so no price is raised; the receipt ends it."""
    await bent.set_automine(False)
    hide = answer("eth_getTransactionReceipt", lambda params: None)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        bent.wire.bends.append(hide)
        await bent.mine()
        await storm(bent, 50 * GWEI, 2)
        await bent.until(lambda: handle.state == "resolving")
        await storm(bent, 90 * GWEI, 2)  # the nonce is not final yet
        with pytest.raises(OutcomeUnknownError):
            await handle.outcome(timeout=1)
        assert len(bent.wire.attempts) == 1
        bent.wire.bends.remove(hide)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await bent.sent_nonce() == 1


async def test_alto_747_nonce_too_low_is_no_reason_to_take_the_next_nonce(bent: BentDesk) -> None:
    """A repetition was answered "nonce too low", which was mended by the next nonce: the same order was sent
    twice. Ours: it was mined already; the answer changes nothing but that we look."""
    hide = answer("eth_getTransactionReceipt", lambda params: None)
    bent.wire.bends.append(hide)
    routes: list[Any] = [LostAnswers(PublicRoute(bent.client), 1)]
    async with bent.sender(routes, simulate=False) as sender:
        handle = await sender.submit(pay("once"))
        await bent.until(lambda: len(bent.wire.sent) >= 3)
        bent.wire.bends.remove(hide)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        assert sender.snapshot().halted is None
    assert len(bent.wire.attempts) == 1
    assert await bent.executions() == await bent.sent_nonce() == 1


def test_mbk_98_the_age_of_a_transaction_counts_from_its_broadcast() -> None:
    """Its age was counted from before a slow quote: the replacement left 286 ms after the original. Ours: ten
    blocks pass while the signer thinks; the bump is due the policy's blocks after the bytes left."""
    life = Life()
    life.submit("k")
    life.observe(3)
    life.check("k")
    life.observe(13)
    tx_hash = life.sign(0)
    for endpoint in ("a", "b"):
        life.answer(0, tx_hash, endpoint)
    for head in range(13, 13 + POLICY.bump_after_blocks):
        life.observe(head)
        assert not life.did(e.Sign), head
    life.observe(13 + POLICY.bump_after_blocks)
    assert len(life.did(e.Sign)) == 1


async def test_mbk_98_the_first_hash_may_be_the_one_that_is_mined(bent: BentDesk) -> None:
    """Only the last hash was kept, so a mined transaction was reported dropped. Ours: it was replaced, the
    pool forgot the replacement, and the original is mined: it counts, and the outcome names it."""
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        original = handle.tx_hash
        await storm_until(bent, 20 * GWEI, lambda: handle.tx_hash != original)
        bent.wire.bends.append(fail(ConnectionLostError("gone"), times=10**6))
        await bent.client.request("anvil_dropAllTransactions")
        await bent.client.request("anvil_setNextBlockBaseFeePerGas", [hex(GWEI)])
        bent.wire.bends.clear()
        await bent.client.request(SEND, [bent.wire.attempts[0].raw])
        await bent.mine()
        outcome = await handle.outcome(timeout=60)
        assert isinstance(outcome, Succeeded)
        assert outcome.receipt.tx_hash == original == handle.tx_hash
    assert await bent.executions() == 1


async def test_alto_276_759_besu_3128_a_refused_replacement_leaves_the_original(bent: BentDesk) -> None:
    """Pools compare prices by rules of their own (Besu by what would be paid now): replacements were refused,
    and bundlers rebuilt or gave up what was still live. Ours: the first attempt stays watched, no other nonce
    is taken, and it is mined when the price falls."""
    await bent.set_automine(False)
    bent.wire.bends.append(_refuse_replacements())
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        await storm_until(bent, 20 * GWEI, lambda: len(bent.wire.attempts) >= 2)
        following = await sender.submit(pay("following"))
        assert (handle.state, following.nonce) == ("live", 1)
        await bent.client.request("anvil_setNextBlockBaseFeePerGas", [hex(GWEI)])
        await bent.client.request(SEND, [bent.wire.attempts[0].raw])
        bent.wire.bends.clear()
        await bent.executed(2)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await bent.sent_nonce() == 2


def _refuse_replacements() -> Bend:
    """A pool that takes the first attempt at a nonce and no other one."""
    first: dict[int, str] = {}

    def bend(method: str, params: list[Any]) -> Reply | None:
        if method != SEND:
            return None
        held = first.setdefault(read_sent(params[0]).nonce, params[0])
        return None if held == params[0] else says("Replacement transaction underpriced")

    return bend


async def test_hb_3988_4031_a_chain_of_stuck_transactions_is_cancelled_one_by_one(bent: BentDesk) -> None:
    """Stuck transactions could not be cancelled, and one of them held up all that followed. Ours: of three
    stuck the first two are cancelled at their nonces; the third is executed; who was mined says which."""
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        handles = [await sender.submit(pay(f"k{i}")) for i in range(3)]
        for handle in handles[:2]:
            handle.cancel()
        await bent.until(lambda: len({item.raw for item in bent.wire.sent if item.value == 0}) == 2)
        await bent.executed(1)
        outcomes = [await handle.outcome(timeout=60) for handle in handles]
    assert [type(outcome) for outcome in outcomes] == [Cancelled, Cancelled, Succeeded]
    assert await bent.executions() == 1
    assert await bent.sent_nonce() == 3


async def test_connext_418_nantucket_19_no_storm_raises_a_fee_above_its_cap(bent: BentDesk) -> None:
    """Fees were bumped without end, up to the whole balance. Ours: through a storm of a hundred times the
    price no attempt is signed above the cap, nor costs more than the budget; it waits."""
    await bent.set_automine(False)
    cap, budget = 12 * GWEI, GAS * 8 * GWEI + 1
    async with bent.sender(simulate=False, fee_cap=cap) as sender:
        capped = await sender.submit(pay("capped"))
        bound = await sender.submit(pay("bound", budget_wei=budget))
        await storm_until(bent, 200 * GWEI, lambda: len(bent.wire.attempts) >= 3)
        for _ in range(8):
            await storm(bent, 200 * GWEI, 1)
            await asyncio.sleep(0.1)
        with pytest.raises(FeeCapExceededError):
            await sender.submit(pay("late", budget_wei=budget))
        assert max(item.fees.fee_cap for item in bent.wire.attempts) <= cap
        costs = [item.fees.fee_cap * item.gas_limit + 1 for item in bent.wire.attempts if item.nonce == 1]
        assert max(costs) <= budget
        await bent.client.request("anvil_setNextBlockBaseFeePerGas", [hex(GWEI)])
        await bent.executed(2)
        for handle in (capped, bound):
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
