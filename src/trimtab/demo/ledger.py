"""The books of the run: what was read, paid and traded, as snapshots that attribution splits by cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from trimtab.demo.accounts import AccountValues
from trimtab.hedging.attribution import Attribution, OptionHolding, StepSnapshot, Trade, attribute_step
from trimtab.model.order import Fill
from trimtab.model.position import OptionPosition
from trimtab.model.units import from_wad

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Posting:
    """One entry: the accounts as the contracts show them (`accounts` by name), and the profit since the start
    by cause.

    `unhedged` is the profit of the options alone with what opening them cost: exactly what the run without
    the hedger has, because hedging touches neither the options nor their currency.
    """

    values: AccountValues
    accounts: Mapping[str, Decimal]
    profit: Attribution
    unhedged: Decimal


@dataclass(slots=True)
class Ledger:
    """Open it on the accounts before the first trade; `post` after every step. `rate` is the one that the
    option venue prices with."""

    rate: Decimal
    _postings: list[Posting] = field(default_factory=list)
    _snapshots: list[StepSnapshot] = field(default_factory=list)
    _gas: Decimal = _ZERO
    _opening_gas: Decimal = _ZERO

    def open(self, values: AccountValues) -> Posting:
        """The first entry: nothing earned yet."""
        self._snapshots.append(self._snapshot(values, (), _ZERO))
        self._postings.append(Posting(values, self._snapshots[-1].accounts, Attribution(), _ZERO))
        return self._postings[0]

    def post(self, values: AccountValues, fills: Sequence[Fill], gas_wei: int) -> Posting:
        """The entry after `fills` happened and `gas_wei` was paid. Gas is valued at the spot of its step."""
        before = self._postings[-1]
        spent = (before.values.ether - values.ether) * values.spot
        self._gas += spent
        if len(self._postings) == 1:
            self._opening_gas = spent
        self._snapshots.append(self._snapshot(values, fills, from_wad(gas_wei) * values.spot))
        step = attribute_step(*self._snapshots[-2:])
        first = self._postings[0].values
        unhedged = _option_side(values) - _option_side(first) - self._opening_gas
        accounts = self._snapshots[-1].accounts
        self._postings.append(Posting(values, accounts, before.profit + step, unhedged))
        return self._postings[-1]

    @property
    def postings(self) -> Sequence[Posting]:
        return tuple(self._postings)

    def _snapshot(self, values: AccountValues, fills: Sequence[Fill], gas_paid: Decimal) -> StepSnapshot:
        exposure = values.exposure
        pending = self._postings[-1].values.margin.pending_funding if self._postings else _ZERO
        settled = sum((fill.funding for fill in fills), _ZERO)
        return StepSnapshot(
            at=values.at,
            spot=values.spot,
            perp_size=exposure.perp_delta,
            perp_mark=exposure.perps[0].mark_price,
            accounts={
                "Perp v2 account": values.margin.equity,
                "Lyra options": values.option_value,
                "Lyra collateral": values.option_collateral,
                "Wallet": values.wallet_value,
                "Gas spent": -self._gas,
            },
            options=tuple(_holding(position) for position in exposure.options),
            rate=self.rate,
            trades=tuple(_trade(fill) for fill in fills),
            funding_paid=values.margin.pending_funding - pending - settled,
            fees_paid=sum((fill.fee for fill in fills), _ZERO),
            gas_paid=gas_paid,
        )


def _option_side(values: AccountValues) -> Decimal:
    """What only the options move: their value, their collateral, and the currency that they pay in."""
    return values.option_value + values.option_collateral + values.wallet["sUSD"]


def _holding(position: OptionPosition) -> OptionHolding:
    return OptionHolding(
        str(position.position_id),
        position.type.kind,
        position.signed_amount,
        position.series.strike,
        position.series.expiry,
        position.iv,
        position.mark_price,
    )


def _trade(fill: Fill) -> Trade:
    option = None if fill.position_id is None else str(fill.position_id)
    return Trade(fill.size, fill.price, option)
