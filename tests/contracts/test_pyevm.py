"""Our contracts in process, on another EVM: py-evm agrees with the node of the tests under `ape test`. One
success and one failure of each, on the genuine protocols."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.chain.receipt import Receipt
from trimtab.chain.reverts import decode_revert
from trimtab.errors import CallRevertedError, RevertedError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.errors import HookRevert, explain_revert
from trimtab.hooks.executor import encode_execute
from trimtab.hooks.flash import FlashOrder, Loan, PositionTarget, Unwind, decode_events, encode_liquidate
from trimtab.hooks.lens import OptionRequest, PerpReading, PerpRequest
from trimtab.hooks.lens_reader import LensReader
from trimtab.hooks.plans import NATIVE, BalanceCondition, Conditions, HookCall, HookPlan
from trimtab.model.ids import Address
from trimtab.venues.lyra.contracts import abi as lyra_abi
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, ERC20, VAULT
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.world import World, WorldOptions

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAD, USDC, GAS = 10**18, 10**6, 15_000_000
FAR, MAX = 2**40, 2**256 - 1
SHOP = Address("0x" + "dd" * 20)
MOCKS = Path(__file__).parents[1] / "data" / "contracts"
NOTHING: list[Any] = [[[], []] for _ in range(7)]
NO_LIMITS = [MAX] * 10


@dataclass(frozen=True)
class Stage:
    """A world in this process, and hands in it."""

    world: World

    async def create(self, name: str, *args: Any, by: str = "deployer") -> Address:
        return await self.create_code(load_artifact(name).init_code(*args), by)

    async def create_code(self, code: bytes, by: str = "deployer") -> Address:
        fields = {"from": at(by), "data": f"0x{code.hex()}", "gas": hex(GAS)}
        receipt = await self.world.client.request("eth_sendTransactionSync", [fields])
        assert int(receipt["status"], 16) == 1
        return Address(receipt["contractAddress"])

    async def send(self, who: str, call: Call) -> Receipt:
        return await self.world.transact(who, call, gas=GAS)

    async def refusal(self, who: str, call: Call) -> HookRevert:
        """Why it is undone; the same on a call without effect, where the data arrives on every engine."""
        with pytest.raises(RevertedError):
            await self.send(who, call)
        with pytest.raises(CallRevertedError) as caught:
            await self.world.client.call_raw(call, sender=at(who), gas=GAS)
        return explain_revert(caught.value.data)

    async def deposit(self, who: str, amount: int) -> None:
        usdc, vault = self.world.addresses.tokens["USDC"], self.world.perp.contracts["Vault"]
        await self.send(who, ERC20.function("approve").at(usdc, vault, amount))
        await self.send(who, VAULT.function("deposit").at(vault, usdc, amount))

    async def trade(self, who: str, size: int) -> None:
        order = (self.base, size < 0, size < 0, abs(size), 0, FAR, 0, bytes(32))
        house = self.world.perp.contracts["ClearingHouse"]
        await self.send(who, CLEARING_HOUSE.function("openPosition").at(house, order))

    @property
    def base(self) -> Address:
        return self.world.perp.markets["vETH"].base_token


def at(name: str) -> Address:
    return ACCOUNTS[name].address


def call_of(contract: str, function: str, where: Address, *args: Any, value: int = 0) -> Call:
    return load_artifact(contract).abi.function(function).at(where, *args, value=value)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deployed() -> AsyncIterator[Stage]:
    async with World.open(WorldOptions(engine="py-evm")) as world:
        await world.deploy()
        yield Stage(world)


@pytest_asyncio.fixture(loop_scope="module")
async def stage(deployed: Stage) -> AsyncIterator[Stage]:
    before = await deployed.world.snapshot()
    yield deployed
    await deployed.world.restore(before)


async def test_executor(stage: Stage) -> None:
    """A plan is done whole; with a condition that does not hold nothing is left of it."""
    executor = await stage.create("Executor", at("alice"))
    pays = HookCall(Call(SHOP, b"", 5))
    await stage.send("alice", encode_execute(executor, HookPlan((pays,), FAR), value=5))
    assert await stage.world.client.balance(SHOP) == 5
    holds = Conditions((BalanceCondition(NATIVE, most=9, account=SHOP),))
    refused = await stage.refusal(
        "alice", encode_execute(executor, HookPlan((pays, HookCall(Call(SHOP, b"", 1))), FAR, holds), value=6)
    )
    assert (refused.name, refused.args["balance"]) == ("BalanceOutside", 11)
    assert await stage.world.client.balance(SHOP) == 5


async def test_guard(stage: Stage) -> None:
    """The agent may call what its owner allowed, and nothing else."""
    usdc, vault = stage.world.addresses.tokens["USDC"], stage.world.perp.contracts["Vault"]
    guard = await stage.create("Guard", at("alice"), at("delegate"), at("bob"), by="alice")
    approve = ERC20.function("approve")
    entry = (usdc, approve.selector, NATIVE, False, [(0, True, [vault], MAX)])
    limits = ([entry], [], *NO_LIMITS[:9], False, MAX, False)
    await stage.send("alice", call_of("Guard", "setLimits", guard, limits))

    def plan(spender: Address) -> Call:
        calls = (HookCall(approve.at(usdc, spender, 7)),)
        return call_of("Guard", "execute", guard, HookPlan(calls, FAR).to_abi())

    await stage.send("delegate", plan(vault))
    allowed = ERC20.function("allowance").read(usdc, guard, vault)
    assert await stage.world.client.call(allowed) == 7
    assert (await stage.refusal("delegate", plan(SHOP))).name == "ArgumentNotAllowed"
    assert (await stage.refusal("searcher", plan(vault))).name == "NotAgent"


async def test_probes(stage: Stage) -> None:
    """Margin at Perp v2 is told to the unit; of a Lyra market a position that is none has no price."""
    perp = await stage.create("PerpV2Probe", stage.world.perp.contracts["ClearingHouse"])
    await stage.deposit("trader", 1_000 * USDC)
    await stage.trade("trader", WAD)
    reading = await stage.world.client.call(_probe("PerpV2Probe", perp, at("trader")))
    value = CLEARING_HOUSE.function("getAccountValue").read(
        stage.world.perp.contracts["ClearingHouse"], at("trader")
    )
    assert reading.equity == await stage.world.client.call(value)
    contracts = stage.world.lyra.contracts
    market = stage.world.lyra.markets["sETH"].contracts["OptionMarket"]
    lyra = await stage.create("LyraProbe", contracts["OptionMarketViewer"], market, contracts["BlackScholes"])
    susd = stage.world.addresses.tokens["sUSD"]
    await stage.send("trader", ERC20.function("approve").at(susd, market, MAX))
    order = (4, 0, 1, 0, WAD, 0, 0, MAX)
    await stage.send("trader", lyra_abi("OptionMarket").function("openPosition").at(market, order))
    held = await stage.world.client.call(_probe("LyraProbe", lyra, at("trader")))
    assert held.equity > 0
    with pytest.raises(CallRevertedError):  # it is no probe's function
        await stage.world.client.call_raw(Call(lyra, b"\x01\x02\x03\x04"))


def _probe(name: str, where: Address, account: Address) -> Any:
    return load_artifact(name).abi.function("probe").read(where, account)


async def test_position_lens(stage: Stage) -> None:
    """Accounts of both venues by one call of a lens that is not deployed; a venue that is none spoils all."""
    await stage.deposit("trader", 1_000 * USDC)
    await stage.trade("trader", WAD)
    contracts, lens = stage.world.lyra.contracts, LensReader(stage.world.client)
    market = stage.world.lyra.markets["sETH"].contracts["OptionMarket"]
    options = OptionRequest(contracts["OptionMarketViewer"], market, contracts["BlackScholes"])
    perps = PerpRequest(stage.world.perp.contracts["ClearingHouse"], (stage.base,))
    answer = await lens.read([at("trader"), SHOP], "latest", [perps], [options])
    trader, nobody = answer.perps[0].accounts
    assert isinstance(trader, PerpReading)
    assert isinstance(nobody, PerpReading)
    assert trader.holdings[0].size == WAD
    assert not nobody.holdings
    with pytest.raises(CallRevertedError):
        await lens.read([at("trader")], "latest", [PerpRequest(SHOP, (stage.base,))])


async def test_flash_liquidator(stage: Stage) -> None:
    """A long that fell under water is taken over with money of Aave, at a profit; a healthy one is not."""
    lenders = await stage.world.deploy_lenders()
    pool, factory = lenders.aave["Pool"], stage.world.perp.contracts["UniswapV3Factory"]
    house = stage.world.perp.contracts["ClearingHouse"]
    flash = await stage.create("FlashLiquidator", house, pool, factory)
    await stage.deposit("alice", 1_000 * USDC)
    await stage.trade("alice", 45 * WAD // 10)
    order = FlashOrder(
        Loan.aave(20_000 * USDC),
        at("dave"),
        FAR,
        (PositionTarget(at("alice"), stage.base),),
        (Unwind(stage.base),),
    )
    assert (await stage.refusal("keeper", encode_liquidate(flash, order))).name == "NothingToLiquidate"
    await stage.world.set_price("ETH", Decimal(1_850))
    receipt = await stage.send("keeper", encode_liquidate(flash, order))
    (told,) = decode_events(receipt.logs, flash)
    assert told.profit > 0


async def test_order_callback(stage: Stage) -> None:
    """An order's outcome is recorded when GMX's handler tells it; nobody else can."""
    built = json.loads((MOCKS / "GmxHandler.json").read_text(encoding="utf-8"))
    handler = Abi.parse(built)
    gmx = await stage.create_code(handler.constructor_data(handler.bytecode))
    callback = await stage.create("OrderCallback", gmx, gmx)
    receipt = await stage.send("trader", handler.function("createOrder").at(gmx, callback))
    key = handler.event("OrderCreated").decode(receipt.logs[0])["key"]
    data = [[[["account", at("trader")]], []], *NOTHING[1:]]
    await stage.send("keeper", handler.function("finish").at(gmx, key, 2, data, NOTHING, 1_000_000))
    read = load_artifact("OrderCallback").abi.function("recordOf").read(callback, key)
    record = await stage.world.client.call(read)
    assert (record.account, record.outcome) == (at("trader"), 2)
    forged = call_of("OrderCallback", "afterOrderExecution", callback, key, data, NOTHING)
    with pytest.raises(CallRevertedError) as caught:
        await stage.world.client.call_raw(forged, sender=at("searcher"), gas=GAS)
    refused = decode_revert(caught.value.data, [load_artifact("OrderCallback").abi])
    assert (refused.name, *refused.args.values()) == ("CallerNotController", at("searcher"))
