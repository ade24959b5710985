"""A plan of faults out of a TOML file, strict about keys and types; complaints name file, rule and key."""

from __future__ import annotations

import difflib
import tomllib
import types
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from trimtab.errors import ConfigError
from trimtab.world.faults.kinds import KINDS, Fault, Stage
from trimtab.world.faults.plan import ChainRule, FaultPlan, Rule
from trimtab.world.faults.presets import PRESETS

R = TypeVar("R", bound=Rule | ChainRule)
_TOP = ("preset", "rule", "chain")
_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def load_plan(path: Path) -> FaultPlan:
    """The plan of a file. What is wrong with it is a `ConfigError` with file, rule and nearest key."""
    try:
        return parse_plan(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        message = f"there is no plan to be read at {path} ({error.strerror or error}); give its path"
        raise ConfigError(message, key="plan") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text: {error}", key="plan") from error


def parse_plan(text: str, name: str = "plan.toml") -> FaultPlan:
    """The plan that a TOML text says: its own rules, before those of its `preset` if it names one."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name} is not TOML: {error}", key="plan") from error
    _check_keys(table, _TOP, name, "")
    base = _preset(table.get("preset"), name)
    rules = [_rule(Rule, *numbered, name, "rule") for numbered in _tables(table, "rule", name)]
    chain = [_rule(ChainRule, *numbered, name, "chain") for numbered in _tables(table, "chain", name)]
    return FaultPlan((*rules, *base.rules), (*chain, *base.chain))


def _preset(name: object, file: str) -> FaultPlan:
    if name is None:
        return FaultPlan()
    if not isinstance(name, str) or name not in PRESETS:
        raise ConfigError(f"{file}: preset {name!r} is none of {', '.join(PRESETS)}", key="preset")
    return PRESETS[name]


def _tables(table: Mapping[str, Any], key: str, file: str) -> Iterable[tuple[int, dict[str, Any]]]:
    found = table.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ConfigError(f"{file}: write each {key} under a line [[{key}]]", key=key)
    return enumerate(found, 1)


def _rule(cls: type[R], number: int, table: dict[str, Any], file: str, key: str) -> R:
    """One [[rule]] or [[chain]]: the fault's own keys and those of the rule, side by side."""
    where = f"{file}, {key} {number}"
    fault = _kind(table.get("fault"), where, is_chain=cls is ChainRule)
    own = _keys(cls) - {"fault"}
    of_fault = _keys(fault)
    _check_keys(table, ("fault", *sorted(of_fault), *sorted(own)), where, f" ({table['fault']})")
    try:
        made = fault(**_values(fault, table, of_fault, where))
        return cls(fault=made, **_values(cls, table, own, where))
    except ConfigError as error:
        raise ConfigError(_told(where, error), key=error.key) from error


def _told(where: str, error: ConfigError) -> str:
    return str(error) if str(error).startswith(where) else f"{where}: {error}"


def _kind(name: object, where: str, *, is_chain: bool) -> type[Fault]:
    known = {n: c for n, c in KINDS.items() if (Stage.CHAIN in c.stages) == is_chain}
    if name is None:
        raise ConfigError(f"{where}: say which fault: {', '.join(known)}", key="fault")
    if not isinstance(name, str) or name not in KINDS:
        raise ConfigError(f"{where}: there is no fault {name!r}{_near(str(name), known)}", key="fault")
    if name not in known:
        right = "[[rule]]" if is_chain else "[[chain]]"
        raise ConfigError(f"{where}: {name} belongs under {right}", key="fault")
    return known[name]


def _check_keys(table: Mapping[str, Any], allowed: Iterable[str], where: str, what: str) -> None:
    allowed = tuple(allowed)
    for key in table:
        if key not in allowed:
            hint = _near(key, allowed) or f"; it takes {', '.join(allowed)}"
            raise ConfigError(f"{where}{what}: there is no key {key!r}{hint}", key=key)


def _near(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _keys(cls: type[Any]) -> set[str]:
    return {field.name for field in fields(cls)}


def _values(cls: type[Any], table: Mapping[str, Any], keys: set[str], where: str) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {key: _value(table[key], hints[key], f"{where}: {key}") for key in sorted(keys) if key in table}


def _value(value: object, hint: Any, where: str) -> Any:
    """The value as its field's type. Raises `ConfigError`."""
    if get_origin(hint) is types.UnionType:
        hint = next(arg for arg in get_args(hint) if arg is not types.NoneType)
    if get_origin(hint) is tuple:
        items = value if isinstance(value, list) else [value]
        return tuple(_value(item, get_args(hint)[0], where) for item in items)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where} is {value!r}, and must be {_WORDS[hint]}", key=where.rpartition(" ")[2])
    return value
