"""Markets and what they show now."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trimtab.model.greeks import Greeks
from trimtab.model.ids import Address


@dataclass(frozen=True, slots=True)
class PerpMarket:
    """A perpetual. `name` is unique inside the venue ("vETH"); `underlying` joins venues ("ETH")."""

    venue: str
    name: str
    underlying: str
    quote_currency: str
    address: Address
    size_decimals: int = 18


@dataclass(frozen=True, slots=True)
class PerpState:
    """A perpetual at one block. Prices in quote currency; `funding_rate` is per day as a fraction, above 0
    longs pay shorts; open interest in units of underlying, None where the venue does not tell."""

    market: PerpMarket
    mark_price: Decimal
    index_price: Decimal
    spot_price: Decimal  # what the next infinitesimal trade would pay, before fees
    funding_rate: Decimal
    open_interest_long: Decimal | None
    open_interest_short: Decimal | None
    fee_rate: Decimal
    is_open: bool
    block: int
    at: int  # block time, unix seconds

    @property
    def basis(self) -> Decimal:
        """mark - index, in quote currency."""
        return self.mark_price - self.index_price


class OptionKind(StrEnum):
    """The right to buy (call) or to sell (put)."""

    CALL = "call"
    PUT = "put"


class OptionType(StrEnum):
    """Side, kind and collateral of an option position; the five that Lyra knows are the five there are."""

    LONG_CALL = "long_call"
    LONG_PUT = "long_put"
    SHORT_CALL_BASE = "short_call_base"
    SHORT_CALL_QUOTE = "short_call_quote"
    SHORT_PUT_QUOTE = "short_put_quote"

    @property
    def kind(self) -> OptionKind:
        return (
            OptionKind.PUT if self in (OptionType.LONG_PUT, OptionType.SHORT_PUT_QUOTE) else OptionKind.CALL
        )

    @property
    def is_long(self) -> bool:
        return self in (OptionType.LONG_CALL, OptionType.LONG_PUT)

    @property
    def sign(self) -> int:
        """+1 for a holder, -1 for a writer."""
        return 1 if self.is_long else -1


@dataclass(frozen=True, slots=True)
class OptionMarket:
    """All options of one underlying at a venue."""

    venue: str
    name: str
    underlying: str
    quote_currency: str
    address: Address


@dataclass(frozen=True, slots=True)
class OptionSeries:
    """One strike of one board. `expiry` is unix seconds, `strike` in quote currency."""

    market: OptionMarket
    board_id: int
    strike_id: int
    strike: Decimal
    expiry: int


@dataclass(frozen=True, slots=True)
class OptionSeriesState:
    """A strike at one block. `iv` = base_iv x skew, an annualised fraction (0.65). `call` and `put` are the
    venue's own Greeks per one option; `call_price` and `put_price` its own marks, quote currency."""

    series: OptionSeries
    base_iv: Decimal
    skew: Decimal
    iv: Decimal
    call_price: Decimal
    put_price: Decimal
    call: Greeks
    put: Greeks
    long_call_oi: Decimal
    long_put_oi: Decimal
    short_call_oi: Decimal
    short_put_oi: Decimal


@dataclass(frozen=True, slots=True)
class OptionBoard:
    """One expiry with its strikes, at one block."""

    market: OptionMarket
    board_id: int
    expiry: int
    base_iv: Decimal
    is_frozen: bool
    is_stale: bool  # the venue's Greek cache is too old or the spot moved too far since
    trading_cutoff_at: int  # opening and closing stop at this unix second; only force close after
    strikes: tuple[OptionSeriesState, ...]


@dataclass(frozen=True, slots=True)
class OptionChain:
    """All live boards of a market at one block."""

    market: OptionMarket
    spot_price: Decimal
    rate: Decimal  # risk-free rate the venue prices with, annualised fraction
    boards: tuple[OptionBoard, ...]
    block: int
    at: int
