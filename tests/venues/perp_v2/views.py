"""The adapter's reads beside the protocol's own views, at one block."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from trimtab.chain.abi import Abi
from trimtab.chain.call import Read
from trimtab.errors import CallRevertedError
from trimtab.model.ids import Address
from trimtab.model.units import from_base, from_wad
from trimtab.venues.perp_v2 import PerpV2, contracts
from trimtab.venues.perp_v2.snapshot import account_reads, snapshot_from


class Views:
    """Every comparison is to the wei; a difference says which view of which account."""

    def __init__(self, venue: PerpV2) -> None:
        self.venue = venue
        self.client = venue.client
        self.at = venue.deployment.contracts
        self.compared = 0

    def same(self, what: str, ours: object, theirs: object) -> None:
        self.compared += 1
        assert ours == theirs, f"{what}: {ours} here, {theirs} by the contract"

    async def values(self, reads: Sequence[Read[Any]], block: int) -> list[Any]:
        """Every answer; a revert of a view fails the test."""
        answers = await self.client.read_many(reads, block=block)
        for read, answer in zip(reads, answers, strict=True):
            assert not isinstance(answer, CallRevertedError), f"{read.name}: {answer}"
        return list(answers)

    def read(self, abi: Abi, contract: str, function: str, *args: Any) -> Read[Any]:
        return abi.function(function).read(self.at[contract], *args)

    async def check_all(self, accounts: Sequence[Address]) -> None:
        """Markets and accounts at the latest block."""
        block = await self.client.block_number()
        for market in self.venue.deployment.markets:
            await self.check_market(market, block)
        for account in accounts:
            await self.check_account(account, block)

    async def check_market(self, market: str, block: int) -> None:
        at = self.venue.deployment.markets[market]
        state = await self.venue.read_state(market, block=block)
        mark, index, slot0, is_open, info = await self.values(
            [
                self.read(contracts.ACCOUNT_BALANCE, "AccountBalance", "getMarkPrice", at.base_token),
                contracts.BASE_TOKEN.function("getIndexPrice").read(at.base_token, 0),
                contracts.POOL.function("slot0").read(at.pool),
                contracts.BASE_TOKEN.function("isOpen").read(at.base_token),
                self.read(contracts.MARKET_REGISTRY, "MarketRegistry", "getMarketInfo", at.base_token),
            ],
            block,
        )
        self.same(f"{market} mark", state.mark_price, from_wad(mark))
        self.same(f"{market} index", state.index_price, from_wad(index))
        spot = slot0.sqrtPriceX96 * slot0.sqrtPriceX96 // 2**96 * 10**18 // 2**96
        self.same(f"{market} spot", state.spot_price, from_wad(spot))
        self.same(f"{market} fee", state.fee_rate, from_base(info.exchangeFeeRatio, 6))
        self.same(f"{market} block", state.block, block)
        if not is_open:
            self.same(f"{market} open", state.is_open, is_open)

    async def check_account(self, account: Address, block: int) -> None:
        await self._check_margin(account, block)
        for market in self.venue.deployment.markets:
            await self._check_position(account, market, block)
            await self._check_liquidity(account, market, block)

    async def _check_margin(self, account: Address, block: int) -> None:
        margin = await self.venue.read_margin(account, block=block)
        names = (
            "getPnlAndPendingFee",
            "getTotalAbsPositionValue",
            "getTotalDebtValue",
            "getMarginRequirementForLiquidation",
        )
        house, portal, free, balance, weth, funding, leverage, im_ratio, *views = await self.values(
            [
                self.read(contracts.CLEARING_HOUSE, "ClearingHouse", "getAccountValue", account),
                self.read(contracts.PORTAL, "PerpPortal", "getAccountValue", account),
                self.read(contracts.VAULT, "Vault", "getFreeCollateral", account),
                self.read(contracts.VAULT, "Vault", "getBalance", account),
                self.read(
                    contracts.VAULT,
                    "Vault",
                    "getBalanceByToken",
                    account,
                    self.venue.deployment.collateral["WETH"].token,
                ),
                self.read(contracts.EXCHANGE, "Exchange", "getAllPendingFundingPayment", account),
                self.read(contracts.PORTAL, "PerpPortal", "getAccountLeverage", account),
                self.read(contracts.CONFIG, "ClearingHouseConfig", "getImRatio"),
                *(self.read(contracts.ACCOUNT_BALANCE, "AccountBalance", name, account) for name in names),
            ],
            block,
        )
        (owed, unrealized, fee), total, debt, required = views
        self.same("equity", margin.equity, from_wad(house))
        self.same("portal equity", margin.equity, from_wad(portal))
        self.same("free collateral", margin.free_collateral, from_base(free, 6))
        self.same("notional", margin.total_notional, from_wad(total))
        self.same("initial margin", margin.initial_margin, from_wad(debt * im_ratio // 10**6))
        self.same("maintenance margin", margin.maintenance_margin, from_wad(required))
        self.same("funding", margin.pending_funding, from_wad(funding))
        amounts = {c.currency: c.amount for c in margin.collateral}
        self.same("USDC", amounts["USDC"], from_base(balance, 6))
        self.same("WETH", amounts["WETH"], from_base(weth, 18))
        if margin.leverage is not None:
            self.same("leverage", int(margin.leverage * 10**6), leverage // 10**12)
        await self._check_integers(account, block, owed, unrealized, fee)

    async def _check_integers(
        self, account: Address, block: int, owed: int, unrealized: int, fee: int
    ) -> None:
        """The exact account that quotes are worked out from equals the contracts' totals."""
        reads = account_reads(self.venue.deployment, account)
        answers = await self.client.read_many(reads, block=block)
        snapshot = snapshot_from(self.venue.deployment, await self.client.block(block), answers)
        held = snapshot.account
        self.same("owed pnl", held.owed_realized_pnl, owed)
        self.same("unrealized pnl", held.unrealized_pnl, unrealized)
        self.same("pending fee", held.pending_fee, fee)
        margin = await self.venue.read_margin(account, block=block)
        self.same("integer equity", from_wad(held.equity), margin.equity)
        self.same("integer free collateral", from_wad(held.free_collateral), margin.free_collateral)
        self.same("integer maintenance margin", from_wad(held.maintenance_margin), margin.maintenance_margin)

    async def _check_position(self, account: Address, market: str, block: int) -> None:
        token = self.venue.deployment.markets[market].base_token
        position = await self.venue.read_position(account, market, block=block)
        size, notional, value, liquidation, funding, mark = await self.values(
            [
                *(
                    self.read(contracts.ACCOUNT_BALANCE, "AccountBalance", name, account, token)
                    for name in ("getTotalPositionSize", "getTotalOpenNotional", "getTotalPositionValue")
                ),
                self.read(contracts.PORTAL, "PerpPortal", "getLiquidationPrice", account, token),
                self.read(contracts.PORTAL, "PerpPortal", "getPendingFundingPayment", account, token),
                self.read(contracts.ACCOUNT_BALANCE, "AccountBalance", "getMarkPrice", token),
            ],
            block,
        )
        self.same(f"{market} size", position.size, from_wad(size))
        self.same(f"{market} open notional", position.open_notional, from_wad(notional))
        self.same(f"{market} mark", position.mark_price, from_wad(mark))
        self.same(f"{market} pnl", position.unrealized_pnl, from_wad(value + notional))
        self.same(f"{market} funding", position.pending_funding, from_wad(funding))
        found = position.liquidation_price or Decimal(0)
        self.same(f"{market} liquidation price", found, from_wad(liquidation))

    async def _check_liquidity(self, account: Address, market: str, block: int) -> None:
        token = self.venue.deployment.markets[market].base_token
        ranges = await self.venue.read_liquidity(account, market, block=block)
        base, quote, base_debt, quote_debt = await self.values(
            [
                self.read(contracts.ORDER_BOOK, "OrderBook", function, account, token, fetch_base)
                for function in ("getTotalTokenAmountInPoolAndPendingFee", "getTotalOrderDebt")
                for fetch_base in (True, False)
            ],
            block,
        )
        for what, ours, theirs in (
            ("base in pool", sum(r.base for r in ranges), base[0]),
            ("quote in pool", sum(r.quote for r in ranges), quote[0]),
            ("pending fee", sum(r.pending_fee for r in ranges), quote[1]),
            ("base debt", sum(r.base_debt for r in ranges), base_debt),
            ("quote debt", sum(r.quote_debt for r in ranges), quote_debt),
        ):
            self.same(f"{market} {what}", ours, from_wad(theirs))
