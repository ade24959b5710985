"""A guard's limits for people: what is left of each, which calls it allows, and what new limits change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from trimtab.cli.output import DASH, moment, number, percent, print_table
from trimtab.hooks.guard import GuardLimits, Spent
from trimtab.model.ids import Address
from trimtab.model.limits import AllowedCall, ArgumentRule, Limits
from trimtab.model.units import from_wad

NO_LIMIT = "no limit"
TITLES: Mapping[str, str] = {
    "max_value_wei": "value of a transaction",
    "max_value_per_day_wei": "value a day",
    "max_cost_wei": "value and fee of a transaction",
    "max_fees_per_hour_wei": "fees an hour",
    "max_fees_per_day_wei": "fees a day",
    "max_notional": "notional of a transaction",
    "max_notional_per_day": "notional a day",
    "max_leverage": "leverage",
    "max_slippage": "slippage",
}
_SPENT: Mapping[str, str] = {
    "max_value_per_day_wei": "value_per_day_wei",
    "max_fees_per_hour_wei": "fees_per_hour_wei",
    "max_fees_per_day_wei": "fees_per_day_wei",
    "max_notional_per_day": "notional_per_day",
}


def limit_rows(held: GuardLimits, spent: Spent) -> list[tuple[str, str, str, str]]:
    """Each number with what its window has spent and what is left of it, then the switches."""
    used = {TITLES[name]: _used(name, held.limits, spent) for name in _SPENT}
    return [(title, value, *used.get(title, ("", ""))) for title, value in _facts(held).items()]


def _used(name: str, limits: Limits, spent: Spent) -> tuple[str, str]:
    """What a window has spent, and what is left of it."""
    most, used = getattr(limits, name), getattr(spent, _SPENT[name])
    left = None if most is None else max(most - used, type(used)(0))
    return _amount(name, used), _amount(name, left)


def list_unbounded(limits: Limits) -> list[str]:
    """The limits that are missing for a bound on what a leaked agent's key can lose, by their titles."""
    needed = ["max_fees_per_day_wei"]
    if limits.max_value_wei != 0:
        needed.append("max_value_per_day_wei")
    if any(call.is_trade for call in limits.calls):
        needed += ["max_notional_per_day", "max_slippage", "max_leverage"]
    return [TITLES[name] for name in needed if getattr(limits, name) is None]


def loss_caption(limits: Limits) -> str:
    """What a leaked agent's key can lose in a day, or why that is not bounded."""
    if missing := list_unbounded(limits):
        return f"No limit on {', '.join(missing)}: what a leaked agent's key can lose is not bounded."
    fees = _amount("max_fees_per_day_wei", limits.max_fees_per_day_wei)
    value = _amount("max_value_per_day_wei", limits.max_value_per_day_wei if limits.max_value_wei else 0)
    told = f"A leaked agent's key can lose at most {fees} as fees and {value} as value in a day"
    if not any(call.is_trade for call in limits.calls):
        return f"{told}: it may not trade."
    assert limits.max_notional_per_day is not None  # or it would be missing above
    assert limits.max_slippage is not None
    badly = number(limits.max_notional_per_day * limits.max_slippage, 2)
    leverage = number(limits.max_leverage)
    return (
        f"{told}, {badly} in bad trades, and market moves on what is open at a leverage of up to {leverage}."
    )


def print_calls(held: GuardLimits, names: Mapping[Address, str]) -> None:
    """The calls that the guard allows, then who may get plain value."""
    rows = [(*_call(call, names), _probe(held, call, names)) for call in held.limits.calls]
    columns = ("Function", "At", "Trade", "Arguments", "Measured by")
    print_table("Calls", columns, rows, None if rows else "The agent may call nothing.")
    receivers = [(_name(address, names),) for address in sorted(held.limits.transfers or ())]
    if receivers:
        print_table("Transfers of plain value", ("To",), receivers)


def change_rows(
    held: GuardLimits | None, wanted: GuardLimits, names: Mapping[Address, str]
) -> list[tuple[str, str, str]]:
    """What differs between two limits of one guard: name, old, new. `held` is None where none were set."""
    old, new = _facts(held), _facts(wanted)
    told = [(name, old.get(name, DASH), value) for name, value in new.items() if old.get(name) != value]
    before, after = _entries(held, names), _entries(wanted, names)
    gone = [(kind, text, "") for kind, text in before if (kind, text) not in after]
    return told + gone + [(kind, "", text) for kind, text in after if (kind, text) not in before]


def _facts(held: GuardLimits | None) -> dict[str, str]:
    """Each number and switch in words."""
    if held is None:
        return {}
    limits, end = held.limits, held.limits.expires_at
    facts = {title: _amount(name, getattr(limits, name)) for name, title in TITLES.items()}
    facts["reduce only"] = number(limits.reduce_only)
    facts["expires at"] = NO_LIMIT if end is None else _second(end)
    facts["fees are paid back"] = number(held.refunds_fees)
    return facts


def _entries(held: GuardLimits | None, names: Mapping[Address, str]) -> list[tuple[str, str]]:
    """Each allowed call and receiver in words."""
    if held is None:
        return []
    calls = [("call", _line(call, _probe(held, call, names), names)) for call in held.limits.calls]
    transfers = sorted(held.limits.transfers or ())
    return calls + [("transfer to", _name(address, names)) for address in transfers]


def _second(at: int) -> str:
    """A unix second with its date, as far as dates go."""
    return f"{at} ({moment(at)})" if at < LAST_DATE else str(at)


LAST_DATE = 2**35
"""Unix second after which calendars of computers end soon."""


def describe(held: GuardLimits) -> dict[str, object]:
    """As JSON: wei, Decimals as text, selectors and probes of each call."""
    limits = held.limits
    plain = _fields_of(limits)
    plain["chains"] = sorted(limits.chains or ())
    plain["transfers"] = sorted(limits.transfers or ())
    plain["calls"] = [
        {
            "function": call.name,
            "selector": call.selector,
            "target": call.target,
            "is_trade": call.is_trade,
            "rules": [
                {**_fields_of(rule), "one_of": rule.one_of and sorted(rule.one_of)} for rule in call.rules
            ],
            "probe": held.probes.get(_key(call)),
        }
        for call in limits.calls
    ]
    return {**plain, "refunds_fees": held.refunds_fees, "unbounded": list_unbounded(limits)}


def _amount(name: str, value: Any) -> str:
    if value is None:
        return NO_LIMIT
    if name.endswith("_wei"):
        return f"{number(from_wad(value), 6)} ETH"
    if name == "max_slippage":
        return percent(value, 3)
    return number(value, 6) if isinstance(value, Decimal | bool) else str(value)


def _fields_of(value: Limits | ArgumentRule) -> dict[str, object]:
    return {item.name: getattr(value, item.name) for item in fields(value)}


def _line(call: AllowedCall, probe: str, names: Mapping[Address, str]) -> str:
    function, target, _, rules = _call(call, names)
    facts = ["trade"] if call.is_trade else []
    facts += [fact for fact in (rules, probe and f"measured by {probe}") if fact]
    return f"{function} at {target}" + (f" ({'; '.join(facts)})" if facts else "")


def _call(call: AllowedCall, names: Mapping[Address, str]) -> tuple[str, str, str, str]:
    selector = "" if call.selector is None else f"0x{call.selector.hex()}"
    rules = "; ".join(_rule(rule, names) for rule in call.rules)
    return call.function or selector, _name(call.target, names), number(call.is_trade), rules


def _rule(rule: ArgumentRule, names: Mapping[Address, str]) -> str:
    parts = []
    if rule.one_of is not None:
        parts.append(" or ".join(_name(address, names) for address in sorted(rule.one_of)) or "nothing")
    if rule.at_most is not None:
        parts.append(f"at most {rule.at_most}")
    return f"{rule.name or f'word {rule.word}'}: {', '.join(parts)}"


def _probe(held: GuardLimits, call: AllowedCall, names: Mapping[Address, str]) -> str:
    probe = held.probes.get(_key(call))
    return "" if probe is None else _name(probe, names)


def _key(call: AllowedCall) -> tuple[Address, bytes]:
    assert call.target is not None  # of a contract's own limits
    assert call.selector is not None
    return call.target, call.selector


def _name(address: Address | None, names: Mapping[Address, str]) -> str:
    return "any" if address is None else names.get(address, address)
