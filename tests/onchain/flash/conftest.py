"""The liquidator beside its lenders, and a crash that leaves accounts under water."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest
from ape.contracts import ContractInstance

from trimtab.chain.call import Call
from trimtab.chain.receipt import Log, Receipt
from trimtab.errors import RevertedError
from trimtab.hooks.errors import HookRevert, explain_revert
from trimtab.hooks.executor import encode_execute
from trimtab.hooks.flash import (
    CollateralTarget,
    FlashOrder,
    Liquidated,
    Loan,
    PositionTarget,
    Unwind,
    decode_events,
    encode_liquidate,
    read_profit,
)
from trimtab.hooks.plans import HookCall, HookPlan
from trimtab.model.ids import Address
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, ERC20, VAULT
from trimtab.world.lenders import Lenders, move_spot

WAD = 10**18
USDC = 10**6
FAR = 2**40
LOAN_POOL, SALE_POOL = 500, 3_000  # fees of the two spot pools


@dataclass(frozen=True)
class Done:
    """What an order came to."""

    told: Liquidated
    gas: int
    logs: list[Log]


@dataclass(frozen=True)
class Scene:
    """Perp v2 with people in it, lenders, and the liquidator; sums in base units."""

    world: Any
    run: Callable[..., Any]
    lenders: Lenders
    flash: ContractInstance
    recipient: Address

    # places

    @property
    def at(self) -> Address:
        return Address(self.flash.address.lower())

    @property
    def house(self) -> Address:
        return self.world.perp.contracts["ClearingHouse"]

    @property
    def vault(self) -> Address:
        return self.world.perp.contracts["Vault"]

    def token(self, symbol: str) -> Address:
        return self.world.addresses.tokens[symbol]

    def base(self, market: str = "vETH") -> Address:
        return self.world.perp.markets[market].base_token

    def address(self, name: str) -> Address:
        return self.world.accounts[name].address

    # what people do

    def send(self, name: str, call: Any, gas: int = 10_000_000) -> Any:
        return self.run(self.world.transact(name, call, gas=gas))

    def transfer(self, symbol: str, to: Address, amount: int) -> Any:
        """A token's call."""
        names = {"USDC": "MintableERC20", "WETH": "WETH9Mocked"}
        transfer = self.world.artifacts.abi(names[symbol]).function("transfer")
        return transfer.at(self.token(symbol), to, amount)

    def act_as(self, sender: Address, call: Any) -> None:
        """As a contract, by the node's own power."""
        control = self.world.control
        self.run(control.set_balance(sender, WAD))
        self.run(self.world.client.request("anvil_impersonateAccount", [sender]))
        self.run(self.world.operator.transact(sender, call))

    def deposit(self, name: str, symbol: str, amount: int) -> None:
        token = self.token(symbol)
        self.send(name, ERC20.function("approve").at(token, self.vault, amount))
        self.send(name, VAULT.function("deposit").at(self.vault, token, amount))

    def trade(self, name: str, size: int, market: str = "vETH") -> Any:
        """So many of the underlying, a short below zero."""
        order = (self.base(market), size < 0, size < 0, abs(size), 0, FAR, 0, bytes(32))
        return self.send(name, CLEARING_HOUSE.function("openPosition").at(self.house, order))

    def enter(self, name: str, size: int, margin: int, market: str = "vETH") -> None:
        self.deposit(name, "USDC", margin)
        self.trade(name, size, market)

    def move(self, price: int | str, symbol: str = "ETH") -> None:
        """Oracle, mark and spot pools."""
        self.run(self.world.set_price(symbol, Decimal(price)))
        if symbol == "ETH":
            self.move_spot(price)

    def move_spot(self, price: int | str) -> None:
        """The spot pools alone."""
        w = self.world
        self.run(move_spot(w.operator, w.artifacts, w.addresses, self.lenders, Decimal(price)))

    # the plain way

    def liquidation(self, target: PositionTarget) -> Call:
        liquidate = CLEARING_HOUSE.function("liquidate(address,address,int256)")
        return liquidate.at(self.house, target.trader, target.base_token, target.size)

    def close(self) -> Call:
        return CLEARING_HOUSE.function("closePosition").at(self.house, (self.base(), 0, 0, FAR, bytes(32)))

    def withdrawal(self, amount: int) -> Call:
        return VAULT.function("withdraw").at(self.vault, self.token("USDC"), amount)

    def purchase(self, name: str) -> tuple[Call, ...]:
        """Buys one WETH of somebody's collateral, and sells it in the pool."""
        usdc, weth, router = self.token("USDC"), self.token("WETH"), self.lenders.uniswap["SwapRouter"]
        sale = (weth, usdc, SALE_POOL, self.recipient, FAR, WAD, 0, 0)
        return (
            ERC20.function("approve").at(usdc, self.vault, 2**255),
            VAULT.function("liquidateCollateral").at(self.vault, self.address(name), weth, WAD, False),
            ERC20.function("approve").at(weth, router, 2**255),
            self.world.artifacts.abi("SwapRouter").function("exactInputSingle").at(router, sale),
        )

    # what there is

    def view(self, contract: str, function: str, *args: Any) -> Any:
        """What a view of a contract of Perp v2 says, by the contract's name."""
        return self.run(self.world.client.call(self.view_of(contract, function, *args)))

    def view_of(self, contract: str, function: str, *args: Any) -> Any:
        view = self.world.artifacts.abi(contract).function(function)
        return view.read(self.world.perp.contracts[contract], *args)

    def balance(self, symbol: str, account: Address) -> int:
        return self.run(self.world.client.call(ERC20.function("balanceOf").read(self.token(symbol), account)))

    def size(self, name: str, market: str = "vETH") -> int:
        return self.view("AccountBalance", "getTakerPositionSize", self.address(name), self.base(market))

    def is_under_water(self, name: str) -> bool:
        account = self.address(name)
        needed = self.view("AccountBalance", "getMarginRequirementForLiquidation", account)
        return self.view("ClearingHouse", "getAccountValue", account) < needed

    def is_collateral_for_sale(self, name: str) -> bool:
        return self.view("Vault", "isLiquidatable", self.address(name))

    def collateral_of(self, name: str) -> int:
        """Its WETH at the venue."""
        return self.view("Vault", "getBalanceByToken", self.address(name), self.token("WETH"))

    def left(self) -> dict[str, int]:
        """What the liquidator has anywhere, and what it allows anybody: only what is not nothing."""
        at, reads = self.at, self.world.client.read_many
        spenders = (self.vault, self.lenders.aave["Pool"], *self.lenders.pools.values())
        tokens = [self.token(symbol) for symbol in ("USDC", "WETH")]
        allowances = [
            ERC20.function("allowance").read(token, at, spender) for token in tokens for spender in spenders
        ]
        balances = [ERC20.function("balanceOf").read(token, at) for token in tokens]
        views = (
            ("Vault", "getBalance"),
            ("Vault", "getCollateralTokens"),
            ("AccountBalance", "getBaseTokens"),
            ("AccountBalance", "getPnlAndPendingFee"),
        )
        at_venue = [self.view_of(contract, function, at) for contract, function in views]
        usdc, weth, margin, collateral, markets, pnl, *allowed = self.run(
            reads([*balances, *at_venue, *allowances])
        )
        held = {
            "ether": self.run(self.world.client.balance(at)),
            "USDC": usdc,
            "WETH": weth,
            "allowed": sum(allowed),
            "margin": margin,
            "collateral": len(collateral),
            "markets": len(markets),
            "owed": sum(abs(part) for part in pnl),
        }
        return {name: amount for name, amount in held.items() if amount}

    # orders

    def uniswap(self, amount: int, fee: int = LOAN_POOL) -> Loan:
        return Loan.uniswap(amount, self.token("WETH"), fee)

    def positions(self, *names: str, market: str = "vETH", **fields: Any) -> tuple[PositionTarget, ...]:
        return tuple(PositionTarget(self.address(name), self.base(market), **fields) for name in names)

    def collateral(self, name: str, **fields: Any) -> tuple[CollateralTarget, ...]:
        fee = fields.pop("pool_fee", SALE_POOL)
        return (CollateralTarget(self.address(name), self.token("WETH"), fee, **fields),)

    def order(self, loan: Loan, positions: Any = (), **fields: Any) -> FlashOrder:
        """With an unwinding at any price for each market, unless given."""
        markets = dict.fromkeys(target.base_token for target in positions)
        unwinds = fields.pop("unwinds", tuple(Unwind(market) for market in markets))
        deadline = fields.pop("deadline", FAR)
        recipient = fields.pop("recipient", self.recipient)
        return FlashOrder(loan, recipient, deadline, positions, unwinds, **fields)

    def liquidate(self, order: FlashOrder, sender: str = "keeper") -> Receipt:
        """Raises `RevertedError`."""
        return self.send(sender, encode_liquidate(self.at, order), gas=30_000_000)

    def quote(self, order: FlashOrder, sender: str = "keeper") -> int:
        """What the order would leave in the next block."""
        return self.run(read_profit(self.world.client, self.at, order, self.address(sender)))

    def succeed(self, order: FlashOrder, sender: str = "keeper") -> Done:
        """Liquidate, and hold what every success promises: the recipient gets what the quote said, to the
        unit, the event tells the same, and nothing is left in the contract."""
        quoted, before = self.quote(order, sender), self.balance("USDC", order.recipient)
        receipt = self.liquidate(order, sender)
        (told,) = decode_events(receipt.logs, self.at)
        assert told.profit == quoted == self.balance("USDC", order.recipient) - before
        assert (told.caller, told.recipient) == (self.address(sender), order.recipient)
        assert (told.lender, told.loan) == (order.loan.lender, order.loan.amount)
        assert self.left() == {}
        return Done(told, receipt.gas_used, list(receipt.logs))

    def fail(self, order: FlashOrder, sender: str = "keeper") -> HookRevert:
        """Why an order was undone; nothing is left in the contract of it either."""
        return self.refusal(sender, encode_liquidate(self.at, order))

    def refusal(self, sender: str, call: Call) -> HookRevert:
        """Why a call reverted, and that it left nothing in the contract."""
        with pytest.raises(RevertedError) as caught:
            self.send(sender, call, gas=30_000_000)
        assert self.left() == {}
        return explain_revert(caught.value.data)

    def run_together(self, owner: str, executor: ContractInstance, *orders: FlashOrder) -> list[Liquidated]:
        """Orders after each other in one transaction, by an executor of `owner`; what they came to."""
        calls = tuple(HookCall(encode_liquidate(self.at, order)) for order in orders)
        plan = encode_execute(Address(executor.address.lower()), HookPlan(calls, FAR))
        return decode_events(self.send(owner, plan, gas=30_000_000).logs, self.at)

    def beside(self, flash: ContractInstance) -> Scene:
        """The same with another liquidator."""
        return replace(self, flash=flash)


@pytest.fixture(scope="module")
def lenders(world: Any, run: Any) -> Lenders:
    return run(world.deploy_lenders())


@pytest.fixture(scope="module")
def scene(
    world: Any, run: Any, lenders: Lenders, deploy: Any, keeper: Any, attacker: Any, owner: Any
) -> Scene:
    """Nobody is under water yet. The profit goes to Dave."""
    flash = deploy(
        "FlashLiquidator",
        world.perp.contracts["ClearingHouse"],
        lenders.aave["Pool"],
        world.perp.contracts["UniswapV3Factory"],
        sender=keeper,
    )
    return Scene(world, run, lenders, flash, world.accounts["dave"].address)


@pytest.fixture(scope="module")
def crash(scene: Scene) -> Scene:
    """ETH fell from 2,000 to 1,850: Alice and Bob (long, 9 and 8 times their margin) are under water, Carol
    (long, twice) is not."""
    scene.enter("alice", 45 * WAD // 10, 1_000 * USDC)
    scene.enter("bob", 80 * WAD, 20_000 * USDC)
    scene.enter("carol", 10 * WAD, 10_000 * USDC)
    scene.move(1_850)
    return scene


@pytest.fixture(scope="module")
def debtor(crash: Scene) -> Scene:
    """The trader holds 20 WETH as collateral and 20 ETH long, and owes more USDC than the venue allows after
    a fall to 1,480; a quarter of an hour later the venue's average price of WETH knows it."""
    crash.deposit("trader", "WETH", 20 * WAD)
    crash.trade("trader", 23 * WAD)
    crash.move(1_400)
    crash.run(crash.world.warp(1_000))
    crash.move(1_400)
    return crash
