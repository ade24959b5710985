"""The guard before each signature: what a leaked or buggy strategy tries on a real node, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.tx.conftest import GAS, GWEI, REVERTER, REVERTER_CODE, SHOP, Desk, pay

from trimtab.chain.call import Call
from trimtab.errors import LimitError
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.limits import AllowedCall, ArgumentRule, Limits
from trimtab.model.order import TxStatus
from trimtab.model.trade import Leverage, TradeFacts
from trimtab.tx import Cancelled, Finality, Sender, SenderOptions, Succeeded, TxHandle, TxIntent
from trimtab.tx.drafting import Draft
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.events import Sign
from trimtab.tx.fees import Fees
from trimtab.tx.guard import Guard
from trimtab.tx.records import stream_name
from trimtab.tx.spending import at_worst
from trimtab.tx.states import Intent, Kind, Slot, State

pytestmark = pytest.mark.node

ANVIL = 31_337
TOKEN, VAULT, THIEF = (Address("0x" + digits * 20) for digits in ("70", "71", "72"))
DOES_NOTHING = "0x00"
"""A contract that takes every call: STOP."""
APPROVE, DEPOSIT = bytes.fromhex("095ea7b3"), bytes.fromhex("47e7ef24")
LIMITS = Limits(
    calls=(
        AllowedCall(
            TOKEN,
            APPROVE,
            "approve(address,uint256)",
            (ArgumentRule(0, one_of=frozenset({VAULT}), name="spender"),),
            is_trade=False,
        ),
        AllowedCall(VAULT, DEPOSIT, "deposit(address,uint256)"),
    ),
    chains={ANVIL},
    transfers={SHOP},
    max_value_wei=5,
)


def call(target: Address, selector: bytes, *words: int | str) -> Call:
    numbers = (int(word, 16) if isinstance(word, str) else word for word in words)
    return Call(target, selector + b"".join(number.to_bytes(32, "big") for number in numbers))


def deposit(key: str, **options: Any) -> TxIntent:
    return TxIntent(key, call(VAULT, DEPOSIT, TOKEN, 5), **options)


@asynccontextmanager
async def nothing_leaves(desk: Desk) -> AsyncIterator[None]:
    """No nonce is used, nothing waits in the pool, and nothing was executed."""
    before = (await desk.client.nonce(desk.signer.address, "pending"), await desk.executions())
    yield
    after = (await desk.client.nonce(desk.signer.address, "pending"), await desk.executions())
    assert after == before
    assert await desk.pool_size() == 0


async def refused(desk: Desk, sender: Sender, intent: TxIntent) -> LimitError:
    async with nothing_leaves(desk):
        with pytest.raises(LimitError) as caught:
            await sender.submit(intent)
    assert intent.key in str(caught.value)
    return caught.value


def payloads(desk: Desk) -> list[dict[str, Any]]:
    """The records on disk, as another reader sees them."""
    with Journal.open(desk.path) as journal:
        return [record.decode() for record in journal.replay(stream_name(ANVIL, desk.signer.address))]


def is_cancel_out(sender: Sender, handle: TxHandle) -> bool:
    last = sender._driver.state.slots[handle.nonce].last
    return last.kind is Kind.CANCEL and bool(last.results)


@pytest.fixture
async def shop(desk: Desk) -> Desk:
    """A node with contracts at token, vault and thief that take every call."""
    for target in (TOKEN, VAULT, THIEF):
        await desk.client.request("anvil_setCode", [target, DOES_NOTHING])
    return desk


async def test_without_limits_nothing_is_signed(shop: Desk) -> None:
    """The default refuses, and says where limits are given."""
    assert SenderOptions().limits == Limits()
    async with shop.sender(limits=Limits()) as sender:
        assert (await refused(shop, sender, deposit("a"))).field == "chains"
    async with shop.sender(limits=Limits(chains={ANVIL})) as sender:
        error = await refused(shop, sender, deposit("a"))
        assert error.field == "calls"
        assert "SenderOptions(limits=...)" in str(error)


async def test_what_is_allowed_goes_through(shop: Desk) -> None:
    """The listed call, the listed approval, and a payment to a listed recipient."""
    async with shop.sender(limits=LIMITS) as sender:
        for intent in (
            deposit("deposit"),
            TxIntent("approve", call(TOKEN, APPROVE, VAULT, 2**256 - 1)),
            pay("pay"),
        ):
            assert isinstance(await (await sender.submit(intent)).outcome(timeout=30), Succeeded)
    assert await shop.executions() == 1


@pytest.mark.parametrize(
    ("wanted", "field", "words"),
    [
        (Call(THIEF, call(VAULT, DEPOSIT).data), "calls", "may not call deposit(address,uint256)"),
        (call(VAULT, b"\x01\x02\x03\x04"), "calls", "there it may call deposit"),
        (call(TOKEN, bytes.fromhex("a9059cbb"), THIEF, 1), "calls", "transfer(address,uint256)"),
        (call(TOKEN, APPROVE, THIEF, 1), "calls", "only with spender one of"),
        (Call(THIEF, b"", 1), "transfers", "may not send plain value"),
        (Call(SHOP, b"", 6), "max_value_wei", "sends 6 wei, above max_value_wei 5"),
    ],
)
async def test_a_strategy_that_was_taken_over_sends_nothing(
    shop: Desk, wanted: Call, field: str, words: str
) -> None:
    """An unknown contract, another function, a transfer, an approval to a stranger, value to a stranger, too
    much value: each is refused at submit with what it was, and the honest call goes on."""
    async with shop.sender(limits=LIMITS) as sender:
        error = await refused(shop, sender, TxIntent("theft", wanted))
        assert error.field == field
        assert words in str(error)
        await (await sender.submit(deposit("honest"))).outcome(timeout=30)
        with pytest.raises(LimitError):  # the same key again is not a way in
            await sender.submit(TxIntent("theft", wanted))


async def test_the_wrong_chain_and_the_expiry(shop: Desk) -> None:
    """A key for chain 1 signs nothing for anvil; limits that are over sign nothing, by the chain's clock."""
    async with shop.sender(limits=replace(LIMITS, chains={1})) as sender:
        assert (await refused(shop, sender, deposit("a"))).field == "chains"
    now = (await shop.client.block("latest")).at
    async with shop.sender(limits=replace(LIMITS, expires_at=now + 1_000)) as sender:
        await (await sender.submit(deposit("b"))).outcome(timeout=30)
        await shop.client.request("evm_increaseTime", [1_001])
        await shop.mine()
        await shop.until(lambda: sender._driver.clock.now() > now + 1_000)
        assert (await refused(shop, sender, deposit("c"))).field == "expires_at"


async def test_the_hours_fees_are_used_up_and_come_back(shop: Desk) -> None:
    """The refusal says when; a restart forgets nothing; an hour later by the chain's clock it goes on."""
    async with shop.sender() as sender:
        await (await sender.submit(deposit("price"))).outcome(timeout=30)
        most = at_worst(sender._driver.state, sender._driver.state.slots[0]).fee
    limits = replace(LIMITS, max_fees_per_hour_wei=2 * most)
    async with shop.sender(limits=limits) as sender:
        error = None
        for number in range(99):
            try:
                await (await sender.submit(deposit(f"again {number}"))).outcome(timeout=30)
            except LimitError as refusal:
                error = refusal
                break
        assert error is not None
        assert number > 0
        assert error.field == "max_fees_per_hour_wei"
        assert error.retry_after is not None
        assert 3_000 < error.retry_after <= 3_600
    async with shop.sender(limits=limits) as sender:
        before = sender._driver.clock.now()
        await refused(shop, sender, deposit("late"))
        await shop.client.request("evm_increaseTime", [error.retry_after + 10])
        await shop.mine()
        await shop.until(lambda: sender._driver.clock.now() > before + 3_000)
        assert isinstance(await (await sender.submit(deposit("late"))).outcome(timeout=30), Succeeded)


async def test_what_a_trade_does_to_its_account(shop: Desk) -> None:
    """Judged by what the intent declares, before a nonce is used, and again before the signature."""
    limits = replace(
        LIMITS,
        max_leverage=Decimal(2),
        max_slippage=Decimal("0.01"),
        reduce_only=True,
        max_notional=Decimal(100),
    )
    good = TradeFacts(loss=Decimal(1), after=Leverage(Decimal(200), Decimal(100)), is_reducing=True)
    worse = replace(good, after=Leverage(Decimal(200), Decimal(99)))
    async with shop.sender(limits=limits) as sender:
        for number, (trade, field) in enumerate(
            [
                (None, "reduce_only"),
                (replace(good, loss=Decimal("1.1")), "max_slippage"),
                (replace(good, is_reducing=False), "reduce_only"),
                (worse, "max_leverage"),
            ]
        ):
            asked = deposit(f"no {number}", notional=Decimal(100), trade=trade)
            assert (await refused(shop, sender, asked)).field == field
        handle = await sender.submit(deposit("yes", notional=Decimal(100), trade=good))
        assert isinstance(await handle.outcome(timeout=30), Succeeded)
    (told,) = (record for record in payloads(shop) if record["type"] == "intent")
    assert msgspec.convert(told["trade"], TradeFacts) == good


async def test_a_days_value_and_notional(shop: Desk) -> None:
    """Value counts as it leaves; notional as it is declared, and a trade that declares none is refused."""
    limits = replace(
        LIMITS, max_value_per_day_wei=2, max_notional=Decimal(60), max_notional_per_day=Decimal(100)
    )
    async with shop.sender(limits=limits) as sender:
        for key in ("a", "b"):
            await (await sender.submit(pay(key))).outcome(timeout=30)
        assert (await refused(shop, sender, pay("c"))).field == "max_value_per_day_wei"
        assert (await refused(shop, sender, deposit("d"))).field == "max_notional"
        assert (await refused(shop, sender, deposit("e", notional=Decimal(61)))).field == "max_notional"
        await (await sender.submit(deposit("f", notional=Decimal(60)))).outcome(timeout=30)
        error = await refused(shop, sender, deposit("g", notional=Decimal(41)))
        assert (error.field, error.value, error.cap) == ("max_notional_per_day", Decimal(41), Decimal(100))
        await (await sender.submit(deposit("h", notional=Decimal(40)))).outcome(timeout=30)
    async with shop.sender(limits=limits) as sender:  # the journal knows the notional too
        assert (
            await refused(shop, sender, deposit("i", notional=Decimal(1)))
        ).field == "max_notional_per_day"


async def test_what_reverted_gives_its_value_back(desk: Desk) -> None:
    """The fee is spent, the value and the notional are not."""
    await desk.client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
    limits = replace(Limits.unrestricted(), max_value_per_day_wei=1, max_notional_per_day=Decimal(1))
    async with desk.sender(simulate=False, limits=limits) as sender:
        failing = Call(REVERTER, b"\x01\x02\x03\x04", 1)
        handle = await sender.submit(TxIntent("fails", failing, gas_limit=100_000, notional=Decimal(1)))
        await handle.outcome(timeout=30)
        with pytest.raises(LimitError):  # a reorg may yet have it mined with another end
            await sender.submit(pay("pays", notional=Decimal(1)))
        await desk.mine()
        await handle.outcome(at=Finality.CONFIRMED, timeout=30)
        await (await sender.submit(pay("pays", notional=Decimal(1)))).outcome(timeout=30)
    assert await desk.executions() == 1


async def test_the_cost_of_a_transaction(desk: Desk) -> None:
    """The price is fitted under `max_cost_wei` like under a budget; what cannot be is not sent."""
    most = GAS * 5 * GWEI
    limits = replace(Limits.unrestricted(), max_cost_wei=most)
    async with desk.sender(limits=limits) as sender:
        handle = await sender.submit(pay("a"))
        assert sender._driver.state.slots[handle.nonce].worst_cost <= most
        await handle.outcome(timeout=30)
        assert (await refused(desk, sender, TxIntent("b", Call(SHOP, b"", most + 1)))).field == "max_cost_wei"


async def test_paused_nothing_new_is_signed_but_cancellations(desk: Desk) -> None:
    """Durable when pause() returns: a new life is paused too, cancels what is out, signs after unpause."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        await sender.submit(pay("out"))
        sender.pause("the price feed looks wrong")
        assert payloads(desk)[-1] == {"type": "paused", "reason": "the price feed looks wrong"}
        with pytest.raises(LimitError, match="the price feed looks wrong"):
            await sender.submit(pay("new"))
        assert await desk.pool_size() == 1
    async with desk.sender() as sender:
        assert sender.snapshot().paused == "the price feed looks wrong"
        (handle,) = sender.recovered
        handle.cancel()
        await desk.until(lambda: is_cancel_out(sender, handle))
        await desk.set_automine(True)
        await desk.mine()
        assert isinstance(await handle.outcome(timeout=30), Cancelled)
        await refused(desk, sender, pay("new"))
        sender.unpause()
        await (await sender.submit(pay("new"))).outcome(timeout=30)
    assert await desk.executions() == 1


async def test_a_pause_file_stops_a_running_sender(desk: Desk, tmp_path: Path) -> None:
    """An operator touches a file, and nothing new is signed; he removes it, and it goes on."""
    file = tmp_path / "pause"
    async with desk.sender(pause_file=file) as sender:
        await (await sender.submit(pay("a"))).outcome(timeout=30)
        file.touch()
        assert str(file) in str(await refused(desk, sender, pay("b")))
        file.unlink()
        await (await sender.submit(pay("b"))).outcome(timeout=30)


async def test_a_replacement_that_breaks_a_cap_is_not_signed(desk: Desk) -> None:
    """The same bytes go out again, the journal says why, and a cancellation still goes through."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        first = await sender.submit(pay("a"))
        worst = sender._driver.state.slots[0].worst_cost - 1
    limits = replace(Limits.unrestricted(), max_fees_per_day_wei=2 * worst)
    async with desk.sender(limits=limits) as sender:
        (handle,) = sender.recovered
        slot = sender._driver.state.slots[handle.nonce]
        await desk.client.request("anvil_setNextBlockBaseFeePerGas", [hex(50 * GWEI)])
        await desk.mine()
        await desk.mine(3)
        await desk.until(lambda: sender._driver.state.slots[handle.nonce].capped_block > 0)
        now = sender._driver.state.slots[handle.nonce]
        assert [item.tx_hash for item in now.attempts] == [item.tx_hash for item in slot.attempts]
        assert handle.tx_hash == first.tx_hash
        reasons = [r["reason"] for r in payloads(desk) if r["type"] == "capped"]
        assert any("max_fees_per_day_wei" in reason for reason in reasons)
        handle.cancel()
        await desk.until(lambda: is_cancel_out(sender, handle))
        await desk.set_automine(True)
        await desk.mine()
        assert isinstance(await handle.outcome(timeout=30), Cancelled)


async def test_two_at_once_do_not_both_take_the_last_of_a_cap(desk: Desk) -> None:
    """Sixteen submits in one turn of the loop, a day's value for three: three are paid."""
    limits = replace(Limits.unrestricted(), max_value_per_day_wei=3)
    async with desk.sender(limits=limits, simulate=False) as sender:
        asked = [sender.submit(pay(f"k{number}")) for number in range(16)]
        ended = await asyncio.gather(*asked, return_exceptions=True)
        refusals = [error for error in ended if isinstance(error, BaseException)]
        assert len(refusals) == 13
        assert all(isinstance(error, LimitError) for error in refusals)
        for handle in ended:
            if isinstance(handle, TxHandle):
                await handle.outcome(timeout=30)
    assert await desk.executions() == 3
    assert await desk.sent_nonce() == 3


async def test_a_refusal_at_the_signature_is_the_same_error(desk: Desk) -> None:
    """What only the price tells, as fees do, is refused before the signature: the nonce goes back, the key is
    free again, and the error is the same class with the same facts."""
    limits = replace(Limits.unrestricted(), max_fees_per_day_wei=GAS)
    async with desk.sender(limits=limits) as sender:
        error = await refused(desk, sender, pay("a"))
        assert (error.field, error.retry_after) == ("max_fees_per_day_wei", None)
        assert sender.record("a").status is TxStatus.REJECTED
        assert sender.snapshot().next_nonce == 0
        with pytest.raises(LimitError, match="max_fees_per_day_wei"):
            await sender.handle("a").outcome()


def test_what_is_allowed_and_not_signed_yet_counts() -> None:
    """A replacement and a new transaction are asked for in one event: together they keep the cap. What was
    given up since counts no more."""

    def intent(key: str, nonce: int) -> Intent:
        return Intent(key, "d", VAULT, b"\1\2\3\4", 0, GAS, None, None, "", 0, nonce=nonce)

    def draft(nonce: int) -> Draft:
        fields = DynamicFeeTx(ANVIL, nonce, 1, 2, GAS, VAULT, 0, b"\1\2\3\4")
        return Draft(fields, Fees(1, 2), 2 * GAS, 0)

    state = State(
        intents={"a": intent("a", 0), "b": intent("b", 1)},
        slots={0: Slot(0, "a", asked=1), 1: Slot(1, "b", asked=2)},
    )
    first, second = (Sign(nonce, Kind.NORMAL, None, nonce + 1) for nonce in (0, 1))
    guard = Guard(replace(Limits.unrestricted(), max_fees_per_day_wei=3 * GAS), ANVIL, THIEF)
    guard.check_draft(state, first, draft(0), now=1)
    guard.check_draft(state, first, draft(0), now=1)  # asked again, it counts once
    with pytest.raises(LimitError):
        guard.check_draft(state, second, draft(1), now=1)
    state.slots[0] = Slot(0, "a")
    guard.check_draft(state, second, draft(1), now=1)
