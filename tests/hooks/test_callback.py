"""Orders of GMX v2 as OrderCallback tells them, over a real node and a stand-in for GMX's handler."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from trimtab.chain.abi import Abi, decode_values
from trimtab.chain.call import Call
from trimtab.errors import IntentError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.callback import (
    FeeRefunded,
    OrderRecord,
    OrderRecorded,
    Outcome,
    PlanRun,
    PlanState,
    decode_log,
    encode_arm,
    encode_arm_last,
    encode_disarm,
    encode_run_again,
    encode_withdraw_fees,
    read_fees,
    read_record,
)
from trimtab.hooks.executor import encode_approve
from trimtab.hooks.plans import HookCall, HookPlan, hash_plan
from trimtab.model.ids import Address
from trimtab.world.world import World

DATA = Path(__file__).parents[1] / "data"
_ITEMS = ",".join(
    f"((string,{kind})[],(string,{kind}[])[])"
    for kind in ("address", "uint256", "int256", "bool", "bytes32", "bytes", "string")
)
GMX = Abi.parse(json.loads((DATA / "contracts" / "GmxHandler.json").read_text()), name="GmxHandler")
KEY = b"\x07" * 32
AT = Address("0x" + "ca" * 20)
PLAN = HookPlan((HookCall(Call(AT, b"\x01\x02\x03\x04")),), deadline=2**40)
FEE = 10**15
DEPLOY_GAS = 5_000_000


@dataclass(frozen=True)
class Site:
    """The contracts on a node, and the account whose orders they are of."""

    world: World
    gmx: Address
    callback: Address
    account: Address

    async def order(self) -> bytes:
        receipt = await self.world.transact("trader", GMX.function("createOrder").at(self.gmx, self.callback))
        return bytes(GMX.event("OrderCreated").decode(receipt.logs[0])["key"])

    async def finish(self, key: bytes, outcome: Outcome, *, value: int = 0) -> list[Any]:
        """The events that the keeper's transaction leaves."""
        order, event = event_data("OrderCreated", self.account), event_data("PositionIncrease")
        call = GMX.function("finish").at(self.gmx, key, int(outcome), order, event, 3_000_000, value=value)
        receipt = await self.world.transact("keeper", call)
        return [decode_log(log) for log in receipt.logs]


def event_data(name: str, account: Address | None = None) -> list[Any]:
    """What GMX v2.2 emitted, as `account`'s."""
    raw = bytes.fromhex(json.loads((DATA / "gmx_v2" / "event_logs.json").read_text())["logs"][name][2:])
    groups = [list(group) for group in decode_values(["address", "string", f"({_ITEMS})"], raw)[2]]
    if account is not None:
        groups[0][0] = [(k, account if k == "account" else v) for k, v in groups[0][0]]
    return groups


@pytest.fixture
async def site(world: World) -> Site:
    deployer = world.accounts["deployer"].address

    async def deploy(code: bytes) -> Address:
        fields = {"from": deployer, "data": f"0x{code.hex()}", "gas": hex(DEPLOY_GAS)}
        receipt = await world.client.request("eth_sendTransactionSync", [fields])
        return Address(receipt["contractAddress"].lower())

    gmx = await deploy(GMX.bytecode)
    callback = await deploy(load_artifact("OrderCallback").init_code(gmx, gmx))
    return Site(world, gmx, callback, world.accounts["trader"].address)


@pytest.mark.node
async def test_an_order_is_read_as_it_came_to_its_outcome(site: Site) -> None:
    """Record and event say the same; the price is the event's, the size the order's, both as GMX has them."""
    key = await site.order()
    client = site.world.client
    assert await read_record(client, site.callback, key) == OrderRecord(
        key, None, Outcome.NONE, PlanState.NONE, 0
    )
    (told,) = [event for event in await site.finish(key, Outcome.EXECUTED) if event is not None]
    assert told == OrderRecorded(key, site.account, Outcome.EXECUTED, 24_680 * 10**30, 5000022335499774)
    record = await read_record(client, site.callback, key)
    assert (record.account, record.outcome, record.plan) == (site.account, Outcome.EXECUTED, PlanState.NONE)
    assert record.reached_at == await site.world.now()


@pytest.mark.node
async def test_plans_and_fees_are_told_and_taken_back(site: Site) -> None:
    """A plan that fails is told with its reason and may be forgotten; a refund is read and withdrawn."""
    key = await site.order()
    arm = encode_arm_last(site.callback, Outcome.CANCELLED, site.account, PLAN)
    await site.world.transact("trader", arm)
    events = [e for e in await site.finish(key, Outcome.CANCELLED, value=FEE) if e is not None]
    assert [type(event) for event in events] == [OrderRecorded, PlanRun, FeeRefunded]
    assert events[1] == PlanRun(key, site.account, hash_plan(PLAN), is_done=False, reason=b"")
    assert events[2] == FeeRefunded(key, site.account, FEE)
    assert await read_fees(site.world.client, site.callback, site.account) == FEE
    await site.world.transact("trader", encode_withdraw_fees(site.callback, site.account))
    assert await read_fees(site.world.client, site.callback, site.account) == 0
    await site.world.transact("trader", encode_disarm(site.callback, key, Outcome.CANCELLED))
    assert (await read_record(site.world.client, site.callback, key)).plan is PlanState.FAILED


def test_calls_are_the_contracts_own() -> None:
    """What is encoded is decoded by the contract's ABI to the same values."""
    abi = load_artifact("OrderCallback").abi
    armed = abi.function("arm").decode_input(encode_arm(AT, KEY, Outcome.FROZEN, AT, PLAN).data)
    assert tuple(armed[:3]) == (KEY, 3, AT)
    assert abi.function("runAgain").decode_input(encode_run_again(AT, KEY).data) == (KEY,)
    assert encode_approve(AT, hash_plan(PLAN), AT).target == AT


def test_bad_input_is_refused() -> None:
    """A key of another length, and a plan for no outcome."""
    with pytest.raises(IntentError, match="32 bytes"):
        encode_run_again(AT, b"\x01")
    with pytest.raises(IntentError, match="executed, cancelled or frozen"):
        encode_arm(AT, KEY, Outcome.NONE, AT, PLAN)
