"""The guard's calls and answers: a key's `Limits` as the contract holds them, exactly or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.chain.client import BlockRef, Client
from trimtab.chain.hashing import keccak256
from trimtab.errors import CallRevertedError, IntentError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.plans import HookPlan
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.limits import SELF, AllowedCall, ArgumentRule, Limits
from trimtab.model.units import from_wad, to_wad_exact

UNLIMITED: Final = 2**256 - 1
UINT16_MAX: Final = 2**16 - 1


@dataclass(frozen=True, slots=True)
class Spent:
    """What the agent took of its windows, which end now. Wei; notional in quote currency."""

    value_per_day_wei: int
    fees_per_hour_wei: int
    fees_per_day_wei: int
    notional_per_day: Decimal


@dataclass(frozen=True, slots=True)
class GuardState:
    """Who may do what at a guard. `version` counts how often limits were set; 0: the agent may do nothing.
    `pending_owner` is named and has not accepted yet, None without one."""

    owner: Address
    agent: Address
    guardian: Address
    is_killed: bool
    version: int
    pending_owner: Address | None = None


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """What the contract holds: the limits, whether it pays its agent's fees back, and the probe of each call
    that is measured, by target and selector."""

    limits: Limits
    refunds_fees: bool
    probes: Mapping[tuple[Address, bytes], Address]


def guard_abi() -> Abi:
    return load_artifact("Guard").abi


def encode_limits(
    limits: Limits,
    *,
    account: Address,
    chain_id: int,
    probes: Mapping[str, Address],
    refunds_fees: bool = False,
) -> dict[str, Any]:
    """The contract's struct of `limits` for the guard at `account`; `SELF` is that account. `probes`: by a
    call's target, or by a venue's name for all of it. Raises `IntentError` for what a guard cannot hold: it
    is never left out, rounded or widened."""
    _check_chain(limits, chain_id)
    if limits.delegates is None or limits.delegates:
        raise _unfit(limits, "delegates", "a guard is no key and takes on no code: use delegates=frozenset()")
    if limits.transfers is None:
        raise _unfit(limits, "transfers", "a guard needs the addresses that may get value: name them")
    if refunds_fees:
        _check_refunds(limits)
    _check_seen(limits)
    return {
        "calls": [_encode_call(call, account, probes) for call in limits.calls],
        "transfers": sorted(limits.transfers),
        **{name: _whole(limits, ours) for name, ours in _WHOLE.items()},
        **{name: _wad(limits, ours) for name, ours in _WADS.items()},
        "reduceOnly": limits.reduce_only,
        "refundsFees": refunds_fees,
    }


_WHOLE: Final[Mapping[str, str]] = {
    "maxValue": "max_value_wei",
    "maxValuePerDay": "max_value_per_day_wei",
    "maxCost": "max_cost_wei",
    "maxFeesPerHour": "max_fees_per_hour_wei",
    "maxFeesPerDay": "max_fees_per_day_wei",
    "expiresAt": "expires_at",
}
_WADS: Final[Mapping[str, str]] = {
    "maxNotional": "max_notional",
    "maxNotionalPerDay": "max_notional_per_day",
    "maxLeverage": "max_leverage",
    "maxSlippage": "max_slippage",
}
"""Fields of the contract's struct, and of `Limits`: whole numbers, and Decimals with 18 decimals."""


def decode_limits(
    struct: Any, *, account: Address, chain_id: int, known: Iterable[AllowedCall] = ()
) -> GuardLimits:
    """The struct of the guard at `account` as `Limits`. `known` calls lend their names and venues, which no
    contract holds, to those of the same target and selector."""
    named = {(call.target, call.selector): call for call in known}
    numbers: dict[str, Any] = {ours: _amount(getattr(struct, name)) for name, ours in _WHOLE.items()}
    numbers |= {ours: _ratio(getattr(struct, name)) for name, ours in _WADS.items()}
    limits = Limits(
        calls=tuple(_decode_call(item, account, named) for item in struct.calls),
        chains={chain_id},
        transfers=frozenset(Address(address) for address in struct.transfers),
        reduce_only=struct.reduceOnly,
        **numbers,
    )
    measured = {
        (Address(item.target), bytes(item.selector)): Address(item.probe)
        for item in reversed(struct.calls)  # of several entries the first one counts, as in the contract
        if item.probe != ZERO_ADDRESS
    }
    return GuardLimits(limits, struct.refundsFees, measured)


def encode_set_limits(guard: Address, struct: Mapping[str, Any]) -> Call:
    """New limits in place of all old ones, as `encode_limits` says them. Owner only."""
    return guard_abi().function("setLimits").at(guard, struct)


def decode_set_limits(
    data: bytes, *, account: Address, chain_id: int, known: Iterable[AllowedCall] = ()
) -> GuardLimits:
    """What the calldata of a `setLimits` sets, as `decode_limits` says it. Raises `AbiError`."""
    (struct,) = guard_abi().function("setLimits").decode_input(data)
    return decode_limits(struct, account=account, chain_id=chain_id, known=known)


def encode_set_agent(guard: Address, agent: Address) -> Call:
    """Another key for the agent; the zero address is nobody. Owner only."""
    return guard_abi().function("setAgent").at(guard, agent)


def encode_set_guardian(guard: Address, guardian: Address) -> Call:
    """Another address that may stop the agent. Owner only."""
    return guard_abi().function("setGuardian").at(guard, guardian)


def encode_kill(guard: Address) -> Call:
    """Stop the agent. Owner or guardian."""
    return guard_abi().function("kill").at(guard)


def encode_revive(guard: Address) -> Call:
    """Let the agent go on. Owner only."""
    return guard_abi().function("revive").at(guard)


def encode_execute(guard: Address, plan: HookPlan, *, value: int = 0) -> Call:
    """The agent's plan, within the limits. `value` in wei comes along. Raises `IntentError`."""
    _check_funds(plan)
    return guard_abi().function("execute").at(guard, plan.to_abi(), value=value)


def encode_execute_as_owner(guard: Address, plan: HookPlan, *, value: int = 0) -> Call:
    """The owner's plan, without limits. `value` in wei comes along. Raises `IntentError`."""
    _check_funds(plan)
    return guard_abi().function("executeAsOwner").at(guard, plan.to_abi(), value=value)


async def read_limits(
    client: Client, guard: Address, *, known: Iterable[AllowedCall] = (), block: BlockRef = "latest"
) -> GuardLimits:
    """What the guard at this address holds, as `decode_limits` says it. Raises `AbiError` without a guard."""
    struct = await client.call(guard_abi().function("limits").read(guard), block=block)
    return decode_limits(struct, account=guard, chain_id=client.chain_id, known=known)


async def read_spent(client: Client, guard: Address, *, block: BlockRef = "latest") -> Spent:
    """What the agent took of the windows that end at `block`. Raises `AbiError` without a guard."""
    found = await client.call(guard_abi().function("spent").read(guard), block=block)
    return Spent(found.valuePerDay, found.feesPerHour, found.feesPerDay, from_wad(found.notionalPerDay))


async def read_state(client: Client, guard: Address, *, block: BlockRef = "latest") -> GuardState:
    """Owner, agent, guardian and whether the agent is stopped, by one request."""
    names = ("owner", "agent", "guardian", "isKilled", "version", "pendingOwner")
    reads = [guard_abi().function(name).read(guard) for name in names]
    found: dict[str, Any] = {}
    for name, value in zip(names, await client.read_many(reads, block=block), strict=True):
        if isinstance(value, CallRevertedError):
            raise value
        found[name] = value
    pending = found["pendingOwner"]
    return GuardState(
        owner=found["owner"],
        agent=found["agent"],
        guardian=found["guardian"],
        is_killed=found["isKilled"],
        version=found["version"],
        pending_owner=None if pending == ZERO_ADDRESS else pending,
    )


def _encode_call(call: AllowedCall, account: Address, probes: Mapping[str, Address]) -> tuple[Any, ...]:
    named = call.name or f"the call {'' if call.selector is None else '0x' + call.selector.hex()}"
    if call.target is None or call.selector is None:
        part = "target" if call.target is None else "selector"
        raise IntentError(
            f"{named} is allowed for any {part}, which a guard cannot hold: name each {part}",
            field="calls",
            value=call,
        )
    probe = ZERO_ADDRESS
    if call.venue or call.is_trade:
        probe = probes.get(call.target) or probes.get(call.venue) or ZERO_ADDRESS
    if probe == ZERO_ADDRESS and (call.venue or call.is_trade):
        raise IntentError(
            f"{named} at {call.target} is bounded by what a probe measures, and there is none for it: deploy "
            f"the probe of {call.venue or 'its venue'}, or allow the call with is_trade=False and no venue",
            field="probes",
            value=call.venue or call.target,
        )
    rules = [_encode_rule(rule, account) for rule in call.rules]
    return call.target, call.selector, probe, call.is_trade, rules


def _encode_rule(rule: ArgumentRule, account: Address) -> tuple[Any, ...]:
    if rule.word > UINT16_MAX:
        raise IntentError(
            f"the rule of word {rule.word}: a guard's rules reach to word {UINT16_MAX}",
            field="word",
            value=rule,
        )
    allowed = {account if address == SELF else address for address in rule.one_of or ()}
    at_most = UNLIMITED if rule.at_most is None else rule.at_most
    if at_most > UNLIMITED:
        raise IntentError(
            f"at_most {at_most} does not fit 256 bits: leave it out", field="at_most", value=rule
        )
    return rule.word, rule.one_of is not None, sorted(allowed), at_most


def _decode_call(
    item: Any, account: Address, named: Mapping[tuple[Address | None, bytes | None], AllowedCall]
) -> AllowedCall:
    like = named.get((Address(item.target), bytes(item.selector)))
    rules = tuple(
        ArgumentRule(
            rule.word,
            frozenset(SELF if a == account else Address(a) for a in rule.oneOf) if rule.hasOneOf else None,
            _amount(rule.atMost),
            _rule_name(like, rule.word),
        )
        for rule in item.rules
        if rule.hasOneOf or rule.atMost != UNLIMITED
    )
    name, venue = ("", "") if like is None else (like.name, like.venue)
    return AllowedCall(Address(item.target), bytes(item.selector), name, rules, item.isTrade, venue)


def _rule_name(like: AllowedCall | None, word: int) -> str:
    rules = () if like is None else like.rules
    return next((rule.name for rule in rules if rule.word == word), "")


def _check_chain(limits: Limits, chain_id: int) -> None:
    if limits.chains is not None and chain_id not in limits.chains:
        allowed = ", ".join(map(str, sorted(limits.chains))) or "none"
        raise IntentError(
            f"the limits are for chain {allowed}, and the guard is on chain {chain_id}: add it to chains",
            field="chains",
            value=chain_id,
        )


def _check_refunds(limits: Limits) -> None:
    """Whoever has the agent's key chooses the gas price, and may be paid it back by who builds the block."""
    if limits.max_fees_per_day_wei is None:
        problem = "a guard that pays fees back needs a cap on them: give one"
        raise _unfit(limits, "max_fees_per_day_wei", problem)


_UNSEEN: Final = {
    keccak256(b"addLiquidity((address,uint256,uint256,int24,int24,uint256,uint256,bool,uint256))")[:4]: (
        "addLiquidity",
        "what a maker trades others bring about, later",
    )
}
"""Functions whose trades no probe around their call sees: by selector, a name and why."""


def _check_seen(limits: Limits) -> None:
    """Where trades are bounded, each must be made in its own call."""
    bounds = (limits.max_notional, limits.max_notional_per_day, limits.max_leverage, limits.max_slippage)
    if not limits.reduce_only and all(bound is None for bound in bounds):
        return
    for call in limits.calls:
        if call.selector in _UNSEEN:
            name, problem = _UNSEEN[call.selector]
            raise IntentError(
                f"{name} at {call.target} is beyond what a guard can bound: {problem}. Name the functions "
                'that you need, without it: Limits.only(...), in the settings [limits] functions = ["..."]',
                field="calls",
                value=call,
            )


def _check_funds(plan: HookPlan) -> None:
    if plan.inputs or plan.outputs:
        raise IntentError(
            "a guard's plan has no inputs and outputs: the guard holds the tokens itself, so leave them out",
            field="inputs",
        )


def _whole(limits: Limits, name: str) -> int:
    value: int | None = getattr(limits, name)
    if value is not None and value >= UNLIMITED:
        raise _unfit(limits, name, "the contract's numbers end below it: use None for no limit")
    return UNLIMITED if value is None else value


def _wad(limits: Limits, name: str) -> int:
    value: Decimal | None = getattr(limits, name)
    if value is None:
        return UNLIMITED
    wad = to_wad_exact(value, name)
    if wad >= UNLIMITED:
        raise _unfit(limits, name, "the contract's numbers end below it: use None for no limit")
    return wad


def _amount(value: int) -> int | None:
    return None if value == UNLIMITED else value


def _ratio(value: int) -> Decimal | None:
    return None if value == UNLIMITED else from_wad(value)


def _unfit(limits: Limits, name: str, problem: str) -> IntentError:
    value = getattr(limits, name)
    return IntentError(f"{name} is {value}: {problem}", field=name, value=value)
