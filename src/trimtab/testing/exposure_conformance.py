"""What a venue that tells exposures must keep: part of the perp suite, see `perp_conformance.py`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from trimtab.model.exposure import SandwichExposure
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, PerpQuote

_SLIPPAGES = (Decimal("0.03"), Decimal("0.01"), Decimal("0.003"), Decimal("0.001"), Decimal(0))
_COSTS = {"gas_price_wei": 10**9, "gas_token_price": Decimal(2000)}


class ExposureCheck:
    """Asks one venue about one account's orders; each `check_` raises AssertionError on what is wrong."""

    def __init__(self, venue: Any, account: Address) -> None:
        self._venue = venue
        self._account = account

    async def check_order(self, intent: PerpIntent) -> None:
        """An order that an attack pays on: `intent` has no acceptable price of its own."""
        quote: PerpQuote = await self._venue.read_quote(self._account, intent)
        free = await self._read(quote)
        check_values(free)
        assert free.worst_profit > 0, f"give the stage an exposed_size that is exposed: {free}"
        assert not free.is_price_limited
        await self._check_limits(quote, free)
        await self._check_costs(quote, free)
        await self._check_remedies(quote, free.worst_profit / 2)

    async def _check_limits(self, quote: PerpQuote, free: SandwichExposure) -> None:
        """The tighter the acceptable price, the less there is to earn; at the quoted price, nothing."""
        before = free.worst_profit
        for slippage in _SLIPPAGES:
            found = await self._read(at_slippage(quote, slippage))
            check_values(found)
            assert found.is_price_limited
            assert found.worst_profit <= before, f"{slippage}: {found.worst_profit} above {before}"
            before = found.worst_profit
        assert before == 0, f"{before} may be earned on an order that fills at its quoted price or not at all"

    async def _check_costs(self, quote: PerpQuote, free: SandwichExposure) -> None:
        """Dearer gas leaves less by its price; an attacker without capital earns nothing."""
        dear = await self._read(quote, gas_price_wei=2 * 10**9)
        assert dear.gas_cost == 2 * free.gas_cost
        left = max(Decimal(0), free.worst_profit - free.gas_cost)
        assert dear.worst_profit == left, f"dearer gas leaves {dear.worst_profit}, not {left}"
        assert (await self._read(quote, capital=free.capital)).worst_profit == free.worst_profit
        assert (await self._read(quote, capital=Decimal(0))).worst_profit == 0

    async def _check_remedies(self, quote: PerpQuote, most: Decimal) -> None:
        """With the price, and with the amount, no attack earns more than asked for."""
        found = await self._venue.read_remedies(self._account, quote, most, **_COSTS)
        tight = replace(quote, intent=replace(quote.intent, acceptable_price=found.acceptable_price))
        earned = (await self._read(tight)).worst_profit
        assert earned <= most, f"a price of {found.acceptable_price} lets {earned} be earned, not {most}"
        unit = "size" if quote.intent.size is not None else "notional"
        assert 0 < found.amount <= getattr(quote.intent, unit)
        part = await self._venue.read_quote(self._account, replace(quote.intent, **{unit: found.amount}))
        earned = (await self._read(part)).worst_profit
        assert earned <= most, f"a part of {found.amount} lets {earned} be earned, not {most}"

    async def _read(self, quote: PerpQuote, **named: Any) -> SandwichExposure:
        exposure: SandwichExposure = await self._venue.read_exposure(
            self._account, quote, **{**_COSTS, **named}
        )
        assert exposure.intent == quote.intent
        assert exposure.block == quote.block
        return exposure


def at_slippage(quote: PerpQuote, slippage: Decimal) -> PerpQuote:
    """The quote with an acceptable price so much worse than its own."""
    price = quote.price * (1 + quote.intent.side.sign * slippage)
    return replace(quote, intent=replace(quote.intent, acceptable_price=price))


def check_values(exposure: SandwichExposure) -> None:
    """Nothing is negative, and an attack that does not pay has no size."""
    values = (exposure.worst_profit, exposure.victim_loss, exposure.attacker_size, exposure.capital)
    assert min(*values, exposure.attacker_fees, exposure.gas_cost) >= 0
    pays = exposure.worst_profit > 0
    has_size = exposure.attacker_size > 0 and exposure.capital > 0
    assert pays is has_size, f"an attack that pays has a size, another has none: {exposure}"
