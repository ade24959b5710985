"""The roles that a venue plays, and what it says it can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from trimtab.chain.call import Call
from trimtab.chain.receipt import Log, Receipt
from trimtab.errors import VenueError
from trimtab.model.exposure import Remedies, SandwichExposure
from trimtab.model.ids import Address
from trimtab.model.limits import AllowedCall
from trimtab.model.market import (
    OptionChain,
    OptionMarket,
    OptionSeries,
    OptionSeriesState,
    OptionType,
    PerpMarket,
    PerpState,
)
from trimtab.model.order import Fill, OptionIntent, OptionQuote, PerpIntent, PerpQuote
from trimtab.model.position import (
    AccountBook,
    LiquidityRange,
    MarginAccount,
    OptionPosition,
    PerpPosition,
)
from trimtab.model.trade import TradeFacts


class Capability(StrEnum):
    """What a venue declares; the conformance suite runs the declared part, the rest must raise
    `UnsupportedActionError`."""

    MARKET_ORDER = "market_order"
    REDUCE_ONLY = "reduce_only"
    ACCEPTABLE_PRICE = "acceptable_price"
    DEADLINE = "deadline"
    MULTI_COLLATERAL = "multi_collateral"
    MAKER_LIQUIDITY = "maker_liquidity"
    DELEGATED_TRADING = "delegated_trading"
    LIQUIDATE = "liquidate"
    LIQUIDATE_COLLATERAL = "liquidate_collateral"
    OPTION_TRADE = "option_trade"
    FORCE_CLOSE = "force_close"
    ADJUST_COLLATERAL = "adjust_collateral"
    SPLIT_MERGE = "split_merge"
    LP_QUEUE = "lp_queue"
    SANDWICH_EXPOSURE = "sandwich_exposure"
    SETTLE = "settle"
    BOOKS = "books"


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """Calls to be sent in order, each a transaction of its own. `label` names each for reports."""

    venue: str
    market: str
    calls: tuple[Call, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.calls) != len(self.labels):
            raise ValueError(f"{len(self.calls)} calls but {len(self.labels)} labels")


@dataclass(frozen=True, slots=True)
class VenueEvent:
    """A decoded log of a venue. `args` hold ints, addresses and bytes as the contract emitted them."""

    venue: str
    contract: str
    name: str
    args: dict[str, Any]
    address: Address
    block: int
    log_index: int
    tx_hash: str


@runtime_checkable
class Venue(Protocol):
    """What every venue on a chain has. A venue reads, encodes and decodes; it sends nothing."""

    name: str
    capabilities: frozenset[Capability]

    @property
    def addresses(self) -> dict[str, Address]:
        """Every contract the venue uses, by name; `trimtab doctor` checks code at each."""
        ...

    @property
    def chain_id(self) -> int:
        """The chain that it is read on."""
        ...

    @property
    def allowed_calls(self) -> tuple[AllowedCall, ...]:
        """Every function that its encoders call, for `Limits.of(venue)`. Approvals are to its own contracts,
        and what gives away goes to the sender itself: the conformance suites hold plans to it."""
        ...

    def decode_log(self, log: Log) -> VenueEvent | None:
        """The event, or None when the log is not this venue's."""
        ...

    def decode_fills(self, receipt: Receipt, account: Address) -> tuple[Fill, ...]:
        """The fills of `account` in a receipt, in log order."""
        ...

    def explain_revert(self, data: bytes, market: str | None = None) -> Exception:
        """The typed error for revert data, with the venue's meaning; never raises."""
        ...


@runtime_checkable
class ProbedVenue(Venue, Protocol):
    """A venue that our contracts can read, by a probe."""

    def probe_market(self, intent: PerpIntent | OptionIntent) -> bytes:
        """By which name its probe tells the size that an order changes."""
        ...


@runtime_checkable
class BookVenue(Venue, Protocol):
    """BOOKS: many accounts read at once, each to the wei as it is read alone."""

    async def read_books(
        self, accounts: Sequence[Address], *, block: int | str = "latest"
    ) -> Sequence[AccountBook | VenueError]:
        """In the order of the accounts, all at one block. One that cannot be read has the venue's typed error
        in its place and spoils no other."""
        ...


@runtime_checkable
class PerpVenue(Venue, Protocol):
    """A venue with perpetuals. Unknown names raise `UnknownMarketError`."""

    async def read_markets(self) -> Sequence[PerpMarket]: ...
    async def read_state(self, market: str, *, block: int | str = "latest") -> PerpState: ...
    async def read_position(
        self, account: Address, market: str, *, block: int | str = "latest"
    ) -> PerpPosition: ...
    async def read_positions(
        self, account: Address, *, block: int | str = "latest"
    ) -> Sequence[PerpPosition]: ...
    async def read_margin(self, account: Address, *, block: int | str = "latest") -> MarginAccount: ...
    async def read_quote(
        self, account: Address, intent: PerpIntent, *, block: int | str = "pending"
    ) -> PerpQuote:
        """Exact terms: the fill at the same block has the same size, notional and fee, to the wei."""
        ...

    def encode_order(self, account: Address, intent: PerpIntent, quote: PerpQuote) -> ChainPlan: ...
    async def encode_deposit(self, account: Address, currency: str, amount: Decimal) -> ChainPlan:
        """Approval first where the allowance is too small, then the deposit."""
        ...

    def encode_withdraw(self, account: Address, currency: str, amount: Decimal) -> ChainPlan: ...


@runtime_checkable
class FactsVenue(Venue, Protocol):
    """A venue that tells what a withdrawal does to its account, for a key whose leverage is limited."""

    async def read_withdrawal_facts(
        self, account: Address, currency: str, amount: Decimal, *, block: int | str = "pending"
    ) -> TradeFacts: ...


@runtime_checkable
class MakerVenue(Venue, Protocol):
    """MAKER_LIQUIDITY: ranges of a concentrated-liquidity pool. Zero liquidity removed collects fees only."""

    async def read_liquidity(
        self, account: Address, market: str, *, block: int | str = "latest"
    ) -> Sequence[LiquidityRange]: ...
    def encode_add_liquidity(
        self,
        market: str,
        *,
        base: Decimal,
        quote: Decimal,
        ticks: tuple[int, int],
        min_base: Decimal = Decimal(0),
        min_quote: Decimal = Decimal(0),
        deadline: int | None = None,
    ) -> ChainPlan: ...
    def encode_remove_liquidity(
        self,
        market: str,
        *,
        liquidity: int,
        ticks: tuple[int, int],
        min_base: Decimal = Decimal(0),
        min_quote: Decimal = Decimal(0),
        deadline: int | None = None,
    ) -> ChainPlan: ...


@runtime_checkable
class DelegationVenue(Venue, Protocol):
    """DELEGATED_TRADING: one account trades the margin of another that approved it."""

    async def read_is_delegate(
        self, account: Address, delegate: Address, *, block: int | str = "latest"
    ) -> bool: ...
    def encode_delegation(self, delegate: Address, *, approve: bool) -> ChainPlan: ...
    def allow_delegation(self, delegate: Address) -> AllowedCall:
        """What a key's limits need beside `allowed_calls` to give `delegate` rights."""
        ...

    def encode_order_for(self, trader: Address, intent: PerpIntent, quote: PerpQuote) -> ChainPlan: ...


@runtime_checkable
class LiquidationVenue(Venue, Protocol):
    """LIQUIDATE and LIQUIDATE_COLLATERAL: what a keeper sends against an account below its margin."""

    def encode_liquidate(self, account: Address, market: str, size: Decimal | None = None) -> ChainPlan:
        """All that may be liquidated, or at most `size`, signed like the position."""
        ...

    def encode_cancel_excess_orders(self, account: Address, market: str) -> ChainPlan: ...
    def encode_liquidate_collateral(
        self, account: Address, currency: str, amount: Decimal, allowance: int, max_paid: Decimal
    ) -> ChainPlan:
        """Buys `amount` of the account's collateral, paying at most `max_paid`; `allowance` in base units."""
        ...


@runtime_checkable
class ExposureVenue(Venue, Protocol):
    """SANDWICH_EXPOSURE: what others could earn by trading around an order that they see before it fills.

    `gas_price_wei` is what the attacker pays per gas, `gas_token_price` that token in quote currency.
    """

    async def read_exposure(
        self,
        account: Address,
        quote: PerpQuote,
        *,
        gas_price_wei: int,
        gas_token_price: Decimal,
        capital: Decimal | None = None,
        block: int | str = "pending",
    ) -> SandwichExposure:
        """The worst sandwich of the order that `encode_order` makes of this quote, its acceptable price
        respected. `capital` is the margin that an attacker can bring; None: whatever it needs."""
        ...

    async def read_remedies(
        self,
        account: Address,
        quote: PerpQuote,
        max_profit: Decimal,
        *,
        gas_price_wei: int,
        gas_token_price: Decimal,
        max_slippage: Decimal | None = None,
        block: int | str = "pending",
    ) -> Remedies:
        """The acceptable price, and the amount at once, with which no sandwich earns more than `max_profit`.
        A part keeps the intent's acceptable price, else may slip by `max_slippage` of its own price."""
        ...


@runtime_checkable
class OptionVenue(Venue, Protocol):
    """A venue with options. Unknown names and ids raise `UnknownMarketError`."""

    async def read_option_markets(self) -> Sequence[OptionMarket]: ...
    async def read_chain(self, market: str, *, block: int | str = "latest") -> OptionChain: ...
    async def read_series(
        self, market: str, strike_id: int, *, block: int | str = "latest"
    ) -> OptionSeriesState: ...
    async def read_option_positions(
        self, account: Address, *, block: int | str = "latest"
    ) -> Sequence[OptionPosition]: ...
    async def read_option_quote(
        self, account: Address, intent: OptionIntent, *, block: int | str = "pending"
    ) -> OptionQuote:
        """Exact terms: the fill at the same block costs the same, to the wei."""
        ...

    async def read_min_collateral(
        self, series: OptionSeries, option_type: OptionType, amount: Decimal, *, block: int | str = "latest"
    ) -> Decimal: ...
    def encode_option_order(
        self, account: Address, intent: OptionIntent, quote: OptionQuote
    ) -> ChainPlan: ...
    async def encode_approvals(self, account: Address, market: str) -> ChainPlan:
        """The approvals that trading in `market` needs and the account has not given; may be empty."""
        ...
