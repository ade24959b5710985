"""Settings as the file that reads back to them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from trimtab.config.settings import Config


def write_config(path: Path, config: Config) -> None:
    """Write `config` as a file that `load_config` reads back to an equal value, readable by the owner only.
    Secrets are left out: they belong to the environment."""
    text = "\n".join(_toml_table("", _plain(config)))
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text.lstrip("\n") + "\n", encoding="utf-8")


def render_table(name: str, value: object) -> str:
    """One section as the lines of a settings file; empty when all of it goes without saying."""
    lines = _toml_table(name, _plain(value))
    return "\n".join(lines).strip("\n") + "\n" if lines else ""


def _plain(value: object) -> Any:
    """Dataclasses and mappings as dicts without None, without secrets and without what goes without saying;
    leaves as they are."""
    if is_dataclass(value) and not isinstance(value, type):
        told = [f for f in fields(value) if "env" not in f.metadata]
        items = ((f, getattr(value, f.name)) for f in told)
        return {
            f.name: _plain(item)
            for f, item in items
            if not (
                item is None or item == f.default == () or ("implied" in f.metadata and item == f.default)
            )
        }
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return value


def _toml_table(name: str, table: dict[str, Any], head: str = "") -> list[str]:
    """A table with its tables under it; `head` says that its line is needed even where nothing follows."""
    leaves = [f"{_toml_key(k)} = {_toml(v)}" for k, v in table.items() if not _holds_tables(v)]
    lines = ["", head or f"[{name}]", *leaves] if head or (name and leaves) else leaves
    for key, value in table.items():
        path = f"{name}.{_toml_key(key)}" if name else _toml_key(key)
        if isinstance(value, dict):
            lines += _toml_table(path, value, f"[{path}]" if head else "")
        elif _holds_tables(value):
            lines += [line for item in value for line in _toml_table(path, item, f"[[{path}]]")]
    return lines


def _holds_tables(value: object) -> bool:
    """Whether it is a table, or a list of nothing else."""
    if isinstance(value, tuple):
        return bool(value) and all(isinstance(item, dict) for item in value)
    return isinstance(value, dict)


def _toml_key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else json.dumps(key)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(str(value))
