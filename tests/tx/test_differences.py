"""Balances that logs and state differences say: exact, and never more than they say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.receipt import Log
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.differences import (
    DEPOSIT,
    NATIVE,
    NOBODY,
    TRANSFER,
    WITHDRAWAL,
    Differences,
    Fee,
    add_up,
    find_wrapped,
    from_changes,
    from_transfers,
    token_differences,
    without_native,
)

ME, BOB, HOUSE, WETH, DAI = (Address("0x" + digit * 40) for digit in "12345")
people = st.sampled_from([ME, BOB, HOUSE])
amounts = st.integers(0, 2**128)


def log(emitter: Address, *topics: bytes | Address, units: int | None = None, data: bytes = b"") -> Log:
    words = tuple(t if isinstance(t, bytes) else bytes.fromhex(t[2:]).rjust(32, b"\0") for t in topics)
    body = data if units is None else units.to_bytes(32, "big")
    return Log(emitter, words, body, 1, BlockHash(""), TxHash(""), 0)


def transfer(token: Address, source: Address, target: Address, units: int) -> Log:
    return log(token, TRANSFER, source, target, units=units)


transfers = st.builds(transfer, st.sampled_from([NATIVE, DAI, WETH]), people, people, amounts)


@given(st.lists(transfers), amounts, amounts)
def test_what_some_give_is_what_others_get(logs: list[Log], paid: int, tip: int) -> None:
    """Each token sums to nothing; native currency to the fee, of which the producer has its tip."""
    found = from_transfers(logs, Fee(ME, paid + tip, tip), HOUSE)
    for token in (DAI, WETH):
        assert sum(units for (which, _), units in found.tokens.items() if which == token) == 0
    assert sum(found.native.values()) + found.coinbase == -paid
    assert HOUSE not in found.native
    assert 0 not in found.native.values()
    assert 0 not in found.tokens.values()


@given(st.lists(st.lists(transfers, max_size=4), max_size=4))
def test_the_parts_add_up_to_the_whole(parts: list[list[Log]]) -> None:
    """Transaction by transaction, or all of their logs at once."""
    one_by_one = add_up(from_transfers(logs, Fee(ME, 10, 3), HOUSE) for logs in parts)
    fee = Fee(ME, 10 * len(parts), 3 * len(parts))
    assert one_by_one == from_transfers([log for logs in parts for log in logs], fee, HOUSE)


def test_balances_that_changed_are_taken_as_they_are() -> None:
    """Fees are in them already, and the producer's part is taken out."""
    found = from_changes({ME: -30, BOB: 20, HOUSE: 4, DAI: 0}, [transfer(DAI, ME, BOB, 7)], HOUSE)
    assert found == Differences({ME: -30, BOB: 20}, {(DAI, ME): -7, (DAI, BOB): 7}, 4)
    assert found.tokens_of(BOB) == {DAI: 7}


def test_wrapped_currency_is_known_by_its_own_balance() -> None:
    """WETH9 mints and burns without a transfer; its native balance says that its events mean that."""
    logs = [
        transfer(NATIVE, ME, WETH, 100),
        log(WETH, DEPOSIT, ME, units=100),
        log(WETH, WITHDRAWAL, BOB, units=30),
        transfer(NATIVE, WETH, BOB, 30),
    ]
    found = from_transfers(logs, Fee(ME, 0, 0), HOUSE)
    assert found.tokens == {(WETH, ME): 100, (WETH, BOB): -30}
    assert find_wrapped(logs, {WETH: 70}) == {WETH}
    assert token_differences(without_native(logs), {WETH}) == dict(found.tokens)
    assert token_differences(without_native(logs)) == {}


@pytest.mark.parametrize(
    "others",
    [
        [log(DAI, DEPOSIT, ME, units=100)],  # a vault that says what was put into it
        [log(DAI, DEPOSIT, ME, units=100), transfer(DAI, NOBODY, ME, 100)],  # says what its transfer says
    ],
)
def test_others_with_the_same_event_are_not_counted_for_it(others: list[Log]) -> None:
    """Without the currency behind it a deposit is no token; one that is minted by a transfer counts once."""
    assert (DAI, ME) not in from_transfers(others[:1], Fee(ME, 0, 0), HOUSE).tokens
    behind = [transfer(NATIVE, ME, DAI, 100), *others]
    assert from_transfers(behind, Fee(ME, 0, 0), HOUSE).tokens[DAI, ME] == 100


@pytest.mark.parametrize(
    "odd",
    [
        log(DAI, TRANSFER, ME, BOB, units=None, data=b"\1" * 31),
        log(DAI, TRANSFER, ME, BOB, (5).to_bytes(32, "big")),  # ERC-721: the number is a topic
        log(DAI, TRANSFER, b"\1" * 32, BOB, units=5),
        log(DAI, DEPOSIT, b"\1" * 32, units=5),
        log(DAI, DEPOSIT, ME, BOB, units=5),
        log(DAI),
    ],
)
def test_what_only_looks_like_a_transfer_changes_nothing(odd: Log) -> None:
    """Another size, another standard, and topics that are no addresses."""
    assert token_differences([odd], {DAI}) == {}
