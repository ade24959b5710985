"""What must not be seen: files that only their owner may read, and URLs that may hold a key."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

from trimtab.config.checked import Secret
from trimtab.config.route_settings import RouteSettings
from trimtab.config.settings import AccountSettings, Pkcs11Settings
from trimtab.errors import ConfigError


def read_password(account: AccountSettings) -> Secret | None:
    """The keystore's password: the environment's, else the first line of `password_file`, which only its
    owner may be able to read. None when neither is set."""
    return account.password or _read_secret(account.password_file, "password", "account.password_file")


def read_pin(token: Pkcs11Settings) -> Secret | None:
    """The token's PIN: the environment's, else the first line of `pin_file`, as with passwords."""
    return token.pin or _read_secret(token.pin_file, "PIN", "account.pkcs11.pin_file")


def read_relay_key(routes: RouteSettings, journal: Path, *, may_make: bool = True) -> Secret | None:
    """The key that relays know us by: the environment's, else that of `identity_file`, else one of the
    journal's own beside it, made when first needed. Never the account's. None when there is none and none may
    be made."""
    own = journal.with_name(f"{journal.name}.relay-key")
    if routes.identity is not None or routes.identity_file is not None:
        return routes.identity or _read_secret(routes.identity_file, "relay key", "routes.identity_file")
    if may_make and not own.exists():
        _make_key(own)
    return _read_secret(own, "relay key", "journal.path") if own.exists() else None


def _make_key(path: Path) -> None:
    try:
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return  # another process was first
    except OSError as error:
        raise ConfigError(f"cannot write the relay key {path}: {error.strerror or error}") from error
    with os.fdopen(place, "w", encoding="utf-8") as file:
        file.write(token_hex(32) + "\n")


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


def mask_url(url: str) -> str:
    """The URL without what may be a key: scheme, host and port."""
    parts = urlsplit(url)
    if not parts.hostname:
        return url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}" + (
        "/***" if parts.path.strip("/") or parts.query else ""
    )
