"""Options from one TOML file, secrets from the environment: the only module that reads either.

Decimal numbers of the file are read digit by digit into `Decimal`, never through a float. Paths are relative
to the file.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from trimtab.chain.address import parse_address
from trimtab.config.checked import Secret, parse_decimal
from trimtab.config.route_settings import PrivateRouteSettings, check_kind
from trimtab.config.settings import Config
from trimtab.errors import ConfigError, IntentError
from trimtab.model.ids import Address
from trimtab.tx.routes.registry import ROUTES
from trimtab.venues.registry import VENUES

C = TypeVar("C")


def find_config(option: Path | None = None, env: Mapping[str, str] = os.environ) -> Path:
    """The file that counts: the option, else TRIMTAB_CONFIG, else ./trimtab.toml. Missing: `ConfigError`."""
    named = option or (Path(env["TRIMTAB_CONFIG"]) if env.get("TRIMTAB_CONFIG") else None)
    path = named or Path("trimtab.toml")
    if path.is_file():
        return path
    raise ConfigError(
        f"there is no settings file {path}: name one with --config or TRIMTAB_CONFIG, or let "
        "`trimtab world up --config-out trimtab.toml` write one for a local world"
    )


def load_config(path: Path, env: Mapping[str, str] = os.environ) -> Config:
    """The settings of a file with the environment's secrets. Every fault is a `ConfigError` naming key and
    file. TRIMTAB_RPC_URL takes the place of `chain.urls`, because such URLs often hold a key."""
    return _Reader(path, env).read()


class _Reader:
    """Builds settings out of one file, strict about keys and types; complaints name key and file."""

    def __init__(self, path: Path, env: Mapping[str, str]) -> None:
        self._path = path
        self._env = env

    def read(self) -> Config:
        table = self._parse()
        if self._env.get("TRIMTAB_RPC_URL"):
            urls = [url.strip() for url in self._env["TRIMTAB_RPC_URL"].split(",") if url.strip()]
            table.setdefault("chain", {})["urls"] = urls
        config = self.build(Config, table, "")
        if not config.chain.urls:
            raise self._error("chain.urls", "needs at least one URL; or set TRIMTAB_RPC_URL")
        return config

    def build(self, cls: type[C], table: object, where: str) -> C:
        """The frozen dataclass `cls` from a TOML table, key by key."""
        if not isinstance(table, dict):
            raise self._error(where, f"must be a table, got {_show(table)}")
        hints = get_type_hints(cls)
        if cls is PrivateRouteSettings and "kind" in table:
            self._within(where, check_kind, table["kind"])
            hints["options"] = ROUTES[table["kind"]].options_type()
        known = {item.name: item for item in fields(cls)}  # type: ignore[arg-type]
        from_file = [name for name, item in known.items() if "env" not in item.metadata]
        self._check_keys(table, from_file, known, where)
        values = {key: self.convert(value, hints[key], _join(where, key)) for key, value in table.items()}
        for name, item in known.items():
            if name not in values:
                values |= self._left_out(item, hints[name], _join(where, name))
        return typing.cast("C", self._within(where, cls, **values))

    def _left_out(self, item: Field[Any], hint: Any, where: str) -> dict[str, Any]:
        """The value of a field that the file does not give: a secret, a default beside the file, or none."""
        if "env" in item.metadata:
            return {item.name: self._secret(item.metadata["env"])}
        if is_dataclass(hint) and item.default_factory is not MISSING:
            return {item.name: self.build(typing.cast("type[Any]", hint), {}, where)}
        if hint is Path and isinstance(item.default, Path):
            return {item.name: self._path.parent / item.default}
        if item.default is MISSING and item.default_factory is MISSING:
            raise self._error(where, "is missing")
        return {}

    def convert(self, value: object, hint: Any, where: str) -> Any:
        """`value` as the type that the field declares; anything else is an error, never a guess."""
        origin = get_origin(hint)
        if origin in (types.UnionType, typing.Union):
            inner = [arg for arg in get_args(hint) if arg is not type(None)]
            return None if value is None else self.convert(value, inner[0], where)
        if where == "venues":
            return self._venues(value)
        if origin is Mapping:
            if not isinstance(value, dict):
                raise self._error(where, f"must be a table, got {_show(value)}")
            return {k: self.convert(v, get_args(hint)[1], _join(where, k)) for k, v in value.items()}
        if origin is tuple:
            if not isinstance(value, list):
                raise self._error(where, f"must be a list, got {_show(value)}")
            return tuple(self.convert(v, get_args(hint)[0], where) for v in value)
        if is_dataclass(hint):
            return self.build(typing.cast("type[Any]", hint), value, where)
        return self._scalar(value, hint, where)

    def _scalar(self, value: object, hint: Any, where: str) -> Any:
        if hint is Decimal:
            return self._within(where, parse_decimal, value, where)
        if hint is int:
            if isinstance(value, int) and not isinstance(value, bool):
                return value
            raise self._error(where, f"must be a whole number, got {_show(value)}")
        if hint is bool:
            if isinstance(value, bool):
                return value
            raise self._error(where, f"must be true or false, got {_show(value)}")
        if not isinstance(value, str):
            raise self._error(where, f"must be a string, got {_show(value)}")
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            if value not in set(hint):
                raise self._error(where, f"must be one of {', '.join(hint)}, got {value!r}")
            return hint(value)
        if hint is Path:
            return self._path.parent / Path(value).expanduser()
        return self._within(where, parse_address, value) if hint is Address else value

    def _within(self, where: str, build: Callable[..., Any], *args: Any, **values: Any) -> Any:
        """What `build` makes, its refusal told with key and file."""
        try:
            return build(*args, **values)
        except ConfigError as error:
            key = error.key or where
            if "." in key or key == where:
                raise self._error(key, str(error)) from None
            raise self._error(f"{_join(where, key)}:", str(error)) from None
        except IntentError as error:
            key = _join(where, error.field) if error.field else where
            raise self._error(key, str(error).removeprefix(str(error.field)).strip()) from None

    def _venues(self, table: object) -> dict[str, Any]:
        if not isinstance(table, dict):
            raise self._error("venues", f"must be a table, got {_show(table)}")
        self._check_keys(table, list(VENUES), {}, "venues")
        return {name: self._deployment(name, section) for name, section in table.items()}

    def _deployment(self, name: str, section: object) -> Any:
        where = f"venues.{name}"
        if isinstance(section, dict) and "addresses_file" in section:
            if len(section) > 1:
                other = next(key for key in section if key != "addresses_file")
                raise self._error(where, f"give addresses_file or the tables, not both (found {other!r} too)")
            file = self._scalar(section["addresses_file"], Path, f"{where}.addresses_file")
            return _Reader(file, self._env).addresses(name)
        return self.build(VENUES[name].deployment_type(), section, where)

    def addresses(self, venue: str) -> Any:
        """The deployment of `venue` in a JSON file as `trimtab world up --json` prints it."""
        try:
            found = json.loads(self._read(), parse_float=Decimal)[venue]
        except (ValueError, KeyError, TypeError) as error:
            raise self._error(
                f"venues.{venue}", "is not in this file as `trimtab world up --json` prints it"
            ) from error
        return self.build(VENUES[venue].deployment_type(), found, f"venues.{venue}")

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._read(), parse_float=Decimal)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{self._path} is not TOML: {error}") from error

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"cannot read {self._path}: {error.strerror or error}") from error

    def _secret(self, variable: str) -> Secret | None:
        value = self._env.get(variable, "").strip()
        return Secret(value) if value else None

    def _check_keys(
        self, table: dict[str, Any], allowed: list[str], known: Mapping[str, Any], where: str
    ) -> None:
        for key in table:
            if key in allowed:
                continue
            if key in known:
                variable = known[key].metadata["env"]
                raise self._error(
                    _join(where, key), f"is a secret: take it out of the file and set {variable}"
                )
            near = difflib.get_close_matches(key, allowed, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(allowed))}"
            raise self._error(_join(where, key), f"is not a setting; {hint}")

    def _error(self, key: str, problem: str) -> ConfigError:
        return ConfigError(
            f"{key or 'the file'} {problem} (in {self._path})", key=key.removesuffix(":") or None
        )


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _show(value: object) -> str:
    text = "a URL" if "://" in str(value) else repr(str(value))  # it may hold a key
    return f"{type(value).__name__} {text}"
