"""Random actions on a real node: every read is the protocol's view, every quote is the fill, every refusal
is understood."""

from __future__ import annotations

from collections.abc import Awaitable
from decimal import Decimal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from tests.venues.games import VenueMachine, play_games
from tests.venues.perp_v2.actions import Actions
from tests.venues.perp_v2.stage import Stage
from tests.venues.perp_v2.tour import play_tour

from trimtab.model.ids import Address
from trimtab.model.order import Side
from trimtab.world.world import World

pytestmark = pytest.mark.node

ACCOUNTS = tuple(Address(f"0x{n:02x}" + "ee" * 19) for n in (0xA1, 0xB2, 0xC3))
KEEPER = Address("0xdd" + "ee" * 19)

whos = st.sampled_from(ACCOUNTS)
markets = st.sampled_from(["vETH", "vBTC"])
sides = st.sampled_from(list(Side))
leverages = st.sampled_from([Decimal(x) for x in ("0.3", "1", "3", "6", "9", "12")])
parts = st.sampled_from([Decimal(x) for x in ("0.2", "0.5", "1", "1.6")])


class Machine(VenueMachine[Actions]):
    """Three traders, who make markets too, a keeper, an arbitrageur, an oracle and an owner."""

    @initialize()
    def forget_receipts(self) -> None:
        """The chain has forgotten them too."""
        self.actions.stage.receipts.clear()

    @invariant()
    def reads_are_the_protocols_views(self) -> None:
        self.run(self.actions.views.check_all((*ACCOUNTS, KEEPER)))
        self.run(self.actions.check_replay((*ACCOUNTS, KEEPER)))

    @rule(who=whos, market=markets, side=sides, leverage=leverages, by_notional=st.booleans())
    def open(self, who: Address, market: str, side: Side, leverage: Decimal, by_notional: bool) -> None:
        self.run(self.actions.open(who, market, side, leverage, by_notional=by_notional))

    @rule(who=whos, market=markets, side=sides, by_notional=st.booleans())
    def open_to_the_brim(self, who: Address, market: str, side: Side, by_notional: bool) -> None:
        """Near the initial margin, so that later moves liquidate."""
        self.run(self.actions.open(who, market, side, Decimal("6.5"), by_notional=by_notional))

    @rule(who=whos, market=markets, side=sides, edge=st.sampled_from([Decimal("1e-12"), Decimal("0.01")]))
    def order_with_limit(self, who: Address, market: str, side: Side, edge: Decimal) -> None:
        self.run(self.actions.order_with_limit(who, market, side, edge))

    @rule(who=whos, pick=st.integers(0, 5), part=parts, reduce_only=st.booleans())
    def reduce(self, who: Address, pick: int, part: Decimal, reduce_only: bool) -> None:
        market = self.run(self.actions.hold(who, pick))
        self.run(self.actions.reduce(who, market, part, reduce_only=reduce_only))

    @rule(who=whos, pick=st.integers(0, 5))
    def close(self, who: Address, pick: int) -> None:
        self.run(self.actions.close(who, self.run(self.actions.hold(who, pick))))

    @rule(who=whos, delegate=whos, market=markets, side=sides, approve=st.booleans())
    def trade_for(self, who: Address, delegate: Address, market: str, side: Side, approve: bool) -> None:
        plan = self.actions.venue.encode_delegation(delegate, approve=approve)
        self.run(self.actions.attempt("delegate", who, plan))
        self.run(self.actions.order_for(who, delegate, market, side))

    @rule(who=whos, currency=st.sampled_from(["USDC", "WETH"]), part=parts, puts_in=st.booleans())
    def move_collateral(self, who: Address, currency: str, part: Decimal, puts_in: bool) -> None:
        if puts_in:
            amount = part * (1000 if currency == "USDC" else 1)
            self.run(self.actions.deposit(who, currency, amount))
        else:
            self.run(self.actions.withdraw(who, currency, part))

    @rule(who=whos, market=markets, width=st.integers(1, 20), share=st.sampled_from([1, 10, 40]))
    def add_liquidity(self, who: Address, market: str, width: int, share: int) -> None:
        """Base worth `share` % of the account's equity."""
        self.run(self.actions.add_liquidity(who, market, width, Decimal(share) / 100))

    @rule(who=whos, market=markets, part=st.sampled_from([Decimal(x) for x in ("0", "0.5", "1", "1.1")]))
    def remove_liquidity(self, who: Address, market: str, part: Decimal) -> None:
        self.run(self.actions.remove_liquidity(who, market, part))

    @rule(
        who=whos,
        pick=st.integers(0, 5),
        part=st.sampled_from([None, Decimal("0.2"), Decimal(-1)]),
        is_squeezed=st.booleans(),
    )
    def keep(self, who: Address, pick: int, part: Decimal | None, is_squeezed: bool) -> None:
        """All that a keeper may do to an account; it succeeds where the account is below its margin."""
        market = self.run(self.actions.hold(who, pick))
        if is_squeezed:
            self.run(self.actions.squeeze(who, market))
        for name in self.actions.stage.deployment.markets:
            self.run(self.actions.cancel_excess(KEEPER, who, name))
        self.run(self.actions.liquidate(KEEPER, who, market, part))
        self.run(self.actions.liquidate_collateral(KEEPER, who))

    @rule(market=markets, factor=st.sampled_from([Decimal(f) for f in ("0.86", "0.95", "1.04", "1.15")]))
    def move_price(self, market: str, factor: Decimal) -> None:
        self.run(self.actions.move_price(market, factor))

    @rule(
        market=markets,
        factor=st.sampled_from([Decimal(f) for f in ("0.9", "0.98", "1", "1.03", "1.12")]),
        seconds=st.sampled_from([20, 600, 7200]),
    )
    def let_time_pass(self, market: str, factor: Decimal, seconds: int) -> None:
        self.run(self.actions.move_oracle(market, factor, seconds))

    @rule(who=whos, market=markets)
    def pause(self, who: Address, market: str) -> None:
        self.run(self.actions.pause(who, market))


async def prepare(world: World) -> Actions:
    await world.deploy()
    stage = Stage(world)
    await stage.prepare([*ACCOUNTS, KEEPER])
    await stage.deposit(KEEPER, "USDC", Decimal(40_000))
    for account in ACCOUNTS:
        await stage.deposit(account, "USDC", Decimal(5_000))
        await stage.deposit(account, "WETH", Decimal(1))
    return Actions(stage)


def play(examples: int, steps: int) -> Actions:
    def tour(actions: Actions) -> Awaitable[None]:
        return play_tour(actions, ACCOUNTS, KEEPER)

    return play_games(Machine, prepare, tour, examples=examples, steps=steps, repeat=True)


def test_every_kind_of_action_and_random_games() -> None:
    """At least 60 actions, every kind among them; after each, every read is the protocol's own view to the
    wei, and every quote is its fill."""
    actions = play(examples=2, steps=25)
    assert actions.count >= 60
    assert actions.quotes_checked >= 12


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_five_hundred_actions() -> None:
    """The same of at least 500 actions."""
    actions = play(examples=24, steps=40)
    print(f"\n{actions.done}\n{actions.refused}")
    print(f"{actions.quotes_checked} quotes filled, {actions.views.compared} values compared")
    assert actions.count >= 500
