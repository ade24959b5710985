"""The executor's calls on a real chain: what we encode is what it does."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import CallRevertedError, SimulationRevertedError
from trimtab.hooks import executor as x
from trimtab.hooks.deployment import address_of, encode_deploy, executor_contract
from trimtab.hooks.errors import explain_revert
from trimtab.hooks.plans import (
    NATIVE,
    BalanceCondition,
    Conditions,
    DeltaCondition,
    HealthCondition,
    Holding,
    HookCall,
    HookPlan,
    OnFailure,
    PlanInput,
    PriceCondition,
    SizeCondition,
    hash_plan,
    perp_market_id,
)
from trimtab.journal import Journal
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.limits import Limits
from trimtab.model.order import PerpIntent, Side
from trimtab.tx import Sender, SenderOptions, Succeeded, TxIntent
from trimtab.tx.signers import LocalSigner
from trimtab.venues.perp_v2 import PerpV2
from trimtab.venues.perp_v2.probes import list_probes
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.node import AnvilNode
from trimtab.world.operator import Operator
from trimtab.world.world import World

pytestmark = pytest.mark.node

OWNER, RUNNER = (ACCOUNTS[name].address for name in ("deployer", "keeper"))
SHOP = Address("0x" + "dd" * 20)
LATER = 2**40


def pay(value: int, on_failure: OnFailure = OnFailure.REVERT) -> HookCall:
    return HookCall(Call(SHOP, b"", value), on_failure)


FULL = HookPlan(
    (pay(1), HookCall(Call(SHOP, b"\x01" * 40, 2), OnFailure.STOP)),
    LATER,
    Conditions(
        (BalanceCondition(SHOP, least=-3, is_change=True), BalanceCondition(NATIVE, most=5, account=SHOP)),
        (PriceCondition(1, SHOP, perp_market_id(SHOP), 7),),
        (DeltaCondition("ETH", (Holding(SHOP), Holding(SHOP, RUNNER)), -1, 1, spot=(SHOP,)),),
        (HealthCondition(SHOP, 10**18, RUNNER),),
        (SizeCondition(SHOP, perp_market_id(SHOP), -4, -4),),
    ),
    b"\x07" * 32,
    (PlanInput(SHOP, 9),),
    (SHOP, RUNNER),
)
"""Something in every field, each value different from the others of its kind."""


async def deploy_executor(client: Client, owner: Address) -> Address:
    contract = executor_contract(owner)
    await Operator(client).transact(OWNER, encode_deploy(contract), gas=8_000_000)
    return address_of(contract)


async def test_a_plans_name_is_the_contracts(anvil: AnvilNode) -> None:
    """`hash_plan` and the contract's `hashPlan` agree on a plan with something in every field."""
    async with Client.open(anvil.url) as client:
        executor = await deploy_executor(client, ZERO_ADDRESS)
        read = x.executor_abi().function("hashPlan").read(executor, FULL.to_abi())
        assert await client.call(read) == hash_plan(FULL)


async def test_an_owners_plan_is_done_and_told(anvil: AnvilNode) -> None:
    """Results and events come back typed: a call that may fail is told with its reason, the next is made."""
    async with Client.open(anvil.url) as client:
        operator = Operator(client)
        executor = await deploy_executor(client, OWNER)
        refused = HookCall(Call(SHOP, b"\x01\x02\x03\x04"), OnFailure.CONTINUE)
        plan = HookPlan((pay(3), refused, pay(4)), LATER)
        call = x.encode_execute(executor, plan, value=7)
        results = x.decode_results(await client.call_raw(call, sender=OWNER))
        assert [result.is_success for result in results] == [True, False, True]
        reason = explain_revert(results[1].data)
        assert (reason.name, reason.args) == ("NoCode", {"target": SHOP})
        receipt = await operator.transact(OWNER, call)
        failed, executed = x.decode_events(receipt.logs, executor)
        assert failed == x.CallFailed(executor, hash_plan(plan), 1, results[1].data)
        assert executed == x.PlanExecuted(executor, hash_plan(plan), OWNER)
        assert x.decode_events(receipt.logs, SHOP) == []
        assert await client.balance(SHOP) == 7


async def test_a_condition_that_fails_says_its_numbers(anvil: AnvilNode) -> None:
    """What must hold after the plan does not: all is undone, and the refusal is read in words."""
    async with Client.open(anvil.url) as client:
        executor = await deploy_executor(client, OWNER)
        bound = Conditions(balances=(BalanceCondition(NATIVE, most=2, account=SHOP, is_change=True),))
        with pytest.raises(CallRevertedError) as caught:
            await client.call_raw(
                x.encode_execute(executor, HookPlan((pay(3),), LATER, bound), value=3), sender=OWNER
            )
        told = str(explain_revert(caught.value.data))
        assert told == f"the native balance of {SHOP}, 3 base units, is outside any to 2"


async def test_an_approved_plan_is_run_once_by_whom_it_names(anvil: AnvilNode) -> None:
    """Approve, read, revoke, approve again, run; a second run is refused in words."""
    async with Client.open(anvil.url) as client:
        operator = Operator(client)
        executor = await deploy_executor(client, OWNER)
        await operator.transact(OWNER, Call(executor, b"", 5))
        plan = HookPlan((pay(5),), LATER, salt=b"\x01" * 32)
        name = hash_plan(plan)
        approved = x.read_is_approved(executor, executor, name, RUNNER)
        await operator.transact(OWNER, x.encode_approve(executor, name, RUNNER))
        assert await client.call(approved)
        await operator.transact(OWNER, x.encode_revoke(executor, name, RUNNER))
        assert not await client.call(approved)
        await operator.transact(OWNER, x.encode_approve(executor, name, RUNNER))
        await operator.transact(RUNNER, x.encode_run(executor, executor, plan))
        assert await client.balance(SHOP) == 5
        with pytest.raises(CallRevertedError) as caught:
            await client.call_raw(x.encode_run(executor, executor, plan), sender=RUNNER)
        assert f"did not approve the plan 0x{name.hex()} for {RUNNER}" in str(
            explain_revert(caught.value.data)
        )


async def test_only_a_safe_may_act_as_itself(anvil: AnvilNode) -> None:
    """`executeFrom` for somebody else's account is refused by who asks and for whom."""
    async with Client.open(anvil.url) as client:
        executor = await deploy_executor(client, ZERO_ADDRESS)
        call = x.encode_execute_from(executor, SHOP, HookPlan((pay(1),), LATER))
        with pytest.raises(CallRevertedError) as caught:
            await client.call_raw(call, sender=OWNER)
        assert f"{OWNER} may not act for {SHOP}" in str(explain_revert(caught.value.data))


async def test_an_eoa_trades_by_a_plan_of_its_own(world: World, tmp_path: Path) -> None:
    """An account takes on the executor's code and calls itself: deposit and a genuine trade at Perp v2 happen
    in one transaction, within bounds of price, size and health that the probe measures; another size than was
    promised undoes all of it."""
    account, perp = world.accounts["alice"], PerpV2(world.client, world.perp)
    (probe,) = list_probes(world.perp)
    for contract in (executor_contract(), probe):
        await world.transact("deployer", encode_deploy(contract), gas=8_000_000)
    code, at = address_of(executor_contract()), address_of(probe)
    funds = (await perp.encode_deposit(account.address, "USDC", Decimal(4_000))).calls
    market = perp_market_id(world.perp.markets["vETH"].base_token)
    intent = PerpIntent("vETH", Side.BUY, size=Decimal(1), acceptable_price=Decimal(2_500))
    trade = perp.encode_order(account.address, intent, await perp.read_quote(account.address, intent)).calls

    def plan(size: int) -> HookPlan:
        calls = tuple(map(HookCall, (*funds, *trade)))
        return HookPlan(
            calls,
            LATER,
            Conditions(
                prices=(PriceCondition(len(calls) - 1, at, market, 2_500 * 10**18),),
                healths=(HealthCondition(at, 10**18),),
                sizes=(SizeCondition(at, market, size, size),),
            ),
        )

    limits = Limits.of(perp).allowing(x.executor_abi().function("execute").allow(account.address))
    options = SenderOptions(poll_interval=0.05, limits=replace(limits, delegates={code}))
    with Journal.open(tmp_path / "journal.db") as journal:
        signer = LocalSigner.from_key(account.key)
        async with Sender.open(world.client, signer, journal, options) as sender:
            wrong = x.encode_execute(account.address, plan(2 * 10**18))
            with pytest.raises(SimulationRevertedError) as caught:
                await sender.submit(TxIntent("wrong", wrong, delegate_to=code))
            told = str(explain_revert(caught.value.data))
            assert told.startswith(f"size 1 of {account.address} in market")
            assert told.endswith("is outside 2 to 2")
            right = x.encode_execute(account.address, plan(10**18))
            handle = await sender.submit(TxIntent("right", right, delegate_to=code))
            outcome = await handle.outcome(timeout=60)
    assert isinstance(outcome, Succeeded)
    (executed,) = x.decode_events(outcome.receipt.logs, account.address)
    assert executed == x.PlanExecuted(account.address, hash_plan(plan(10**18)), account.address)
    assert (await perp.read_position(account.address, "vETH")).size == 1
    assert [fill.size for fill in perp.decode_fills(outcome.receipt, account.address)] == [1]
