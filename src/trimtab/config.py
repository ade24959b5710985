"""Options from one TOML file, secrets from the environment: the only module that reads either.

Every key is shown in docs/reference/trimtab.toml. Decimal numbers of the file are read digit by digit into
`Decimal`, never through a float. Paths are relative to the file.
"""

from __future__ import annotations

import difflib
import json
import os
import stat
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from trimtab.chain.address import parse_address
from trimtab.errors import ConfigError, IntentError
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand, WhalleyWilmott
from trimtab.model.ids import Address
from trimtab.model.units import to_decimal, to_positive
from trimtab.tx.limit_settings import LimitSettings
from trimtab.venues.registry import VENUES

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that prints masked; `reveal()` is the only way to it."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__


class _Checked:
    """Refuses floats, NaN and what is not above 0 in every Decimal field, also when built without a file."""

    section: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            if "Decimal" in str(item.type) and value is not None:
                key = f"{self.section}.{item.name}"
                object.__setattr__(self, item.name, _decimal(value, key, to_positive))


@dataclass(frozen=True)
class ChainSettings(_Checked):
    """Where the chain is. `timeout` in seconds for one request."""

    section: ClassVar[str] = "chain"
    urls: tuple[str, ...] = field(repr=False)  # a URL may hold a key
    chain_id: int
    timeout: Decimal = Decimal(10)


@dataclass(frozen=True)
class Pkcs11Settings(_Checked):
    """A key in a hardware token: its maker's library, the token's label, the key's label in it."""

    section: ClassVar[str] = "account.pkcs11"
    library: Path
    token: str
    key: str
    pin_file: Path | None = None
    pin: Secret | None = field(default=None, metadata={"env": "TRIMTAB_PKCS11_PIN"})


@dataclass(frozen=True)
class KmsSettings(_Checked):
    """A key in AWS KMS: id, ARN or alias. What is left out, AWS's own settings say; credentials always."""

    section: ClassVar[str] = "account.kms"
    key: str
    region: str | None = None
    profile: str | None = None
    endpoint: str | None = None


KEY_KINDS = ("keystore", "pkcs11", "kms")


@dataclass(frozen=True)
class AccountSettings(_Checked):
    """Whose book it is, and where its key lies. Without a key everything but sending works.

    `kind` "keystore" is a file, or the environment's key in its place; "pkcs11" and "kms" have a table each.
    """

    section: ClassVar[str] = "account"
    address: Address | None = None
    keystore: Path | None = None
    password_file: Path | None = None
    kind: str = field(default="keystore", metadata={"implied": True})
    pkcs11: Pkcs11Settings | None = None
    kms: KmsSettings | None = None
    private_key: Secret | None = field(default=None, metadata={"env": "TRIMTAB_PRIVATE_KEY"})
    password: Secret | None = field(default=None, metadata={"env": "TRIMTAB_KEYSTORE_PASSWORD"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in KEY_KINDS:
            raise ConfigError(f"must be one of {', '.join(KEY_KINDS)}, got {self.kind!r}", key="account.kind")
        for name in KEY_KINDS:
            given = getattr(self, name) is not None
            if given and name != self.kind:
                raise ConfigError(
                    f"is set, but account.kind is {self.kind!r}: leave one of them out", key=f"account.{name}"
                )
            if not given and name == self.kind != "keystore":
                raise ConfigError(f"is missing, and account.kind is {name!r}", key=f"account.{name}")
        if self.private_key is not None and self.kind != "keystore":
            raise ConfigError(
                f"is {self.kind!r}, and TRIMTAB_PRIVATE_KEY is set too: unset it, so that one key counts",
                key="account.kind",
            )

    @property
    def has_key(self) -> bool:
        return self.kind != "keystore" or self.private_key is not None or self.keystore is not None

    @property
    def key_place(self) -> str:
        """Where the key is, in words; nothing secret."""
        if self.pkcs11 is not None:
            return f"the key {self.pkcs11.key!r} in the token {self.pkcs11.token!r}"
        if self.kms is not None:
            return f"the AWS KMS key {self.kms.key!r}"
        return "TRIMTAB_PRIVATE_KEY" if self.private_key is not None else f"the keystore {self.keystore}"


@dataclass(frozen=True)
class JournalSettings(_Checked):
    """The file that survives a crash."""

    section: ClassVar[str] = "journal"
    path: Path = Path("trimtab.db")


@dataclass(frozen=True)
class TxSettings(_Checked):
    """Caps on what is signed, and how long a receipt is waited for (seconds)."""

    section: ClassVar[str] = "tx"
    fee_cap_gwei: Decimal = Decimal(1_000)
    budget_eth: Decimal | None = None
    timeout: Decimal = Decimal(120)


@dataclass(frozen=True)
class HedgeSettings:
    """The book that `trimtab hedge` keeps: exactly one policy, and what one hedge may do."""

    underlying: str
    option_market: str
    perp_market: str
    option_venue: str = "lyra"
    perp_venue: str = "perp_v2"
    fixed_band: FixedBand | None = None
    whalley_wilmott: WhalleyWilmott | None = None
    limits: HedgeLimits = field(default_factory=HedgeLimits)

    def __post_init__(self) -> None:
        if (self.fixed_band is None) == (self.whalley_wilmott is None):
            raise ConfigError(
                "needs exactly one of the tables hedge.fixed_band and hedge.whalley_wilmott", key="hedge"
            )

    @property
    def policy(self) -> FixedBand | WhalleyWilmott:
        policy = self.fixed_band or self.whalley_wilmott
        assert policy is not None
        return policy


@dataclass(frozen=True)
class Config:
    """All settings of one run. `venues` holds the deployment of each configured venue by its name."""

    chain: ChainSettings
    account: AccountSettings = field(default_factory=AccountSettings)
    journal: JournalSettings = field(default_factory=JournalSettings)
    tx: TxSettings = field(default_factory=TxSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    venues: Mapping[str, Any] = field(default_factory=dict)
    hedge: HedgeSettings | None = None


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


def write_config(path: Path, config: Config) -> None:
    """Write `config` as a file that `load_config` reads back to an equal value, readable by the owner only.
    Secrets are left out: they belong to the environment."""
    text = "\n".join(_toml_table("", _plain(config)))
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text.lstrip("\n") + "\n", encoding="utf-8")


def mask_url(url: str) -> str:
    """The URL without what may be a key: scheme, host and port."""
    parts = urlsplit(url)
    if not parts.hostname:
        return url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}" + (
        "/***" if parts.path.strip("/") or parts.query else ""
    )


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
            return self._within(where, _decimal, value, where)
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
        if hint is Path:
            return self._path.parent / Path(value).expanduser()
        return self._within(where, parse_address, value) if hint is Address else value

    def _within(self, where: str, build: Callable[..., Any], *args: Any, **values: Any) -> Any:
        """What `build` makes, its refusal told with key and file."""
        try:
            return build(*args, **values)
        except ConfigError as error:
            raise self._error(error.key or where, str(error)) from None
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
        return ConfigError(f"{key or 'the file'} {problem} (in {self._path})", key=key or None)


def read_password(account: AccountSettings) -> Secret | None:
    """The keystore's password: the environment's, else the first line of `password_file`, which only its
    owner may be able to read. None when neither is set."""
    return account.password or _read_secret(account.password_file, "password", "account.password_file")


def read_pin(token: Pkcs11Settings) -> Secret | None:
    """The token's PIN: the environment's, else the first line of `pin_file`, as with passwords."""
    return token.pin or _read_secret(token.pin_file, "PIN", "account.pkcs11.pin_file")


def _read_secret(path: Path | None, what: str, key: str) -> Secret | None:
    if path is None:
        return None
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot read the {what} file {path}: {error.strerror or error}", key=key
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(
            f"others can read the {what} file {path} (mode {stat.S_IMODE(mode):04o}): chmod 600 {path}",
            key=key,
        )
    return Secret(text.split("\n", 1)[0])


def _decimal(value: object, key: str, convert: Callable[[object, str], Decimal] = to_decimal) -> Decimal:
    try:
        return convert(value, key)
    except IntentError as error:
        raise ConfigError(str(error).removeprefix(key).strip(), key=key) from None


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _show(value: object) -> str:
    return f"{type(value).__name__} {str(value)!r}"


def _plain(value: object) -> Any:
    """Dataclasses and mappings as dicts without None, without secrets and without what goes without saying;
    leaves as they are."""
    if is_dataclass(value) and not isinstance(value, type):
        told = [f for f in fields(value) if "env" not in f.metadata]
        items = ((f, getattr(value, f.name)) for f in told)
        return {
            f.name: _plain(item)
            for f, item in items
            if item not in (None, ()) and not ("implied" in f.metadata and item == f.default)
        }
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return value


def _toml_table(name: str, table: dict[str, Any]) -> list[str]:
    leaves = [f"{_toml_key(k)} = {_toml(v)}" for k, v in table.items() if not isinstance(v, dict)]
    lines = ["", f"[{name}]", *leaves] if name and leaves else leaves
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _toml_table(_join(name, _toml_key(key)), value)
    return lines


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
