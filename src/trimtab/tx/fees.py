"""EIP-1559 fees in integers: quote, bump, worst cost, caps. Wei per gas throughout."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from trimtab.errors import FeeCapExceededError

GWEI = 10**9
DEFAULT_FEE_CAP = 1_000 * GWEI
"""Above what chains ask for on their worst days: a node that says more is not believed."""
CANCEL_GAS = 21_000
"""A self-transfer without data."""


class Fees(msgspec.Struct, frozen=True, gc=False):
    """What one gas may cost: `fee_cap` in all, of which at most `tip` to the block's producer."""

    tip: int
    fee_cap: int


def quote(base_fee: int, tip: int) -> Fees:
    """Twice the base fee lasts for five full blocks, each 12.5 % dearer than the one before."""
    return Fees(tip, 2 * base_fee + tip)


def suggest_tip(rewards: Sequence[int], floor: int) -> int:
    """The median of the recent blocks' 20th percentile rewards, at least `floor`."""
    ordered = sorted(rewards)
    median = ordered[len(ordered) // 2] if ordered else 0
    return max(median, floor)


def bump_price(price: int) -> int:
    """The least price that every known pool takes as a replacement: geth and reth ask for 10 % (some
    exclusive of the boundary, some rounding up), Parity's family for 12.5 %."""
    return max(ceil_div(price * 9, 8), ceil_div(price * 11, 10) + 1)


def leave_step(cap: int) -> int:
    """The dearest price that a legal replacement still raises to at most `cap`."""
    return max(min(cap * 8 // 9, (cap - 1) * 10 // 11), 0)


def bump(signed: Fees, market: Fees) -> Fees:
    """Replacement fees: both fields at least one legal step above the dearest ever signed, and at least the
    market's."""
    tip = max(bump_price(signed.tip), market.tip)
    return Fees(tip, max(bump_price(signed.fee_cap), market.fee_cap, tip))


def worst_cost(gas_limit: int, fees: Fees, value: int, data_fee: int = 0) -> int:
    """The most that a transaction can take from the account, in wei; `data_fee` is a rollup's own."""
    return gas_limit * fees.fee_cap + value + data_fee


def affordable_cap(gas_limit: int, value: int, budget: int | None, max_fee_cap: int | None) -> int | None:
    """The dearest fee cap that budget and limit allow; None when neither is set."""
    caps = [] if max_fee_cap is None else [max_fee_cap]
    if budget is not None:
        caps.append(max(budget - value, 0) // gas_limit)
    return min(caps, default=None)


def fit(wanted: Fees, base_fee: int, cap: int | None) -> Fees:
    """A first price under `cap`: the fee cap gives way, as long as the next block can still take it.

    Raises `FeeCapExceededError` when the cap is under the next block's highest base fee plus the tip.
    """
    if cap is None or wanted.fee_cap <= cap:
        return wanted
    least = ceil_div(base_fee * 9, 8) + wanted.tip
    if cap < least:
        raise _over(least, cap, "the market asks for")
    return Fees(wanted.tip, cap)


def fit_bump(signed: Fees, market: Fees, cap: int | None) -> Fees:
    """A replacement under `cap`. Raises `FeeCapExceededError` when the next legal step is above it: then the
    same bytes are broadcast again."""
    step = Fees(bump_price(signed.tip), max(bump_price(signed.fee_cap), bump_price(signed.tip)))
    if cap is not None and step.fee_cap > cap:
        raise _over(step.fee_cap, cap, "the next legal replacement needs")
    wanted = bump(signed, market)
    if cap is None or wanted.fee_cap <= cap:
        return wanted
    return Fees(max(min(wanted.tip, cap), step.tip), cap)


def check_headroom(fees: Fees, base_fee: int) -> None:
    """Raise `FeeCapExceededError` unless the fee cap leaves room for a base fee that moves while the bytes
    travel: a sequencer without a mempool refuses what is below it on arrival."""
    least = ceil_div(base_fee * 5, 4)
    if fees.fee_cap < least:
        raise _over(least, fees.fee_cap, "the sequencer's base fee with room to move asks for")


def has_headroom(fees: Fees, base_fee: int) -> bool:
    """Whether bytes at this price may be sent to a sequencer without a mempool."""
    return fees.fee_cap * 4 >= base_fee * 5


def _over(asked: int, cap: int, what: str) -> FeeCapExceededError:
    return FeeCapExceededError(
        f"{what} {asked} wei per gas, above the cap of {cap}: raise the budget or the fee cap, or wait",
        asked=asked,
        cap=cap,
    )


def ceil_div(number: int, by: int) -> int:
    """The quotient, rounded up."""
    return -(-number // by)
