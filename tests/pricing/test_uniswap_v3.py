"""Uniswap's swap: the genuine pool's own answers, and roundings that never cost it anything."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pricing.pools import pool_of, random_state
from tests.pricing.probe import PROBE
from tests.venues.perp_v2.arena import MARKET, Arena

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import PricingError
from trimtab.model.ids import Address
from trimtab.pricing.tick_math import MAX_SQRT, MIN_SQRT, Q96, sqrt_at_tick
from trimtab.pricing.uniswap_v3 import (
    PIPS,
    Pool,
    TickMap,
    base_between,
    compute_step,
    quote_between,
    sqrt_after_input,
    sqrt_after_output,
    swap,
)
from trimtab.venues.perp_v2.pool import PoolReader
from trimtab.world.world import World

CALLER = Address("0x" + "cc" * 20)
_INPUTS = [
    {"name": name, "type": kind}
    for name, kind in (
        ("recipient", "address"),
        ("zeroForOne", "bool"),
        ("amountSpecified", "int256"),
        ("sqrtPriceLimitX96", "uint160"),
        ("data", "bytes"),
    )
]
SWAP = Abi.parse([{"type": "function", "name": "swap", "inputs": _INPUTS, "outputs": []}]).function("swap")

SQRTS = st.integers(-200_000, 200_000).map(sqrt_at_tick)
LIQUIDITY = st.integers(1, 2**100)
AMOUNTS = st.integers(1, 2**90)
FEES = st.sampled_from([0, 100, 500, 3000, 10_000])


async def ask_pool(client: Client, pool: Address, *, sells: bool, amount: int, limit: int) -> tuple[int, ...]:
    """(base, quote, square root, tick, liquidity) after the genuine pool's swap, by a call without effect."""
    data = SWAP.encode(CALLER, sells, amount, limit, b"")
    call = Call(CALLER, int(pool, 16).to_bytes(32, "big") + data)
    found = await client.call_raw(call, overrides={CALLER: {"code": f"0x{PROBE.hex()}"}})
    assert len(found) == 160, found
    words = [int.from_bytes(found[i : i + 32], "big") for i in range(0, 160, 32)]
    return tuple(w - 2**256 if w >> 255 else w for w in words)


@pytest.mark.node
@pytest.mark.parametrize("seed", range(2))
async def test_swaps_are_the_genuine_pools_to_the_wei(world: World, seed: int) -> None:
    """Exact inputs and outputs both ways, over many ticks, to limits and to the end of the amount: amounts,
    price, tick and liquidity after."""
    draws = random.Random(seed)
    arena = Arena(world)
    await arena.open()
    await arena.thin_out(draws)
    await arena.add_ranges(draws)
    look = await PoolReader(world.client, world.perp).read(MARKET, block="latest")
    pool, fee = look.state.pool, look.state.pool_fee
    low, high = pool.map.known
    for _ in range(100):
        sells, magnitude = draws.random() < 0.5, int(10 ** draws.uniform(0, 24))
        amount = draws.choice([magnitude, -magnitude])
        tick = draws.randint(low, pool.tick - 1) if sells else draws.randint(pool.tick + 1, high)
        limit = sqrt_at_tick(tick) + draws.choice([0, 1, 12345])
        done = swap(pool, sells=sells, amount=amount, fee=fee, sqrt_limit=limit)
        expected = await ask_pool(
            world.client, world.perp.markets[MARKET].pool, sells=sells, amount=amount, limit=limit
        )
        after = done.pool
        assert (done.base_in, done.quote_in, after.sqrt_price, after.tick, after.liquidity) == expected


@given(a=SQRTS, b=SQRTS, liquidity=LIQUIDITY)
def test_what_lies_between_two_prices(a: int, b: int, liquidity: int) -> None:
    """Rounded up is at most one unit above rounded down, two for base, which divides twice; the order of the
    prices does not matter."""
    for between, most in ((base_between, 2), (quote_between, 1)):
        up, down = between(a, b, liquidity, up=True), between(a, b, liquidity, up=False)
        assert 0 <= up - down <= most
        assert up == between(b, a, liquidity, up=True)
        assert (a == b) <= (up == 0)


@given(sqrt=SQRTS, liquidity=LIQUIDITY, amount=AMOUNTS, sells=st.booleans())
def test_an_input_never_moves_the_price_too_far(
    sqrt: int, liquidity: int, amount: int, *, sells: bool
) -> None:
    """The pool has got at least what the way to the new price costs."""
    after = sqrt_after_input(sqrt, liquidity, amount, sells=sells)
    assert after <= sqrt if sells else after >= sqrt
    if after > 0:
        between = base_between if sells else quote_between
        assert between(after, sqrt, liquidity, up=True) <= amount


@given(sqrt=SQRTS, liquidity=LIQUIDITY, amount=AMOUNTS, sells=st.booleans())
def test_an_output_always_moves_the_price_far_enough(
    sqrt: int, liquidity: int, amount: int, *, sells: bool
) -> None:
    """The way to the new price holds at least what was given, or the liquidity is refused as too small."""
    try:
        after = sqrt_after_output(sqrt, liquidity, amount, sells=sells)
    except PricingError:
        between = quote_between if sells else base_between
        edge = 1 if sells else 2**256
        assert between(edge, sqrt, liquidity, up=False) <= amount + 1
        return
    between = quote_between if sells else base_between
    assert between(after, sqrt, liquidity, up=False) >= amount


@given(
    sqrt=SQRTS,
    target=SQRTS,
    liquidity=LIQUIDITY,
    amount=AMOUNTS | AMOUNTS.map(lambda a: -a),
    fee=FEES,
)
def test_a_step_is_within_its_amount_and_its_target(
    sqrt: int, target: int, liquidity: int, amount: int, fee: int
) -> None:
    """It never passes the target, never takes or gives more than is left, and takes the fee in full."""
    step = compute_step(sqrt, target, liquidity, amount, fee)
    assert min(sqrt, target) <= step.sqrt_price <= max(sqrt, target)
    assert step.fee * (PIPS - fee) >= step.amount_in * fee
    if amount > 0:
        assert step.amount_in + step.fee <= amount
        assert step.sqrt_price == target or step.amount_in + step.fee == amount
    else:
        assert step.amount_out <= -amount


@given(seed=st.integers(0, 2**32), sells=st.booleans(), amount=st.integers(1, 10**21))
def test_there_and_back_never_earns(seed: int, amount: int, *, sells: bool) -> None:
    """Who trades and trades back what came out has less than before, by the fees and the roundings."""
    pool = random_state(random.Random(seed)).pool
    there = swap(pool, sells=sells, amount=amount, fee=0)
    got = -there.quote_in if sells else -there.base_in
    if got == 0 or there.left:
        return
    back = swap(there.pool, sells=not sells, amount=got, fee=0)
    assert back.left == 0
    returned = -back.base_in if sells else -back.quote_in
    assert returned <= amount
    assert back.pool.sqrt_price >= pool.sqrt_price if not sells else back.pool.sqrt_price <= pool.sqrt_price


@given(seed=st.integers(0, 2**32), sells=st.booleans(), parts=st.lists(st.integers(1, 10**19), min_size=2))
def test_in_parts_as_at_once(seed: int, parts: list[int], *, sells: bool) -> None:
    """A trade in parts gives no more than the whole at once, and at most some units less each."""
    pool = random_state(random.Random(seed)).pool
    whole = swap(pool, sells=sells, amount=sum(parts), fee=0)
    if whole.left:
        return
    at, given = pool, 0
    for part in parts:
        done = swap(at, sells=sells, amount=part, fee=0)
        at, given = done.pool, given + (-done.quote_in if sells else -done.base_in)
    assert given <= (-whole.quote_in if sells else -whole.base_in)


def test_ticks_are_found_word_by_word() -> None:
    """A step ends at an initialised tick, or at the end of a word of 256 grid ticks: the bitmap's way."""
    ticks = TickMap(60, (-120, 60), (5, -5))
    assert ticks.next_tick(0, down=False) == (60, 1)
    assert ticks.next_tick(60, down=False) == (255 * 60, None)
    assert ticks.next_tick(60, down=True) == (60, 1)
    assert ticks.next_tick(59, down=True) == (0, None)
    assert ticks.next_tick(-1, down=True) == (-120, 0)
    assert ticks.next_tick(-121, down=True) == (-256 * 60, None)


def test_liquidity_follows_the_ticks() -> None:
    """What enters on the way up leaves on the way down; in between nothing is exchanged."""
    pool = pool_of(Q96, [(-60, 60, 10**20), (180, 240, 10**20)])
    up = swap(pool, sells=False, amount=10**30, fee=0, sqrt_limit=sqrt_at_tick(200))
    assert up.pool.liquidity == 10**20
    assert up.quote_in == sum(step.amount_in for step in up.steps)
    assert [step.amount_in for step in up.steps if step.amount_out == 0] == [0]
    down = swap(up.pool, sells=True, amount=10**30, fee=0, sqrt_limit=Q96)
    assert down.pool.liquidity == pool.liquidity
    assert down.pool.sqrt_price == Q96


@pytest.mark.parametrize(("sells", "limit"), [(True, Q96), (False, Q96), (True, MIN_SQRT), (False, MAX_SQRT)])
def test_a_limit_behind_the_price_is_refused(limit: int, *, sells: bool) -> None:
    """As the pool does (SPL)."""
    pool = pool_of(Q96, [(-60, 60, 10**20)])
    with pytest.raises(PricingError, match="not ahead"):
        swap(pool, sells=sells, amount=1, fee=0, sqrt_limit=limit)


def test_ticks_that_were_not_read_are_not_walked() -> None:
    """Rather than to trade as if nothing were there."""
    pool = pool_of(Q96, [(-600, 600, 10**20)])
    narrow = Pool(pool.sqrt_price, pool.tick, pool.liquidity, TickMap(60, (), (), known=(-120, 120)))
    with pytest.raises(PricingError, match="were read"):
        swap(narrow, sells=True, amount=10**20, fee=0)


@pytest.mark.parametrize("work", [sqrt_after_input, sqrt_after_output])
def test_no_price_without_liquidity(work: Any) -> None:
    """It is said, not divided by."""
    with pytest.raises(PricingError, match="no liquidity"):
        work(Q96, 0, 1, sells=True)
