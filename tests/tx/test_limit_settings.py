"""Limits as people write them: venues and functions by name, ETH by its digits, mistakes by their key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.model.limits import SELF, AllowedCall, ArgumentRule, Limits
from trimtab.tx.limit_settings import CallSettings, LimitSettings, RuleSettings

TOKEN, VAULT = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
APPROVE = bytes.fromhex("095ea7b3")
ETH = 10**18


@dataclass(frozen=True)
class Venue:
    """As much of a venue as limits need."""

    allowed_calls: tuple[AllowedCall, ...]
    chain_id: int = 10


PERP = Venue(
    (AllowedCall(VAULT, b"\1\1\1\1", "open(uint256)"), AllowedCall(VAULT, b"\2\2\2\2", "withdraw()"))
)
LYRA = Venue((AllowedCall(TOKEN, b"\3\3\3\3", "trade()"),))
VENUES = {"perp": PERP, "lyra": LYRA}


def test_left_out_is_what_the_venues_need() -> None:
    """All of them, on this chain, no value, no cap on fees."""
    assert LimitSettings().make(10, VENUES) == Limits(
        calls=(*PERP.allowed_calls, *LYRA.allowed_calls), chains={10}
    )


def test_venues_and_functions_narrow() -> None:
    """One venue's one function, and nothing else."""
    made = LimitSettings(venues=("perp",), functions=("open",)).make(10, VENUES)
    assert made.calls == (PERP.allowed_calls[0],)
    assert LimitSettings(venues=()).make(10, VENUES).calls == ()


def test_amounts_are_read_to_the_wei() -> None:
    """Every cap of the table is the field of Limits of its name; the budget is the cost of a transaction."""
    made = LimitSettings(
        transfers=(VAULT,),
        max_value_eth=Decimal("0.1"),
        max_value_per_day_eth=Decimal("0.2"),
        max_fees_per_hour_eth=Decimal("0.000000000000000001"),
        max_fees_per_day_eth=Decimal(3),
        max_notional=Decimal("4.5"),
        max_notional_per_day=Decimal(5),
        max_leverage=Decimal("2.5"),
        max_slippage=Decimal("0.005"),
        reduce_only=True,
        expires_at=6,
    ).make(10, {}, max_cost_wei=7)
    assert made == Limits(
        chains={10},
        transfers={VAULT},
        max_value_wei=ETH // 10,
        max_value_per_day_wei=ETH // 5,
        max_cost_wei=7,
        max_fees_per_hour_wei=1,
        max_fees_per_day_wei=3 * ETH,
        max_notional=Decimal("4.5"),
        max_notional_per_day=Decimal(5),
        max_leverage=Decimal("2.5"),
        max_slippage=Decimal("0.005"),
        reduce_only=True,
        expires_at=6,
    )


def test_a_call_more() -> None:
    """By signature or selector, with rules; `functions` does not take it away again."""
    rules = (RuleSettings(0, one_of=(VAULT, "self")), RuleSettings(1, at_most=2**200))
    named = CallSettings(TOKEN, function="approve(address,uint256)", rules=rules, is_trade=False)
    made = LimitSettings(functions=("open",), calls=(named, CallSettings(VAULT, selector="0x01020304")))
    one_of, at_most = ArgumentRule(0, one_of={VAULT, SELF}), ArgumentRule(1, at_most=2**200)
    assert made.make(10, VENUES).calls == (
        PERP.allowed_calls[0],
        AllowedCall(TOKEN, APPROVE, "approve(address,uint256)", (one_of, at_most), is_trade=False),
        AllowedCall(VAULT, b"\1\2\3\4"),
    )


@pytest.mark.parametrize(
    ("key", "words", "make"),
    [
        (
            "limits.venues",
            "'gmx', which is not configured; there are lyra, perp",
            lambda: LimitSettings(("gmx",)),
        ),
        ("limits.functions", "no allowed call is named 'opn'", lambda: LimitSettings(functions=("opn",))),
        ("limits.max_value_eth", "above 0", lambda: LimitSettings(max_value_eth=Decimal(0))),
        ("limits.max_notional", "above 0", lambda: LimitSettings(max_notional=Decimal(-1))),
        ("limits.max_value_eth", "18 decimal", lambda: LimitSettings(max_value_eth=Decimal("1e-19"))),
        ("limits.max_fees_per_day_eth", "is the float", lambda: LimitSettings(max_fees_per_day_eth=0.5)),  # type: ignore[arg-type]
        ("limits.calls", "exactly one of", lambda: LimitSettings(calls=(CallSettings(TOKEN),))),
        (
            "limits.calls",
            "is not a signature",
            lambda: LimitSettings(calls=(CallSettings(TOKEN, function="approve"),)),
        ),
        (
            "limits.calls",
            "is not a selector",
            lambda: LimitSettings(calls=(CallSettings(TOKEN, selector="0x0102"),)),
        ),
        (
            "limits.calls",
            "rules nothing",
            lambda: LimitSettings(
                calls=(CallSettings(TOKEN, selector="0x01020304", rules=(RuleSettings(0),)),)
            ),
        ),
    ],
)
def test_mistakes_name_their_key(key: str, words: str, make: Callable[[], LimitSettings]) -> None:
    """A venue or function that is not there, an amount that is none, a call that says nothing."""
    with pytest.raises(ConfigError, match=words) as caught:
        make().make(10, VENUES)
    assert caught.value.key == key


def test_the_pause_file_is_no_limit() -> None:
    """It is this machine's, and goes to the sender beside the limits."""
    assert LimitSettings(pause_file=Path("p")).make(10, {}) == LimitSettings().make(10, {})
