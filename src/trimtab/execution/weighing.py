"""Ask a venue what an order is exposed to, and let the rule decide."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from trimtab.chain.chains import chain_info
from trimtab.chain.client import Client
from trimtab.errors import PricingError, TrimtabError, VenueError
from trimtab.execution.exposure import decide, told
from trimtab.model.exposure_rule import ExposureAction, ExposureRule, ExposureVerdict
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, PerpQuote
from trimtab.venues.base import Capability, ExposureVenue, PerpVenue


@dataclass(frozen=True, slots=True)
class Scales:
    """What one order is weighed by. `rule` None only looks. `actions` are those of the rule that are open to
    this order; `max_slippage` is what a part without a limit of its own may slip."""

    rule: ExposureRule | None
    actions: tuple[ExposureAction, ...]
    max_slippage: Decimal | None


async def weigh(
    client: Client,
    venue: PerpVenue,
    account: Address,
    intent: PerpIntent,
    quote: PerpQuote,
    scales: Scales,
) -> ExposureVerdict | None:
    """What the rule says of an order as it would be sent: `intent` as its caller gave it, `quote` with the
    limit that it gets. None where the venue does not tell exposures. An exposure that nobody can compute
    counts as too much: by private routes, or not at all."""
    if not isinstance(venue, ExposureVenue) or Capability.SANDWICH_EXPOSURE not in venue.capabilities:
        return None
    rule = scales.rule
    try:
        costs = await _attacker_costs(client, venue)
        exposure = await venue.read_exposure(account, quote, **costs)
        if rule is None:
            return ExposureVerdict(None, told(exposure, None), exposure)
        verdict = decide(quote, exposure, rule, scales.actions)
        if verdict is not None:
            return verdict
        asked = replace(quote, intent=intent)  # a part gets a limit of its own
        remedies = await venue.read_remedies(
            account, asked, rule.max_exposure, max_slippage=scales.max_slippage, **costs
        )
    except (PricingError, VenueError) as error:
        return _unknown(error, scales)
    return decide(quote, exposure, rule, scales.actions, remedies)


async def _attacker_costs(client: Client, venue: PerpVenue) -> dict[str, Any]:
    """Its gas at the base fee, in the venue's own money: the market of the chain's currency says what that
    is worth. Where none does, its gas counts as free, and the exposure as larger."""
    head, price = await asyncio.gather(client.block("latest"), _read_currency_price(client, venue))
    return {"gas_price_wei": head.base_fee or 0, "gas_token_price": price}


async def _read_currency_price(client: Client, venue: PerpVenue) -> Decimal:
    currency = chain_info(client.chain_id).currency
    markets = [market for market in await venue.read_markets() if market.underlying == currency]
    return (await venue.read_state(markets[0].name)).index_price if markets else Decimal(0)


def _unknown(error: TrimtabError, scales: Scales) -> ExposureVerdict:
    reason = f"its exposure cannot be computed: {error}"
    if scales.rule is None:
        return ExposureVerdict(None, reason)
    is_private = ExposureAction.PRIVATE in scales.actions
    action = ExposureAction.PRIVATE if is_private else ExposureAction.REFUSE
    return ExposureVerdict(action, reason, None, scales.rule.max_exposure)
