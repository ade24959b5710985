"""Intent, quote, order, fill: what we want, what a venue offers, what it acknowledged, what was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from trimtab.errors import IntentError
from trimtab.model.drift import Drift
from trimtab.model.greeks import Greeks
from trimtab.model.ids import TxHash
from trimtab.model.market import OptionSeries, OptionType
from trimtab.model.trade import TradeFacts
from trimtab.model.units import product_up, to_decimal, to_positive

if TYPE_CHECKING:
    from trimtab.model.exposure_rule import ExposureVerdict


class Side(StrEnum):
    """The direction of an order; `sign` is +1 for a buyer."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


@dataclass(frozen=True, slots=True)
class PerpIntent:
    """A market order on a perpetual: exactly one of `size` (units of underlying) and `notional` (quote
    currency), both positive; `side` gives the direction.

    `acceptable_price` is the worst average price before fees, in quote currency. `deadline` is a unix second
    after which the venue refuses. `reduce_only` may not open or flip; `close` takes the whole position, then
    size and notional stay empty and side is the closing side. Raises `IntentError` on a bad value.
    """

    market: str
    side: Side
    size: Decimal | None = None
    notional: Decimal | None = None
    acceptable_price: Decimal | None = None
    deadline: int | None = None
    reduce_only: bool = False
    close: bool = False

    def __post_init__(self) -> None:
        given = [name for name in ("size", "notional") if getattr(self, name) is not None]
        if self.close and given:
            raise IntentError(f"close takes the whole position: leave out {given[0]}", field=given[0])
        if not self.close and len(given) != 1:
            raise IntentError(
                f"give exactly one of size and notional, got {given or 'neither'}", field="size"
            )
        for name in (*given, *(["acceptable_price"] if self.acceptable_price is not None else [])):
            object.__setattr__(self, name, to_positive(getattr(self, name), name))


class OptionAction(StrEnum):
    """What an option order does. FORCE_CLOSE works where CLOSE no longer does, at a worse price."""

    OPEN = "open"
    CLOSE = "close"
    FORCE_CLOSE = "force_close"


@dataclass(frozen=True, slots=True)
class OptionIntent:
    """Open, close or force close `amount` options of a series (positive, units of underlying).

    `position_id` None opens a new position. `set_collateral_to` is the collateral that a short position
    shall hold afterwards (its own currency: base for SHORT_CALL_BASE, else quote). `limit_cost` is the worst
    total, in quote currency: the most a payer pays, the least a receiver receives. `iterations` splits the
    trade inside the venue (a larger trade at a better price, more gas).
    """

    series: OptionSeries
    type: OptionType
    action: OptionAction
    amount: Decimal
    position_id: int | None = None
    set_collateral_to: Decimal = Decimal(0)
    limit_cost: Decimal | None = None
    iterations: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", to_positive(self.amount, "amount"))
        collateral = to_decimal(self.set_collateral_to, "set_collateral_to")
        if collateral < 0:
            raise IntentError(
                f"set_collateral_to must not be negative, got {collateral}", field="set_collateral_to"
            )
        object.__setattr__(self, "set_collateral_to", collateral)
        if self.limit_cost is not None:
            object.__setattr__(self, "limit_cost", to_decimal(self.limit_cost, "limit_cost"))
        if self.action is not OptionAction.OPEN and self.position_id is None:
            raise IntentError(f"{self.action} needs the position_id of what it closes", field="position_id")
        if not 1 <= self.iterations <= 100:
            raise IntentError(f"iterations must be 1 to 100, got {self.iterations}", field="iterations")


@dataclass(frozen=True, slots=True)
class PerpQuote:
    """A venue's exact terms for a perp intent at one block. Signed `size` (bought > 0, units of underlying);
    `notional`, `fee` in quote currency, positive; `price` = notional / |size|, before the fee;
    `price_impact` = price / spot - 1, signed. The `_after` fields are of the account if it filled now."""

    intent: PerpIntent
    size: Decimal
    notional: Decimal
    price: Decimal
    fee: Decimal
    price_impact: Decimal
    mark_price: Decimal
    index_price: Decimal
    equity_after: Decimal
    free_collateral_after: Decimal
    liquidation_price_after: Decimal | None  # None: no price liquidates
    is_margin_sufficient: bool
    block: int
    at: int
    maintenance_margin_after: Decimal | None = None  # of the account; None where the venue does not tell
    trade: TradeFacts | None = None  # for the limits of the key; None where the venue does not tell

    @property
    def mark_notional(self) -> Decimal:
        """|size| x mark price, rounded up: what the limits of a key count."""
        return product_up(abs(self.size), self.mark_price)

    @property
    def health_after(self) -> Decimal | None:
        """equity / maintenance margin if it filled now; None without a position or where unknown."""
        margin = self.maintenance_margin_after
        return self.equity_after / margin if margin else None


@dataclass(frozen=True, slots=True)
class OptionQuote:
    """A venue's exact terms for an option intent at one block. `total_cost` in quote currency, positive: paid
    by a buyer, received by a seller, all fees inside; `fee` is the part of it that is fees; `price` is
    total_cost / amount."""

    intent: OptionIntent
    total_cost: Decimal
    fee: Decimal
    price: Decimal
    iv_after: Decimal | None
    greeks: Greeks
    spot_price: Decimal
    min_collateral: Decimal | None  # of a short position after the trade, its own currency
    block: int
    at: int
    trade: TradeFacts | None = None  # for the limits of the key; None where the venue does not tell

    @property
    def notional(self) -> Decimal:
        """amount x spot price, in quote currency, rounded up."""
        return product_up(self.intent.amount, self.spot_price)

    @property
    def mark_notional(self) -> Decimal:
        """What the limits of a key count: the notional."""
        return self.notional


class OrderStatus(StrEnum):
    """Maps one to one onto FIX OrdStatus; UNKNOWN is being resolved and never guessed."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_terminal(self) -> bool:
        return self in (OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class Fill:
    """An executed part of an order, from a decoded event. Signed `size` (bought > 0); `price` before the fee;
    `fee`, `realized_pnl` and `funding` (paid < 0) in quote currency."""

    venue: str
    market: str
    size: Decimal
    price: Decimal
    fee: Decimal
    realized_pnl: Decimal
    funding: Decimal
    tx_hash: TxHash
    block: int
    log_index: int
    position_id: int | None = None


class TxStatus(StrEnum):
    """How one transaction of a report ended."""

    SUCCEEDED = "succeeded"
    REVERTED = "reverted"
    CANCELED = "canceled"
    EXPIRED = "expired"
    DROPPED = "dropped"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class TxRecord:
    """One transaction as the report tells it. Fees in wei; `journal_state` is the journal's own word. `lane`
    says who may have its bytes (public, private, bundle), `last_block` until when a private one may be
    included, 0 where there is no such block."""

    key: str
    nonce: int
    tx_hash: TxHash
    status: TxStatus
    block: int | None
    gas_used: int
    fee_wei: int
    attempts: int
    journal_state: str
    label: str = ""
    lane: str = "public"
    last_block: int = 0


@dataclass(frozen=True, slots=True)
class ExecutionReport:
    """What became of one intent. UNKNOWN status means: reconcile, never resend. `verdict` is what its
    exposure to sandwiches was and what was done about it, None where nobody asked. `drifts` are of the
    transactions that were rehearsed as they were signed, and mined."""

    key: str
    venue: str
    market: str
    status: OrderStatus
    quote: PerpQuote | OptionQuote | None
    fills: tuple[Fill, ...] = ()
    transactions: tuple[TxRecord, ...] = ()
    reason: str | None = None
    is_dry_run: bool = False
    notes: tuple[str, ...] = field(default=())
    verdict: ExposureVerdict | None = None
    drifts: tuple[Drift, ...] = ()

    @property
    def gas_wei(self) -> int:
        return sum(tx.fee_wei for tx in self.transactions)

    @property
    def filled_size(self) -> Decimal:
        return sum((f.size for f in self.fills), Decimal(0))
