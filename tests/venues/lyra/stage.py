"""A node with the genuine Lyra, driven through the adapter: what the node tests and the machine share."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tests.venues.games import mine

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.errors import VenueError
from trimtab.model.greeks import Greeks
from trimtab.model.ids import Address
from trimtab.model.market import OptionSeriesState, OptionType
from trimtab.model.order import OptionAction, OptionIntent, OptionQuote
from trimtab.model.units import WAD, from_wad, to_wad_exact
from trimtab.venues.base import ChainPlan
from trimtab.venues.lyra import Lyra, LyraDeployment
from trimtab.venues.lyra.encode import is_buy
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.control import NodeControl

ROOT = Path(__file__).parents[3]
CONTRACTS = ROOT / "node_modules" / "@lyrafinance" / "protocol" / "dist" / "artifacts" / "contracts"
TRADER, KEEPER = ACCOUNTS["trader"].address, ACCOUNTS["keeper"].address
GAS = 16_000_000
DAY = 86_400


@cache
def genuine(contract: str) -> Abi:
    """The whole ABI of a contract as its npm artifact has it, with all views and owner functions."""
    (path,) = [p for p in CONTRACTS.rglob(f"{contract}.json") if p.parent.name == f"{contract}.sol"]
    return Abi.parse(json.loads(path.read_text(encoding="utf-8"))["abi"], name=contract)


class Stage:
    """One market on one node. Every transaction is a block of its own, signed by the node."""

    def __init__(self, client: Client, deployment: LyraDeployment, market: str = "sETH") -> None:
        self.client = client
        self.control = NodeControl(client)
        self.deployment = deployment
        self.market = market
        self.at = deployment.markets[market]
        self.venue = Lyra(client, deployment)
        self.trader, self.keeper = TRADER, KEEPER

    async def approve(self, *accounts: Address) -> None:
        """Let the market take the accounts' tokens."""
        for account in accounts:
            await self.send(account, await self.venue.encode_approvals(account, self.market))

    def requests(self) -> int:
        """How many requests the client has sent."""
        return self.client.stats.requests.total()

    async def owner_of(self, target: Address, contract: str) -> Address:
        """Who may administrate `target`; the node signs for it."""
        owner: Address = await self.view(contract, target, "owner")
        await self.control.impersonate(owner)
        return owner

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
        """A block with this one call; a revert comes as a typed error."""

        def explain(data: bytes) -> VenueError:
            return self.venue.explain_revert(data, self.market)

        return await mine(self.client, sender, call, gas=GAS, explain=explain)

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

    async def strike(self) -> OptionSeriesState:
        """The strike of the first board that is nearest to the spot."""
        chain = await self.venue.read_chain(self.market)
        return min(chain.boards[0].strikes, key=lambda s: abs(s.series.strike - chain.spot_price))

    async def cached_vol(self, board_id: int, strike_id: int, updated_at: int) -> float:
        """The averaged volatility with which the cache was updated: of the block of that time."""
        block = await self.client.block()
        while block.at > updated_at:
            block = await self.client.block(block.number - 1)
        cache, number = self.at.contracts["OptionGreekCache"], block.number
        params = await self.view("OptionGreekCache", cache, "getGreekCacheParams")
        period = params.optionValueIvGWAVPeriod
        iv = await self.view("OptionGreekCache", cache, "getIvGWAV", board_id, period, block=number)
        period = params.optionValueSkewGWAVPeriod
        skew = await self.view("OptionGreekCache", cache, "getSkewGWAV", strike_id, period, block=number)
        return float(from_wad(iv * skew // WAD))

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

    async def any_quote(self, intent: OptionIntent) -> OptionQuote:
        """A quote that promises nothing: for orders that shall be refused."""
        block, zero = await self.client.block("pending"), Decimal(0)
        return OptionQuote(intent, zero, zero, zero, None, Greeks(), zero, None, block.number, block.at)

    def events(self, receipt: Receipt, name: str) -> list[dict[str, Any]]:
        """Arguments of the receipt's events of this name."""
        found = (self.venue.decode_log(log) for log in receipt.logs)
        return [event.args for event in found if event is not None and event.name == name]

    async def check_fill(self, account: Address, quote: OptionQuote, receipt: Receipt) -> None:
        """Cost, fee, volatility, spot, block and minimum collateral as quoted, to the wei."""
        intent = quote.intent
        (fill,) = self.venue.decode_fills(receipt, account)
        (event,) = self.events(receipt, "Trade")
        assert (receipt.block, event["timestamp"]) == (quote.block, quote.at)
        assert from_wad(event["trade"].totalCost) == quote.total_cost
        assert from_wad(event["trade"].spotPrice) == quote.spot_price
        assert fill.fee == quote.fee
        bought = is_buy(intent.type, intent.action)
        assert fill.size == (intent.amount if bought else -intent.amount)
        premium = from_wad(sum(result.premium for result in event["tradeResults"]))
        assert premium == quote.total_cost + (-quote.fee if bought else quote.fee)
        last = event["tradeResults"][-1]
        assert quote.iv_after == from_wad(last.newBaseIv * last.newSkew // WAD)
        held = {
            p.position_id: p for p in await self.venue.read_option_positions(account, block=receipt.block)
        }
        position = held.get(fill.position_id or 0)
        if intent.type.is_long:
            assert quote.min_collateral is None
        elif position is None:  # closed to the last wei
            assert quote.min_collateral == 0
        else:
            assert position.collateral == intent.set_collateral_to
            assert position.min_collateral == quote.min_collateral
