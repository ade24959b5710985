"""The configured private routes, opened for one command, and a command line's own word on the route."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trimtab.config import Config, RouteSettings
    from trimtab.tx import RoutePolicy
    from trimtab.tx.routes import RelayIdentity
    from trimtab.tx.routes.relay_route import RelayRoute

PrivateOption = Annotated[
    bool, typer.Option("--private", help="By the private routes only; dropped after the window.")
]
ThenPublicOption = Annotated[
    bool, typer.Option("--private-then-public", help="By the private routes for the window, then in public.")
]
PublicOption = Annotated[bool, typer.Option("--public", help="In public, whatever the settings say.")]
WindowOption = Annotated[
    int | None, typer.Option("--window", help="Blocks for which private routes try; else routes.window.")
]


@dataclass(frozen=True, slots=True)
class RouteFlags:
    """What the command line says about the route."""

    private: bool = False
    then_public: bool = False
    public: bool = False
    window: int | None = None

    def policy(self, routes: RouteSettings) -> RoutePolicy | None:
        """The policy, None when nothing is said. `IntentError` for flags that contradict each other,
        `ConfigError` for a bad window and for a private one without a private route."""
        from trimtab.errors import ConfigError, IntentError
        from trimtab.tx import RoutePolicy

        flags = {
            "--private": self.private,
            "--private-then-public": self.then_public,
            "--public": self.public,
        }
        said = [flag for flag, is_on in flags.items() if is_on]
        if len(said) > 1:
            raise IntentError(f"{' and '.join(said)} contradict each other: choose one", field="route")
        is_private = self.private or self.then_public
        if self.window is not None and not is_private:
            raise IntentError("--window is of private routes: add --private", field="window")
        if not is_private:
            return RoutePolicy.public() if self.public else None
        window = routes.window if self.window is None else self.window
        policy = RoutePolicy(is_private=True, window=window, then_public=self.then_public)
        if not routes.private:
            raise ConfigError(
                f"{said[0]} needs a private route: add [[routes.private]] to the settings file",
                key="routes.private",
            )
        return policy


@asynccontextmanager
async def open_routes(config: Config, *, may_make_key: bool = True) -> AsyncIterator[Sequence[RelayRoute]]:
    """The private routes of the settings. Connections open when first used. Raises `ConfigError`."""
    if not config.routes.private:
        yield []
        return
    from trimtab.tx.routes import ROUTES
    from trimtab.tx.routes.relay import RelayOptions

    identity = load_identity(config, may_make_key=may_make_key)
    async with AsyncExitStack() as stack:
        opened = []
        for one in config.routes.private:
            limits = RelayOptions(float(one.timeout), one.requests_per_second)
            route = ROUTES[one.kind].open(
                one.urls, identity=identity, options=one.options, relay=limits, name=one.title
            )
            opened.append(await stack.enter_async_context(route))
        yield opened


def load_identity(config: Config, *, may_make_key: bool = True) -> RelayIdentity:
    """Who we are to relays; somebody new for this command where there is no key and none may be made. Raises
    `ConfigError` for a key that is none."""
    from trimtab.config import read_relay_key
    from trimtab.errors import ConfigError, SigningError
    from trimtab.tx.routes import RelayIdentity

    key = read_relay_key(config.routes, config.journal.path, may_make=may_make_key)
    if key is None:
        return RelayIdentity.generate()
    try:
        return RelayIdentity.from_hex(key.reveal())
    except SigningError as error:
        raise ConfigError(
            f"the relay key is none: {error}. Set TRIMTAB_RELAY_KEY or routes.identity_file",
            key="routes.identity",
        ) from None
