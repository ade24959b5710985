"""Nothing stays in the contract, whatever is asked of it; what others leave there stands in nobody's way."""

from __future__ import annotations

import os
from random import Random

import pytest

from trimtab.errors import RevertedError, RpcError
from trimtab.hooks.errors import explain_revert
from trimtab.hooks.flash import FlashOrder, Loan, PositionTarget, Unwind
from trimtab.hooks.plans import UINT256_MAX
from trimtab.venues.perp_v2.contracts import ERC20

WAD, USDC = 10**18, 10**6
LOAN = 20_000 * USDC
RUNS, SOAK_RUNS = 256, 20_000
EVERY = 8  # orders on one state before the prices are others


def test_tokens_that_somebody_sent(crash):
    """USDC is the next recipient's, over his profit; WETH is lost, and stands in nobody's way."""
    order = crash.order(Loan.aave(LOAN), crash.positions("alice"))
    for symbol, amount in (("USDC", 7 * USDC), ("WETH", WAD)):
        crash.send("bob", crash.transfer(symbol, crash.at, amount))
    bare = crash.quote(order)
    before = crash.balance("USDC", crash.recipient)
    crash.liquidate(order)
    assert crash.balance("USDC", crash.recipient) - before == bare
    assert crash.left() == {"WETH": WAD}
    crash.send("bob", crash.transfer("USDC", crash.at, 5 * USDC))
    assert crash.quote(crash.order(Loan.aave(LOAN), crash.positions("bob"))) > 5 * USDC


def test_margin_that_somebody_deposited(crash):
    """At the venue anybody may deposit for anybody: USDC goes out with the next profit, and collateral that
    stays there changes no order's profit."""
    deposit = crash.world.artifacts.abi("Vault").function("depositFor")
    order = crash.order(Loan.aave(LOAN), crash.positions("bob", size=WAD, rounds=1))
    bare = crash.quote(order)
    for symbol, amount in (("WETH", WAD), ("USDC", 7 * USDC)):
        crash.send("alice", ERC20.function("approve").at(crash.token(symbol), crash.vault, amount))
        crash.send("alice", deposit.at(crash.vault, crash.at, crash.token(symbol), amount))
    assert abs(crash.quote(order) - bare - 7 * USDC) < USDC  # the mark moved by some seconds
    crash.liquidate(order)
    assert crash.left() == {"collateral": 1}
    crash.liquidate(order)
    assert crash.left() == {"collateral": 1}


def test_nobody_can_give_it_a_position(crash):
    """Trading for it needs its approval, which it has no way to give."""
    trade = crash.world.artifacts.abi("ClearingHouse").function("openPositionFor")
    terms = (crash.base(), False, False, WAD, 0, 2**40, 0, bytes(32))
    with pytest.raises(RevertedError, match="CH_SHNAOPT"):
        crash.send("searcher", trade.at(crash.house, crash.at, terms))


class Orders:
    """Orders of all kinds by a seed: sensible ones, and ones that must fail on the way."""

    def __init__(self, scene, seed):
        self.scene, self.draw = scene, Random(seed)

    def loan(self):
        amount = self.draw.choice((100, 3_000, 20_000, 20_000, 40_000, 60_000, 30_000_000)) * USDC
        kind = self.draw.choice(("aave", "aave", "aave", 500, 500, 500, 500, 3_000, 10_000))
        return Loan.aave(amount) if kind == "aave" else self.scene.uniswap(amount, kind)

    def position(self):
        scene, draw = self.scene, self.draw
        name = draw.choice(("alice", "bob", "carol", "trader"))
        size = draw.choice((0, 0, 0, 0, 0, WAD, draw.randrange(1, 10**20), -WAD))
        market = scene.base("vBTC" if name == "carol" and draw.random() < 0.5 else "vETH")
        return PositionTarget(scene.address(name), market, size, draw.randrange(1, 5))

    def unwind(self, market):
        narrow = self.draw.random() < 0.1
        return Unwind(market, 1_800 * WAD if narrow else 0, 1_900 * WAD if narrow else UINT256_MAX)

    def next(self) -> FlashOrder:
        scene, draw = self.scene, self.draw
        positions = tuple(self.position() for _ in range(draw.choice((0, 1, 1, 2, 3))))
        markets = dict.fromkeys(target.base_token for target in positions)
        has_collateral = not positions or draw.random() < 0.3
        amount = draw.choice((0, 0, WAD, draw.randrange(1, 30 * WAD)))
        rounds, fee = draw.randrange(1, 4), draw.choice((500, 3_000, 3_000, 3_000, 3_000, 3_000, 10_000))
        name = draw.choice(("trader", "trader", "alice"))
        sales = scene.collateral(name, amount=amount, rounds=rounds, pool_fee=fee) if has_collateral else ()
        loan = self.loan() if positions or draw.random() < 0.5 else Loan.none()
        least = draw.choice((0, 0, 0, 0, 0, 10 * USDC, 10**12))
        return scene.order(
            loan, positions, unwinds=tuple(map(self.unwind, markets)), collaterals=sales, min_profit=least
        )


def run_orders(scene, runs, seed):
    """Orders after each other on states of the market after each other; after each of them nothing is left.
    How many came through, and the reasons of the others."""
    orders, told = Orders(scene, seed), {"done": 0}
    for start in range(0, runs, EVERY):
        snapshot = scene.run(scene.world.snapshot())
        scene.move(orders.draw.choice((1_380, 1_450, 1_600, 1_780, 1_850)))
        if orders.draw.random() < 0.5:
            scene.run(scene.world.warp(1_000))
            scene.move_spot(orders.draw.choice((1_300, 1_500, 1_800)))
        crashed = scene.run(scene.world.snapshot())
        for _ in range(min(EVERY, runs - start)):
            if orders.draw.random() < 0.7:  # else on what the last order left
                scene.run(scene.world.restore(crashed))
                crashed = scene.run(scene.world.snapshot())
            order = orders.next()
            before = scene.balance("USDC", scene.recipient)
            reason = outcome(scene, order)
            told[reason] = told.get(reason, 0) + 1
            assert scene.left() == {}, order
            gained = scene.balance("USDC", scene.recipient) - before
            assert gained >= order.min_profit if reason == "done" else gained == 0
        scene.run(scene.world.restore(snapshot))
    return told


def outcome(scene, order):
    try:
        scene.liquidate(order)
    except RevertedError as error:
        told = explain_revert(error.data)
        return str(told) if told.name == "Error" else told.name
    except RpcError as error:  # one of some thousands that the node takes and does not mine
        if "confirmation timeout" not in error.text:
            raise
        scene.run(scene.world.control.drop_all())
        return "unmined"
    return "done"


@pytest.fixture
def crowd(crash):
    """Accounts of all kinds: long with USDC, long with WETH, in two markets."""
    crash.deposit("trader", "WETH", 20 * WAD)
    crash.trade("trader", 23 * WAD)
    crash.trade("carol", WAD // 5, "vBTC")
    return crash


def test_nothing_is_left_by_any_order(crowd):
    """256 orders, drawn from all kinds, on accounts in all kinds of trouble: each pays at least what it asked
    for or does nothing, and not a wei, a position or an allowance stays. Both happen often."""
    told = run_orders(crowd, RUNS, "orders")
    assert told["done"] > RUNS / 10
    assert sum(told.values()) - told["done"] > RUNS / 10
    assert len(told) > 8  # ways to end


@pytest.mark.soak
@pytest.mark.timeout(7_200)
def test_nothing_is_left_by_very_many_orders(crowd):
    """The same for 20,000 orders that no run had before."""
    told = run_orders(crowd, SOAK_RUNS, os.urandom(8).hex())
    assert told["done"] > SOAK_RUNS / 10
    assert told.get("unmined", 0) < SOAK_RUNS / 1_000
