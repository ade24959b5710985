"""What a rollup takes beside gas: our bound against the genuine contracts, and the sender's use of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.tx.conftest import GAS, KEY, Desk, pay
from tests.tx.optimism import Rollup, open_rollup, word

from trimtab.errors import FeeCapExceededError, InsufficientFundsError, RateLimitedError, RpcError
from trimtab.tx import Succeeded
from trimtab.tx.rollup import L1_RISE, NOTHING, L1Fee, read_oracle
from trimtab.tx.signers import LocalSigner

GWEI = 10**9
SIZES = [0, 1, 50, 99, 100, 127, 254, 255, 256, 400, 1_000, 5_000, 120_000]
NUMBERS = [
    L1Fee(30 * GWEI, 1, base_fee_scalar=1_368, blob_base_fee_scalar=810_949),
    L1Fee(7, 3, base_fee_scalar=2, blob_base_fee_scalar=1),
    L1Fee(900 * GWEI + 1, 77 * GWEI, base_fee_scalar=5_227, blob_base_fee_scalar=1_014_213),
    L1Fee(0, 0, base_fee_scalar=1_368, blob_base_fee_scalar=810_949),
]


@pytest.fixture
async def rollup() -> AsyncIterator[Rollup]:
    async with open_rollup() as opened:
        yield opened


def as_bytes(data: bytes) -> bytes:
    """One argument of type bytes."""
    return word(32) + word(len(data)) + data + bytes(-len(data) % 32)


@pytest.mark.node
async def test_the_bound_of_fjord_is_the_contracts_own_rounded_up(rollup: Rollup) -> None:
    """getL1FeeUpperBound of the genuine contract, to the wei but for its rounding down."""
    await rollup.upgrade("Ecotone")
    await rollup.upgrade("Fjord")
    for numbers in NUMBERS:
        await rollup.set_ecotone(numbers)
        assert await rollup.read() == numbers
        for size in SIZES:
            theirs = await rollup.call("getL1FeeUpperBound(uint256)", word(size))
            assert 0 <= numbers.data_fee(size) - theirs <= 1, (size, numbers)


@pytest.mark.node
async def test_the_bound_of_ecotone_is_the_fee_of_bytes_that_are_not_zero(rollup: Rollup) -> None:
    """Equal for such bytes but for rounding, never below for any others."""
    await rollup.upgrade("Ecotone")
    for numbers in NUMBERS:
        await rollup.set_ecotone(numbers)
        read = await rollup.read()
        assert read is not None
        assert (read.is_ecotone, read.is_fjord, read.l1_base_fee) == (True, False, numbers.l1_base_fee)
        for size in SIZES[:-1]:
            theirs = await rollup.call("getL1Fee(bytes)", as_bytes(b"\xff" * size))
            assert 0 <= read.data_fee(size) - theirs <= 1
            mixed = await rollup.call("getL1Fee(bytes)", as_bytes(bytes(range(256)) * (size // 256 + 1)))
            assert read.data_fee(256 * (size // 256 + 1)) >= mixed


@pytest.mark.node
async def test_the_bound_of_bedrock_counts_overhead_and_scalar(rollup: Rollup) -> None:
    """The oldest formula, from the same contract before any upgrade."""
    for base_fee, overhead, scalar in ((30 * GWEI, 188, 684_000), (1, 2_100, 1_000_000), (999, 0, 7)):
        await rollup.set_bedrock(base_fee, overhead, scalar)
        read = await rollup.read()
        assert read == L1Fee(base_fee, overhead=overhead, scalar=scalar, is_ecotone=False, is_fjord=False)
        for size in SIZES[:-1]:
            theirs = await rollup.call("getL1Fee(bytes)", as_bytes(b"\xff" * size))
            assert 0 <= read.data_fee(size) - theirs <= 1


@pytest.mark.node
async def test_an_upgrade_that_was_seen_is_not_asked_for_again(rollup: Rollup) -> None:
    """Three questions fewer on a chain of today; a chain that upgrades in between is followed."""
    await rollup.set_bedrock(30 * GWEI, 188, 684_000)
    old = await rollup.read()
    await rollup.upgrade("Ecotone")
    await rollup.upgrade("Fjord")
    await rollup.set_ecotone(NUMBERS[0])
    known = await rollup.read(old)
    assert known == NUMBERS[0]
    before = Counter(rollup.client.stats.requests)
    assert await rollup.read(known) == NUMBERS[0]
    assert (Counter(rollup.client.stats.requests) - before)["eth_call"] == 6


@pytest.mark.parametrize(
    ("answers", "gas", "fee"),
    [
        # Isthmus: gas * scalar / 10^6 + constant, with scalar 439_000_000 and constant 10_000_000_000
        ((10_000_000_000, 10_000_000_000 + 439_000_000), 21_000, 10_000_000_000 + 9_219_000),
        ((0, 1), 21_000, 1),  # rounded up
        # Jovian: gas * scalar * 100 + constant, with scalar 2 and constant 5
        ((5, 5 + 10**6 * 2 * 100), 21_000, 5 + 21_000 * 200),
        ((0, 0), 21_000, 0),
    ],
)
def test_the_operator_fee_follows_from_two_answers(answers: tuple[int, int], gas: int, fee: int) -> None:
    """Both formulas are straight lines in gas, so getOperatorFee(0) and (10^6) tell either, whichever upgrade
    is active. The packaged contracts know neither: the formulas are the specification's."""
    constant, at_a_million = answers
    read = read_oracle(
        {
            "l1BaseFee()": "0x" + word(1).hex(),
            "operator(0)": "0x" + word(constant).hex(),
            "operator(10^6)": "0x" + word(at_a_million).hex(),
        },
        None,
    )
    assert read is not None
    assert read.operator_fee(gas) == fee


def test_a_node_that_fails_for_one_number_makes_none_of_them_nothing() -> None:
    """Too many requests for the blob's price is no price of 0: all stays as it was. A revert is an older
    oracle's way to say that it has no such function."""
    known = NUMBERS[0]
    answers: dict[str, Any] = {"l1BaseFee()": "0x" + word(5).hex(), "baseFeeScalar()": "0x" + word(2).hex()}
    for failure in (RateLimitedError("slow down"), RpcError("the node is syncing", code=-32000)):
        assert read_oracle(answers | {"blobBaseFee()": failure}, known) is known
        assert read_oracle(answers | {"blobBaseFee()": failure}, None) is None
    older = read_oracle(answers | {"operator(0)": RpcError("execution reverted", code=3)}, known)
    assert older == L1Fee(5, base_fee_scalar=2)


def test_an_oracle_that_does_not_answer_changes_nothing() -> None:
    """Errors, odd words and silence keep what was known; nothing known stays unknown, but for a chain
    that has no oracle at all."""
    known = NUMBERS[0]
    for odd in (RpcError("execution reverted", code=3), None, "0x", "0x" + "zz" * 32, 7):
        assert read_oracle({"l1BaseFee()": odd}, known) is known
        assert read_oracle({"l1BaseFee()": odd}, None) == (NOTHING if odd == "0x" else None)


@pytest.mark.node
async def test_the_worst_case_counts_what_the_rollup_takes(rollup: Rollup, tmp_path: Path) -> None:
    """The balance would pay value and gas: that is not enough, and it is said before anything is sent
    (optimism#2834). The fee is read with the looks at the chain: a send stays one request."""
    await rollup.upgrade("Ecotone")
    await rollup.upgrade("Fjord")
    numbers = NUMBERS[2]
    await rollup.set_ecotone(numbers)
    signer = LocalSigner.from_hex(KEY)
    desk = Desk(rollup.client, tmp_path / "journal.db", signer, rollup.node)
    async with desk.sender(simulate=False) as sender:
        await desk.set_automine(False)
        await desk.quiet()
        before = Counter(desk.client.stats.requests)
        handle = await sender.submit(pay("a"))
        assert Counter(desk.client.stats.requests) - before == Counter({"eth_sendRawTransaction": 1})
        await desk.mine()
        slot = sender._driver.state.slot_of("a")
        assert slot is not None
        unsigned = len(slot.last.raw) - 67
        l1_cost = slot.worst_cost - GAS * slot.last.fees.fee_cap - 1
        assert abs(l1_cost - L1_RISE * numbers.data_fee(unsigned)) <= L1_RISE * numbers.data_fee(0) // 10
        assert l1_cost >= L1_RISE * await rollup.call("getL1FeeUpperBound(uint256)", word(unsigned))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        terms = sender._driver.market.terms()
        budget = GAS * (terms.base_fee * 9 // 8 + terms.fees.tip + 1) + 1
        with pytest.raises(FeeCapExceededError, match="budget"):
            await sender.submit(pay("b", budget_wei=budget))
        gas_only = GAS * terms.fees.fee_cap * 2
        await desk.client.request("anvil_setBalance", [signer.address, hex(gas_only)])
        sender._driver.balance = gas_only
        with pytest.raises(InsufficientFundsError) as caught:
            await sender.submit(pay("c"))
        assert (caught.value.needed or 0) - gas_only > numbers.data_fee(unsigned)
    assert await desk.sent_nonce() == 1
