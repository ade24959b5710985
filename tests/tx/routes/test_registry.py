"""Every registered route: its file, its line, and the suite that all of them pass."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.tx.routes.scripted import ACCOUNT, ScriptedStage, scripted

from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.errors import ConfigError
from trimtab.testing.route_conformance import RouteConformance, RouteStage
from trimtab.tx.lanes import Lane
from trimtab.tx.routes import PublicRoute
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.mev_share import MevShareOptions
from trimtab.tx.routes.protect import ProtectOptions
from trimtab.tx.routes.registry import ROUTES
from trimtab.tx.routes.relay import RelayOptions

SECRET = "s3cret-k3y-in-the-url"
SHARED = {"__init__", "auth", "base", "bundle_simulation", "preferences", "public", "registry", "relay"}
SHARED |= {"relay_route", "status"}
"""Modules that are no registered route."""
IMPATIENT = RelayOptions(timeout=0.3)


@pytest.mark.parametrize("kind", sorted(ROUTES))
class TestConformance(RouteConformance):
    """Each kind over a scripted relay whose URL holds a key."""

    secrets = (SECRET,)

    @pytest.fixture
    async def stage(self, kind: str) -> AsyncIterator[RouteStage]:
        async with AsyncExitStack() as stack:
            script = await stack.enter_async_context(scripted())
            url = f"{script.url}/{SECRET}"
            options = ProtectOptions(status_url=script.url) if kind == "protect" else None
            route = ROUTES[kind].open([url], options=options)
            impatient = ROUTES[kind].open([url], options=options, relay=IMPATIENT)
            await stack.enter_async_context(route)
            await stack.enter_async_context(impatient)
            yield ScriptedStage(script, route, impatient)


class TestPublicConformance(RouteConformance):
    """The public route over a node, whose words it reads by the same table."""

    secrets = (SECRET,)

    @pytest.fixture
    async def stage(self) -> AsyncIterator[RouteStage]:
        async with scripted() as script, AsyncExitStack() as stack:
            url = f"{script.url}/{SECRET}"
            client = await stack.enter_async_context(Client.open(url))
            hasty = await stack.enter_async_context(Client.open(url, ClientOptions(timeout=0.3)))
            yield ScriptedStage(script, PublicRoute(client), PublicRoute(hasty))


def test_a_route_is_one_file_and_one_line() -> None:
    """Each module beside the shared ones is a registered route, under its own kind's name."""
    here = Path(__file__).parents[3] / "src" / "trimtab" / "tx" / "routes"
    assert {path.stem for path in here.glob("*.py")} - SHARED == set(ROUTES)
    for kind, line in ROUTES.items():
        assert line.module == f"trimtab.tx.routes.{kind}"
        assert ROUTES[kind].open(["https://relay.example"]).kind == kind
        assert line.options_type().__name__ == line.options


@pytest.mark.parametrize(
    ("kind", "lanes"),
    [
        ("private_tx", {Lane.PRIVATE}),
        ("protect", {Lane.PRIVATE}),
        ("mev_blocker", {Lane.PRIVATE}),
        ("bundle", {Lane.PRIVATE, Lane.BUNDLE}),
        ("mev_share", {Lane.PRIVATE, Lane.BUNDLE}),
        ("conditional", {Lane.PUBLIC}),
    ],
)
def test_lanes(kind: str, lanes: set[Lane]) -> None:
    """Who keeps bytes to himself, who builds bundles, and who is public."""
    assert ROUTES[kind].open(["https://relay.example"]).lanes == lanes


@pytest.mark.parametrize("kind", sorted(ROUTES))
def test_what_is_no_url(kind: str) -> None:
    """None at all, a WebSocket, a word: refused when the route is made, without showing it."""
    for urls in (
        [],
        ["wss://relay.example/s3cret"],
        ["s3cret"],
        ["https:///s3cret"],
        ["http://[s3cret"],
        ["http://a:s3cret"],
    ):
        with pytest.raises(ConfigError) as caught:
            ROUTES[kind].open(urls)
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("kind", sorted(ROUTES))
def test_private_bytes_are_not_sent_in_the_clear(kind: str) -> None:
    """Plain HTTP only on this machine and in its own network; a sequencer's route is public anyway."""
    for near in ("localhost:1", "127.0.0.1:1", "[::1]:1", "10.1.2.3", "relay:8545", "a.localhost"):
        assert ROUTES[kind].open([f"http://{near}"]).endpoints
    for far in ("relay.example", "1.1.1.1", "[2606:4700::1111]:80", "16843009", "0x01010101", "1.257"):
        assert ROUTES[kind].open([f"https://{far}"]).endpoints
        if Lane.PUBLIC in ROUTES[kind].open(["https://relay.example"]).lanes:
            assert ROUTES[kind].open([f"http://{far}"]).endpoints
        else:
            with pytest.raises(ConfigError, match="https"):
                ROUTES[kind].open([f"http://{far}"])


def test_names_come_from_the_settings() -> None:
    """Two of one kind to one host are two names, and one route with two URLs of a host has #1."""
    route = ROUTES["bundle"].open(
        ["https://a.example/x", "https://a.example/y", "https://b.example"], name="ours"
    )
    assert route.endpoints == ("ours:a.example", "ours:a.example#1", "ours:b.example")
    assert "x" not in repr(route).removeprefix("<BundleRoute").replace("example", "")


def test_options_are_of_their_kind() -> None:
    """What stands in the settings goes to the route; identity and account are two things."""
    identity = RelayIdentity.from_hex("0x" + "07" * 32)
    route: Any = ROUTES["mev_share"].open(
        ["https://relay.example"], identity=identity, options=MevShareOptions(hints=("hash",))
    )
    assert route.endpoints == ("mev_share:relay.example",)
    assert identity.address != ACCOUNT.signer.address
