"""Doors: how several calls of an account become one transaction that is checked at its end on the chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from trimtab.chain.call import Call
from trimtab.errors import ConfigError, IntentError
from trimtab.hooks.executor import encode_execute, executor_abi
from trimtab.hooks.guard import encode_execute as encode_guarded
from trimtab.hooks.guard import guard_abi
from trimtab.hooks.plans import UINT256_MAX, Conditions, HookCall, HookPlan
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.limits import Limits
from trimtab.venues.base import ChainPlan

NO_CONDITIONS = Conditions()


@dataclass(frozen=True, slots=True)
class OwnCode:
    """The account runs the code of `executor` as its own (EIP-7702) and calls itself; its key takes that code
    on once, before the first plan. `probes` by venue, or by venue and market ("lyra/sETH")."""

    executor: Address
    probes: Mapping[str, Address] = field(default_factory=dict)

    def encode(self, account: Address, plan: HookPlan) -> Call:
        """The one call that makes all of a plan's."""
        return encode_execute(account, plan)

    def allow(self, limits: Limits, account: Address) -> Limits:
        """What the account's key may do, through this door too: plans of calls that it may make anyway."""
        delegates = None if limits.delegates is None else {*limits.delegates, self.executor}
        call = executor_abi().function("execute").allow(account, is_trade=False)
        return replace(limits.allowing(call), delegates=delegates)

    def is_needed(self, calls: int, conditions: Conditions) -> bool:
        """A single call without conditions is cheaper, and the same, without a plan around it."""
        return calls > 1 or conditions != NO_CONDITIONS

    def check_account(self, account: Address, sender: Address) -> None:
        """Raise `IntentError` unless the account is the sender's own."""
        if account.lower() != sender:
            raise IntentError(
                f"the order is of {account}, the sender signs for {sender}: use that account's key",
                field="account",
                value=account,
            )


@dataclass(frozen=True, slots=True)
class Guarded:
    """The account is the contract `guard`, which makes what its agent asks for within its limits; the sender
    is that agent. `probes` as above."""

    guard: Address
    probes: Mapping[str, Address] = field(default_factory=dict)

    def encode(self, account: Address, plan: HookPlan) -> Call:
        """The one call that makes all of a plan's."""
        return encode_guarded(account, plan)

    def allow(self, limits: Limits, account: Address) -> Limits:  # noqa: ARG002 - it is the guard
        """What the agent's key may do: plans for the guard of calls that `limits` name."""
        return limits.allowing(guard_abi().function("execute").allow(self.guard, is_trade=False))

    def is_needed(self, calls: int, conditions: Conditions) -> bool:  # noqa: ARG002 - whatever they are
        """Always: the account is not the sender."""
        return calls > 0

    def check_account(self, account: Address, sender: Address) -> None:  # noqa: ARG002 - the chain is asked
        """Raise `IntentError` unless the account is the guard itself."""
        if account.lower() != self.guard:
            raise IntentError(
                f"the order is of {account}, and all orders go through the guard {self.guard}, which trades "
                "for itself only: give its address as the account",
                field="account",
                value=account,
            )


Door = OwnCode | Guarded
NO_DOOR = OwnCode(ZERO_ADDRESS)
"""Whose account is the sender's own, as everywhere without a door."""


def find_probe(door: Door, venue: str, market: str) -> tuple[str, Address]:
    """Name and address of the probe that reads `market` at a venue. Raises `ConfigError` without one."""
    for name in (f"{venue}/{market}", venue):
        if name in door.probes:
            return name, door.probes[name]
    raise ConfigError(
        f"a condition on {market} at {venue} needs a probe there: name it in the door's probes "
        "([hooks.probes] in the settings file), deployed by `trimtab hooks deploy`",
        key="hooks.probes",
    )


def wrap(
    door: Door,
    account: Address,
    plan: ChainPlan,
    conditions: Conditions = NO_CONDITIONS,
    *,
    deadline: int | None = None,
) -> ChainPlan:
    """The plan as one call through the door, or as it is where the door is not needed. Pure."""
    if not door.is_needed(len(plan.calls), conditions):
        return plan
    calls = tuple(HookCall(call) for call in plan.calls)
    inner = HookPlan(calls, UINT256_MAX if deadline is None else deadline, conditions)
    label = LABELS.join(plan.labels)
    return ChainPlan(plan.venue, plan.market, (door.encode(account, inner),), (label,))


LABELS = "; "
"""Between the labels of calls that are one transaction."""
