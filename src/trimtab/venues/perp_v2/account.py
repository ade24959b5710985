"""An account in the contracts' own integers: equity, margin and liquidation price, now and after a trade.

Repeats Vault, AccountBalance and PerpPortal to the wei, rounding included. Pure. 18-decimal integers unless
the name says otherwise; ratios are millionths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from trimtab.model.units import WAD
from trimtab.pricing import perp
from trimtab.pricing.perp import mul_div_trunc, mul_ppm, position_value

DUST = 10  # AccountBalance counts a smaller position as none


@dataclass(frozen=True, slots=True)
class Holding:
    """An account's place in one market. Signed, long > 0. `size` and `open_notional` include its maker
    orders; `base` and `quote` are balances less order debts; `price` values it, the mark while it is open."""

    size: int
    open_notional: int
    taker_size: int
    taker_open_notional: int
    base: int
    quote: int
    price: int
    pending_funding: int

    @property
    def value(self) -> int:
        return position_value(self.size, self.price)


@dataclass(frozen=True, slots=True)
class Asset:
    """A collateral that is not the settlement token: its balance (own decimals), its price and haircut."""

    balance: int
    decimals: int
    price: int
    price_decimals: int
    ratio: int

    @property
    def value(self) -> int:
        """What it counts for, after the haircut."""
        scaled = self.balance * 10 ** (18 - self.decimals)
        return mul_ppm(mul_div_trunc(scaled, self.price, 10**self.price_decimals), self.ratio)


@dataclass(frozen=True, slots=True)
class Account:
    """All that decides an account's margin, at one block. `settlement_balance` has `settlement_decimals`."""

    settlement_balance: int
    settlement_decimals: int
    owed_realized_pnl: int
    pending_fee: int
    assets: Mapping[str, Asset]
    holdings: Mapping[str, Holding]
    im_ratio: int
    mm_ratio: int

    @property
    def _unit(self) -> int:
        return int(10 ** (18 - self.settlement_decimals))

    @property
    def pending_funding(self) -> int:
        return sum(h.pending_funding for h in self.holdings.values())

    @property
    def collateral_value(self) -> int:
        """Everything but unrealized pnl."""
        cash = self.settlement_balance * self._unit + self.owed_realized_pnl + self.pending_fee
        return cash - self.pending_funding + sum(asset.value for asset in self.assets.values())

    @property
    def unrealized_pnl(self) -> int:
        return sum(h.value + h.open_notional for h in self.holdings.values())

    @property
    def total_abs_value(self) -> int:
        return sum(abs(h.value) for h in self.holdings.values())

    @property
    def equity(self) -> int:
        """Vault.getAccountValue as ClearingHouse uses it: floored to the settlement token's decimals."""
        return (self.collateral_value + self.unrealized_pnl) // self._unit * self._unit

    @property
    def debt(self) -> int:
        """AccountBalance.getTotalDebtValue: what initial margin is asked for."""
        quote = min(sum(h.quote for h in self.holdings.values()), 0)
        base = sum(position_value(h.base, h.price) for h in self.holdings.values() if h.base < 0)
        return abs(quote + base)

    @property
    def initial_margin(self) -> int:
        return mul_ppm(self.debt, self.im_ratio)

    @property
    def maintenance_margin(self) -> int:
        return perp.maintenance_margin(self.total_abs_value, self.mm_ratio)

    @property
    def free_collateral(self) -> int:
        """Vault.getFreeCollateral, floored to the settlement token's decimals; never below zero."""
        collateral = self.collateral_value
        free = min(collateral, collateral + self.unrealized_pnl) - self.initial_margin
        return max(free, 0) // self._unit * self._unit

    def liquidation_price(self, market: str) -> int | None:
        """PerpPortal.getLiquidationPrice: the mark of `market` at which the account falls to its maintenance
        margin, all other marks held. None without a position, or when no price liquidates."""
        held = self.holdings.get(market)
        if held is None:
            return None
        found = perp.liquidation_price(
            held.size, held.price, self.equity, self.total_abs_value, self.mm_ratio
        )
        return found or None

    def after_swap(self, market: str, base: int, quote: int) -> Account:
        """The account after a taker swap of signed `base` for signed `quote` (fee inside), marks unchanged.
        Its own liquidity in that market, if any, is kept as it was before the swap."""
        held = self.holdings[market]
        pnl = realized_pnl(held.taker_size, held.taker_open_notional, base, quote)
        taker_size, taker_quote = held.taker_size + base, held.taker_open_notional + quote - pnl
        if abs(taker_size) < DUST and abs(taker_quote) < DUST:
            base, quote = -held.taker_size, pnl - held.taker_open_notional
            taker_size, taker_quote = 0, 0
        moved = replace(
            held,
            size=held.size + base,
            open_notional=held.open_notional + quote - pnl,
            taker_size=taker_size,
            taker_open_notional=taker_quote,
            base=held.base + base,
            quote=held.quote + quote - pnl,
        )
        holdings = {**self.holdings, market: moved}
        return replace(self, holdings=holdings, owed_realized_pnl=self.owed_realized_pnl + pnl)


def realized_pnl(taker_size: int, taker_open_notional: int, base: int, quote: int) -> int:
    """Exchange.getPnlToBeRealized: what a swap of signed `base` for signed `quote` (fee inside) realizes."""
    if taker_size == 0 or (taker_size < 0) == (base < 0):
        return 0
    closed = mul_div_trunc(abs(base), WAD, abs(taker_size))
    if closed <= WAD:
        return quote + mul_div_trunc(taker_open_notional, closed, WAD)
    return taker_open_notional + mul_div_trunc(quote, WAD, closed)
