"""Every kind of action once, in an order in which each succeeds or is refused as said: what random games
need luck for is certain here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from tests.venues.lyra.actions import Actions
from tests.venues.lyra.stage import DAY, KEEPER

from trimtab.model.ids import Address
from trimtab.model.market import OptionType
from trimtab.model.position import OptionPosition

DONE = {
    *(f"open {kind}" for kind in OptionType),
    "close long_call",
    "force_close long_put",
    "liquidate",
    "settle",
    "settle positions",
    "list board",
    "move spot",
    "warp",
}
NEVER = ("liquidate nothing", "settle early", "freeze", "merge nothing", "withdraw air")


def steps(actions: Actions, one: Address, two: Address) -> list[Callable[[], Awaitable[None]]]:
    """The tour's steps, from the opening of every type to liquidation and settlement."""

    def opening(kind: OptionType, who: Address, margin: str = "1.6") -> Callable[[], Awaitable[None]]:
        return lambda: actions.open(who, 1, kind, Decimal(2), Decimal(margin), 1)

    async def held(kind: OptionType) -> OptionPosition:
        return next(p for p in await actions.positions(one) if p.type is kind)

    async def close() -> None:
        await actions.close(await held(OptionType.LONG_CALL), one, Decimal("0.7"), force=False)

    async def force_close() -> None:
        await actions.close(await held(OptionType.LONG_PUT), one, Decimal(1), force=True)

    async def grow() -> None:
        await actions.grow(await held(OptionType.LONG_CALL), one, Decimal(1))

    return [
        *(opening(kind, one) for kind in OptionType),
        opening(OptionType.SHORT_PUT_QUOTE, one, "0.9"),
        grow,
        close,
        *(lambda what=what: actions.trespass(what, two) for what in NEVER),
        lambda: actions.warp(3600),
        opening(OptionType.SHORT_CALL_QUOTE, two, "1.01"),
        lambda: actions.move_spot(Decimal("1.4")),
        lambda: actions.liquidate(KEEPER),
        lambda: actions.to_expiry(6 * 3600),
        force_close,
        lambda: actions.to_expiry(-60),
        lambda: actions.settle(KEEPER),
        lambda: actions.warp(DAY),
        lambda: actions.to_expiry(-60),
        lambda: actions.settle(KEEPER),
        actions.list_board,
    ]


async def play_tour(actions: Actions, accounts: Sequence[Address]) -> None:
    """After each step every read is the protocol's own view; at the end every kind has occurred."""
    for step in steps(actions, *accounts):
        await step()
        await actions.views.check_all(accounts)
    assert not DONE - actions.done.keys(), f"{DONE - actions.done.keys()}: {actions.done} {actions.refused}"
