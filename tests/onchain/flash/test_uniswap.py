"""Money of a Uniswap pool: its fee, and its own refusals."""

from __future__ import annotations

import pytest

from trimtab.hooks.flash import Loan

WAD, USDC = 10**18, 10**6


@pytest.mark.parametrize("fee", [500, 3_000])
@pytest.mark.parametrize("loan", [2_000 * USDC, 2_000 * USDC + 1])
def test_the_fee_is_paid(crash, fee, loan):
    """The pool's fee of the loan, rounded up, stays in the pool."""
    pool = crash.lenders.pools[fee]
    before = crash.balance("USDC", pool)
    done = crash.succeed(crash.order(crash.uniswap(loan, fee), crash.positions("alice", rounds=1)))
    premium = -(-loan * fee // 10**6)
    assert done.told.premium == premium
    assert crash.balance("USDC", pool) - before == premium


@pytest.mark.fork
def test_it_lends_as_aave_does(crash):
    """The same order leaves the same, but for what the lenders take."""
    targets = crash.positions("bob", rounds=1)
    of_aave = crash.quote(crash.order(Loan.aave(20_000 * USDC), targets))
    of_pool = crash.quote(crash.order(crash.uniswap(20_000 * USDC), targets))
    assert of_aave == of_pool > 0  # both take 5 basis points here
    dear = crash.quote(crash.order(crash.uniswap(20_000 * USDC, 3_000), targets))
    assert of_pool - dear == 50 * USDC


def test_more_than_it_has(crash):
    """A pool lends what is in it."""
    order = crash.order(crash.uniswap(10_000_000 * USDC), crash.positions("alice"))
    assert crash.fail(order).name in ("Error", "no data")


def test_a_pool_that_is_not_there(crash):
    """Neither of a fee that nobody opened, nor of a token that is in none: the factory says so."""
    for loan in (crash.uniswap(USDC, 10_000), Loan.uniswap(USDC, crash.base(), 500)):
        refusal = crash.fail(crash.order(loan, crash.positions("alice")))
        assert refusal.name == "NoSuchPool"
        assert refusal.args == {"token": loan.pair, "fee": loan.pool_fee}
