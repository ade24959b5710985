"""What must not be seen: files that only their owner may read, and URLs that may hold a key."""

from __future__ import annotations

import stat
from pathlib import Path
from urllib.parse import urlsplit

from trimtab.config.settings import AccountSettings, Pkcs11Settings, Secret
from trimtab.errors import ConfigError


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


def mask_url(url: str) -> str:
    """The URL without what may be a key: scheme, host and port."""
    parts = urlsplit(url)
    if not parts.hostname:
        return url
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}" + (
        "/***" if parts.path.strip("/") or parts.query else ""
    )
