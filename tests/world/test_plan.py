"""The plan hangs together: what is planned can be deployed and traded."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from trimtab.world.lyra_parameters import PARAMETERS
from trimtab.world.plan import DAY, DEFAULT_PLAN, BoardPlan, UnderlyingPlan

_LIMITS = next(p for _, function, p in PARAMETERS if function == "setTradeLimitParams")
BOARDS = [(u, board) for u in DEFAULT_PLAN.underlyings for board in u.boards]


def _call_delta(plan: UnderlyingPlan, board: BoardPlan, strike: Decimal) -> float:
    deviation = float(board.base_iv * board.skews[strike]) * math.sqrt(board.days / 365)
    d1 = math.log(plan.spot / strike) / deviation + deviation / 2
    return 0.5 * math.erfc(-d1 / math.sqrt(2))


@pytest.mark.parametrize(("plan", "board"), BOARDS)
def test_boards_can_be_traded(plan: UnderlyingPlan, board: BoardPlan) -> None:
    """At least five strikes on both sides of the spot, each within Lyra's limits of volatility and skew; the
    three nearest within its limits of delta."""
    assert isinstance(_LIMITS, dict)
    assert len(board.skews) >= 5
    assert min(board.skews) < plan.spot < max(board.skews)
    assert board.days * DAY <= 12 * 28 * DAY
    assert _LIMITS["minBaseIV"] <= board.base_iv * 10**18 <= _LIMITS["maxBaseIV"]
    for skew in board.skews.values():
        assert _LIMITS["minSkew"] <= skew * 10**18 <= _LIMITS["maxSkew"]
        assert _LIMITS["minVol"] <= board.base_iv * skew * 10**18 <= _LIMITS["maxVol"]
    nearest = sorted(board.skews, key=lambda strike: abs(strike - plan.spot))[:3]
    for strike in nearest:
        assert 0.15 < _call_delta(plan, board, strike) < 0.85


def test_names() -> None:
    """One symbol gives the market names of both protocols, and finds its plan."""
    eth = DEFAULT_PLAN.underlying("ETH")
    assert eth is not None
    assert (eth.perp_market, eth.option_market) == ("vETH", "sETH")
    assert DEFAULT_PLAN.underlying("DOGE") is None


def test_the_purse_has_every_token() -> None:
    """Whoever is funded can trade on both protocols with every collateral."""
    assert set(DEFAULT_PLAN.purse) == {"USDC", "WETH", "sUSD", "sETH", "sBTC"}
