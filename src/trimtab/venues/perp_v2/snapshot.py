"""One account or market at one block: the calls that read it, and their answers as integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.chain.call import Read
from trimtab.chain.receipt import Block
from trimtab.errors import CallRevertedError
from trimtab.model.ids import Address
from trimtab.venues.perp_v2.account import Account, Asset, Holding
from trimtab.venues.perp_v2.addresses import PerpV2Deployment, PerpV2MarketAddresses
from trimtab.venues.perp_v2.contracts import (
    ACCOUNT_BALANCE,
    BASE_TOKEN,
    COLLATERAL_MANAGER,
    CONFIG,
    EXCHANGE,
    VAULT,
)
from trimtab.venues.perp_v2.reverts import explain_revert

COLLATERAL_TWAP_SECONDS = 900  # Vault's constant


@dataclass(frozen=True, slots=True)
class MarketPrices:
    """A market's prices (18 decimals) and status. `price` is what positions are valued at: the mark while it
    is open, then the index at the pause, then the closing price."""

    mark: int | CallRevertedError
    index: int | CallRevertedError
    price: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An account at one block, and the prices that it is valued at."""

    account: Account
    prices: dict[str, MarketPrices]
    block: Block


def expect(answer: Any, market: str | None = None) -> Any:
    """The answer; a revert is raised as the venue's typed error."""
    if isinstance(answer, CallRevertedError):
        raise explain_revert(answer.data, market) from answer
    return answer


def price_reads(deployment: PerpV2Deployment, market: PerpV2MarketAddresses) -> list[Read[Any]]:
    """Six reads: mark, index, open, closed, closing price, price at the pause."""
    token = market.base_token
    balance = deployment.contracts["AccountBalance"]
    return [
        ACCOUNT_BALANCE.function("getMarkPrice").read(balance, token),
        BASE_TOKEN.function("getIndexPrice").read(token, 0),
        BASE_TOKEN.function("isOpen").read(token),
        BASE_TOKEN.function("isClosed").read(token),
        BASE_TOKEN.function("getClosedPrice").read(token),
        BASE_TOKEN.function("getPausedIndexPrice").read(token),
    ]


def prices_from(answers: Sequence[Any], market: str) -> MarketPrices:
    """The six answers of `price_reads`."""
    mark, index, is_open, is_closed, closed, paused = answers
    at_rest = closed if expect(is_closed, market) else paused
    price = mark if expect(is_open, market) else at_rest
    return MarketPrices(mark, index, expect(price, market), is_open)


def account_reads(deployment: PerpV2Deployment, account: Address) -> list[Read[Any]]:
    """All that decides the account's margin, in the order that `snapshot_from` takes it."""
    at = deployment.contracts
    balance, vault, config = at["AccountBalance"], at["Vault"], at["ClearingHouseConfig"]
    reads = [
        VAULT.function("getBalance").read(vault, account),
        ACCOUNT_BALANCE.function("getPnlAndPendingFee").read(balance, account),
        CONFIG.function("getImRatio").read(config),
        CONFIG.function("getMmRatio").read(config),
    ]
    for currency, asset in deployment.collateral.items():
        if currency != deployment.settlement:
            reads += _asset_reads(deployment, asset.token, account)
    for market in deployment.markets.values():
        reads += price_reads(deployment, market)
        reads += _holding_reads(deployment, market.base_token, account)
    return reads


def _asset_reads(deployment: PerpV2Deployment, token: Address, account: Address) -> list[Read[Any]]:
    manager = deployment.contracts["CollateralManager"]
    return [
        VAULT.function("getBalanceByToken").read(deployment.contracts["Vault"], account, token),
        COLLATERAL_MANAGER.function("getPrice").read(manager, token, COLLATERAL_TWAP_SECONDS),
        COLLATERAL_MANAGER.function("getPriceFeedDecimals").read(manager, token),
        COLLATERAL_MANAGER.function("getCollateralConfig").read(manager, token),
    ]


def _holding_reads(deployment: PerpV2Deployment, token: Address, account: Address) -> list[Read[Any]]:
    balance, exchange = deployment.contracts["AccountBalance"], deployment.contracts["Exchange"]
    names = (
        "getTotalPositionSize",
        "getTotalOpenNotional",
        "getTakerPositionSize",
        "getTakerOpenNotional",
        "getBase",
        "getQuote",
    )
    reads = [ACCOUNT_BALANCE.function(name).read(balance, account, token) for name in names]
    return [*reads, EXCHANGE.function("getPendingFundingPayment").read(exchange, account, token)]


def snapshot_from(deployment: PerpV2Deployment, block: Block, answers: Sequence[Any]) -> Snapshot:
    """The answers to `account_reads`. A market without price history reverts: `StalePriceError`."""
    left = iter(answers)
    balance, pnl, im_ratio, mm_ratio = (expect(next(left)) for _ in range(4))
    owed, _, pending_fee = pnl
    assets = {
        currency: _asset_from([expect(next(left)) for _ in range(4)], asset.decimals)
        for currency, asset in deployment.collateral.items()
        if currency != deployment.settlement
    }
    prices: dict[str, MarketPrices] = {}
    holdings: dict[str, Holding] = {}
    for name in deployment.markets:
        prices[name] = prices_from([next(left) for _ in range(6)], name)
        holdings[name] = _holding_from([expect(next(left), name) for _ in range(7)], prices[name].price)
    account = Account(
        settlement_balance=balance,
        settlement_decimals=deployment.collateral[deployment.settlement].decimals,
        owed_realized_pnl=owed,
        pending_fee=pending_fee,
        assets=assets,
        holdings=holdings,
        im_ratio=im_ratio,
        mm_ratio=mm_ratio,
    )
    return Snapshot(account, prices, block)


def _holding_from(answers: Sequence[Any], price: int) -> Holding:
    size, notional, taker_size, taker_notional, base, quote, funding = answers
    return Holding(size, notional, taker_size, taker_notional, base, quote, price, funding)


def _asset_from(answers: Sequence[Any], decimals: int) -> Asset:
    balance, price, price_decimals, config = answers
    return Asset(balance, decimals, price, price_decimals, config.collateralRatio)
