"""What must hold after orders that happen together: from quotes and bands to conditions of a plan. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from trimtab.errors import IntentError
from trimtab.execution.checks import is_payer
from trimtab.hooks.plans import (
    ACTING,
    Conditions,
    DeltaCondition,
    HealthCondition,
    Holding,
    PriceCondition,
    SizeCondition,
)
from trimtab.hooks.probes import ProbedAccount
from trimtab.model.ids import Address
from trimtab.model.order import OptionQuote, PerpQuote, Side
from trimtab.model.units import to_base_down, to_base_up, to_decimal, to_text, to_wad_exact

_DOWN, _UP = Context(60, ROUND_FLOOR), Context(60, ROUND_CEILING)
_DUST = Decimal("1e-17")
"""Of cash, for the wei by which venues and probes round a trade."""


@dataclass(frozen=True, slots=True)
class DeltaBand:
    """Net delta in one underlying, as the probes measure it, that the book shall have afterwards; both bounds
    inclusive. `holdings` are the book: names of probes in the door ("perp_v2", "lyra/sETH"), each with its
    account; all probes for the acting account unless given. Raises `IntentError` for an empty band."""

    underlying: str
    least: Decimal
    most: Decimal
    holdings: tuple[tuple[str, Address], ...] = ()

    def __post_init__(self) -> None:
        for name in ("least", "most"):
            object.__setattr__(self, name, to_decimal(getattr(self, name), name))
        if self.least > self.most:
            raise IntentError(
                f"the band of {self.underlying} is {self.least} to {self.most}: nothing is between them",
                field="least",
                value=self.least,
            )


@dataclass(frozen=True, slots=True)
class Terms:
    """What must hold after all legs, or none of them happens.

    `prices`: no leg's price is worse than its limit, fees inside. `sizes`: each market that is traded ends at
    the size that was promised, so nothing else traded it meanwhile. `bands`: net deltas. `min_health` by the
    probe's name: the account's health there. Prices, bands and health are judged by probes on the chain.
    """

    prices: bool = True
    sizes: bool = True
    bands: tuple[DeltaBand, ...] = ()
    min_health: Mapping[str, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class Traded:
    """A leg that trades, as conditions see it: call number `call` of the plan, at the probe's `market`."""

    call: int
    name: str
    probe: Address
    market: bytes
    quote: PerpQuote | OptionQuote

    @property
    def size(self) -> Decimal | None:
        """Signed size that is promised; None where the quote is by notional, and the fill tells it."""
        if isinstance(self.quote, PerpQuote):
            return None if self.quote.intent.notional is not None else self.quote.size
        amount = self.quote.intent.amount
        return amount if is_payer(self.quote.intent) else -amount


def conditions_of(
    terms: Terms,
    traded: Sequence[Traded],
    probes: Mapping[str, Address],
    held: Mapping[Address, ProbedAccount],
) -> Conditions:
    """The conditions of a plan. `held` is the acting account before it, by probe; needed for sizes only."""
    priced = (_price(leg) for leg in traded) if terms.prices else ()
    return Conditions(
        prices=tuple(condition for condition in priced if condition is not None),
        deltas=tuple(_delta(band, probes) for band in terms.bands),
        healths=tuple(
            HealthCondition(probes[name], to_base_up(least, 18, "min_health"))
            for name, least in (terms.min_health or {}).items()
        ),
        sizes=_sizes(traded, held) if terms.sizes else (),
    )


def limit_of(quote: PerpQuote | OptionQuote) -> Decimal | None:
    """The worst price per unit with the fees inside that a quote's intent takes; None without a limit."""
    if isinstance(quote, OptionQuote):
        cost = quote.intent.limit_cost
        return None if cost is None else cost / quote.intent.amount
    price = quote.intent.acceptable_price
    if price is None:
        return None
    rate = quote.fee / quote.notional
    return price * (1 + rate if quote.intent.side is Side.BUY else 1 - rate)


def told(conditions: Conditions, traded: Sequence[Traded], terms: Terms) -> tuple[str, ...]:
    """The conditions in words, for a preview."""
    words = []
    for condition in conditions.prices:
        leg = next(leg for leg in traded if leg.call == condition.call)
        bound = "at most" if _is_buy(leg.quote) else "at least"
        words.append(f"call {condition.call + 1} at {bound} {_short(condition.limit)} a unit, fees inside")
    for size in conditions.sizes:
        leg = next(leg for leg in traded if leg.market == size.market)
        words.append(f"{leg.name} ends at a size of {_short(size.least)}")
    bands = (f"net delta of {one.underlying} from {one.least:.6f} to {one.most:.6f}" for one in terms.bands)
    healths = (f"health at {name} at least {least}" for name, least in (terms.min_health or {}).items())
    return (*words, *bands, *healths)


def _price(leg: Traded) -> PriceCondition | None:
    limit, size = limit_of(leg.quote), leg.size or leg.quote.size  # type: ignore[union-attr]
    if limit is None:
        return None
    slack = _UP.divide(_DUST, abs(size))
    if _is_buy(leg.quote):
        base = to_base_down(_DOWN.add(limit, slack), 18, "limit")
    else:
        base = to_base_up(_UP.subtract(limit, slack), 18, "limit")
    return PriceCondition(leg.call, leg.probe, leg.market, base) if base > 0 else None


def _is_buy(quote: PerpQuote | OptionQuote) -> bool:
    return quote.intent.side is Side.BUY if isinstance(quote, PerpQuote) else is_payer(quote.intent)


def _delta(band: DeltaBand, probes: Mapping[str, Address]) -> DeltaCondition:
    holdings = band.holdings or tuple((name, ACTING) for name in probes)
    for name, _ in holdings:
        if name not in probes:
            raise IntentError(
                f"the band of {band.underlying} names the probe {name!r}; there are "
                f"{', '.join(sorted(probes)) or 'none'}",
                field="holdings",
                value=name,
            )
    return DeltaCondition(
        band.underlying,
        tuple(Holding(probes[name], account) for name, account in holdings),
        to_base_up(band.least, 18, "least"),
        to_base_down(band.most, 18, "most"),
    )


def _sizes(traded: Sequence[Traded], held: Mapping[Address, ProbedAccount]) -> tuple[SizeCondition, ...]:
    """One for each market, of all that trade there; none where one of them tells no size."""
    found: dict[tuple[Address, bytes], int | None] = {}
    for leg in traded:
        key, size = (leg.probe, leg.market), leg.size
        before = found.get(key, held[leg.probe].size_in(leg.market))
        found[key] = None if before is None or size is None else before + to_wad_exact(size, "size")
    return tuple(
        SizeCondition(probe, market, size, size)
        for (probe, market), size in found.items()
        if size is not None
    )


def _short(wad: int | None) -> str:
    return "any" if wad is None else to_text(round(Decimal(wad).scaleb(-18), 6))
