"""What a key may do, as a value: nothing by default, exact units, rules on arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import IntentError
from trimtab.model.ids import Address
from trimtab.model.limits import ANY_CALL, SELF, AllowedCall, ArgumentRule, Limits

TOKEN, VAULT, ME = (Address("0x" + digits * 20) for digits in ("aa", "bb", "cc"))
APPROVE = bytes.fromhex("095ea7b3")


@dataclass(frozen=True)
class Venue:
    """As much of a venue as limits need."""

    chain_id: int
    allowed_calls: tuple[AllowedCall, ...]


def word(value: int | str) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else bytes.fromhex(value[2:]).rjust(32, b"\0")


def test_nothing_is_allowed_by_default() -> None:
    """No chain, no call, no transfer, no delegation, no value."""
    none = Limits()
    assert (none.calls, none.chains, none.transfers, none.delegates) == (
        (),
        frozenset(),
        frozenset(),
        frozenset(),
    )
    assert none.max_value_wei == 0
    assert not none.is_unrestricted


def test_the_way_out_is_explicit() -> None:
    """Any call, any chain, any value; one limit more and it is no longer unrestricted."""
    free = Limits.unrestricted()
    assert free.is_unrestricted
    assert free.calls == (ANY_CALL,)
    assert (free.chains, free.transfers, free.delegates, free.max_value_wei) == (None, None, None, None)


def test_venues_say_what_they_need() -> None:
    """`Limits.of` takes their chains and calls, each once, and what the owner adds."""
    approve, deposit = AllowedCall(TOKEN, APPROVE), AllowedCall(VAULT, b"\x01\x02\x03\x04")
    venue, other = Venue(10, (approve,)), Venue(10, (approve, deposit))
    limits = Limits.of(venue, other, max_cost_wei=5)
    assert limits.calls == (approve, deposit)
    assert limits.chains == {10}
    assert limits.max_cost_wei == 5
    assert Limits.of(venue, calls=[deposit]) == Limits.of(venue).allowing(deposit)
    assert Limits.of(venue, chains={1}).chains == {1}


def test_an_owner_narrows_what_a_venue_needs() -> None:
    """`only` keeps the named functions; a name that is not there is a typo, not an empty list."""
    approve, deposit = (
        AllowedCall(TOKEN, APPROVE, "approve(address,uint256)"),
        AllowedCall(VAULT, b"\1\2\3\4", "d()"),
    )
    limits = Limits(calls=(approve, deposit))
    assert limits.only("approve").calls == (approve,)
    with pytest.raises(IntentError, match="there are approve, d"):
        limits.only("aprove")


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("max_value_wei", lambda: Limits(max_value_wei=1.0)),  # type: ignore[arg-type]
        ("max_cost_wei", lambda: Limits(max_cost_wei=True)),
        ("max_fees_per_hour_wei", lambda: Limits(max_fees_per_hour_wei=-1)),
        ("max_fees_per_day_wei", lambda: Limits(max_fees_per_day_wei=Decimal(1))),  # type: ignore[arg-type]
        ("max_value_per_day_wei", lambda: Limits(max_value_per_day_wei="1")),  # type: ignore[arg-type]
        ("max_notional", lambda: Limits(max_notional=0.5)),  # type: ignore[arg-type]
        ("max_notional_per_day", lambda: Limits(max_notional_per_day=Decimal("NaN"))),
        ("max_notional", lambda: Limits(max_notional=Decimal(-1))),
        ("max_leverage", lambda: Limits(max_leverage=Decimal(-1))),
        ("max_leverage", lambda: Limits(max_leverage=Decimal("1e-19"))),
        ("max_slippage", lambda: Limits(max_slippage=0.005)),  # type: ignore[arg-type]
        ("max_slippage", lambda: Limits(max_slippage=Decimal("-0.1"))),
        ("reduce_only", lambda: Limits(reduce_only=1)),  # type: ignore[arg-type]
        ("expires_at", lambda: Limits(expires_at=1.5)),  # type: ignore[arg-type]
        ("chains", lambda: Limits(chains={"1"})),  # type: ignore[arg-type]
        ("transfers", lambda: Limits(transfers={Address("0x12")})),
        ("transfers", lambda: Limits(transfers=TOKEN)),  # type: ignore[arg-type]
        ("delegates", lambda: Limits(delegates={SELF})),
        ("target", lambda: AllowedCall(Address("0x12"), APPROVE)),
        ("selector", lambda: AllowedCall(TOKEN, b"\x01")),
        ("one_of", lambda: ArgumentRule(0, one_of={"vault"})),  # type: ignore[arg-type]
        ("at_most", lambda: ArgumentRule(0, at_most=1.0)),  # type: ignore[arg-type]
        ("word", lambda: ArgumentRule(-1, at_most=1)),
        (None, lambda: ArgumentRule(0)),
    ],
)
def test_what_is_no_limit_is_refused(field: str | None, make: Callable[[], object]) -> None:
    """Floats, bools, negative numbers, NaN, texts in the place of collections, what is no address: the error
    names the field."""
    with pytest.raises(IntentError) as caught:
        make()
    assert caught.value.field == field


def test_addresses_are_compared_in_lower_case() -> None:
    """A checksummed address means the same contract."""
    assert AllowedCall(Address(TOKEN.upper().replace("0X", "0x")), APPROVE).target == TOKEN
    assert Limits(transfers={Address(TOKEN.upper().replace("0X", "0x"))}).transfers == {TOKEN}


def test_a_rule_looks_at_one_word() -> None:
    """`one_of` at its place, the sender's own address by SELF, `at_most` to the unit; a short call
    keeps none."""
    spender, amount = ArgumentRule(0, one_of=frozenset({VAULT, SELF})), ArgumentRule(1, at_most=5)
    for first in (VAULT, ME):
        assert spender.admits(word(first) + word(9), ME)
    assert not spender.admits(word(TOKEN) + word(9), ME)
    assert amount.admits(word(TOKEN) + word(5), ME)
    assert not amount.admits(word(TOKEN) + word(6), ME)
    assert not amount.admits(word(TOKEN) + word(0)[:31], ME)


@given(st.integers(1, 2**96 - 1))
def test_dirty_bytes_before_an_address_keep_no_rule(dirt: int) -> None:
    """What a contract might cut off is not taken for the address behind it."""
    rule = ArgumentRule(0, one_of=frozenset({VAULT}))
    assert not rule.admits(word((dirt << 160) + int(VAULT, 16)), ME)


def test_a_rule_says_itself_in_words() -> None:
    """By the argument's name where it is known, for messages."""
    assert str(ArgumentRule(0, one_of=frozenset({VAULT}), name="spender")) == f"spender one of {VAULT}"
    assert str(ArgumentRule(1, at_most=5)) == "word 1 at most 5"
    assert AllowedCall(TOKEN, APPROVE, "approve(address,uint256)").function == "approve"
