"""Random plans and what is done with them, good and bad, with bounds close to what they lead to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tests.contracts.executor import model
from tests.contracts.executor.model import (
    COIN,
    LOOT,
    PLACE_OF,
    WAD,
    Approve,
    Balance,
    Crack,
    Deed,
    Delta,
    GiveBack,
    Health,
    Lost,
    Pay,
    Plan,
    Poke,
    Price,
    RefusedError,
    Ring,
    Send,
    Size,
    State,
    Trade,
)

DOORS = ("execute", "execute", "execute", "executeFrom", "executeFrom", "run", "run", "run", "revoke")
CALLERS = ("alice", "trader", "safe", "keeper", "attacker")
RUNNERS = ("keeper", "attacker", "alice")
HOLDERS = ("", "", "own", "trader", "safe", "alice")
TAKERS = ("own", "trader", "safe", "alice", "shared", "bell")
OWNER_OF = {"own": "alice", "trader": "trader", "shared": "safe"}


@dataclass(frozen=True)
class Action:
    """One transaction. `account` is whom a door of the shared executor acts as."""

    door: str
    place: str
    caller: str
    account: str
    plan: Plan
    runner: str = "keeper"
    value: int = 0

    def on(self, state: State) -> State:
        """What the model says comes of it. Raises `RefusedError`."""
        match self.door:
            case "execute":
                return model.execute(state, self.place, self.caller, self.plan, self.value)
            case "executeFrom":
                return model.execute_from(state, self.place, self.caller, self.plan)
            case "run":
                return model.run(state, self.place, self.account, self.caller, self.plan)
        stands = self.door == "approve"
        return model.write_approval(state, self.place, self.caller, self.plan, self.runner, stands=stands)


def draw_standing(random: Random, state: State) -> list[tuple[str, Plan]]:
    """Accounts with plans that they may approve in advance."""
    accounts = [random.choice(("own", "trader", "safe")) for _ in range(3)]
    return [("own", LOOT), *((account, draw_plan(random, state, account, [])) for account in accounts)]


def draw_action(random: Random, state: State, standing: list[tuple[str, Plan]]) -> Action:
    """Mostly by who may, else by anyone; approvals are of the standing plans."""
    allowed = sorted((a for a in state.approvals if a[3] in RUNNERS), key=repr)
    door = random.choice(DOORS)
    if door == "run" and not allowed and random.random() < 0.9:
        door = "approve"
    if door in ("execute", "executeFrom"):
        account = random.choice(("own", "trader") if door == "execute" else ("safe",))
        plan = draw_plan(random, state, account, standing)
    else:
        account, plan = random.choice(standing)
    place = PLACE_OF[account]
    caller, runner = OWNER_OF[place], random.choice((*RUNNERS, "keeper"))
    if plan is LOOT:
        runner = "echo"
    if door == "run":
        caller = random.choice(("keeper", "keeper", *RUNNERS))
        if allowed and random.random() < 0.8:
            place, account, plan, caller = random.choice(allowed)
    if random.random() < 0.15:
        caller = random.choice(CALLERS)
    if random.random() < 0.1:
        place = random.choice(tuple(OWNER_OF))
    value = random.randrange(50) if door == "execute" and random.random() < 0.3 else 0
    value = min(value, state.of(COIN, caller))  # the node itself refuses more
    return Action(door, place, caller, account, plan, runner, value)


def draw_plan(random: Random, state: State, account: str, standing: list[tuple[str, Plan]]) -> Plan:
    """Up to five calls; then conditions about as tight as what a run of it now would meet."""
    steps = tuple((_deed(random, account, standing), _rule(random)) for _ in range(random.randint(1, 5)))
    plan = Plan(steps, salt=random.getrandbits(64))
    if account == "own" or random.random() < 0.03:
        inputs = tuple((random.choice("AB"), random.randrange(500)) for _ in range(random.randrange(3)))
        plan = replace(plan, inputs=inputs, outputs=tuple(random.choices("AB", k=random.randrange(3))))
    if random.random() < 0.03:
        plan = replace(plan, deadline=1)
    return _with_conditions(random, state, account, plan)


def _deed(random: Random, account: str, standing: list[tuple[str, Plan]]) -> Deed:
    kind = random.randrange(20)
    amount = random.choice((0, 1, random.randrange(100), random.randrange(100), 10**9))
    if kind < 3:
        return Ring(amount)
    if kind < 5:
        return Crack() if kind == 3 else Lost()
    if kind < 9:
        to = account if random.random() < 0.6 else random.choice(TAKERS[:-1])
        return GiveBack(random.choice((COIN, "A", "B")), to, random.randrange(60))
    if kind < 12:
        return Send(random.choice("AB"), random.choice(TAKERS), amount)
    if kind < 13:
        return Pay(random.choice((*TAKERS, "echo")), amount)
    if kind < 18:
        size = random.choice((-3, -2, -1, 1, 2, 3)) * WAD // random.choice((1, 7))
        return Trade(size, -size * random.randrange(1, 9) // 3 + random.randrange(-WAD, WAD) // 10)
    own = [plan for who, plan in standing if who == account and plan is not LOOT]
    if kind == 18 and own:
        return Approve(PLACE_OF[account], random.choice(own), random.choice(RUNNERS))
    return Poke()


def _rule(random: Random) -> int:
    return random.choice((model.REVERT,) * 3 + (model.CONTINUE,) * 4 + (model.STOP,))


def _with_conditions(random: Random, state: State, account: str, plan: Plan) -> Plan:
    try:
        after = model.unchecked(state, account, plan)
    except RefusedError:
        after = state
    prices = [
        Price(i, random.choice(("", "", "", "trader")), _limit(random, deed))
        for i, (deed, _) in enumerate(plan.steps)
        if random.random() < (0.3 if isinstance(deed, Trade) else 0.01)
    ]
    if random.random() < 0.01:
        prices.append(Price(len(plan.steps), "", 0))
    return replace(
        plan,
        prices=tuple(prices),
        balances=tuple(_balance(random, state, after, account) for _ in range(random.randrange(3))),
        deltas=tuple(_delta(random, after, account) for _ in range(random.random() < 0.3)),
        healths=tuple(_health(random, after, account) for _ in range(random.random() < 0.3)),
        sizes=tuple(_size(random, after, account) for _ in range(random.random() < 0.3)),
    )


def _limit(random: Random, deed: Deed) -> int:
    """The trade's own price or a wei beside it; zero or none of any other call's."""
    if not isinstance(deed, Trade):
        return 0
    exact = max(0, -deed.cash * WAD // deed.size)
    return max(0, exact + random.choice((-1, 0, 0, 1, 1)))


def _band(random: Random, value: int) -> tuple[int, int]:
    """Mostly around the value, else a unit beside it."""
    miss = random.choice((0, 0, 0, 0, 0, 1, -1))
    width = random.choice((0, 5, 2**100))
    return (value + miss, value + width + miss) if miss >= 0 else (value - width + miss, value + miss)


def _balance(random: Random, state: State, after: State, account: str) -> Balance:
    token, holder = random.choice((COIN, "A", "B")), random.choice(HOLDERS)
    is_change = random.random() < 0.5
    whom = holder or account
    value = after.of(token, whom) - (state.of(token, whom) if is_change else 0)
    return Balance(token, holder, is_change, *_band(random, value))


def _delta(random: Random, after: State, account: str) -> Delta:
    holders = tuple(random.choices(HOLDERS, k=random.randint(1, 3)))
    spot = tuple(random.choices((COIN, "A", "B"), k=random.randrange(3)))
    value = sum(after.size.get(holder or account, 0) for holder in holders)
    return Delta(holders, spot, *_band(random, value + sum(after.of(token, account) for token in spot)))


def _health(random: Random, after: State, account: str) -> Health:
    holder = random.choice(HOLDERS)
    least = 100 * WAD + after.cash.get(holder or account, 0) + random.choice((0, 0, -1, 1))
    return Health(holder, max(0, least))


def _size(random: Random, after: State, account: str) -> Size:
    holder = random.choice(HOLDERS)
    return Size(holder, *_band(random, after.size.get(holder or account, 0)))
