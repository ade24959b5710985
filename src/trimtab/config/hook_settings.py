"""Our own contracts as settings: where they are, by which salt, and what two of them are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from trimtab.config.checked import Checked
from trimtab.errors import ConfigError
from trimtab.hooks.deployment import DEFAULT_SALT
from trimtab.model.ids import ZERO_ADDRESS, Address


@dataclass(frozen=True)
class FlashSettings(Checked):
    """Who lends to the flash liquidator: a pool of Aave v3, a factory of Uniswap v3; zero is neither."""

    section: ClassVar[str] = "hooks.flash"
    uniswap_factory: Address
    aave_pool: Address = ZERO_ADDRESS


@dataclass(frozen=True)
class GmxSettings(Checked):
    """The contracts of GMX v2 by which the order callback knows its callers and their orders."""

    section: ClassVar[str] = "hooks.gmx"
    role_store: Address
    data_store: Address


@dataclass(frozen=True)
class HookSettings(Checked):
    """Addresses of what `trimtab hooks deploy` made; None: it is not used. `probes` by venue, or by venue and
    market ("lyra/sETH"). `salt`: 32 bytes as hex, which all addresses depend on. `refunds_fees`: the guard
    pays its agent's fees back. With `flash` and `gmx` their contracts are deployed too."""

    section: ClassVar[str] = "hooks"
    salt: str = field(default=f"0x{DEFAULT_SALT.hex()}", metadata={"implied": True})
    executor: Address | None = None
    lens: Address | None = None
    guard: Address | None = None
    flash_liquidator: Address | None = None
    order_callback: Address | None = None
    refunds_fees: bool = field(default=False, metadata={"implied": True})
    probes: Mapping[str, Address] = field(default_factory=dict)
    flash: FlashSettings | None = None
    gmx: GmxSettings | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            is_right = len(bytes.fromhex(self.salt.removeprefix("0x"))) == 32
        except ValueError:
            is_right = False
        if not is_right:
            raise ConfigError(f"must be 32 bytes as 64 hex digits, got {self.salt!r}", key="hooks.salt")

    @property
    def salt_bytes(self) -> bytes:
        return bytes.fromhex(self.salt.removeprefix("0x"))

    @property
    def addresses(self) -> dict[str, Address]:
        """What is there, by its name in the settings; a probe by its own."""
        names = ("executor", "lens", "guard", "flash_liquidator", "order_callback")
        named = {name: getattr(self, name) for name in names}
        return {name: address for name, address in named.items() if address is not None} | dict(self.probes)
