"""What a liquidation with borrowed money costs, beside one with money of one's own."""

from __future__ import annotations

from trimtab.hooks.flash import Loan
from trimtab.venues.perp_v2.contracts import ERC20, VAULT

WAD, USDC = 10**18, 10**6
MARGIN = 20_000 * USDC
FAR = 2**40
WHY = "how much is for sale is asked first; but no capital is bound, and no price moves between the steps"


def own_money(scene, margin, *targets):
    """The plain way: deposit, liquidate each, close, withdraw, each a transaction; the sum of their gas."""
    calls = [
        ERC20.function("approve").at(scene.token("USDC"), scene.vault, margin),
        VAULT.function("deposit").at(scene.vault, scene.token("USDC"), margin),
        *(scene.liquidation(target) for target in targets),
        scene.close(),
        scene.withdrawal(margin),
    ]
    return sum(scene.send("dave", call).gas_used for call in calls)


def test_a_position(crash, gas):
    """One step of one account, with money of either lender."""
    snapshot = crash.run(crash.world.snapshot())
    plain = own_money(crash, MARGIN, *crash.positions("bob"))
    crash.run(crash.world.restore(snapshot))
    for lender, loan in (("Aave v3", Loan.aave(MARGIN)), ("Uniswap v3", crash.uniswap(MARGIN))):
        snapshot = crash.run(crash.world.snapshot())
        done = crash.succeed(crash.order(loan, crash.positions("bob", rounds=1)))
        crash.run(crash.world.restore(snapshot))
        gas.record(
            f"FlashLiquidator.liquidate: a position, money of {lender}",
            done.gas,
            plain=("five transactions and the margin", plain),
        )


def test_three_positions(crash, gas):
    """Three accounts at once: one loan, and one trade to close them all."""
    crash.enter("trader", 50 * WAD, 10_500 * USDC)
    crash.move(1_690)
    names = ("bob", "trader", "alice")
    snapshot = crash.run(crash.world.snapshot())
    plain = own_money(crash, 3 * MARGIN, *crash.positions(*names))
    crash.run(crash.world.restore(snapshot))
    done = crash.succeed(crash.order(Loan.aave(3 * MARGIN), crash.positions(*names, rounds=1)))
    gas.record(
        "FlashLiquidator.liquidate: three positions, money of Aave v3",
        done.gas,
        plain=("seven transactions and the margin", plain),
    )


def test_collateral(debtor, gas):
    """Bought and sold in one flash swap."""
    snapshot = debtor.run(debtor.world.snapshot())
    plain = sum(debtor.send("dave", call).gas_used for call in debtor.purchase("trader"))
    debtor.run(debtor.world.restore(snapshot))
    done = debtor.succeed(
        debtor.order(Loan.none(), collaterals=debtor.collateral("trader", rounds=1, amount=WAD))
    )
    gas.record(
        "FlashLiquidator.liquidate: collateral, flash swap",
        done.gas,
        plain=("four transactions and the price", plain),
        why=WHY,
    )
