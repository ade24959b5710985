"""Threads of other tools about fees on rollups: caps without headroom, costs that were left out. Each test
makes the thread's circumstances and fails in an engine that has its bug."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tx.conftest import pay
from tests.tx.threads.conftest import BentDesk
from tests.tx.threads.wire import refuse

from trimtab.errors import InsufficientFundsError
from trimtab.tx import Succeeded
from trimtab.tx.fees import quote, worst_cost

pytestmark = pytest.mark.node


@given(base_fee=st.integers(0, 10**13), tip=st.integers(0, 10**12))
def test_shapeshift_1282_pyth_829_a_first_price_outlives_the_jitter_of_the_base_fee(
    base_fee: int, tip: int
) -> None:
    """On Arbitrum the base fee moves by a hundredth a block, and caps quoted at it were refused on arrival.
    Ours: the cap of a first price is above the base fee by a quarter at least."""
    fees = quote(base_fee, tip)
    assert 4 * (fees.fee_cap - fees.tip) >= 5 * base_fee
    assert fees.fee_cap >= fees.tip


async def test_shapeshift_1282_pyth_829_a_cap_that_was_overtaken_is_quoted_again(bent: BentDesk) -> None:
    """And where it is refused all the same, it is priced and signed again at once, at its own nonce."""
    words = "max fee per gas less than block base fee: address 0x12, maxFeePerGas: 100 baseFee: 101"
    bent.wire.bends.append(refuse(words))
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    first, second = bent.wire.attempts
    assert (first.nonce, second.nonce) == (0, 0)
    assert second.fees.fee_cap > first.fees.fee_cap


async def test_op_2834_the_data_fee_that_the_balance_does_not_cover_is_told(bent: BentDesk) -> None:
    """The fee for the L1 data was left out of the balance check, and the submitter hung on its refusal. Ours:
    the node's word for it ends the intent with the right error: nothing is out, nonce and key are free."""
    bent.wire.bends.append(
        refuse("insufficient funds for gas * price + value: balance 5, tx cost 4, l1 cost 3, overshot 2")
    )
    async with bent.sender(simulate=False) as sender:
        with pytest.raises(InsufficientFundsError, match="l1 cost"):
            await sender.submit(pay("k"))
        handle = await sender.submit(pay("k"))
        assert handle.nonce == 0
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


@given(gas=st.integers(21_000, 10**7), base=st.integers(1, 10**12), data_fee=st.integers(0, 10**18))
def test_op_2834_the_data_fee_is_a_part_of_the_worst_cost(gas: int, base: int, data_fee: int) -> None:
    """What a rollup takes beside gas is added to what a transaction can cost at most, to the wei."""
    fees = quote(base, 0)
    assert worst_cost(gas, fees, 7, data_fee) == gas * fees.fee_cap + 7 + data_fee
