"""What an order can be sandwiched for, and what would end it, in the venue's own numbers.

The attacker is an account without a position and without a fee discount, which opens in front of the order
and closes behind it, in two transactions of its own. It pays the taker fee twice, and gas for `FRONT_GAS` and
`BACK_GAS`: what the cheapest such pair was measured to use.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from trimtab.model.exposure import ExposureBound, Remedies, SandwichExposure
from trimtab.model.order import PerpIntent, PerpQuote, Side
from trimtab.model.units import from_wad, to_base_down, to_decimal
from trimtab.pricing.perp_pool import PoolOrder, PoolState, TradeLimit, margin_for, trade
from trimtab.pricing.sandwich import best_attack
from trimtab.pricing.sandwich_limits import largest_amount, tightest_bound
from trimtab.venues.perp_v2.amounts import average_price
from trimtab.venues.perp_v2.encode import bound_of_notional, bound_of_size
from trimtab.venues.perp_v2.pool import PoolLook, order_of_quote

FRONT_GAS, BACK_GAS = 660_000, 420_000
_SETTLED = Decimal("1e-6")  # what the Vault can pay
_WEI = Decimal("1e-18")
_PRODUCT = Context(prec=100)

_BOUNDS = {
    None: ExposureBound.ATTACKER,
    TradeLimit.ACCEPTABLE_PRICE: ExposureBound.ACCEPTABLE_PRICE,
    TradeLimit.BLOCK_TICKS: ExposureBound.VENUE_LIMITS,
    TradeLimit.PRICE_BAND: ExposureBound.VENUE_LIMITS,
    TradeLimit.MARGIN: ExposureBound.CAPITAL,
}


def gas_cost(gas_price_wei: int, gas_token_price: Decimal) -> int:
    """The gas of both of the attacker's transactions in quote currency (wad), rounded down: the less it pays,
    the more it may earn."""
    ether = from_wad((FRONT_GAS + BACK_GAS) * gas_price_wei)
    return to_base_down(_PRODUCT.multiply(ether, to_decimal(gas_token_price, "gas_token_price")), 18)


def exposure_of(
    quote: PerpQuote, look: PoolLook, gas: int, capital: Decimal | None = None
) -> SandwichExposure:
    """The worst sandwich of the quoted order in this pool; `gas` is the attacker's (wad)."""
    state = look.state
    most_margin = None if capital is None else to_base_down(capital, 18)
    attack = best_attack(state, order_of_quote(quote, look), capital=most_margin)
    pays = attack.most > gas
    margin = margin_for(state, attack.front, sells=quote.intent.side is Side.SELL) if pays else 0
    return SandwichExposure(
        intent=quote.intent,
        worst_profit=_settled_up(attack.most - gas) if pays else Decimal(0),
        victim_loss=_settled_up(attack.victim_loss) if pays else Decimal(0),
        attacker_size=from_wad(attack.size if pays else 0),
        attacker_fees=from_wad(attack.fees if pays else 0),
        gas_cost=from_wad(gas),
        capital=_settled_up(margin),
        bound=_BOUNDS[attack.limit],
        block=state.block,
        at=state.at,
    )


def remedies_of(
    quote: PerpQuote, look: PoolLook, gas: int, max_profit: Decimal, max_slippage: Decimal | None
) -> Remedies:
    """What limits the worst sandwich of the quoted order to `max_profit`."""
    most = to_base_down(max_profit, 18) + gas
    order = order_of_quote(quote, look)
    bound = tightest_bound(look.state, order, most)
    price = quote.intent.acceptable_price if bound == order.bound else price_of(quote, bound)
    amount = None if quote.intent.close else _amount(quote.intent, look.state, order, most, max_slippage)
    return Remedies(price, amount, max_profit, look.state.block)


def _amount(
    intent: PerpIntent, state: PoolState, order: PoolOrder, most: int, slippage: Decimal | None
) -> Decimal:
    def bound_of(part: PoolOrder) -> int:
        alone = trade(state, part)
        notional = alone.quote + (alone.fee if part.sells else -alone.fee)
        price = intent.acceptable_price
        if price is None and slippage is not None:
            price = _slipped(average_price(notional, alone.base), slippage, intent.side)
        if price is None:
            return 0
        if part.is_in_base:
            return bound_of_size(intent.side, price, part.amount, notional, alone.fee)
        return bound_of_notional(intent.side, price, part.amount, alone.fee)

    return from_wad(largest_amount(state, order, most, bound_of))


def _slipped(price: Decimal, slippage: Decimal, side: Side) -> Decimal:
    """The acceptable price that a part gets: `slippage` worse than its own."""
    return _PRODUCT.multiply(price, 1 + side.sign * slippage)


def price_of(quote: PerpQuote, bound: int) -> Decimal:
    """The acceptable price whose bound is as tight as this one: the inverse of `opposite_bound`, rounded
    against the trade, but never beyond the quoted price, at which the order still fills."""
    intent, price = quote.intent, quote.price
    buys = intent.side is Side.BUY
    rounding = Context(prec=100, rounding=ROUND_FLOOR if buys else ROUND_CEILING)
    other, fee = from_wad(bound), intent.side.sign * quote.fee
    if intent.notional is None:
        paid_per_size = _PRODUCT.multiply(_PRODUCT.add(quote.notional, fee), abs(quote.size))
        limit = rounding.divide(_PRODUCT.multiply(other, quote.notional), paid_per_size)
    else:
        limit = rounding.divide(_PRODUCT.subtract(intent.notional, fee), other)
    limit = limit.quantize(_WEI, context=rounding)
    return max(limit, price) if buys else min(limit, price)


def _settled_up(wad: int) -> Decimal:
    """In quote currency, rounded up to what the Vault can pay."""
    return from_wad(wad).quantize(_SETTLED, context=Context(prec=100, rounding=ROUND_CEILING))
