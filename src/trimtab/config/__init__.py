"""Turns one TOML file and the environment's secrets into the frozen settings of a run.

Every key is shown in docs/reference/trimtab.toml. `settings` says what there is, `reader` reads it strictly,
`writer` writes it, `secrets` opens the files of passwords and PINs.
"""

from trimtab.config.checked import Secret
from trimtab.config.hook_settings import FlashSettings, GmxSettings, HookSettings
from trimtab.config.reader import find_config, load_config
from trimtab.config.route_settings import PrivateRouteSettings, RouteSettings
from trimtab.config.secrets import mask_url, read_password, read_pin, read_relay_key
from trimtab.config.settings import (
    AccountSettings,
    ChainSettings,
    Config,
    HedgeSettings,
    JournalSettings,
    KmsSettings,
    Pkcs11Settings,
    TxSettings,
)
from trimtab.config.writer import render_table, write_config

__all__ = [
    "AccountSettings",
    "ChainSettings",
    "Config",
    "FlashSettings",
    "GmxSettings",
    "HedgeSettings",
    "HookSettings",
    "JournalSettings",
    "KmsSettings",
    "Pkcs11Settings",
    "PrivateRouteSettings",
    "RouteSettings",
    "Secret",
    "TxSettings",
    "find_config",
    "load_config",
    "mask_url",
    "read_password",
    "read_pin",
    "read_relay_key",
    "render_table",
    "write_config",
]
