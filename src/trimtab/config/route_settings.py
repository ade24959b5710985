"""Who may have signed bytes, as settings: private routes, the usual policy, the rule for exposed orders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from trimtab.config.checked import Checked, Secret
from trimtab.errors import ConfigError
from trimtab.model.exposure_rule import ExposureRule
from trimtab.tx.lanes import WINDOW, Lane, RoutePolicy
from trimtab.tx.routes.registry import ROUTES

POLICIES = ("public", "private", "private_then_public")


@dataclass(frozen=True)
class PrivateRouteSettings(Checked):
    """One private route: its kind in `tx/routes/registry.py`, where it goes, and the options of its kind
    (None: what it has by default). Two of one kind need names. `timeout` in seconds for one request."""

    section: ClassVar[str] = "routes.private"
    kind: str
    urls: tuple[str, ...] = field(repr=False)  # a URL may hold a key
    name: str | None = None
    timeout: Decimal = Decimal(5)
    requests_per_second: int | None = None
    options: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kind(self.kind)
        if not self.urls:
            raise ConfigError("needs at least one URL", key="routes.private.urls")
        if self.requests_per_second is not None and self.requests_per_second < 1:
            raise ConfigError("must be above 0", key="routes.private.requests_per_second")

    @property
    def title(self) -> str:
        """What its endpoints' names begin with."""
        return self.name or self.kind


@dataclass(frozen=True)
class RouteSettings(Checked):
    """`default`: how a transaction goes that nobody says more about. `window`: for how many blocks private
    routes try. `exposure` decides about orders that a sandwich could earn on; left out, such an order goes by
    the private routes where there are any. The identity is the key that relays know us by."""

    section: ClassVar[str] = "routes"
    default: str = "public"
    window: int = WINDOW
    private: tuple[PrivateRouteSettings, ...] = ()
    exposure: ExposureRule | None = None
    identity_file: Path | None = None
    identity: Secret | None = field(default=None, metadata={"env": "TRIMTAB_RELAY_KEY"})

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.default not in POLICIES:
            raise ConfigError(
                f"must be one of {', '.join(POLICIES)}, got {self.default!r}", key="routes.default"
            )
        if self.default != "public" and not self.private:
            raise ConfigError(
                f"is {self.default!r}, and there is no private route: add [[routes.private]]",
                key="routes.default",
            )
        names = Counter(route.title for route in self.private)
        if twice := [name for name, count in names.items() if count > 1]:
            raise ConfigError(
                f"has two routes {twice[0]!r}: give each a name of its own", key="routes.private"
            )
        _ = self.policy  # the window's own check

    @property
    def policy(self) -> RoutePolicy:
        """How a transaction goes by default."""
        return policy_of(self.default, self.window)

    @property
    def private_policy(self) -> RoutePolicy | None:
        """How an order goes that is to be hidden; None without a private route."""
        return RoutePolicy.private(self.window) if self.private else None


def policy_of(name: str, window: int) -> RoutePolicy:
    """The policy of a name of `POLICIES`. Raises `ConfigError` on a bad window."""
    if name == "public":
        return RoutePolicy(window=window)
    return RoutePolicy.private(window) if name == "private" else RoutePolicy.private_then_public(window)


def check_kind(kind: object) -> None:
    """Raises `ConfigError` for what is no kind of a private route, with those that are."""
    kinds = [name for name, found in ROUTES.items() if Lane.PRIVATE in found.lanes()]
    if kind in kinds:
        return
    why = "is public: what it sends is no secret there" if kind in ROUTES else f"is not known: {kind!r}"
    raise ConfigError(f"{why}. Private routes are {', '.join(kinds)}", key="routes.private.kind")
