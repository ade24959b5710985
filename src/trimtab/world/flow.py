"""What option customers want at each step: a seeded draw that leans against what they already hold.

A venue that prices by inventory moves its volatility with every trade, so their demand is what makes implied
volatility wander, and that they close again is what brings it back. Pure: `customers` does the trading.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.model.market import OptionBoard, OptionChain, OptionKind, OptionSeries, OptionType
from trimtab.model.order import OptionAction, OptionIntent
from trimtab.pricing.black76 import greeks_black_scholes, years_to_expiry

LOT = Decimal("0.1")
_LONG = {OptionKind.CALL: OptionType.LONG_CALL, OptionKind.PUT: OptionType.LONG_PUT}
_SHORT = {OptionKind.CALL: OptionType.SHORT_CALL_QUOTE, OptionKind.PUT: OptionType.SHORT_PUT_QUOTE}


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """Each trade is of `smallest` to `largest` options, evenly, in lots of 0.1. `patience` is the net
    position of a board (options) at which customers turn back with odds of e to 1; with the chance `closing`
    they do so by closing what they hold. The nearest board sees a trade at every step, a later one with the
    chance `later_boards`. Traded are strikes with a call delta of `edge` to 1 - `edge`, on boards that live
    longer than `last_days`.
    """

    smallest: Decimal = Decimal("0.8")
    largest: Decimal = Decimal("2.4")
    patience: Decimal = Decimal(5)
    closing: float = 0.5
    later_boards: float = 0.25
    edge: float = 0.25
    last_days: int = 2


@dataclass(frozen=True, slots=True)
class Clip:
    """A position that a customer holds. It was opened in one trade, and is closed in one."""

    customer: str
    position_id: int
    series: OptionSeries
    type: OptionType
    amount: Decimal

    @property
    def signed_amount(self) -> Decimal:
        return self.amount * self.type.sign


@dataclass(frozen=True, slots=True)
class Demand:
    """One trade that a customer wants."""

    customer: str
    intent: OptionIntent


@dataclass(frozen=True, slots=True)
class Flow:
    """The demand of `customers` (names) on one option market. `chain` tells its boards, strikes and about
    their volatilities; it may be old. The same seed, step and state give the same demand everywhere."""

    customers: Sequence[str]
    chain: OptionChain
    seed: int
    options: FlowOptions = FlowOptions()

    def demands(self, step: int, spot: Decimal, at: int, held: Sequence[Clip]) -> list[Demand]:
        """What is wanted at `step`, with the price `spot` at unix second `at`, by customers who hold `held`.
        A board whose strikes are all too far from the spot sees no trade."""
        # A stream of its own for each step: the price path draws from the bare seed.
        draw = random.Random(f"option flow {self.seed} {step}")
        latest = at + self.options.last_days * 86_400
        lasting = [b for b in self.chain.boards if b.expiry > latest and not b.is_frozen]
        found: list[Demand] = []
        for number, board in enumerate(sorted(lasting, key=lambda b: b.expiry)):
            if number and draw.random() >= self.options.later_boards:
                continue
            strikes = self._tradable(board, spot, at)
            if strikes:
                mine = [clip for clip in held if clip.series.board_id == board.strikes[0].series.board_id]
                found.append(self._demand(draw, strikes, mine))
        return found

    def _demand(self, draw: random.Random, strikes: Sequence[OptionSeries], held: Sequence[Clip]) -> Demand:
        net = sum((clip.signed_amount for clip in held), Decimal(0))
        is_buy = draw.random() < chance_of_buying(net, self.options.patience)
        ids = {series.strike_id for series in strikes}
        closable = [c for c in held if c.type.is_long != is_buy and c.series.strike_id in ids]
        if closable and draw.random() < self.options.closing:
            return _close(draw.choice(closable))
        series, kind = draw.choice(strikes), draw.choice(list(OptionKind))
        lots = draw.randint(int(self.options.smallest / LOT), int(self.options.largest / LOT))
        return Demand(draw.choice(self.customers), _open(series, kind, lots * LOT, is_buy=is_buy))

    def _tradable(self, board: OptionBoard, spot: Decimal, at: int) -> list[OptionSeries]:
        """The strikes near enough to the spot: venues refuse those far in or out of the money."""
        years, rate, edge = years_to_expiry(board.expiry, at), float(self.chain.rate), self.options.edge
        found = []
        for state in board.strikes:
            terms = (float(spot), float(state.series.strike), years, float(state.iv), rate)
            if edge <= greeks_black_scholes(OptionKind.CALL, *terms).delta <= 1 - edge:
                found.append(state.series)
        return found


def chance_of_buying(net: Decimal, patience: Decimal) -> float:
    """Logistic in what customers hold, net: a half at nothing, less the longer they are."""
    return (1 - math.tanh(float(net / patience) / 2)) / 2


def _open(series: OptionSeries, kind: OptionKind, amount: Decimal, *, is_buy: bool) -> OptionIntent:
    """Shorts post the whole strike: nobody has to watch them."""
    option_type = (_LONG if is_buy else _SHORT)[kind]
    collateral = Decimal(0) if is_buy else series.strike * amount
    return OptionIntent(series, option_type, OptionAction.OPEN, amount, set_collateral_to=collateral)


def _close(clip: Clip) -> Demand:
    intent = OptionIntent(
        clip.series, clip.type, OptionAction.CLOSE, clip.amount, position_id=clip.position_id
    )
    return Demand(clip.customer, intent)
