"""A node with the genuine Lyra, driven through the adapter: what the node tests and the machine share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.errors import CallRevertedError, VenueError
from trimtab.model.ids import Address
from trimtab.model.market import OptionSeriesState, OptionType
from trimtab.model.order import OptionAction, OptionIntent, OptionQuote
from trimtab.model.units import WAD, to_wad_exact
from trimtab.venues.base import ChainPlan
from trimtab.venues.lyra import Lyra, LyraDeployment
from trimtab.world.control import NodeControl

ROOT = Path(__file__).parents[3]
CONTRACTS = ROOT / "node_modules" / "@lyrafinance" / "protocol" / "dist" / "artifacts" / "contracts"
GAS = 16_000_000
DAY = 86_400


@cache
def genuine(contract: str) -> Abi:
    """The whole ABI of a contract as its npm artifact has it, with all views and owner functions."""
    (path,) = [p for p in CONTRACTS.rglob(f"{contract}.json") if p.parent.name == f"{contract}.sol"]
    return Abi.parse(json.loads(path.read_text(encoding="utf-8"))["abi"], name=contract)


class Stage:
    """One market on one node. Transactions are sent from impersonated accounts, each a block of its own."""

    def __init__(self, client: Client, deployment: LyraDeployment, market: str = "sETH") -> None:
        self.client = client
        self.control = NodeControl(client)
        self.deployment = deployment
        self.market = market
        self.at = deployment.markets[market]
        self.venue = Lyra(client, deployment)

    async def prepare(self, accounts: Sequence[Address]) -> None:
        """Blocks one second apart, so that pending is known; accounts with ether, tokens and approvals."""
        await self.control.set_block_interval(1)
        for account in accounts:
            await self.control.impersonate(account)
            await self.control.set_balance(account, 10**24)
            for token, storage in (
                (self.at.quote_asset, self.at.quote_storage),
                (self.at.base_asset, self.at.base_storage),
            ):
                minter = await self.owner_of(token, "TestERC20Fail")
                amount = 10**6 * WAD if token == self.at.quote_asset else 10**4 * WAD
                await self.act(minter, "TestERC20Fail", token, "mint", account, amount)
                assert storage is not None
            for plan in (await self.venue.encode_approvals(account, self.market),):
                await self.send(account, plan)

    async def owner_of(self, target: Address, contract: str) -> Address:
        """Who may administrate `target`: its owner; a token has none, then the market's owner stands in."""
        owned, name = (target, contract) if "owner()" in genuine(contract).functions else self._market()
        owner: Address = await self.view(name, owned, "owner")
        await self.control.impersonate(owner)
        return owner

    def _market(self) -> tuple[Address, str]:
        return self.at.contracts["OptionMarket"], "OptionMarket"

    async def view(
        self, contract: str, target: Address, function: str, *args: Any, block: Any = "latest"
    ) -> Any:
        """A view of a contract by its genuine ABI, past the adapter."""
        return await self.client.call(genuine(contract).function(function).read(target, *args), block=block)

    async def act(
        self, sender: Address, contract: str, target: Address, function: str, *args: Any
    ) -> Receipt:
        """A transaction that must succeed, past the adapter: what an owner or an oracle does."""
        return await self.mine(sender, genuine(contract).function(function).at(target, *args))

    async def mine(self, sender: Address, call: Call) -> Receipt:
        """Send and mine. Tried at the pending block first, so that a revert comes as a typed error."""
        try:
            await self.client.call_raw(call, sender=sender, block="pending", gas=GAS)
        except CallRevertedError as error:
            raise self.venue.explain_revert(error.data, self.market) from error
        transaction = {
            "from": sender,
            "to": call.target,
            "data": "0x" + call.data.hex(),
            "gas": hex(GAS),
        }
        sent = await self.client.request("eth_sendTransactionSync", [transaction])
        receipt = await self.client.receipt(sent["transactionHash"])
        assert receipt is not None
        assert receipt.status, "the node accepted the call at the pending block and then reverted it"
        return receipt

    async def send(self, sender: Address, plan: ChainPlan) -> Receipt | None:
        """Every call of a plan; the last receipt."""
        receipt = None
        for call in plan.calls:
            receipt = await self.mine(sender, call)
        return receipt

    async def now(self) -> int:
        return (await self.client.block()).at

    async def warp(self, seconds: int) -> None:
        await self.control.mine_at(await self.now() + seconds)

    async def set_spot(self, price: Decimal, *, is_invalid: bool = False) -> None:
        """The Synthetix rate of the market's base asset."""
        adapter = self.deployment.contracts["SynthetixAdapter"]
        market = self.at.contracts["OptionMarket"]
        rates = await self.view("SynthetixAdapter", adapter, "exchangeRates")
        key = await self.view("SynthetixAdapter", adapter, "baseKey", market)
        owner = await self.owner_of(market, "OptionMarket")
        wad = to_wad_exact(price, "price")
        await self.act(owner, "TestExchangeRates", rates, "setRateAndInvalid", key, wad, is_invalid)

    async def as_owner(self, contract: str, function: str, *args: Any) -> Receipt:
        """An owner's action on a contract of the market, or on the adapter."""
        target = self.at.contracts.get(contract) or self.deployment.contracts[contract]
        return await self.act(await self.owner_of(target, contract), contract, target, function, *args)

    async def strike(self, board: int = 0, index: int = 2) -> OptionSeriesState:
        chain = await self.venue.read_chain(self.market)
        return chain.boards[board].strikes[index]

    async def intent(
        self, option_type: OptionType, amount: Decimal, *, margin: Decimal = Decimal("1.5"), **changes: Any
    ) -> OptionIntent:
        """An opening order near the money, shorts with `margin` times their minimum collateral."""
        series = (await self.strike()).series
        least = await self.venue.read_min_collateral(series, option_type, amount)
        collateral = (least * margin).quantize(Decimal("1e-6"))
        return OptionIntent(
            series, option_type, OptionAction.OPEN, amount, set_collateral_to=collateral, **changes
        )

    async def trade(self, account: Address, intent: OptionIntent) -> tuple[OptionQuote, Receipt]:
        """Quote, then trade: the quote is of the block that the trade is mined in."""
        quote = await self.venue.read_option_quote(account, intent)
        receipt = await self.send(account, self.venue.encode_option_order(account, intent, quote))
        assert receipt is not None
        return quote, receipt

    async def refusal(self, sender: Address, plan: ChainPlan) -> VenueError:
        """The typed error with which the venue refuses the plan."""
        try:
            await self.send(sender, plan)
        except VenueError as error:
            return error
        raise AssertionError(f"{plan.labels} was not refused")
