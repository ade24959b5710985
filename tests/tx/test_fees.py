"""Fees in integers: the bump rule over every pool's own rule, quotes and caps."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import FeeCapExceededError
from trimtab.tx.fees import (
    Fees,
    affordable_cap,
    bump,
    bump_price,
    check_headroom,
    fit,
    fit_bump,
    has_headroom,
    leave_step,
    quote,
    suggest_tip,
    worst_cost,
)

prices = st.integers(0, 10**13)


def geth(old: int, new: int) -> bool:
    """core/txpool/legacypool/list.go, Add: above the old, and at least floor(110 %)."""
    return new > old and new >= old * 110 // 100


def reth_2024(old: int, new: int) -> bool:
    """reth before PR 13161: the exact boundary is refused."""
    return new * 100 > old * 110


def reth_2026(old: int, new: int) -> bool:
    """reth since PR 23012: at least ceil(110 %)."""
    return new > old and new >= -(-old * 110 // 100)


def parity(old: int, new: int) -> bool:
    """Parity's family: at least 12.5 % more."""
    return new * 8 >= old * 9 and new > old


@pytest.mark.parametrize("accepts", [geth, reth_2024, reth_2026, parity])
def test_every_pool_takes_a_bump_of_every_small_price(accepts: object) -> None:
    """From 0 to 3,000 wei, where rounding matters most, no rule refuses."""
    assert callable(accepts)
    assert [old for old in range(3_000) if not accepts(old, bump_price(old))] == []


def table_prices() -> list[int]:
    """23,000 old prices: all up to 3,000 wei, where rounding matters, and 20,000 drawn below 10^13."""
    draw = random.Random(14)
    return [*range(3_000), *(draw.randrange(10**13) for _ in range(20_000))]


POOLS: dict[str, Callable[[int, int], bool]] = {
    "geth": geth, "reth 2024": reth_2024, "reth 2026": reth_2026, "12.5 %": parity
}  # fmt: skip


def test_no_pool_refuses_one_of_23_000_bumps() -> None:
    """Zero refusals by any of the four rules."""
    refused = {
        name: [old for old in table_prices() if not takes(old, bump_price(old))]
        for name, takes in POOLS.items()
    }
    assert refused == {name: [] for name in POOLS}


@pytest.mark.parametrize(
    ("formula", "refusing"),
    [
        (lambda old: -(-old * 11 // 10), {"geth", "reth 2024", "reth 2026", "12.5 %"}),
        (
            lambda old: max(old * 11 // 10, old + 1),
            {"reth 2024", "reth 2026", "12.5 %"},
        ),
        (
            lambda old: -(-old * 9 // 8),
            {"geth", "reth 2024", "reth 2026", "12.5 %"},
        ),
    ],
)
def test_the_usual_formulas_are_refused_somewhere(formula: Callable[[int], int], refusing: set[str]) -> None:
    """ceil(1.10x); floor(1.10x) or one more; ceil(1.125x), at 0 only: what other managers add is a boundary
    that some pool does not take, so the models above do bite."""
    found = {
        name for name, takes in POOLS.items() if any(not takes(old, formula(old)) for old in table_prices())
    }
    assert found == refusing


@given(prices)
def test_every_pool_takes_a_bump_of_any_price(old: int) -> None:
    """geth, both reth rules and 12.5 % nodes accept the bumped price."""
    new = bump_price(old)
    assert all(accepts(old, new) for accepts in (geth, reth_2024, reth_2026, parity))


@given(prices, prices, prices, prices)
def test_a_bump_raises_both_fields_whatever_the_market(
    tip: int, extra: int, market_tip: int, base: int
) -> None:
    """Tip and fee cap both rise by a legal step, reach the market, and stay consistent."""
    signed, market = Fees(tip, tip + extra), quote(base, market_tip)
    bumped = bump(signed, market)
    assert bumped.tip >= max(bump_price(signed.tip), market.tip)
    assert bumped.fee_cap >= max(bump_price(signed.fee_cap), market.fee_cap)
    assert bumped.tip <= bumped.fee_cap


@given(prices, prices, prices, prices, st.integers(0, 10**14))
def test_a_capped_bump_is_legal_or_refused(
    tip: int, extra: int, market_tip: int, base: int, cap: int
) -> None:
    """Under a cap a replacement either keeps every pool's rule and the cap, or is not made at all."""
    signed = Fees(tip, tip + extra)
    if cap < max(bump_price(signed.fee_cap), bump_price(signed.tip)):
        with pytest.raises(FeeCapExceededError) as caught:
            fit_bump(signed, quote(base, market_tip), cap)
        assert caught.value.asked > caught.value.cap == cap
        return
    bumped = fit_bump(signed, quote(base, market_tip), cap)
    assert bumped.tip >= bump_price(signed.tip)
    assert bump_price(signed.fee_cap) <= bumped.fee_cap <= cap
    assert bumped.tip <= bumped.fee_cap


@given(st.integers(2, 10**13))
def test_a_step_is_left_below_a_cap_and_no_more(cap: int) -> None:
    """The price that is left can be raised legally to at most the cap; one wei more could not."""
    assert bump_price(leave_step(cap)) <= cap < bump_price(leave_step(cap) + 1)


def test_a_quote_lasts_for_five_full_blocks() -> None:
    """Twice the base fee is still enough after five blocks that each raise it by an eighth."""
    assert quote(1_000, 7) == Fees(7, 2_007)
    assert 1_000 * 1.125**5 < 2_000


def test_the_tip_is_the_median_reward_but_at_least_the_floor() -> None:
    """One block of extreme rewards does not move it; empty history gives the floor."""
    assert suggest_tip([5, 900, 7, 6, 8], floor=1) == 7
    assert suggest_tip([0, 0, 0], floor=3) == 3
    assert suggest_tip([], floor=3) == 3


def test_worst_cost_is_gas_at_the_cap_plus_value_and_data_fee() -> None:
    """Nothing that a transaction can take from the account is left out."""
    assert worst_cost(21_000, Fees(1, 10), 5, data_fee=2) == 210_007


def test_budget_and_limit_cap_the_fee() -> None:
    """The budget pays value first; the lower of both caps binds; a value above the budget leaves nothing."""
    assert affordable_cap(100, 50, 1_050, None) == 10
    assert affordable_cap(100, 50, 1_050, 7) == 7
    assert affordable_cap(100, 2_000, 1_050, 7) == 0
    assert affordable_cap(100, 0, None, None) is None


def test_a_first_price_gives_way_to_the_cap_while_the_next_block_can_take_it() -> None:
    """Down to the next block's highest base fee plus the tip; below that nothing is signed."""
    wanted = quote(1_000, 10)
    assert fit(wanted, 1_000, 1_200) == Fees(10, 1_200)
    assert fit(wanted, 1_000, 1_135) == Fees(10, 1_135)
    with pytest.raises(FeeCapExceededError) as caught:
        fit(wanted, 1_000, 1_134)
    assert (caught.value.asked, caught.value.cap) == (1_135, 1_134)


def test_a_sequencer_gets_a_quarter_more_than_its_base_fee() -> None:
    """To the wei: 5/4 of the base fee has room, one wei less has not, and the error says what is needed."""
    check_headroom(Fees(0, 1_250), 1_000)
    assert has_headroom(Fees(0, 1_250), 1_000)
    assert not has_headroom(Fees(0, 1_249), 1_000)
    with pytest.raises(FeeCapExceededError) as caught:
        check_headroom(Fees(0, 1_249), 1_000)
    assert (caught.value.asked, caught.value.cap) == (1_250, 1_249)
