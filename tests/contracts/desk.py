"""A guard on a world with the genuine venues, and the same limits before a signature: what each decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from tests.venues.lyra.stage import Stage as LyraStage
from tests.venues.perp_v2.stage import BACKSTAGE
from tests.venues.perp_v2.stage import Stage as PerpStage

from trimtab.chain.call import Call
from trimtab.chain.receipt import Receipt
from trimtab.errors import LimitError
from trimtab.hooks.deployment import HookContract, address_of, encode_deploy, guard_contract
from trimtab.hooks.errors import HookRevert, explain_revert
from trimtab.hooks.guard import (
    encode_execute,
    encode_execute_as_owner,
    encode_limits,
    encode_set_limits,
    guard_abi,
)
from trimtab.hooks.plans import HookCall, HookPlan
from trimtab.model.ids import Address
from trimtab.model.limits import AllowedCall, Limits
from trimtab.model.trade import TradeFacts
from trimtab.tx.drafting import Draft
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.events import Sign
from trimtab.tx.fees import Fees
from trimtab.tx.guard import Guard
from trimtab.tx.records import Submitted
from trimtab.tx.spend_log import DAY, Amounts
from trimtab.tx.states import Intent, Kind, Slot, State, change
from trimtab.venues.lyra.probes import list_probes as lyra_probes
from trimtab.venues.perp_v2.probes import list_probes as perp_probes
from trimtab.world.world import World

GAS = 14_000_000
MARKET = "sETH"
FUNCTIONS = (
    *("openPosition", "closePosition", "forceClosePosition", "deposit", "withdraw", "approve"),
    "settleAllFunding",
)


@dataclass(frozen=True, slots=True)
class Action:
    """What an agent wants: the calls of a plan, and what its intent declares of them."""

    name: str
    calls: tuple[Call, ...]
    notional: Decimal | None = None
    trade: TradeFacts | None = None

    @property
    def value(self) -> int:
        return sum(call.value for call in self.calls)


class Desk:
    """One guard, whose agent trades perpetuals and options. Each transaction is a block of its own."""

    def __init__(self, world: World) -> None:
        self.world, self.client, self.control = world, world.client, world.control
        self.perp, self.lyra = PerpStage(world), LyraStage(world.client, world.lyra, MARKET)
        self.owner, self.agent, self.guardian = (
            world.accounts[n].address for n in ("alice", "keeper", "bob")
        )
        self.friend = world.accounts["delegate"].address
        self.probes: dict[str, Address] = {
            target: address_of(p) for p in self._probes() for target in p.targets
        }
        contract = guard_contract(self.owner, self.agent, self.guardian)
        self.contracts = [contract, *self._probes()]
        self.guard = address_of(contract)
        self.state = State()

    def _probes(self) -> list[HookContract]:
        markets = {MARKET: self.world.lyra.markets[MARKET]}
        return [*perp_probes(self.world.perp), *lyra_probes(replace(self.world.lyra, markets=markets))]

    async def set_up(self) -> None:
        """Contracts deployed, the account funded, the venues' tokens approved."""
        for contract in self.contracts:
            await self.mine(self.owner, encode_deploy(contract))
        await self.control.set_balance(self.guard, 10**20)
        mint = BACKSTAGE.function("mint").at(self.perp.token("USDC"), self.guard, 40_000 * 10**6)
        await self.mine(self.owner, mint)
        at = self.lyra.at
        for token in (at.quote_asset, at.base_asset):
            amount = 40_000 * 10**18 if token == at.quote_asset else 20 * 10**18
            await self.lyra.act(self.lyra.trader, "TestERC20Fail", token, "transfer", self.guard, amount)
        approvals = await self.lyra.venue.encode_approvals(self.guard, MARKET)
        deposit = await self.perp.venue.encode_deposit(self.guard, "USDC", Decimal(20_000))
        plan = HookPlan(tuple(map(HookCall, (*approvals.calls, *deposit.calls))), deadline=2**40)
        await self.mine(self.owner, encode_execute_as_owner(self.guard, plan))
        self._snapshot = await self.control.snapshot()

    @property
    def allowed(self) -> tuple[AllowedCall, ...]:
        """What the venues need, as far as agents here use it."""
        market = {at for name, at in self.lyra.at.contracts.items() if name != "LiquidityPool"}
        own = {*market, self.lyra.at.quote_asset, self.lyra.at.base_asset}
        options = [call for call in self.lyra.venue.allowed_calls if call.target in own]
        every = (*self.perp.venue.allowed_calls, *options)
        return tuple(call for call in every if call.function in FUNCTIONS)

    async def mine(self, sender: Address, call: Call) -> Receipt:
        receipt = await self.send(sender, call)
        assert receipt.status, (sender, call)
        return receipt

    async def send(self, sender: Address, call: Call, **fields: str) -> Receipt:
        """Signed by the node; mined before it answers."""
        request = {**_request(sender, call, GAS, 0), **fields}
        if "gasPrice" not in fields:
            del request["gasPrice"]
        sent = await self.client.request("eth_sendTransactionSync", [request])
        receipt = await self.client.receipt(sent["transactionHash"])
        assert receipt is not None
        return receipt

    async def set_limits(self, limits: Limits) -> None:
        await self.mine(self.owner, self.encode_limits(limits))

    def encode_limits(self, limits: Limits) -> Call:
        chain_id = self.client.chain_id
        struct = encode_limits(limits, account=self.guard, chain_id=chain_id, probes=self.probes)
        return encode_set_limits(self.guard, struct)

    def execute(self, action: Action) -> Call:
        plan = HookPlan(tuple(map(HookCall, action.calls)), deadline=2**40)
        return encode_execute(self.guard, plan)

    async def next_time(self) -> int:
        """Of the block that the next transaction is in."""
        return (await self.client.block("pending")).at

    def decide_locally(self, limits: Limits, action: Action, now: int) -> LimitError | None:
        """The real policy of the agent's key, which may also call the guard."""
        call = self.execute(action)
        wanted = Submitted(
            key="k",
            digest="",
            target=call.target,
            data=call.data,
            value=call.value,
            gas_limit=GAS,
            notional=action.notional,
            trade=action.trade,
            at=now,
        )
        try:
            self._policy(limits).check_wanted(self.state, wanted, now=now)
        except LimitError as error:
            return error
        return None

    def decide_fee_locally(
        self, limits: Limits, action: Action, gas_limit: int, fee_cap: int, now: int
    ) -> LimitError | None:
        """The same policy, asked again with the price before the signature."""
        call, nonce = self.execute(action), 0
        intent = Intent("k", "", call.target, call.data, 0, gas_limit, None, None, "", now, nonce=nonce)
        intent = change(intent, notional=action.notional, trade=action.trade)
        state = State({"k": intent}, {nonce: Slot(nonce, "k", asked=1)}, spent=self.state.spent)
        fields = DynamicFeeTx(self.client.chain_id, nonce, 0, fee_cap, gas_limit, call.target, 0, call.data)
        draft = Draft(fields, Fees(0, fee_cap), gas_limit * fee_cap, 0)
        policy = self._policy(limits)
        budget = policy.tighten(intent).budget_wei
        if budget is not None and draft.worst_cost > budget:
            return LimitError("above the budget", field="max_cost_wei", value=draft.worst_cost, cap=budget)
        try:
            policy.check_draft(state, Sign(nonce, Kind.NORMAL, None, 1), draft, now=now)
        except LimitError as error:
            return error
        return None

    def _policy(self, limits: Limits) -> Guard:
        execute = guard_abi().function("execute").allow(self.guard, is_trade=False)
        return Guard(limits.allowing(execute), self.client.chain_id, self.agent)

    async def decide_on_chain(
        self,
        many: Sequence[Limits | None],
        action: Action,
        now: int,
        *,
        gas_limit: int = GAS,
        gas_price: int = 0,
    ) -> list[HookRevert | None]:
        """What the guard says under each of these limits (None: those that it has), at that second, without
        effect."""
        answers = await self._simulate(many, action, now, gas_limit, gas_price)
        return [_refusal(answer) for answer in answers]

    async def gas_used(self, action: Action, now: int, gas_price: int) -> int:
        """Under the limits that the guard has, at that second and price."""
        (answer,) = await self._simulate([None], action, now, GAS, gas_price)
        return int(answer[0]["calls"][-1]["gasUsed"], 16)

    async def _simulate(
        self, many: Sequence[Limits | None], action: Action, now: int, gas_limit: int, gas_price: int
    ) -> list[Any]:
        run = _request(self.agent, self.execute(action), gas_limit, gas_price)
        before = [
            [] if limits is None else [_request(self.owner, self.encode_limits(limits), GAS, 0)]
            for limits in many
        ]
        block = {"time": hex(now), "gasLimit": hex(10**9), "baseFeePerGas": "0x0"}
        return await self.client.batch(
            [
                (
                    "eth_simulateV1",
                    [
                        {"blockStateCalls": [{"blockOverrides": block, "calls": [*first, run]}]},
                        "latest",
                    ],
                )
                for first in before
            ]
        )

    async def carry_out(self, action: Action, **fields: str) -> tuple[Receipt, dict[str, Any]]:
        """Send it as the agent, under the limits that the guard has, and what the guard tells of it. What
        happens counts in the windows, as the journal has it, with the guard's word for the fee."""
        receipt, told = await self.send(self.agent, self.execute(action), **fields), {}
        if receipt.status:
            spend = guard_abi().event("Spend")
            (log,) = (log for log in receipt.logs if log.topics[0] == spend.topic0)
            told = spend.decode(log)
            block = await self.client.block(receipt.block)
            amounts = Amounts(told["fee"], action.value, action.notional or Decimal(0))
            self.state.spent.add(block.at, amounts)
        return receipt, told

    def spent_per_day(self, now: int) -> Amounts:
        return self.state.spent.since(now - DAY)

    async def start_anew(self) -> None:
        """As it was set up: nothing traded, nothing spent."""
        await self.control.revert(self._snapshot)
        self._snapshot = await self.control.snapshot()
        self.state = State()


def _request(sender: Address, call: Call, gas: int, gas_price: int) -> dict[str, str]:
    return {
        "from": sender,
        "to": call.target,
        "value": hex(call.value),
        "data": f"0x{call.data.hex()}",
        "gas": hex(gas),
        "gasPrice": hex(gas_price),
    }


def _refusal(answer: Any) -> HookRevert | None:
    if isinstance(answer, Exception):
        raise answer
    *before, last = answer[0]["calls"]
    assert all(int(call["status"], 16) for call in before), before
    if int(last["status"], 16):
        return None
    data = last["returnData"] if last.get("returnData", "0x") != "0x" else last["error"].get("data") or "0x"
    return explain_revert(bytes.fromhex(data[2:]))
