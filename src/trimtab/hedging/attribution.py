"""Where a book's profit came from: each step between two snapshots split into parts that add up.

The options held at the earlier snapshot are revalued by our own model; its Greeks there give the delta,
gamma, theta and vega parts, and what the full revaluation leaves over is the higher order. Trades count
against the later mark, so their price difference is a part of its own. What the contracts' account values
changed by, less all parts, is `unexplained`: it says how far our books and the chain's agree.

Money in quote currency, gains > 0. Pure: no reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal

from trimtab.errors import PricingError
from trimtab.model.market import OptionKind
from trimtab.model.units import decimal_from_float
from trimtab.pricing.black76 import DAYS_PER_YEAR, YEAR_SECONDS, greeks_black_scholes, years_to_expiry

_ZERO = Decimal(0)
_SECONDS_PER_DAY = Decimal(YEAR_SECONDS) / Decimal(DAYS_PER_YEAR)


@dataclass(frozen=True, slots=True)
class OptionHolding:
    """One option position at a snapshot. `key` names it across snapshots; `amount` signed, short < 0; `iv` an
    annualised fraction; `mark_price` the venue's, per option. A position closed since the snapshot before
    stays listed once with amount 0, because its last iv and mark are needed."""

    key: str
    kind: OptionKind
    amount: Decimal
    strike: Decimal
    expiry: int
    iv: Decimal
    mark_price: Decimal


@dataclass(frozen=True, slots=True)
class Trade:
    """A signed size (bought > 0) at an average price before fees. `option` is the key of the holding, None
    for the perp. A settlement is a trade of the whole position at what it paid."""

    size: Decimal
    price: Decimal
    option: str | None = None


@dataclass(frozen=True, slots=True)
class StepSnapshot:
    """A book at one block, and what it paid and traded since the snapshot before.

    `spot` prices the options; `perp_mark` the perp of signed `perp_size`; `holdings` are units of underlying
    owned outright, collateral and wallet. `accounts` are the values read from the contracts, by name:
    together they must cover every position, holding and payment here. `funding_paid`, `fees_paid`, `gas_paid`
    positive when paid; `deposits` came from outside, net.
    """

    at: int
    spot: Decimal
    perp_size: Decimal
    perp_mark: Decimal
    accounts: Mapping[str, Decimal]
    options: tuple[OptionHolding, ...] = ()
    holdings: Decimal = _ZERO
    rate: Decimal = _ZERO  # the rate that the options are priced with
    trades: tuple[Trade, ...] = ()
    funding_paid: Decimal = _ZERO
    fees_paid: Decimal = _ZERO
    gas_paid: Decimal = _ZERO
    deposits: Decimal = _ZERO

    @property
    def equity(self) -> Decimal:
        """Sum of all account values."""
        return sum(self.accounts.values(), _ZERO)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Profit of one step or of many, by cause. Add two for a longer step; `total` is the sum of the parts."""

    option_delta: Decimal = _ZERO
    perp_price: Decimal = _ZERO  # perp size x change of its mark
    holdings: Decimal = _ZERO  # underlying owned outright x change of spot
    gamma: Decimal = _ZERO
    theta: Decimal = _ZERO
    vega: Decimal = _ZERO
    higher_order: Decimal = _ZERO
    slippage: Decimal = _ZERO  # trades at another price than the later mark
    funding: Decimal = _ZERO
    trading_fees: Decimal = _ZERO
    gas: Decimal = _ZERO
    change: Decimal = field(default=_ZERO, kw_only=True)  # of account values, without deposits

    def __add__(self, other: Attribution) -> Attribution:
        return Attribution(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    @property
    def delta(self) -> Decimal:
        """What the moves of spot and mark brought, options, perp and holdings together."""
        return self.option_delta + self.perp_price + self.holdings

    @property
    def parts(self) -> dict[str, Decimal]:
        """The parts by name, delta as one: they add up to `total`."""
        rest = ("gamma", "theta", "vega", "higher_order", "slippage", "funding", "trading_fees", "gas")
        return {"delta": self.delta, **{name: getattr(self, name) for name in rest}}

    @property
    def delta_parts(self) -> dict[str, Decimal]:
        """The three that make `delta`."""
        return {name: getattr(self, name) for name in ("option_delta", "perp_price", "holdings")}

    @property
    def total(self) -> Decimal:
        """Sum of the parts: what our books say was earned."""
        return sum(self.parts.values(), _ZERO)

    @property
    def unexplained(self) -> Decimal:
        """What the contracts say was earned, less what our books say."""
        return self.change - self.total


def attribute_step(before: StepSnapshot, after: StepSnapshot) -> Attribution:
    """Split what happened from `before` to `after`. `PricingError` when time runs backwards or an option of
    `before` is missing in `after`."""
    if after.at < before.at:
        raise PricingError(f"the later snapshot is of {after.at}, before the earlier one of {before.at}")
    later = {option.key: option for option in after.options}
    options = Attribution()
    for held in before.options:
        if held.key not in later:
            raise PricingError(
                f"option {held.key} was held at {before.at} and is missing at {after.at}: "
                "list it once more with amount 0, so that its last volatility is known"
            )
        options += _attribute_option(held, later[held.key].iv, before, after)
    return options + Attribution(
        perp_price=before.perp_size * (after.perp_mark - before.perp_mark),
        holdings=before.holdings * (after.spot - before.spot),
        slippage=sum((_slippage(trade, later, after) for trade in after.trades), _ZERO),
        funding=-after.funding_paid,
        trading_fees=-after.fees_paid,
        gas=-after.gas_paid,
        change=after.equity - before.equity - after.deposits,
    )


def attribute_steps(snapshots: Iterable[StepSnapshot]) -> list[Attribution]:
    """Cumulative attribution at every snapshot, the first one zero."""
    cumulative: list[Attribution] = []
    before: StepSnapshot | None = None
    for snapshot in snapshots:
        step = attribute_step(before, snapshot) if before else Attribution()
        cumulative.append(cumulative[-1] + step if cumulative else step)
        before = snapshot
    return cumulative


def _attribute_option(
    held: OptionHolding, iv_after: Decimal, before: StepSnapshot, after: StepSnapshot
) -> Attribution:
    start = greeks_black_scholes(held.kind, *_model_inputs(held, held.iv, before))
    end = greeks_black_scholes(held.kind, *_model_inputs(held, iv_after, after))
    move, points = after.spot - before.spot, (iv_after - held.iv) * 100
    days = Decimal(min(after.at, held.expiry) - min(before.at, held.expiry)) / _SECONDS_PER_DAY
    delta = held.amount * _exact(start.delta) * move
    gamma = held.amount * _exact(start.gamma) * move * move / 2
    theta = held.amount * _exact(start.theta) * days
    vega = held.amount * _exact(start.vega) * points
    value = held.amount * (_exact(end.price) - _exact(start.price))
    return Attribution(
        delta, gamma=gamma, theta=theta, vega=vega, higher_order=value - delta - gamma - theta - vega
    )


def _slippage(trade: Trade, options: Mapping[str, OptionHolding], after: StepSnapshot) -> Decimal:
    if trade.option is None:
        return trade.size * (after.perp_mark - trade.price)
    if trade.option not in options:
        raise PricingError(
            f"a trade names option {trade.option}, which the snapshot of {after.at} does not list"
        )
    return trade.size * (options[trade.option].mark_price - trade.price)


def _model_inputs(
    held: OptionHolding, iv: Decimal, snapshot: StepSnapshot
) -> tuple[float, float, float, float, float]:
    years = years_to_expiry(held.expiry, snapshot.at)
    return float(snapshot.spot), float(held.strike), years, float(iv), float(snapshot.rate)


def _exact(value: float) -> Decimal:
    return decimal_from_float(value, 18)
