"""What a trade does to its account, in the integers of `PerpV2Probe` and `Trades.sol`. Pure."""

from __future__ import annotations

from dataclasses import replace

from trimtab.model.trade import Leverage, TradeFacts
from trimtab.model.units import WAD, from_wad
from trimtab.venues.perp_v2.account import Account


def trade_facts(before: Account, after: Account, market: str, index: int) -> TradeFacts | None:
    """The facts of a swap in `market` between two states at one block; `index` is the oracle's price. None
    where the account has liquidity of its own there: the swap moves that too, and its size with the pool."""
    was, is_now = before.holdings[market], after.holdings[market]
    if was.size != was.taker_size:
        return None
    return TradeFacts(
        loss=from_wad(_loss_up(is_now.size - was.size, _cash(before) - _cash(after), index)),
        before=leverage_of(before),
        after=leverage_of(after),
        is_reducing=_is_reducing(was.size, is_now.size),
    )


def withdrawal_facts(account: Account, currency: str, units: int) -> TradeFacts:
    """The facts of taking base units of a collateral out; the settlement token is none of `assets`. With it
    funding and realized pnl go to the balance, which has fewer decimals: less than a unit is lost
    (Vault._settleAndDecreaseBalance)."""
    asset = account.assets.get(currency)
    if asset is None:
        settled = (account.owed_realized_pnl - account.pending_funding) // 10 ** (
            18 - account.settlement_decimals
        )
        after = replace(
            account,
            settlement_balance=account.settlement_balance + settled - units,
            owed_realized_pnl=0,
            holdings={name: replace(held, pending_funding=0) for name, held in account.holdings.items()},
        )
    else:
        less = replace(asset, balance=asset.balance - units)
        after = replace(account, assets={**account.assets, currency: less})
    return TradeFacts(before=leverage_of(account), after=leverage_of(after))


def leverage_of(account: Account) -> Leverage:
    """Sum of |size| x mark, each rounded up, and the house's own equity."""
    notional = sum(-(-abs(held.size) * held.price // WAD) for held in account.holdings.values())
    return Leverage(from_wad(notional), from_wad(account.equity))


def _cash(account: Account) -> int:
    """The account's money in trades, up to what it posted: funding that is owed is gone already."""
    quote = sum(held.open_notional for held in account.holdings.values())
    return account.owed_realized_pnl + quote + account.pending_fee - account.pending_funding


def _loss_up(change: int, paid: int, index: int) -> int:
    """What was paid less what the oracle says that came for it is worth; a gain is 0."""
    return max(paid - change * index // WAD, 0)


def _is_reducing(was: int, is_now: int) -> bool:
    if is_now == 0:
        return True
    return (is_now > 0) == (was > 0) and abs(is_now) <= abs(was)
