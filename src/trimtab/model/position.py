"""What an account holds, and what it must hold against it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trimtab.model.greeks import Greeks
from trimtab.model.ids import Address
from trimtab.model.market import OptionSeries, OptionType


@dataclass(frozen=True, slots=True)
class PerpPosition:
    """Signed `size` in units of underlying, long > 0. `open_notional` is the signed quote balance of the
    position (long < 0). Money in quote currency. `pending_funding` > 0 is owed by the account.
    `liquidation_price` is the mark price, all else equal; None when no price liquidates."""

    venue: str
    market: str
    account: Address
    size: Decimal
    open_notional: Decimal
    entry_price: Decimal | None
    mark_price: Decimal
    index_price: Decimal
    unrealized_pnl: Decimal
    pending_funding: Decimal
    liquidation_price: Decimal | None
    block: int

    @property
    def notional(self) -> Decimal:
        """abs(size) x mark price."""
        return abs(self.size) * self.mark_price


@dataclass(frozen=True, slots=True)
class CollateralBalance:
    """One asset posted at a venue, in its own units, and what it counts for in quote currency."""

    currency: str
    token: Address
    amount: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class MarginAccount:
    """An account's margin at a venue, all in quote currency. Health = equity / maintenance margin; below 1
    is liquidatable; None without a position."""

    venue: str
    account: Address
    equity: Decimal
    initial_margin: Decimal
    maintenance_margin: Decimal
    free_collateral: Decimal
    collateral: tuple[CollateralBalance, ...]
    total_notional: Decimal
    pending_funding: Decimal
    block: int
    at: int

    @property
    def health(self) -> Decimal | None:
        return self.equity / self.maintenance_margin if self.maintenance_margin else None

    @property
    def leverage(self) -> Decimal | None:
        return self.total_notional / self.equity if self.equity > 0 else None


@dataclass(frozen=True, slots=True)
class LiquidityRange:
    """Maker liquidity between two ticks of a pool, lower price first. `liquidity` in the pool's own units;
    `base` and `quote` are in the pool now, the debts were put in; `pending_fee` in quote currency."""

    venue: str
    market: str
    account: Address
    ticks: tuple[int, int]
    prices: tuple[Decimal, Decimal]
    liquidity: int
    base: Decimal
    quote: Decimal
    base_debt: Decimal
    quote_debt: Decimal
    pending_fee: Decimal
    block: int


@dataclass(frozen=True, slots=True)
class OptionPosition:
    """`amount` positive, in units of underlying; `type` gives the side. `collateral` in base for
    SHORT_CALL_BASE, else in quote. `mark_price` per option in quote currency, the venue's own; `venue_greeks`
    are the venue's and `greeks` ours, both for the signed amount."""

    venue: str
    account: Address
    position_id: int
    series: OptionSeries
    type: OptionType
    amount: Decimal
    collateral: Decimal
    min_collateral: Decimal | None
    mark_price: Decimal
    iv: Decimal
    venue_greeks: Greeks
    greeks: Greeks
    state: str
    block: int

    @property
    def signed_amount(self) -> Decimal:
        return self.amount * self.type.sign

    @property
    def mark_value(self) -> Decimal:
        """Signed value of the options alone at the venue's mark, without collateral."""
        return self.signed_amount * self.mark_price


@dataclass(frozen=True, slots=True)
class AccountBook:
    """All that an account has at a venue, at one block. `margin` is None where the venue margins each
    position alone."""

    venue: str
    account: Address
    perps: tuple[PerpPosition, ...]
    options: tuple[OptionPosition, ...]
    margin: MarginAccount | None
    block: int
