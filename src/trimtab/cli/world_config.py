"""Settings for the other commands, written by a world that is up."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from trimtab.config import (
    AccountSettings,
    ChainSettings,
    Config,
    HedgeSettings,
    JournalSettings,
    PrivateRouteSettings,
    RouteSettings,
    write_config,
)
from trimtab.errors import ConfigError
from trimtab.hedging.policy import FixedBand
from trimtab.tx.routes.protect import ProtectOptions
from trimtab.tx.signers.keystore import write_keystore
from trimtab.world.world import World

MARK = "# Written by `trimtab world"
_HEAD = f"{MARK}` for a local world; it may be overwritten by the next one.\n"
ACCOUNT = "trader"


async def write_world_config(
    path: Path, world: World, *, public_url: str | None = None, relays: Sequence[str] = ()
) -> Path:
    """Settings with which every other command works on `world`, as the account "trader"; through `public_url`
    instead of its node, and with private routes to `relays`, where those are given.

    Beside it an encrypted development key with its password, all of mode 0600, and a journal of its own:
    another world is another chain. Never overwrites a file that a world did not write: `ConfigError`.
    """
    check_overwritable(path)
    account = world.accounts[ACCOUNT]
    keystore, password_file = (path.with_name(f"{path.stem}.dev-key{end}") for end in (".json", ".password"))
    _write_key(keystore, password_file, account.key)
    head = await world.client.block("latest")
    config = Config(
        chain=ChainSettings(urls=(public_url or world.url,), chain_id=world.client.chain_id),
        account=AccountSettings(account.address, Path(keystore.name), Path(password_file.name)),
        journal=JournalSettings(Path(f"{path.stem}-{head.hash[2:10]}.db")),
        routes=RouteSettings(private=_private(relays)),
        venues={"perp_v2": world.perp, "lyra": world.lyra},
        hedge=HedgeSettings(
            underlying="ETH", option_market="sETH", perp_market="vETH", fixed_band=FixedBand(Decimal("0.5"))
        ),
    )
    _write_marked(path, config)
    return path


def _private(relays: Sequence[str]) -> tuple[PrivateRouteSettings, ...]:
    """All relays as such, and the first also as a service that tells what became of things."""
    if not relays:
        return ()
    telling = ProtectOptions(status_url=relays[0])
    return (
        PrivateRouteSettings("private_tx", tuple(relays), "relays"),
        PrivateRouteSettings("protect", (relays[0],), options=telling),
    )


def _write_marked(path: Path, config: Config) -> None:
    write_config(path, config)
    path.write_text(_HEAD + path.read_text(encoding="utf-8"), encoding="utf-8")


def check_overwritable(path: Path) -> None:
    """Raises `ConfigError` when a file is there that a world did not write."""
    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(MARK):
        raise ConfigError(
            f"{path} is not a file of `trimtab world`, so it is not overwritten; name another --config-out",
            key="config_out",
        )


def _write_key(keystore: Path, password_file: Path, key: bytes) -> None:
    """A fresh password each time: the old file of an earlier world holds the same public key."""
    keystore.unlink(missing_ok=True)
    password = secrets.token_hex(16)
    write_keystore(keystore, key, password)
    password_file.touch(mode=0o600)
    password_file.chmod(0o600)
    password_file.write_text(password + "\n", encoding="utf-8")
