"""Turns one TOML file and the environment's secrets into the frozen settings of a run.

Every key is shown in docs/reference/trimtab.toml. `settings` says what there is, `reader` reads it strictly,
`writer` writes it, `secrets` opens the files of passwords and PINs.
"""

from trimtab.config.reader import find_config, load_config
from trimtab.config.secrets import mask_url, read_password, read_pin
from trimtab.config.settings import (
    AccountSettings,
    ChainSettings,
    Config,
    HedgeSettings,
    JournalSettings,
    KmsSettings,
    Pkcs11Settings,
    Secret,
    TxSettings,
)
from trimtab.config.writer import write_config

__all__ = [
    "AccountSettings",
    "ChainSettings",
    "Config",
    "HedgeSettings",
    "JournalSettings",
    "KmsSettings",
    "Pkcs11Settings",
    "Secret",
    "TxSettings",
    "find_config",
    "load_config",
    "mask_url",
    "read_password",
    "read_pin",
    "write_config",
]
