"""Random actions on a real node: every read is the protocol's view, every quote is the fill, every refusal
is understood."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from tests.venues.games import VenueMachine, play_games
from tests.venues.lyra.actions import Actions
from tests.venues.lyra.stage import DAY, KEEPER, Stage
from tests.venues.lyra.tour import play_tour

from trimtab.model.ids import Address
from trimtab.model.market import OptionType
from trimtab.model.position import OptionPosition
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.world import World

pytestmark = pytest.mark.node
F = TypeVar("F", bound=Callable[..., None])

TRADERS = (ACCOUNTS["alice"].address, ACCOUNTS["bob"].address)
amounts = st.decimals("0.01", 30, places=4)
whos = st.sampled_from(TRADERS)
picks = st.integers(0, 50)
shorts = st.sampled_from([kind for kind in OptionType if not kind.is_long])


# Name -> how often it is drawn beside the others, and the strategies of its arguments.
MOVES: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {}


def move(weight: int = 2, **strategies: st.SearchStrategy[Any]) -> Callable[[F], F]:
    """A move of the machine. (Rules of its own would be switched off at random for whole games, which
    leaves games that only wait and settle.)"""

    def register(function: F) -> F:
        MOVES[function.__name__] = weight, strategies
        return function

    return register


class Machine(VenueMachine[Actions]):
    """Two traders, who provide liquidity too, a keeper, an owner and an oracle."""

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        """One move, drawn by weight."""
        deck = [name for name, (weight, _) in MOVES.items() for _ in range(weight)]
        name = data.draw(st.sampled_from(deck), label="move")
        strategies = MOVES[name][1]
        getattr(self, name)(**{key: data.draw(s, label=key) for key, s in strategies.items()})

    @invariant()
    def reads_are_the_protocols_views(self) -> None:
        self.run(self.actions.views.check_all(TRADERS))

    @move(
        6,
        who=whos,
        pick=picks,
        kind=st.sampled_from(OptionType),
        amount=amounts,
        parts=st.integers(1, 4),
        margin=st.sampled_from([Decimal("1.01"), Decimal("1.6"), Decimal("0.9")]),
    )
    def open(
        self, who: Address, pick: int, kind: OptionType, amount: Decimal, parts: int, margin: Decimal
    ) -> None:
        self.run(self.actions.open(who, pick, kind, amount, margin, parts))

    @move(
        5,
        who=whos,
        pick=picks,
        kind=st.sampled_from(OptionType),
        amount=amounts,
        part=st.sampled_from([Decimal("0.3"), Decimal(1)]),
        force=st.booleans(),
    )
    def come_and_go(
        self, who: Address, pick: int, kind: OptionType, amount: Decimal, part: Decimal, force: bool
    ) -> None:
        """Open, then close at once."""

        async def round_trip() -> None:
            before = {p.position_id for p in await self.actions.positions(who)}
            await self.actions.open(who, pick, kind, amount, Decimal("1.3"), 1)
            for p in await self.actions.positions(who):
                if p.position_id not in before:
                    await self.actions.close(p, who, part, force=force)

        self.run(round_trip())

    def on_position(self, who: Address, pick: int, act: Callable[[OptionPosition], Awaitable[Any]]) -> None:
        """Do something with one of the account's positions; open one when it has none."""

        async def chosen() -> None:
            held = await self.actions.positions(who)
            if not held:
                kind = tuple(OptionType)[pick % len(OptionType)]
                await self.actions.open(who, pick, kind, Decimal(2), Decimal("1.4"), 1)
                held = await self.actions.positions(who)
            if held:
                await act(held[pick % len(held)])

        self.run(chosen())

    @move(3, who=whos, pick=picks, amount=amounts)
    def grow(self, who: Address, pick: int, amount: Decimal) -> None:
        self.on_position(who, pick, lambda p: self.actions.grow(p, who, amount))

    @move(
        5,
        who=whos,
        pick=picks,
        force=st.booleans(),
        part=st.sampled_from([Decimal("0.25"), Decimal("0.7"), Decimal(1), Decimal("1.5")]),
    )
    def close(self, who: Address, pick: int, force: bool, part: Decimal) -> None:
        self.on_position(who, pick, lambda p: self.actions.close(p, who, part, force=force))

    @move(who=whos, pick=picks, amount=amounts)
    def add_collateral(self, who: Address, pick: int, amount: Decimal) -> None:
        plans = self.actions.venue.positions
        self.on_position(
            who,
            pick,
            lambda p: self.actions.attempt(
                "add collateral",
                who,
                plans.encode_add_collateral(p.series.market.name, p.position_id, amount),
            ),
        )

    @move(3, who=whos, pick=picks, factor=st.sampled_from([Decimal("0.5"), Decimal("1.02"), Decimal(2)]))
    def set_collateral(self, who: Address, pick: int, factor: Decimal) -> None:
        async def set_to(p: OptionPosition) -> None:
            if p.min_collateral is not None:
                target = (p.min_collateral * factor).quantize(Decimal("1e-18"))
                plan = self.actions.venue.positions.encode_set_collateral(p, target)
                await self.actions.attempt("set collateral", who, plan)

        self.on_position(who, pick, set_to)

    @move(who=whos, other=whos, pick=picks, part=st.sampled_from([Decimal("0.4"), Decimal(1)]))
    def split(self, who: Address, other: Address, pick: int, part: Decimal) -> None:
        async def split_off(p: OptionPosition) -> None:
            wei = Decimal("1e-18")
            amount, collateral = (p.amount * part).quantize(wei), (p.collateral * part).quantize(wei)
            plan = self.actions.venue.positions.encode_split(
                p.series.market.name, p.position_id, amount, collateral, other
            )
            await self.actions.attempt("split", who, plan)

        self.on_position(who, pick, split_off)

    @move(who=whos, like=st.booleans())
    def merge(self, who: Address, like: bool) -> None:
        async def merge_two() -> None:
            held = list(await self.actions.positions(who))
            if like and held:
                held = [p for p in held if (p.series, p.type) == (held[0].series, held[0].type)]
            if len(held) >= 2:
                ids = [p.position_id for p in held[:3]]
                plan = self.actions.venue.positions.encode_merge(self.actions.stage.market, ids)
                await self.actions.attempt("merge", who, plan)

        self.run(merge_two())

    @move(1, who=whos, other=whos, pick=picks)
    def transfer(self, who: Address, other: Address, pick: int) -> None:
        plans = self.actions.venue.positions
        self.on_position(
            who,
            pick,
            lambda p: self.actions.attempt(
                "transfer", who, plans.encode_transfer(p.series.market.name, p.position_id, who, other)
            ),
        )

    @move(who=whos, amount=st.decimals("0.5", 20_000, places=2))
    def deposit(self, who: Address, amount: Decimal) -> None:
        async def put_in() -> None:
            plan = await self.actions.venue.pool.encode_deposit(who, self.actions.stage.market, amount)
            await self.actions.attempt("deposit", who, plan)

        self.run(put_in())

    @move(who=whos, part=st.sampled_from([Decimal("0.3"), Decimal(1), Decimal("1.1")]))
    def withdraw(self, who: Address, part: Decimal) -> None:
        async def take_out() -> None:
            market = self.actions.stage.market
            held = (await self.actions.venue.pool.read_balances(who, market)).liquidity_tokens
            tokens = (held * part).quantize(Decimal("1e-18"))
            if tokens > 0:
                plan = self.actions.venue.pool.encode_withdraw(who, market, tokens)
                await self.actions.attempt("withdraw", who, plan)

        self.run(take_out())

    @move(duty=st.sampled_from(["stale", "hedge", "base", "breakers", "deposits", "withdrawals"]))
    def keep(self, duty: str) -> None:
        keeper, market = self.actions.venue.keeper, self.actions.stage.market
        plan = {
            "stale": lambda: keeper.encode_refresh_greeks(market),
            "hedge": lambda: keeper.encode_hedge(market),
            "base": lambda: keeper.encode_exchange_base(market),
            "breakers": lambda: keeper.encode_update_breakers(market),
            "deposits": lambda: keeper.encode_process_deposits(market, 3),
            "withdrawals": lambda: keeper.encode_process_withdrawals(market, 3),
        }[duty]()
        self.run(self.actions.attempt(f"keep {duty}", KEEPER, plan))

    @move(3, factor=st.sampled_from([Decimal(f) for f in ("0.7", "0.94", "0.99", "1.01", "1.06", "1.4")]))
    def move_spot(self, factor: Decimal) -> None:
        self.run(self.actions.move_spot(factor))

    @move(1, seconds=st.sampled_from([3600, 4 * 3600, DAY + 1, 8 * DAY]))
    def let_time_pass(self, seconds: int) -> None:
        self.run(self.actions.warp(seconds))

    @move(1, before=st.sampled_from([6 * 3600, 60, -60]))
    def approach_expiry(self, before: int) -> None:
        self.run(self.actions.to_expiry(before))

    @move(factor=st.sampled_from([Decimal("0.7"), Decimal("1.4")]), who=whos, pick=picks, kind=shorts)
    def crash(self, factor: Decimal, who: Address, pick: int, kind: OptionType) -> None:
        """A thin short near the money, then a jump, then the liquidator."""

        async def jump() -> None:
            await self.actions.open(who, pick, kind, Decimal(3), Decimal("1.01"), 1)
            await self.actions.move_spot(factor)
            await self.actions.liquidate(KEEPER)

        self.run(jump())

    @move(1)
    def expire(self) -> None:
        """Past the nearest expiry; the board and its positions are settled."""

        async def settle() -> None:
            await self.actions.to_expiry(-60)
            await self.actions.settle(KEEPER)

        self.run(settle())

    @move(
        1,
        who=whos,
        what=st.sampled_from(
            ["liquidate nothing", "settle early", "freeze", "merge nothing", "withdraw air"]
        ),
    )
    def trespass(self, who: Address, what: str) -> None:
        self.run(self.actions.trespass(what, who))

    @move(1)
    def list_board(self) -> None:
        self.run(self.actions.list_board())


async def _prepare(world: World) -> Actions:
    await world.deploy()
    stage = Stage(world.client, world.lyra)
    await stage.approve(*TRADERS)
    return Actions(stage, TRADERS)


def _play(examples: int, steps: int, *, repeat: bool) -> Actions:
    def tour(actions: Actions) -> Awaitable[None]:
        return play_tour(actions, TRADERS)

    return play_games(Machine, _prepare, tour, examples=examples, steps=steps, repeat=repeat)


def test_every_kind_of_action_and_random_games() -> None:
    """At least 60 actions, all five option types, liquidation and settlement among them; after each, every
    read is the protocol's own view to the wei."""
    actions = _play(examples=3, steps=25, repeat=True)
    assert actions.count >= 60


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_five_hundred_actions() -> None:
    """The same of at least 500 actions, other ones in every run."""
    actions = _play(examples=20, steps=40, repeat=False)
    print(f"\n{actions.done}\n{actions.refused}")
    assert actions.count >= 500
