"""What the executor must do, told once more in Python: plans decided by their rules alone, over balances in
dictionaries. Accounts, tokens and places are names. Written from the interface, not from the contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import ceil, floor
from typing import Any

WAD = 10**18
REVERT, CONTINUE, STOP = 0, 1, 2
COIN = ""  # the native coin among tokens, and the acting account among holders
FEE_BPS = {"A": 0, "B": 100}
PLACE_OF = {"own": "own", "trader": "trader", "safe": "shared"}  # where an account's plans run


class RefusedError(Exception):
    """A plan is undone: the contract's error, and what it must say."""

    def __init__(self, name: str, **told: Any) -> None:
        super().__init__(name, told)
        self.name = name
        self.told = told


@dataclass(frozen=True)
class Ring:
    value: int


@dataclass(frozen=True)
class Crack:
    pass


@dataclass(frozen=True)
class Lost:
    """Data for an address without code."""


@dataclass(frozen=True)
class GiveBack:
    """What the bell has, the native coin or a token."""

    token: str
    to: str
    amount: int


@dataclass(frozen=True)
class Send:
    token: str
    to: str
    amount: int


@dataclass(frozen=True)
class Pay:
    to: str
    value: int


@dataclass(frozen=True)
class Trade:
    size: int
    cash: int


@dataclass(frozen=True)
class Poke:
    """Calls the attacker's contract, which tries to run the plan that own may have approved for it."""


@dataclass(frozen=True)
class Approve:
    place: str
    plan: Plan
    runner: str


Deed = Ring | Crack | Lost | GiveBack | Send | Pay | Trade | Poke | Approve


@dataclass(frozen=True)
class Balance:
    token: str
    holder: str
    is_change: bool
    least: int
    most: int


@dataclass(frozen=True)
class Price:
    call: int
    holder: str
    limit: int


@dataclass(frozen=True)
class Delta:
    holders: tuple[str, ...]
    spot: tuple[str, ...]
    least: int
    most: int


@dataclass(frozen=True)
class Health:
    holder: str
    least: int


@dataclass(frozen=True)
class Size:
    holder: str
    least: int
    most: int


@dataclass(frozen=True)
class Plan:
    steps: tuple[tuple[Deed, int], ...]
    deadline: int = 2**40
    salt: int = 0
    balances: tuple[Balance, ...] = ()
    prices: tuple[Price, ...] = ()
    deltas: tuple[Delta, ...] = ()
    healths: tuple[Health, ...] = ()
    sizes: tuple[Size, ...] = ()
    inputs: tuple[tuple[str, int], ...] = ()
    outputs: tuple[str, ...] = ()


LOOT = Plan(((Ring(0), REVERT),), salt=666)


@dataclass
class State:
    """All that the chain may change. `approvals`: place, account, plan, runner."""

    tokens: dict[tuple[str, str], int]  # (token, holder); COIN is the native one
    rung: int = 0
    size: dict[str, int] = field(default_factory=dict)
    cash: dict[str, int] = field(default_factory=dict)
    approvals: set[tuple[str, str, Plan, str]] = field(default_factory=set)

    def copy(self) -> State:
        return replace(
            self,
            tokens=dict(self.tokens),
            size=dict(self.size),
            cash=dict(self.cash),
            approvals=set(self.approvals),
        )

    def of(self, token: str, holder: str) -> int:
        return self.tokens.get((token, holder), 0)

    def move(self, token: str, giver: str, to: str, amount: int) -> bool:
        """False when it is not there, or not taken."""
        if self.of(token, giver) < amount or (token == COIN and to == "shared"):
            return False
        self.tokens[token, giver] -= amount
        fee = amount * FEE_BPS.get(token, 0) // 10_000
        self.tokens[token, to] = self.of(token, to) + amount - fee
        return True


def execute(state: State, place: str, caller: str, plan: Plan, value: int = 0) -> State:
    """The state after it. Raises `RefusedError`, and then nothing changed."""
    owner = {"own": "alice", "trader": "trader"}.get(place)
    if caller != owner:
        raise RefusedError("CallerNotAllowed", caller=caller, account=place)
    after = state.copy()
    after.move(COIN, caller, place, value)
    return _run(after, place, place, plan)


def execute_from(state: State, place: str, caller: str, plan: Plan) -> State:
    """As the Safe."""
    if place != "shared" or caller != "safe":
        raise RefusedError("CallerNotAllowed", caller=caller, account="safe")
    return _run(state.copy(), place, "safe", plan)


def run(state: State, place: str, account: str, caller: str, plan: Plan) -> State:
    """What was approved, once."""
    if (place == "shared") == (account == place):
        raise RefusedError("CallerNotAllowed", caller=caller, account=account)
    approval = (place, account, plan, caller)
    if approval not in state.approvals:
        raise RefusedError("PlanNotApproved", account=account, runner=caller)
    after = state.copy()
    after.approvals.remove(approval)
    return _run(after, place, account, plan)


def write_approval(state: State, place: str, caller: str, plan: Plan, runner: str, *, stands: bool) -> State:
    """Approve or revoke."""
    owner = {"own": "alice", "trader": "trader", "shared": caller}[place]
    if caller != owner:
        raise RefusedError("CallerNotAllowed", caller=caller, account=place)
    after = state.copy()
    approval = (place, caller if place == "shared" else place, plan, runner)
    (after.approvals.add if stands else after.approvals.discard)(approval)
    return after


def unchecked(state: State, account: str, plan: Plan) -> State:
    """What the calls lead to, before anything is given back: for bounds that are close to it."""
    after = state.copy()
    _take_inputs(after, PLACE_OF[account], account, plan)
    for _ in _make_calls(after, PLACE_OF[account], account, plan):
        pass
    return after


def _run(state: State, place: str, account: str, plan: Plan) -> State:
    if plan.deadline < 2**40:
        raise RefusedError("DeadlinePassed", deadline=plan.deadline)
    for price in plan.prices:
        if price.call >= len(plan.steps):
            raise RefusedError("NoSuchCall", call=price.call, calls=len(plan.steps))
    _take_inputs(state, place, account, plan)
    start = state.copy()
    for index, made in enumerate(_make_calls(state, place, account, plan)):
        _judge_prices(state, account, plan, index, made)
    _check_balances(state, start, account, plan)
    _check_book(state, account, plan)
    if place == "own":
        for token in (*(token for token, _ in plan.inputs), *plan.outputs, COIN):
            state.move(token, "own", "alice", state.of(token, "own"))
    return state


def _take_inputs(state: State, place: str, account: str, plan: Plan) -> None:
    if place != "own":
        if plan.inputs or plan.outputs:
            raise RefusedError("FundsNotAllowed", account=account)
        return
    for token, amount in plan.inputs:
        if not state.move(token, "alice", "own", amount):
            raise RefusedError("")


def _make_calls(state: State, place: str, account: str, plan: Plan) -> Iterator[State | None]:
    """For each call the state before it; None for those that a stop left out."""
    is_helpless = place == "shared" and account != "safe"  # no Safe: it cannot act for a module
    stopped = False
    for index, (deed, rule) in enumerate(plan.steps):
        if is_helpless and not stopped and not isinstance(deed, Lost):
            raise RefusedError("")
        before = None if stopped else state.copy()
        if not stopped and not _do(state, account, deed):
            if rule == REVERT:
                raise RefusedError("CallReverted", call=index)
            stopped = rule == STOP
        yield before


def _do(state: State, account: str, deed: Deed) -> bool:
    match deed:
        case Ring(value):
            if not state.move(COIN, account, "bell", value):
                return False
            state.rung += 1
        case Crack() | Lost():
            return False
        case GiveBack(token, to, amount):
            return state.move(token, "bell", to, amount)
        case Send(token, to, amount):
            return state.move(token, account, to, amount)
        case Pay(to, value):
            return state.move(COIN, account, to, value) and (to != "echo" or _poke(state, account))
        case Trade(size, cash):
            state.size[account] = state.size.get(account, 0) + size
            state.cash[account] = state.cash.get(account, 0) + cash
        case Poke():
            return _poke(state, account)
        case Approve(place, plan, runner):
            if place not in (PLACE_OF[account], "shared"):
                return False
            state.approvals.add((place, account, plan, runner))
    return True


def _poke(state: State, account: str) -> bool:
    """A way in while own's plan runs is closed; beside another's plan it is as good as any other time."""
    approval = ("own", "own", LOOT, "echo")
    if account == "own" or approval not in state.approvals:
        return True
    state.approvals.remove(approval)
    after = _run(state.copy(), "own", "own", LOOT)
    state.tokens, state.rung = after.tokens, after.rung
    return True


def _judge_prices(state: State, account: str, plan: Plan, index: int, before: State | None) -> None:
    for price in (p for p in plan.prices if p.call == index):
        holder = price.holder or account
        size = 0 if before is None else state.size.get(holder, 0) - before.size.get(holder, 0)
        if before is None or size == 0:
            raise RefusedError("NothingTraded", call=index)
        cash = state.cash.get(holder, 0) - before.cash.get(holder, 0)
        exact = Fraction(-cash * WAD, size)  # per unit, as both signs turn
        told = max(0, ceil(exact) if size > 0 else floor(exact))
        if exact > price.limit if size > 0 else exact < price.limit:
            raise RefusedError("PriceWorse", call=index, price=told, limit=price.limit)


def _check_balances(state: State, start: State, account: str, plan: Plan) -> None:
    for one in plan.balances:
        holder = one.holder or account
        balance = state.of(one.token, holder) - (start.of(one.token, holder) if one.is_change else 0)
        if not one.least <= balance <= one.most:
            raise RefusedError("BalanceOutside", account=holder, balance=balance)


def _check_book(state: State, account: str, plan: Plan) -> None:
    for band in plan.deltas:
        delta = sum(state.size.get(holder or account, 0) for holder in band.holders)
        delta += sum(state.of(token, account) for token in band.spot)
        if not band.least <= delta <= band.most:
            raise RefusedError("DeltaOutside", delta=delta, min=band.least, max=band.most)
    for floor_ in plan.healths:
        health = max(0, 100 * WAD + state.cash.get(floor_.holder or account, 0))
        if health < floor_.least:
            raise RefusedError("HealthBelow", health=health, min=floor_.least)
    for promise in plan.sizes:
        size = state.size.get(promise.holder or account, 0)
        if not promise.least <= size <= promise.most:
            raise RefusedError("SizeOutside", size=size, min=promise.least, max=promise.most)
