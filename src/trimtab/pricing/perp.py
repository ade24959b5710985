"""Perpetuals in exact integers, as the contracts count: the same operations, the same rounding.

Sizes, prices and money are 18-decimal integers (wad), long > 0; ratios are millionths (ppm: 62_500 is
6.25 %). Rounding is Solidity's, towards zero, unless a name says otherwise. Rules and their order of
operations: Perpetual Protocol v2 ("Curie") AccountBalance, Vault, Exchange, Funding and PerpPortal.
"""

from __future__ import annotations

from trimtab.errors import PricingError
from trimtab.model.units import WAD

PPM = 1_000_000
Q96 = 1 << 96
FUNDING_PERIOD = 86_400  # seconds: funding is quoted per day
SETTLEMENT_UNIT = (
    10**12
)  # wad per base unit of a 6-decimal settlement token: account values are floored to it
DUST_POSITION_VALUE = 100 * WAD  # at or below, a liquidation takes the whole position


def div_trunc(numerator: int, denominator: int) -> int:
    """Solidity's signed division: towards zero, where Python's `//` floors."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def mul_div_trunc(a: int, b: int, denominator: int) -> int:
    """a * b / denominator towards zero, without intermediate overflow: PerpMath.mulDiv."""
    return div_trunc(a * b, denominator)


def mul_ppm(amount: int, ratio: int) -> int:
    """`ratio` millionths of `amount`, towards zero: PerpMath.mulRatio."""
    return div_trunc(amount * ratio, PPM)


def floor_to_settlement(amount: int) -> int:
    """`amount` floored (towards minus infinity) to 6 decimals, still in wad: what the Vault reports."""
    return amount // SETTLEMENT_UNIT * SETTLEMENT_UNIT


def position_value(size: int, mark: int) -> int:
    """Signed value of a position at the mark price."""
    return mul_div_trunc(size, mark, WAD)


def unrealized_pnl(size: int, mark: int, open_notional: int) -> int:
    """Value plus open notional, the signed quote balance of the position (long < 0)."""
    return position_value(size, mark) + open_notional


def entry_price(size: int, open_notional: int) -> int | None:
    """Average price of the open position, None without one."""
    return mul_div_trunc(-open_notional, WAD, size) if size else None


def account_value(settled: int, value_of_positions: int, net_quote: int) -> int:
    """Equity, floored to 6 decimals. `settled` is all that no price moves: collateral + owed realised pnl +
    pending maker fee - pending funding; `net_quote` is the sum of open notionals."""
    return floor_to_settlement(settled + value_of_positions + net_quote)


def maintenance_margin(total_abs_value: int, ratio: int) -> int:
    """Margin below which an account is liquidatable: `ratio` ppm of the sum of |position value|."""
    return mul_ppm(total_abs_value, ratio)


def is_liquidatable(equity: int, total_abs_value: int, ratio: int) -> bool:
    """Whether equity is below the maintenance margin; equal is still safe."""
    return equity < maintenance_margin(total_abs_value, ratio)


def liquidation_price(size: int, mark: int, equity: int, total_abs_value: int, ratio: int) -> int | None:
    """Mark price at which the account becomes liquidatable, all else equal: PerpPortal.getLiquidationPrice.

    Cross-margin: the other markets and collaterals are held at their marks. None without a position, 0 where
    no price above zero liquidates. It ignores the flooring to 6 decimals: `exact_liquidation_price` does not.
    """
    if size == 0:
        return None
    remaining = equity - mul_ppm(total_abs_value, ratio)
    weight = mul_ppm(size, PPM - ratio if size > 0 else PPM + ratio)
    if weight == 0:
        return None
    return max(0, mark - div_trunc(remaining * WAD, weight))


def exact_liquidation_price(size: int, rest: int, other_abs_value: int, ratio: int) -> int | None:
    """The last mark price, in wei, at which the contract liquidates: the highest for a long, the lowest for
    a short; None where there is none.

    `rest` is the unfloored account value without this position's value; `other_abs_value` the sum of
    |position value| in the other markets. Since equity is floored to 6 decimals while the margin is not, safe
    and liquidatable prices alternate inside the last 1e-6 / |size|; this is the outermost liquidatable one.
    """
    if size == 0:
        return None
    if not 0 < ratio < PPM:
        raise PricingError(f"maintenance ratio is {ratio} ppm, it must be above 0 and below {PPM}")
    if size > 0:
        value = _highest_liquidatable_value(rest, other_abs_value, ratio)
        return None if value < 0 else ((value + 1) * WAD - 1) // size
    value = max(_lowest_liquidatable_value(rest, other_abs_value, ratio), 0)
    return -(-value * WAD // -size)


def _needed_value(equity: int, other_abs_value: int, ratio: int) -> int:
    """Least |position value| whose margin exceeds `equity`."""
    return -(-(equity + 1) * PPM // ratio) - other_abs_value


def _highest_liquidatable_value(rest: int, other_abs_value: int, ratio: int) -> int:
    """Long: equity = floor(rest + V). The highest V with margin(V) > equity, below 0 when there is none.

    On the plateau equity = k units the highest V is (k + 1) units - 1 - rest, and it is liquidatable while
    it reaches what is needed there; that holds up to one greatest k, because margin grows slower than V.
    """
    k = (other_abs_value + SETTLEMENT_UNIT - 1 - rest - PPM // ratio) * ratio // (
        SETTLEMENT_UNIT * (PPM - ratio)
    ) + 2
    while True:
        highest = (k + 1) * SETTLEMENT_UNIT - 1 - rest
        if highest < 0 or highest >= _needed_value(k * SETTLEMENT_UNIT, other_abs_value, ratio):
            return highest
        k -= 1


def _lowest_liquidatable_value(rest: int, other_abs_value: int, ratio: int) -> int:
    """Short: equity = floor(rest - V). The lowest V >= 0 with margin(V) > equity."""
    k = min(rest, (rest + other_abs_value) * ratio // (PPM + ratio) + SETTLEMENT_UNIT) // SETTLEMENT_UNIT
    while True:
        lowest = max(
            _needed_value(k * SETTLEMENT_UNIT, other_abs_value, ratio),
            rest - (k + 1) * SETTLEMENT_UNIT + 1,
            0,
        )
        if lowest <= rest - k * SETTLEMENT_UNIT:
            return lowest
        k -= 1


def liquidatable_size(size: int, mark: int, equity: int, total_abs_value: int, ratio: int) -> int:
    """Signed size that a liquidator may take now, 0 when safe: AccountBalance.getLiquidatablePositionSize.
    Half of the account's value while equity covers half the margin, else all; dust always whole."""
    margin = maintenance_margin(total_abs_value, ratio)
    if equity >= margin or size == 0:
        return 0
    value = abs(position_value(size, mark))
    if value <= DUST_POSITION_VALUE or equity < margin // 2:
        return size
    return mul_ppm(size, min(PPM, total_abs_value * PPM // (value * 2)))


def premium_x96(market_twap_x96: int, index_twap_x96: int, max_rate: int) -> int:
    """Market minus index TWAP, clamped to `max_rate` ppm of the index: what longs pay per unit and day."""
    limit = mul_ppm(index_twap_x96, max_rate)
    return max(-limit, min(limit, market_twap_x96 - index_twap_x96))


def funding_growth_after(growth_x96: int, premium: int, seconds: int) -> int:
    """Global funding growth after `seconds` at a premium (X96)."""
    return growth_x96 + premium * seconds


def pending_funding(size: int, growth_x96: int, last_growth_x96: int, liquidity_part: int = 0) -> int:
    """Funding that a taker's `size` owes (> 0 pays) since its last settlement, rounded as the contract:
    the product first, then the day. `liquidity_part` is a maker's liquidity coefficient."""
    accrued = mul_div_trunc(size, growth_x96 - last_growth_x96, Q96)
    return div_trunc(accrued + liquidity_part, FUNDING_PERIOD)


def funding_rate(premium: int, index_twap_x96: int) -> int:
    """Daily funding rate in wad (1e16 is 1 % a day), above 0 longs pay shorts."""
    return mul_div_trunc(premium, WAD, index_twap_x96)
