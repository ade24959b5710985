"""A guard's limits for people."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trimtab.cli.hooks_view import (
    change_rows,
    describe,
    limit_rows,
    list_unbounded,
    loss_caption,
    print_calls,
)
from trimtab.cli.output import to_plain
from trimtab.hooks.guard import GuardLimits, Spent
from trimtab.model.ids import Address
from trimtab.model.limits import SELF, AllowedCall, ArgumentRule, Limits

HOUSE, SHOP, PROBE, OTHER = (Address("0x" + digit * 40) for digit in "1234")
NAMES = {HOUSE: "perp_v2 ClearingHouse", PROBE: "probe perp_v2", OTHER: "probe other"}
TRADE = AllowedCall(HOUSE, b"\x01\x02\x03\x04", "open(uint256)", venue="perp_v2")
PAY = AllowedCall(
    SHOP, b"\x05\x06\x07\x08", "", (ArgumentRule(0, {SELF, SHOP}), ArgumentRule(1, at_most=5)), is_trade=False
)
LIMITS = Limits(
    calls=(TRADE, PAY),
    chains={1},
    max_value_wei=0,
    max_fees_per_day_wei=10**18,
    max_notional=Decimal(50),
    max_notional_per_day=Decimal(100),
    max_slippage=Decimal("0.005"),
)
HELD = GuardLimits(LIMITS, refunds_fees=False, probes={(HOUSE, b"\x01\x02\x03\x04"): PROBE})
SPENT = Spent(0, 10**16, 3 * 10**17, Decimal("120.5"))


def test_a_window_shows_what_is_spent_and_left() -> None:
    """Left is never below nothing: limits may be set below what is spent already."""
    rows = {name: tuple(rest) for name, *rest in limit_rows(HELD, SPENT)}
    assert rows["fees a day"] == ("1 ETH", "0.3 ETH", "0.7 ETH")
    assert rows["fees an hour"] == ("no limit", "0.01 ETH", "no limit")
    assert rows["notional a day"] == ("100", "120.5", "0")
    assert rows["slippage"] == ("0.500 %", "", "")
    assert rows["reduce only"] == ("no", "", "")
    assert rows["expires at"] == ("no limit", "", "")


def test_a_change_shows_what_differs_and_nothing_else() -> None:
    """Numbers, a call that goes, one that comes, a probe that is another, a receiver."""
    assert change_rows(HELD, HELD, NAMES) == []
    limits = replace(LIMITS, calls=(TRADE,), max_notional=None, transfers={SHOP}, expires_at=1_893_456_000)
    wanted = GuardLimits(limits, refunds_fees=True, probes={(HOUSE, b"\x01\x02\x03\x04"): OTHER})
    assert change_rows(HELD, wanted, NAMES) == [
        ("notional of a transaction", "50", "no limit"),
        ("expires at", "no limit", "1893456000 (2030-01-01 00:00)"),
        ("fees are paid back", "no", "yes"),
        ("call", "open at perp_v2 ClearingHouse (trade; measured by probe perp_v2)", ""),
        ("call", f"0x05060708 at {SHOP} (word 0: {SHOP} or self; word 1: at most 5)", ""),
        ("call", "", "open at perp_v2 ClearingHouse (trade; measured by probe other)"),
        ("transfer to", "", SHOP),
    ]


def test_the_first_limits_are_all_new() -> None:
    """Where none were set, each number has a dash before it."""
    rows = change_rows(None, HELD, NAMES)
    assert ("notional of a transaction", "–", "50") in rows
    assert ("value of a transaction", "–", "0 ETH") in rows
    assert sum(name == "call" for name, _, _ in rows) == 2


def test_calls_are_printed_with_names(capsys: pytest.CaptureFixture[str]) -> None:
    """Functions, where they are, their rules and their probes; nothing allowed is said."""
    print_calls(HELD, NAMES)
    out = " ".join(capsys.readouterr().out.split())
    assert "open perp_v2 ClearingHouse yes probe perp_v2" in out
    print_calls(GuardLimits(Limits(), refunds_fees=False, probes={}), NAMES)
    assert "The agent may call nothing." in capsys.readouterr().out


def test_json_has_everything_in_a_fixed_order() -> None:
    """Sets are sorted, selectors are hex, each measured call has its probe."""
    plain = to_plain(describe(HELD))
    assert plain["chains"] == [1]
    assert plain["max_notional"] == "50"
    assert [call["probe"] for call in plain["calls"]] == [PROBE, None]
    assert plain["calls"][1]["selector"] == "0x05060708"
    assert plain["calls"][1]["rules"][0]["one_of"] == [SHOP, SELF]


def test_the_bound_of_a_leaked_key_is_told() -> None:
    """The threat model's sum: fees, value, notional times slippage; without a limit of these, which."""
    assert list_unbounded(LIMITS) == ["leverage"]
    assert loss_caption(LIMITS) == (
        "No limit on leverage: what a leaked agent's key can lose is not bounded."
    )
    full = replace(LIMITS, max_leverage=Decimal(3))
    assert loss_caption(full) == (
        "A leaked agent's key can lose at most 1 ETH as fees and 0 ETH as value in a day, 0.5 in bad trades, "
        "and market moves on what is open at a leverage of up to 3."
    )
    payer = replace(LIMITS, calls=(PAY,), max_value_wei=5, max_notional_per_day=None)
    assert list_unbounded(payer) == ["value a day"]
    told = loss_caption(replace(payer, max_value_per_day_wei=10**17))
    assert told.endswith("1 ETH as fees and 0.1 ETH as value in a day: it may not trade.")
