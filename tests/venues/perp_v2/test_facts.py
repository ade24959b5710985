"""What a trade does to an account, by hand; the genuine probe holds the same in tests/contracts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trimtab.model.trade import Leverage
from trimtab.model.units import WAD
from trimtab.venues.perp_v2.account import Account, Asset, Holding
from trimtab.venues.perp_v2.facts import trade_facts, withdrawal_facts

NONE = Holding(0, 0, 0, 0, 0, 0, 2_000 * WAD, 0)
INDEX = 1_990 * WAD


def account(size: int = 0, open_notional: int = 0) -> Account:
    """1,000 USDC and a position of whole units in vETH, marked at 2,000."""
    size, quote = size * WAD, open_notional * WAD
    held = Holding(size, quote, size, quote, size, quote, 2_000 * WAD, 0)
    return Account(1_000 * 10**6, 6, 0, 0, {}, {"vETH": held, "vBTC": NONE}, 100_000, 62_500)


@pytest.mark.parametrize(
    ("before", "base", "quote", "loss", "is_reducing"),
    [
        (account(), 1, -2_003, 13, False),
        (account(), -1, 1_985, 5, False),
        (account(), -1, 1_995, 0, False),
        (account(2, -4_000), -1, 1_990, 0, True),
        (account(2, -4_000), -2, 3_970, 10, True),
        (account(2, -4_000), -3, 5_960, 10, False),
        (account(2, -4_000), 1, -1_991, 1, False),
        (account(-1, 2_000), 1, -1_990, 0, True),
    ],
)
def test_loss_and_direction(before: Account, base: int, quote: int, loss: int, is_reducing: bool) -> None:
    """Against the index price, fees inside, whether it opens, closes, flips or reduces; a gain is no loss."""
    after = before.after_swap("vETH", base * WAD, quote * WAD)
    facts = trade_facts(before, after, "vETH", INDEX)
    assert facts is not None
    assert (facts.loss, facts.is_reducing) == (Decimal(loss), is_reducing)


def test_leverage_before_and_after() -> None:
    """|size| x mark over the house's equity."""
    before = account(1, -2_000)
    after = before.after_swap("vETH", WAD, -2_010 * WAD)
    facts = trade_facts(before, after, "vETH", INDEX)
    assert facts is not None
    assert facts.before == Leverage(Decimal(2_000), Decimal(1_000))
    assert facts.after == Leverage(Decimal(4_000), Decimal(990))


def test_sums_are_rounded_against_the_account() -> None:
    """A unit of size at an odd mark: notional up, loss up."""
    held = replace(NONE, price=2_000 * WAD + 1)
    before = replace(account(), holdings={"vETH": held})
    after = before.after_swap("vETH", 11, -22_001)
    facts = trade_facts(before, after, "vETH", INDEX + 1)
    assert facts is not None
    assert facts.after is not None
    assert facts.after.notional == Decimal("22001e-18")
    assert facts.loss == Decimal("111e-18")


def test_an_account_with_liquidity_of_its_own_is_not_told() -> None:
    """The swap moves its inventory too."""
    before = account(1, -2_000)
    held = replace(before.holdings["vETH"], taker_size=0, taker_open_notional=0)
    maker = replace(before, holdings={"vETH": held})
    assert trade_facts(maker, maker.after_swap("vETH", WAD, -2_000 * WAD), "vETH", INDEX) is None


def test_a_withdrawal_of_the_settlement_token_takes_realized_pnl_along() -> None:
    """It goes to the balance with what is owed of funding, floored to the token's decimals."""
    held = replace(account(1, -2_000).holdings["vETH"], pending_funding=3)
    before = replace(account(), owed_realized_pnl=10**12 + 2, holdings={"vETH": held, "vBTC": NONE})
    facts = withdrawal_facts(before, "USDC", 5 * 10**6)
    assert facts.after == Leverage(Decimal(2_000), Decimal(995))
    assert facts.before == Leverage(Decimal(2_000), Decimal(1_000))
    assert (facts.loss, facts.is_reducing) == (None, None)


def test_a_withdrawal_of_another_token_takes_its_value() -> None:
    """After the haircut: 1 of 2 WETH at 2,000 with 70 %."""
    weth = Asset(2 * WAD, 18, 2_000 * 10**8, 8, 700_000)
    facts = withdrawal_facts(replace(account(1, -2_000), assets={"WETH": weth}), "WETH", WAD)
    assert facts.before == Leverage(Decimal(2_000), Decimal(3_800))
    assert facts.after == Leverage(Decimal(2_000), Decimal(2_400))
