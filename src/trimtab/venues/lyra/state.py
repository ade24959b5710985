"""What only Lyra shows: its Greek cache, its pool and queues, balances, settlements and liquidations."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trimtab.model.ids import Address, TxHash
from trimtab.model.market import OptionType


@dataclass(frozen=True, slots=True)
class CachedStrike:
    """A strike as the venue's Greek cache holds it, priced with averaged volatility at the board's last
    update. `standard_vega` is per volatility point, scaled by the venue to 30 days (at least 7 to expiry).
    Exposure is what traders hold, long > 0."""

    strike_id: int
    call_delta: Decimal
    put_delta: Decimal
    standard_vega: Decimal
    call_price: Decimal
    put_price: Decimal
    call_exposure: Decimal
    put_exposure: Decimal
    skew_variance: Decimal


@dataclass(frozen=True, slots=True)
class CachedBoard:
    """A board of the Greek cache. Net values are of all traders together, long > 0."""

    board_id: int
    expiry: int
    updated_at: int
    updated_at_price: Decimal
    is_stale: bool
    iv_variance: Decimal
    max_skew_variance: Decimal
    net_delta: Decimal
    net_standard_vega: Decimal
    net_option_value: Decimal
    strikes: tuple[CachedStrike, ...]


@dataclass(frozen=True, slots=True)
class GreekCache:
    """The venue's cache of Greeks: what its pool values, hedges and charges fees with. When it is stale,
    trading goes on, but the pool's queues stop."""

    market: str
    is_stale: bool
    net_delta: Decimal
    net_standard_vega: Decimal
    net_option_value: Decimal
    max_iv_variance: Decimal
    max_skew_variance: Decimal
    boards: tuple[CachedBoard, ...]
    block: int
    at: int


class BlockedBy(StrEnum):
    """What stops deposits and withdrawals now. A pause and an invalid price stop trading too."""

    CIRCUIT_BREAKER = "circuit_breaker"
    STALE_GREEKS = "stale_greeks"
    IV_VARIANCE = "iv_variance"
    SKEW_VARIANCE = "skew_variance"
    LIQUIDITY = "liquidity"
    MARKET_PAUSED = "market_paused"
    GLOBAL_PAUSED = "global_paused"
    INVALID_PRICE = "invalid_price"


@dataclass(frozen=True, slots=True)
class PoolLiquidity:
    """What the pool is worth and what of it is free, in quote currency. `free` backs trades, `burnable` pays
    withdrawals, `used_collateral` backs options sold, the deltas belong to the pool's hedge."""

    nav: Decimal
    free: Decimal
    burnable: Decimal
    used_collateral: Decimal
    used_delta: Decimal
    pending_delta: Decimal


@dataclass(frozen=True, slots=True)
class PoolState:
    """The liquidity pool of a market. Money in quote currency, `token_price` of one liquidity token.

    `blocked_by` is empty when the queues may move. `breaker_until` is the unix second until which the last
    circuit breaker holds; IV_VARIANCE, SKEW_VARIANCE and LIQUIDITY say which thresholds are crossed right
    now, and so would trip it again. The priced fields are None while the venue gives no price.
    """

    market: str
    blocked_by: frozenset[BlockedBy]
    breaker_until: int
    spot_price: Decimal | None
    token_price: Decimal | None
    liquidity: PoolLiquidity | None
    locked_base: Decimal
    locked_quote: Decimal
    queued_deposits: Decimal  # quote currency
    queued_withdrawals: Decimal  # liquidity tokens
    deposit_queue: tuple[int, int]  # next id to be worked off, next id to be given
    withdrawal_queue: tuple[int, int]
    hedged_delta: Decimal
    block: int
    at: int

    @property
    def is_open(self) -> bool:
        """Deposits and withdrawals whose delay has passed can be worked off."""
        return not self.blocked_by


@dataclass(frozen=True, slots=True)
class QueueTicket:
    """A deposit (in quote currency) or withdrawal (in liquidity tokens) waiting in the pool's queue."""

    ticket_id: int
    beneficiary: Address
    amount: Decimal
    queued_at: int
    ready_at: int


@dataclass(frozen=True, slots=True)
class LyraBalances:
    """What an account holds beside its positions, and what it let the market take."""

    quote: Decimal
    base: Decimal
    liquidity_tokens: Decimal
    quote_allowance: Decimal
    base_allowance: Decimal


@dataclass(frozen=True, slots=True)
class Settlement:
    """A position paid out after expiry. `paid` is in quote, for SHORT_CALL_BASE in base; `insolvent` is
    what its collateral could not cover, in the same currency."""

    market: str
    position_id: int
    account: Address
    type: OptionType
    strike: Decimal
    settlement_price: Decimal
    amount: Decimal
    paid: Decimal
    insolvent: Decimal
    tx_hash: TxHash
    block: int
    log_index: int


@dataclass(frozen=True, slots=True)
class Liquidation:
    """A position liquidated. `total_cost` and `insolvent` in quote; the rest in the collateral's currency."""

    market: str
    position_id: int
    account: Address
    beneficiary: Address
    type: OptionType
    amount: Decimal
    total_cost: Decimal
    returned: Decimal
    pool_premium: Decimal
    pool_fee: Decimal
    liquidator_fee: Decimal
    security_module_fee: Decimal
    insolvent: Decimal
    tx_hash: TxHash
    block: int
    log_index: int
