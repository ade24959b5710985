"""Every kind of action once, in an order in which each succeeds or is refused as said: what random games
need luck for is certain here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from tests.venues.perp_v2.actions import Actions

from trimtab.model.ids import Address
from trimtab.model.order import Side

DONE = {
    *(f"open {side} by {terms}" for side in Side for terms in ("size", "notional")),
    "limit",
    "reduce by 0.5",
    "close",
    "delegate",
    "order for",
    "deposit",
    "withdraw",
    "add liquidity",
    "remove liquidity",
    "cancel excess",
    "liquidate",
    "move price",
    "move oracle",
}
REFUSED = {
    "limit: CH_TMRL",
    "order for: CH_SHNAOPT",
    "withdraw: V_NEFC",
    "remove liquidity: LS",
    "cancel excess: CH_NEXO",
    "liquidate: CH_EAV",
    "liquidate collateral: V_NL",
    "paused: Pausable: paused",
}


def steps(
    actions: Actions, accounts: Sequence[Address], keeper: Address
) -> list[Callable[[], Awaitable[None]]]:
    """The tour's steps; the last account ends liquidated."""
    one, two, three = accounts
    half, all_of_it = Decimal("0.5"), Decimal(1)
    delegate = actions.venue.encode_delegation(two, approve=True)

    async def approve() -> None:
        await actions.attempt("delegate", one, delegate)

    async def squeeze_out() -> None:
        await actions.squeeze(three, "vETH")
        await actions.cancel_excess(keeper, three, "vETH")
        await actions.liquidate(keeper, three, "vETH", None)

    return [
        lambda: actions.deposit(one, "USDC", Decimal(1000)),
        lambda: actions.withdraw(one, "USDC", half),
        lambda: actions.withdraw(one, "USDC", Decimal("1.6")),
        lambda: actions.open(one, "vETH", Side.BUY, all_of_it, by_notional=False),
        lambda: actions.open(one, "vBTC", Side.SELL, all_of_it, by_notional=True),
        lambda: actions.open(two, "vETH", Side.SELL, all_of_it, by_notional=False),
        lambda: actions.open(two, "vBTC", Side.BUY, all_of_it, by_notional=True),
        lambda: actions.order_with_limit(two, "vETH", Side.BUY, Decimal("0.01")),
        lambda: actions.order_for(one, two, "vETH", Side.BUY),
        approve,
        lambda: actions.order_for(one, two, "vETH", Side.BUY),
        lambda: actions.reduce(one, "vETH", half, reduce_only=True),
        lambda: actions.close(one, "vETH"),
        lambda: actions.add_liquidity(two, "vBTC", 5, Decimal("0.1")),
        lambda: actions.remove_liquidity(two, "vBTC", Decimal("1.1")),
        lambda: actions.cancel_excess(keeper, two, "vBTC"),
        lambda: actions.remove_liquidity(two, "vBTC", all_of_it),
        lambda: actions.pause(one, "vETH"),
        lambda: actions.move_oracle("vBTC", Decimal("1.03"), 600),
        lambda: actions.move_price("vBTC", Decimal("0.98")),
        lambda: actions.open(three, "vETH", Side.BUY, Decimal("6.5"), by_notional=True),
        lambda: actions.liquidate(keeper, three, "vETH", None),
        lambda: actions.liquidate_collateral(keeper, three),
        squeeze_out,
    ]


async def play_tour(actions: Actions, accounts: Sequence[Address], keeper: Address) -> None:
    """After each step every read is the protocol's own view; at the end every kind has occurred."""
    for step in steps(actions, accounts, keeper):
        await step()
        await actions.views.check_all((*accounts, keeper))
        await actions.check_replay((*accounts, keeper))
    assert not DONE - actions.done.keys(), f"{DONE - actions.done.keys()}: {actions.refused}"
    assert not REFUSED - actions.refused.keys(), f"{REFUSED - actions.refused.keys()}: {actions.refused}"
