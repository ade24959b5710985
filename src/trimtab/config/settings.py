"""What can be set: frozen values, each with its section of the file. Nothing here reads anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from trimtab.config.checked import Checked, Secret
from trimtab.config.hook_settings import HookSettings
from trimtab.config.route_settings import RouteSettings
from trimtab.errors import ConfigError
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand, WhalleyWilmott
from trimtab.model.ids import Address
from trimtab.tx.limit_settings import LimitSettings


@dataclass(frozen=True)
class ChainSettings(Checked):
    """Where the chain is. `timeout` in seconds for one request."""

    section: ClassVar[str] = "chain"
    urls: tuple[str, ...] = field(repr=False)  # a URL may hold a key
    chain_id: int
    timeout: Decimal = Decimal(10)


@dataclass(frozen=True)
class Pkcs11Settings(Checked):
    """A key in a hardware token: its maker's library, the token's label, the key's label in it."""

    section: ClassVar[str] = "account.pkcs11"
    library: Path
    token: str
    key: str
    pin_file: Path | None = None
    pin: Secret | None = field(default=None, metadata={"env": "TRIMTAB_PKCS11_PIN"})


@dataclass(frozen=True)
class KmsSettings(Checked):
    """A key in AWS KMS: id, ARN or alias. What is left out, AWS's own settings say; credentials always."""

    section: ClassVar[str] = "account.kms"
    key: str
    region: str | None = None
    profile: str | None = None
    endpoint: str | None = None


KEY_KINDS = ("keystore", "pkcs11", "kms")


@dataclass(frozen=True)
class AccountSettings(Checked):
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
class JournalSettings(Checked):
    """The file that survives a crash."""

    section: ClassVar[str] = "journal"
    path: Path = Path("trimtab.db")


@dataclass(frozen=True)
class TxSettings(Checked):
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
    routes: RouteSettings = field(default_factory=RouteSettings)
    hooks: HookSettings = field(default_factory=HookSettings)
    venues: Mapping[str, Any] = field(default_factory=dict)
    hedge: HedgeSettings | None = None
